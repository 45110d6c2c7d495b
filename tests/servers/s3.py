"""An S3 over HTTP on loopback: moto's, with a hand on every answer it gives."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

# What a client finds in its environment; moto takes any credentials for good.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "id",
    "AWS_SECRET_ACCESS_KEY": "s3cret-word",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
}
REFUSAL = (
    '<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
)
Answer = Callable[[str, str], tuple[str, str, str] | None]


class _Silent(WSGIRequestHandler):
    """Nothing of a test belongs on its standard error."""

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        """Not written."""


class S3Server:
    """Holds objects, notes what it was asked, and refuses what a test wants refused."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self._refuses: Answer = lambda _method, _path: None
        self._s3 = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Silent)
        self._thread = threading.Thread(target=self._server.serve_forever, name="s3", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def refusing(self, status: str, code: str, message: str, *methods: str) -> Iterator[None]:
        """Every request of these methods is answered so: `403 Forbidden`, the code and words of S3."""
        self._refuses = lambda method, _path: (status, code, message) if method in methods else None
        try:
            yield
        finally:
            self._refuses = lambda _method, _path: None

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.asked.append((method, path))
        refusal = self._refuses(method, path)
        if refusal is None:
            return self._s3(environ, start)
        status, code, message = refusal
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start(status, [("Content-Type", "application/xml")])
        return [] if method == "HEAD" else [REFUSAL.format(code=code, message=message).encode()]
