"""A real Superset 6.1.0 on this machine: started from a migrated template, seeded, looked at, and stopped."""

import json
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import requests

from tests.servers import superset_boot
from tests.servers.process import LOOPBACK, ServerFailed, ServerProcess, listen_on_free_port
from tests.servers.superset_http import SupersetHttp
from tests.servers.superset_store import SupersetStore

CHECKOUT = Path(__file__).resolve().parents[2]
START_SECONDS = 120.0
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SIGN_IN_PATHS = frozenset({"/api/v1/security/login", "/api/v1/security/refresh", "/login/"})


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request Superset answered, in its own record; ``user`` is None for the not signed in."""

    method: str
    path: str
    query: str
    status: int
    user: str | None


class SupersetServer(SupersetHttp, SupersetStore):
    """Context manager around one Superset, its home, metadata database, secret key and admin password too.

    ``config`` overrides settings of superset_config.py, such as ``{"JWT_ACCESS_TOKEN_EXPIRES": 2}``; values
    must have a literal ``repr``. Raises ServerFailed, with the end of its log, when it does not come up.
    """

    def __init__(self, home: Path, *, config: Mapping[str, object] | None = None) -> None:
        super().__init__(url="", admin_password=secrets.token_hex(16), home=home)
        self._config = dict(config or {})
        self._secret_key = secrets.token_hex(32)
        self._token = secrets.token_hex(16)
        self._process: ServerProcess | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process id of the server; raises ServerFailed when it was never started."""
        if self._process is None:
            raise ServerFailed("Superset was not started")
        return self._process.pid

    def start(self) -> None:
        """Copy the template on first start, run Superset, and wait until it is the one that answers."""
        template = template_directory()
        self.home.mkdir(parents=True, exist_ok=True)
        if not (self.home / superset_boot.DATABASE).exists():
            shutil.copy(template / superset_boot.DATABASE, self.home)
        shutil.copy(
            superset_boot.__file__, self.home
        )  # alone: beside it, this very file would pass for Superset
        superset_boot.write_config(self.home, self._secret_key, self._config)
        self._process = self._run(template.parent / "venv" / "bin" / "gunicorn")
        try:
            self._await_health(self._process)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server; what it stored stays, and ``start`` may be called again."""
        self.close_browsers()
        if self._process is not None:
            self._process.stop()

    def mark(self) -> int:
        """The number of calls recorded so far, to be given as ``since``."""
        return len(self.calls())

    def calls(self, since: int = 0) -> list[Call]:
        """Every request answered, in order, from the mark on."""
        path = self.home / superset_boot.CALLS
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [Call(**json.loads(line)) for line in lines[since:]]

    def write_calls(self, since: int = 0, *, by: str | None = None) -> list[Call]:
        """The requests that could change something, of one user if given; signing in is not a write.

        Nothing else is forgiven: a POST that only reads (chart data) or reports an event is listed too.
        """
        calls = [call for call in self.calls(since) if by in (None, call.user)]
        return [call for call in calls if call.method not in SAFE_METHODS and call.path not in SIGN_IN_PATHS]

    def _run(self, gunicorn: Path) -> ServerProcess:
        secret = {"SERVER_PASSWORD": self.passwords[superset_boot.ADMIN], "SERVER_TOKEN": self._token}
        code = {"PYTHONPATH": str(self.home), "PYTHONDONTWRITEBYTECODE": "1"}
        with listen_on_free_port() as listener:
            self.url = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
            return ServerProcess(
                [str(gunicorn), "--bind", f"fd://{listener.fileno()}", *GUNICORN_OPTIONS],
                log=self.home / "server.log",
                env=superset_boot.environment(self.home) | secret | code,
                cwd=self.home,
                pass_fds=[listener.fileno()],
            )

    def _await_health(self, process: ServerProcess) -> None:
        """The socket listens already: one request waits as long as Superset needs, and breaks if it dies."""
        try:
            answer = requests.get(f"{self.url}/health", timeout=START_SECONDS)
        except requests.RequestException as problem:
            raise process.failed("Superset did not come up") from problem
        if answer.status_code != 200 or answer.headers.get(superset_boot.TOKEN_HEADER) != self._token:
            raise process.failed(f"What answers on {self.url} is not the Superset we started")


GUNICORN_OPTIONS = (
    "--workers=1",
    "--worker-class=gthread",
    "--threads=8",
    "--timeout=120",
    "--no-control-socket",  # it would be made in the home of whoever runs the tests
    "superset_boot:application()",
)


def template_directory() -> Path:
    """Where scripts/_servers left the migrated template; raises ServerFailed, saying what to do, if not."""
    command = [sys.executable, str(CHECKOUT / "scripts" / "_servers"), "--where"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise ServerFailed(answer.stderr.strip())
    return Path(answer.stdout.strip())
