"""HTTP: clicks come to an address of ours, and only what Slack signed within five minutes is heard.

Slack signs `v0:<timestamp>:<body>` with the app's signing secret (docs.slack.dev, verifying requests); the
comparison takes the same time whatever differs. Encryption is the business of what stands in front of it.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

import uvicorn
from slack_sdk.signature import Clock as SignatureClock
from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bi_governance.errors import ConfigurationError
from bi_governance.ports import Clock

PATH = "/slack"
MAX_BODY = 512 * 1024
START_SECONDS = 10.0


class SlackEndpoint:
    """An HTTP server at `host:port` for as long as the `with` block lasts; it answers POST /slack only.

    Raises ConfigurationError when the address cannot be listened on.
    """

    def __init__(
        self,
        listen: str,
        signing_secret: str,
        take: Callable[[Mapping[str, Any]], None],
        refuse: Callable[[str, str], None],
        clock: Clock,
    ) -> None:
        self._listen = listen
        self._verifier = SignatureVerifier(signing_secret, _Seconds(clock))
        self._take, self._refuse = take, refuse
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        host, _, port = self._listen.rpartition(":")
        try:
            listener = socket.create_server((host.strip("[]"), int(port)), family=_family(host))
        except OSError as error:
            raise ConfigurationError(
                f"slack.listen: {self._listen} cannot be opened: {error.strerror}"
            ) from error
        self.port = int(listener.getsockname()[1])
        self._server = _Server(Starlette(routes=[Route(PATH, self._answer, methods=["POST"])]))
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="slack-http", daemon=True
        )
        self._thread.start()
        if not self._server.ready.wait(START_SECONDS):
            raise ConfigurationError(f"slack.listen: nothing answers at {self._listen}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.should_exit = True
            self._thread.join(START_SECONDS)

    async def _answer(self, request: Request) -> Response:
        """Acknowledge what is signed and understood; the work begins after that."""
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY:
                return PlainTextResponse("too large", 413)
        problem = self._problem(body, request.headers)
        if problem:
            self._refuse("forged", problem)
            return PlainTextResponse("not signed by Slack", 401)
        try:
            payload = _payload(body)
        except ValueError:
            return PlainTextResponse("not understood", 400)
        self._take(payload)
        return Response(status_code=200)

    def _problem(self, body: bytes, headers: Mapping[str, str]) -> str:
        """Why this is not Slack's; empty when it is."""
        stamp, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
        if not stamp.isascii() or not stamp.isdecimal() or len(stamp) > 12 or not signature.isascii():
            return "a request without Slack's time stamp and signature"
        try:
            is_signed = self._verifier.is_valid(body, stamp, signature)
        except UnicodeDecodeError:
            return "a request that is not text"
        return "" if is_signed else "a request whose signature is wrong or older than five minutes"


def _payload(body: bytes) -> dict[str, Any]:
    """The payload of an interaction, or a command's own fields; ValueError for what is no form."""
    form = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100))
    if "payload" not in form:
        return dict(form)
    payload = json.loads(form["payload"])
    return payload if isinstance(payload, dict) else {}


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class _Seconds(SignatureClock):
    """The product's clock as the verifier reads it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.now().timestamp()


class _Server(uvicorn.Server):
    """A uvicorn server that says when it listens."""

    def __init__(self, app: Starlette) -> None:
        config = uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=5,
        )
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()
