"""What runs inside Superset's own environment: configuration, migrated template, and WSGI application.

Superset pins SQLAlchemy 1.4 and can never share an environment with the product, so this file imports nothing
but the standard library until one of its functions is called there.
"""

import importlib
import json
import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

DATABASE = "superset.db"
CONFIG = "superset_config.py"
CALLS = "calls.jsonl"
ADMIN = "admin"
TOKEN_HEADER = "X-Server-Token"  # proves that the process that answers is the one we started

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


def write_config(home: Path, secret_key: str, overrides: Mapping[str, object]) -> Path:
    """Write one server's configuration file, return its path; CSRF and Talisman stay on, as in production."""
    settings: dict[str, object] = {
        "SECRET_KEY": secret_key,
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{home / DATABASE}?timeout=30",
        "PREVENT_UNSAFE_DB_CONNECTIONS": False,  # the analytics database is a SQLite file
        "FEATURE_FLAGS": {"ALERT_REPORTS": True, "EMBEDDED_SUPERSET": True, "TAGGING_SYSTEM": True},
    } | dict(overrides)
    path = home / CONFIG
    path.write_text("".join(f"{key} = {value!r}\n" for key, value in settings.items()), encoding="utf-8")
    return path


def environment(home: Path) -> dict[str, str]:
    """The environment variables under which Superset keeps to ``home`` and reads the configuration there."""
    return {
        "SUPERSET_HOME": str(home),
        "SUPERSET_CONFIG_PATH": str(home / CONFIG),
        "HOME": str(home),
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONUNBUFFERED": "1",
    }


def prepare(home: Path) -> None:
    """Create a migrated metadata database with Superset's roles and an admin nobody can log in as."""
    write_config(home, os.urandom(32).hex(), {})
    os.environ.update(environment(home))
    app = importlib.import_module("superset.app").create_app()
    with app.app_context():
        importlib.import_module("flask_migrate").upgrade()
        app.appbuilder.add_permissions(update_perms=True)
        security = app.appbuilder.sm
        security.sync_role_definitions()
        security.add_user(
            username=ADMIN,
            first_name="Ada",
            last_name="Admin",
            email="admin@example.com",
            role=security.find_role("Admin"),
            password=os.urandom(32).hex(),
        )


def application() -> Any:
    """The WSGI application gunicorn serves: Superset, with our admin password, recording every call.

    Raises RuntimeError when Superset exits instead: gunicorn would start a worker that exits again and again.
    """
    home = Path(os.environ["SUPERSET_HOME"])
    try:
        app = importlib.import_module("superset.app").create_app()
    except SystemExit as refusal:
        raise RuntimeError("Superset exited while starting") from refusal
    with app.app_context():
        security = app.appbuilder.sm
        security.reset_password(security.find_user(ADMIN).id, os.environ["SERVER_PASSWORD"])
    app.after_request(_name_caller)
    app.wsgi_app = CallRecorder(app.wsgi_app, home / CALLS, os.environ["SERVER_TOKEN"])
    return app


def _name_caller(response: Any) -> Any:
    """Leave the caller's user name where the recorder, which is outside Flask, can read it."""
    flask = importlib.import_module("flask")
    user = getattr(flask.g, "user", None)
    flask.request.environ["server.user"] = getattr(user, "username", None)
    return response


class CallRecorder:
    """Outermost layer of the application: writes down each call before its answer leaves."""

    def __init__(self, app: Application, path: Path, token: str) -> None:
        self._app = app
        self._path = path
        self._token = token
        self._lock = threading.Lock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        def record_and_start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            self._record(environ, int(status.split(" ", 1)[0]))
            return start_response(status, [*headers, (TOKEN_HEADER, self._token)], *rest)

        return self._app(environ, record_and_start)

    def _record(self, environ: Environ, status: int) -> None:
        call = {
            "method": environ["REQUEST_METHOD"],
            "path": environ["PATH_INFO"],
            "query": environ.get("QUERY_STRING", ""),
            "status": status,
            "user": environ.get("server.user"),
        }
        with self._lock, self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(call) + "\n")


if __name__ == "__main__":
    prepare(Path(sys.argv[1]))
