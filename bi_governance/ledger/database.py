"""One database under the ledger: connections, serialised writing, and its errors in our words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from bi_governance.errors import ConfigurationError, StorageBusy, StorageError
from bi_governance.ledger.schema import canonical

# Any number will do as long as it is ours: PostgreSQL's advisory locks share one space per database.
WRITE_LOCK = 7_461_230_015
CONNECT_SECONDS = 10
_BUSY_SQLITE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_BUSY_POSTGRES = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


class Database:
    """An engine whose writers queue up, one transaction at a time, across processes.

    `busy_seconds` is how long a writer waits for its turn before StorageBusy. Raises
    ConfigurationError when the URL is not one of a SQLite file or a PostgreSQL database.
    """

    def __init__(self, url: str, *, busy_seconds: float) -> None:
        self._url = _parsed(url)
        self._busy_seconds = busy_seconds
        self.is_sqlite = self._url.get_backend_name() == "sqlite"
        self._engine = self._sqlite() if self.is_sqlite else self._postgres()
        self._writer = self._engine.execution_options(ledger_writes=True)

    @property
    def name(self) -> str:
        """The database for messages: no user, no password, no options."""
        host = f"{self._url.host}/" if self._url.host else ""
        return f"{self._url.get_backend_name()}://{host}{self._url.database or ''}"

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection in a read transaction."""
        with self._in_our_words(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection in a transaction no other writer can overlap with."""
        with self._in_our_words(), self._writer.begin() as connection:
            if not self.is_sqlite:
                wait = f"{max(1, round(self._busy_seconds * 1000))}ms"
                connection.execute(sa.select(sa.func.set_config("lock_timeout", wait, True)))  # noqa: FBT003
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(WRITE_LOCK)))
            yield connection

    def make_directory(self) -> None:
        """Create the folder a SQLite file is to live in."""
        if self.is_sqlite and self._url.database:
            try:
                Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StorageError(f"The ledger {self.name} cannot be created: {error}.") from error

    def close(self) -> None:
        """Release every connection."""
        self._engine.dispose()

    def _sqlite(self) -> sa.Engine:
        engine = sa.create_engine(
            self._url, json_serializer=canonical, connect_args={"timeout": self._busy_seconds}
        )
        sa.event.listen(engine, "connect", _set_up_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _postgres(self) -> sa.Engine:
        return sa.create_engine(
            self._url,
            json_serializer=canonical,
            pool_pre_ping=True,
            # Each statement must see what was committed while the transaction waited for its turn.
            isolation_level="READ COMMITTED",
            connect_args={"connect_timeout": CONNECT_SECONDS},
        )

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error, psycopg.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if _is_busy(cause):
                raise StorageBusy(
                    f"The ledger {self.name} is locked by another process; try again when that one is done."
                ) from error
            raise StorageError(f"The ledger {self.name} cannot be used: {_first_line(cause)}.") from error


def _parsed(text: str) -> sa.URL:
    try:
        url = sa.make_url(text)
        if url.get_backend_name() == "postgres" or url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        backend = url.get_dialect().name
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigurationError(
            "ledger.url is not a database URL; write e.g. sqlite:///data/ledger.db."
        ) from error
    if backend not in ("sqlite", "postgresql"):
        raise ConfigurationError(f"ledger.url: the ledger lives in SQLite or PostgreSQL, not in {backend}.")
    if backend == "sqlite" and url.database in (None, "", ":memory:"):
        raise ConfigurationError("ledger.url must name a file, e.g. sqlite:///data/ledger.db.")
    return url


def _set_up_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
    connection.execute("pragma synchronous = full")  # what was acknowledged survives a power cut
    connection.execute("pragma foreign_keys = on")
    connection.execute("pragma recursive_triggers = on")  # REPLACE fires the triggers that refuse deletion
    try:
        connection.execute("pragma journal_mode = wal")  # readers go on while somebody writes
    except sqlite3.OperationalError as error:
        # The switch to WAL, once in the life of a file, does not wait its turn. Whoever holds the file
        # is switching it too, or the next connection will; until then the ordinary journal serves.
        if not _is_busy(error):
            raise


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("ledger_writes", False)
    connection.exec_driver_sql("begin immediate" if writes else "begin")


def _is_busy(cause: BaseException | None) -> bool:
    if isinstance(cause, sqlite3.Error):
        # Extended codes keep the plain one in their lowest byte.
        return getattr(cause, "sqlite_errorcode", 0) & 0xFF in _BUSY_SQLITE
    return isinstance(cause, _BUSY_POSTGRES)


def _first_line(cause: BaseException | None) -> str:
    lines = str(cause).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(cause).__name__
