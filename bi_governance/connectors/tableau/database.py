"""The database of Tableau Server: opened read-only, every failure is a SourceError that says what to do."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from bi_governance.errors import (
    ConfigurationError,
    SourceAuthFailed,
    SourceBroken,
    SourceError,
    SourceForbidden,
    SourceMissing,
    SourceUnreachable,
)

# SQLAlchemy would take psycopg2 for the plain names.
_DRIVERS = ("postgres", "postgresql", "postgresql+psycopg")
REQUEST = "repository"

ACCESS_HINT = (
    "On the server run `tsm data-access repository-access enable --repository-username readonly "
    "--repository-password ...` and put that password into repository_url."
)
GRANT_HINT = (
    "Connect as the user `readonly`, who may read what is needed (the user `tableau` may not): "
    "`tsm data-access repository-access enable --repository-username readonly`."
)
_TABLE_HINT = (
    "repository_url must end in /workgroup; if it does, this version of Tableau Server lacks the table: "
    "use `history: usage_counters`."
)
_NETWORK_HINT = (
    "Check host and port (8060) in repository_url, the firewall, and that external access is enabled: "
    "`tsm data-access repository-access enable`."
)
_TIMEOUT_HINT = "Raise `timeout` (seconds), or run when Tableau Server is less busy."

# By SQLSTATE (PostgreSQL's documentation, appendix A).
_STATES: Mapping[str, tuple[type[SourceError], str]] = {
    "28000": (SourceAuthFailed, ACCESS_HINT),
    "28P01": (SourceAuthFailed, ACCESS_HINT),
    "42501": (SourceForbidden, GRANT_HINT),
    "42P01": (SourceMissing, _TABLE_HINT),
    "42703": (SourceMissing, _TABLE_HINT),
    "3D000": (SourceMissing, _TABLE_HINT),
    "57014": (SourceUnreachable, _TIMEOUT_HINT),
    "57P01": (SourceUnreachable, "The database was shut down meanwhile; run again."),
    "57P03": (SourceUnreachable, "The database is starting or stopping; run again."),
    "53300": (SourceUnreachable, "The database takes no more connections; run again later."),
}
# A log-in that fails comes without a SQLSTATE: only PostgreSQL's words tell.
_REFUSED_LOG_IN: tuple[tuple[re.Pattern[str], type[SourceError], str], ...] = (
    (
        re.compile("authentication failed|no password supplied|not permitted to log in"),
        SourceAuthFailed,
        ACCESS_HINT,
    ),
    (re.compile(r"pg_hba\.conf"), SourceAuthFailed, ACCESS_HINT),
    (re.compile("permission denied for database"), SourceForbidden, GRANT_HINT),
    (re.compile('database ".*" does not exist'), SourceMissing, _TABLE_HINT),
)
_FAILED = (SourceBroken, "The database failed; see its log on Tableau Server.")


class RepositoryDatabase:
    """Tableau Server's PostgreSQL, for queries in read-only transactions.

    `url` is a SQLAlchemy URL such as `postgresql://readonly:...@tableau.acme.example:8060/workgroup`,
    `timeout` the seconds a query may take. Nothing is sent before the first query.
    ConfigurationError when the URL is none of a PostgreSQL database.
    """

    def __init__(self, source: str, url: str, timeout: float) -> None:
        self.source = source
        self._url = _parsed(source, url)
        self._timeout = timeout
        self._lock = threading.Lock()
        self._engine: sa.Engine | None = None

    def rows(
        self, query: sa.TextClause, size: int = 1000, **values: object
    ) -> Iterator[list[Mapping[str, Any]]]:
        """Pages of at most `size` rows, streamed: the next is fetched when it is asked for."""
        with self._reading() as connection:
            streamed = connection.execution_options(stream_results=True, max_row_buffer=size)
            for page in streamed.execute(query, values).mappings().partitions(size):
                yield [dict(row) for row in page]

    def one(self, query: sa.TextClause, **values: object) -> Mapping[str, Any] | None:
        """The first row, or None."""
        with self._reading() as connection:
            row = connection.execute(query, values).mappings().first()
            return None if row is None else dict(row)

    def close(self) -> None:
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        """One transaction in which PostgreSQL refuses every change and all queries see one moment."""
        try:
            with self._open().connect() as opened:
                connection = opened.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
                milliseconds = str(max(1, int(self._timeout * 1000)))
                connection.execute(
                    sa.text("select set_config('statement_timeout', :ms, true)"), {"ms": milliseconds}
                )
                yield connection
        except SQLAlchemyError as error:
            raise self._translated(error) from error

    def _open(self) -> sa.Engine:
        with self._lock:
            if self._engine is None:
                self._engine = sa.create_engine(
                    self._url,
                    pool_pre_ping=True,
                    pool_size=2,
                    connect_args={
                        "connect_timeout": max(2, int(self._timeout)),
                        "application_name": "bi-governance",
                    },
                )
            return self._engine

    def _translated(self, error: SQLAlchemyError) -> SourceError:
        """What happened, in PostgreSQL's first line; the password is in none of its messages."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        said = str(cause).strip()
        kind, hint = _kind_of(getattr(cause, "sqlstate", None), said, dropped=_is_connection_lost(error))
        line = said.splitlines()[0] if said else type(cause).__name__
        return kind(line, source=self.source, request=REQUEST, hint=hint)


def _kind_of(state: str | None, said: str, *, dropped: bool) -> tuple[type[SourceError], str]:
    if state is not None:
        return _STATES.get(state, _FAILED)
    for words, kind, hint in _REFUSED_LOG_IN:
        if words.search(said):
            return kind, hint
    return (SourceUnreachable, _NETWORK_HINT) if dropped else _FAILED


def _is_connection_lost(error: SQLAlchemyError) -> bool:
    """No SQLSTATE and an operational error: the connection was never made, or was cut."""
    return isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError))


def _parsed(source: str, text: str) -> sa.URL:
    example = "write e.g. postgresql://readonly:${PASSWORD}@tableau.acme.example:8060/workgroup"
    try:
        url = sa.make_url(text)
        driver = url.drivername
        if driver in _DRIVERS:
            return url.set(drivername=_DRIVERS[-1])
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise ConfigurationError(f"sources.{source}.repository_url is no database URL; {example}.") from error
    raise ConfigurationError(
        f"sources.{source}.repository_url is one of {driver}; Tableau's is a PostgreSQL: {example}."
    )
