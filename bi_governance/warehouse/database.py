"""One database: its connections and transactions, with its errors in our own words."""

from __future__ import annotations

import importlib.util
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError

from bi_governance.errors import ConfigurationError, StorageBusy, StorageError

# SQLAlchemy would take psycopg2 for the plain names, which has no COPY by rows.
_DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}

# Bytes DuckDB may take beyond what it holds while an inventory is replaced. A group of rows that does not
# fit goes to a temporary file beside the warehouse.
REPLACING = 24 * 2**20


class OutOfMemory(StorageError):
    """The database was given too little memory for what it had to do."""


def warehouse_url(text: str) -> sa.URL:
    """The URL with the driver we use; ConfigurationError when it is none."""
    try:
        url = sa.make_url(text)
    except ArgumentError as error:
        raise ConfigurationError(
            "warehouse.url is not a database URL; write e.g. duckdb:///data/warehouse.duckdb."
        ) from error
    return url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


class Database:
    """Opens lazily, closes completely (a DuckDB file is then free for others), opens again when needed."""

    def __init__(self, url: sa.URL) -> None:
        self.url = url
        self._engine: sa.Engine | None = None
        self._opening = threading.Lock()
        # Two writers of the same rows, or of the schema, would make one of them fail; all writes are short.
        self._writing = threading.Lock()

    @property
    def is_duckdb(self) -> bool:
        return self.url.get_backend_name() == "duckdb"

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for queries; raises StorageBusy and StorageError."""
        with self._translated(), self._open().connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction: everything in it happens, or nothing; raises StorageBusy and StorageError."""
        with self._writing, self._transaction() as connection:
            yield connection

    @contextmanager
    def replacing(self) -> Iterator[sa.Connection]:
        """One transaction for many rows, in which DuckDB puts on disk what it would keep in memory.

        Left alone it takes what the machine has, as everything that was written is kept as well. Raises
        OutOfMemory when that is too little for what it holds; nothing has changed then.
        """
        with self._writing, self._sparing(), self._transaction() as connection:
            yield connection

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        with self._translated(), self._open().begin() as connection:
            yield connection

    @contextmanager
    def _sparing(self) -> Iterator[None]:
        """DuckDB with `REPLACING` bytes beyond what it holds, and one thread, as each needs its own."""
        if not self.is_duckdb:
            yield
            return
        limit, threads = self._usual
        held = self._ask("select sum(memory_usage_bytes) from duckdb_memory()") or 0
        self._tell(f"set memory_limit = '{int(held) + REPLACING}B'", "set threads = 1")
        try:
            yield
        finally:
            # Not `reset memory_limit`, which DuckDB 1.5 shows and does not apply.
            self._tell(f"set memory_limit = '{limit}'", f"set threads = {threads}")

    @cached_property
    def _usual(self) -> tuple[str, int]:
        """What DuckDB may use. Asked for once: it rounds the answer down, and that would add up."""
        limit, threads = (self._ask(f"select current_setting('{n}')") for n in ("memory_limit", "threads"))
        return limit, threads

    def _ask(self, query: str) -> Any:
        with self.reading() as connection:
            return connection.exec_driver_sql(query).scalar()

    def _tell(self, *statements: str) -> None:
        with self.reading() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def close(self) -> None:
        with self._opening:
            if self._engine is not None:
                self._engine.dispose()
                self._engine = None

    def _open(self) -> sa.Engine:
        with self._opening:
            if self._engine is None:
                self._engine = self._create()
            return self._engine

    def _create(self) -> sa.Engine:
        if self.is_duckdb:
            self._make_folder()
            _settle_pandas()
            return sa.create_engine(self.url)
        try:
            return sa.create_engine(self.url, pool_pre_ping=True, pool_size=10, max_overflow=20)
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            raise ConfigurationError(
                f"No driver is installed for warehouse.url {self._name()}: {error}."
            ) from error

    def _make_folder(self) -> None:
        folder = Path(self.url.database or ":memory:").parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"The warehouse folder {folder} cannot be made: {error.strerror}.") from error

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Errors of SQLAlchemy, and of the driver where rows are handed to it directly, as ours."""
        try:
            yield
        except DBAPIError as error:
            raise self._in_our_words(error.orig or error, type(error)) from error
        except Exception as error:
            if not isinstance(error, self._driver_error()):
                raise
            raise self._in_our_words(error, type(error)) from error

    def _driver_error(self) -> type[Exception] | tuple[()]:
        driver = self._engine.dialect.dbapi if self._engine is not None else None
        return driver.Error if driver is not None else ()

    def _in_our_words(self, error: BaseException, kind: type[Exception]) -> StorageError:
        said = str(error).strip()
        first_line = said.splitlines()[0] if said else type(error).__name__
        if self.is_duckdb and "Could not set lock" in said:
            return StorageBusy(
                f"The warehouse file {self.url.database} is open in another process; "
                f"let that finish or stop it, then run again."
            )
        if type(error).__name__ == "OutOfMemoryException":
            return OutOfMemory(f"The warehouse {self._name()} ran out of memory: {first_line}")
        if issubclass(kind, (OperationalError, InterfaceError)) and not self.is_duckdb:
            return StorageError(f"The warehouse {self._name()} cannot be reached: {first_line}")
        return StorageError(f"The warehouse {self._name()} refused: {first_line}")

    def _name(self) -> str:
        return self.url.set(password=None).render_as_string(hide_password=True)


def _settle_pandas() -> None:
    """Tell Python once that pandas is missing, where it is.

    DuckDB tries to import it for every parameter it is given, and Python looks through all folders
    again each time: a fifth of a millisecond a value, thousands of times a run.
    """
    if "pandas" not in sys.modules and importlib.util.find_spec("pandas") is None:
        sys.modules["pandas"] = None  # type: ignore[assignment]  # Python's own mark of a missing module
