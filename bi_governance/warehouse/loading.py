"""The fastest way into each database: Parquet or Arrow into DuckDB, COPY into PostgreSQL, else inserts."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

import pyarrow as pa
import sqlalchemy as sa

from bi_governance.warehouse.spool import Spool
from bi_governance.warehouse.tables import UtcTime, naive_utc

_Item = TypeVar("_Item")
_CHUNK = 10_000
_KEYS_PER_QUERY = 500


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every raw row says about its collection; `at` is aware UTC."""

    source: str
    run_id: str
    at: datetime

    def values(self) -> tuple[str, str, datetime]:
        return (self.source, self.run_id, naive_utc(self.at))


STAMP_COLUMNS = ("source", "run_id", "collected_at")


class Loader(Protocol):
    """Puts record batches into a raw table within the caller's transaction."""

    def insert(self, connection: sa.Connection, table: sa.Table, spool: Spool, stamp: Stamp) -> None:
        """Add every row."""
        ...

    def insert_new(
        self, connection: sa.Connection, table: sa.Table, batch: pa.RecordBatch, stamp: Stamp
    ) -> int:
        """Add the rows whose source and event_key are not there yet; how many that were."""
        ...


def loader_for(dialect: str, *, bulk: bool) -> Loader:
    """The loader of a SQLAlchemy dialect; without `bulk` the one every database understands."""
    if bulk and dialect == "duckdb":
        return ArrowLoader()
    if bulk and dialect == "postgresql":
        return CopyLoader()
    return PlainLoader()


class ArrowLoader:
    """DuckDB reads Parquet files and Arrow memory in place."""

    def insert(self, connection: sa.Connection, table: sa.Table, spool: Spool, stamp: Stamp) -> None:
        # A path is no parameter of a statement that is prepared; this one is ours and holds no quote.
        incoming = f"read_parquet('{spool.path}')"
        self._insert(connection, table, incoming, spool.names, stamp, "")

    def insert_new(
        self, connection: sa.Connection, table: sa.Table, batch: pa.RecordBatch, stamp: Stamp
    ) -> int:
        driver = _driver(connection)
        driver.register("incoming", pa.Table.from_batches([batch]))
        try:
            return self._insert(
                connection, table, "incoming", batch.schema.names, stamp, " on conflict do nothing"
            )
        finally:
            driver.unregister("incoming")

    @staticmethod
    def _insert(
        connection: sa.Connection, table: sa.Table, data: str, names: list[str], stamp: Stamp, conflict: str
    ) -> int:
        columns = _quoted(connection, names)
        done = _driver(connection).execute(
            f"insert into {_name(connection, table)} ({columns}, source, run_id, collected_at) "  # noqa: S608 - names are ours
            f"select {columns}, ?, ?, ? from {data}{conflict}",
            list(stamp.values()),
        )
        return int(done.fetchone()[0])


class CopyLoader:
    """PostgreSQL takes rows fastest through COPY."""

    def insert(self, connection: sa.Connection, table: sa.Table, spool: Spool, stamp: Stamp) -> None:
        self._copy(connection, _name(connection, table), spool.batches(), spool.names, stamp)

    def insert_new(
        self, connection: sa.Connection, table: sa.Table, batch: pa.RecordBatch, stamp: Stamp
    ) -> int:
        name = _name(connection, table)
        columns = _quoted(connection, [*batch.schema.names, *STAMP_COLUMNS])
        connection.exec_driver_sql("drop table if exists pg_temp.incoming")
        connection.exec_driver_sql(f"create temporary table incoming (like {name}) on commit drop")
        self._copy(connection, "pg_temp.incoming", [batch], batch.schema.names, stamp)
        done = connection.exec_driver_sql(
            f"insert into {name} ({columns}) "  # noqa: S608 - names are ours
            f"select {columns} from pg_temp.incoming on conflict do nothing"
        )
        return done.rowcount

    @staticmethod
    def _copy(
        connection: sa.Connection,
        target: str,
        batches: Iterable[pa.RecordBatch],
        names: list[str],
        stamp: Stamp,
    ) -> None:
        columns = _quoted(connection, [*names, *STAMP_COLUMNS])
        suffix = stamp.values()
        with (
            _driver(connection).cursor() as cursor,
            cursor.copy(f"copy {target} ({columns}) from stdin") as copy,
        ):
            for row in _rows(batches):
                copy.write_row(row + suffix)


class PlainLoader:
    """Inserts any database understands; slow, and complete."""

    def insert(self, connection: sa.Connection, table: sa.Table, spool: Spool, stamp: Stamp) -> None:
        self._insert(connection, table, _rows(spool.batches()), spool.names, stamp)

    def insert_new(
        self, connection: sa.Connection, table: sa.Table, batch: pa.RecordBatch, stamp: Stamp
    ) -> int:
        known = self._known(connection, table, batch.column("event_key").to_pylist(), stamp.source)
        at = batch.schema.get_field_index("event_key")
        fresh = [row for row in _rows([batch]) if row[at] not in known]
        self._insert(connection, table, fresh, batch.schema.names, stamp)
        return len(fresh)

    @staticmethod
    def _known(connection: sa.Connection, table: sa.Table, keys: list[str], source: str) -> set[str]:
        found: set[str] = set()
        for some in chunks(keys, _KEYS_PER_QUERY):
            query = sa.select(table.c.event_key).where(table.c.source == source, table.c.event_key.in_(some))
            found.update(connection.scalars(query))
        return found

    @staticmethod
    def _insert(
        connection: sa.Connection,
        table: sa.Table,
        rows: Iterable[tuple[Any, ...]],
        names: list[str],
        stamp: Stamp,
    ) -> None:
        columns = (*names, *STAMP_COLUMNS)
        suffix = stamp.values()
        statement = sa.insert(_as_stored(table))
        for chunk in chunks(rows, _CHUNK):
            connection.execute(statement, [dict(zip(columns, row + suffix, strict=True)) for row in chunk])


def chunks(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """The items in lists of at most `size`."""
    rest = iter(items)
    while chunk := list(itertools.islice(rest, size)):
        yield chunk


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[Any, ...]]:
    for batch in batches:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _as_stored(table: sa.Table) -> sa.TableClause:
    """The table with the types it has in the database: batches already hold zone-less UTC."""
    columns = (
        sa.column(c.name, sa.DateTime() if isinstance(c.type, UtcTime) else c.type) for c in table.columns
    )
    return sa.table(table.name, *columns, schema=table.schema)


def _driver(connection: sa.Connection) -> Any:
    driver = connection.connection.driver_connection
    assert driver is not None
    return driver


def _name(connection: sa.Connection, table: sa.Table) -> str:
    return connection.dialect.identifier_preparer.format_table(table)


def _quoted(connection: sa.Connection, names: Iterable[str]) -> str:
    return ", ".join(connection.dialect.identifier_preparer.quote(name) for name in names)
