"""How fast rows enter a database: our way, the driver's executemany, and inserts any database takes."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.schema import CreateSchema, CreateTable

from bi_governance.ports import Page
from bi_governance.warehouse.database import Database, warehouse_url
from bi_governance.warehouse.loading import STAMP_COLUMNS, Loader, Stamp, chunks, loader_for
from bi_governance.warehouse.rows import to_batch
from bi_governance.warehouse.tables import RAW_TABLES, RawSchema, naive_utc
from tests.bench.child import note
from tests.bench.table import show
from tests.servers.postgres import PostgresServer

TABLE = RAW_TABLES["looker_historical_access"]
PAGE = 10_000
ROUNDS = 3
WARM_UP = 2_000
NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
STAMP = Stamp("looker_prod", "bench", NOW)
KEYED, PLAIN = "bench_keyed", "bench_plain"

Way = Callable[[sa.Connection, sa.Table, Page], None]


class WrongCount(Exception):
    """A way did not leave the rows it was given: its rate means nothing."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Rows per second of one way into one table, the median of several rounds.

    `again` is the rate at which a keyed table refuses the same rows a second time, as it does with every
    day that is read again; None without the key.
    """

    way: str
    has_key: bool
    rows_per_second: float
    again: float | None = None


def bench(rows: int) -> None:
    """Measure and print every way into DuckDB and PostgreSQL."""
    pages = list(chunks(events(rows), PAGE))
    with ExitStack() as resources:
        folder = resources.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        postgres = resources.enter_context(PostgresServer())
        databases = (
            ("DuckDB", f"duckdb:///{Path(folder)}/bench.duckdb", "Arrow"),
            ("PostgreSQL", postgres.create_database("bench"), "COPY"),
        )
        for name, url, ours in databases:
            _show(name, ours, rows, list(_rates(name, url, ours, pages)))


def events(count: int) -> Iterator[dict[str, object]]:
    """Access rows as a connector hands them over, a second apart, no two alike."""
    for number in range(count):
        yield {
            "event_key": f"{number:032x}",
            "accessed_at": NOW - timedelta(seconds=number),
            "user_id": str(number % 500),
            "dashboard_id": str(number % 7_500) if number % 4 else None,
            "look_id": None if number % 4 else str(number % 2_500),
            "source_kind": "dashboard" if number % 4 else "look",
            "run_count": 1 + number % 3,
        }


def _rates(name: str, url: str, ours: str, pages: Sequence[Page]) -> Iterator[Rate]:
    database = Database(warehouse_url(url))
    dialect = database.url.get_backend_name()
    ways: tuple[tuple[str, Loader | None], ...] = (
        (ours, loader_for(dialect, bulk=True)),
        ("executemany", None),
        ("generic inserts", loader_for(dialect, bulk=False)),
    )
    try:
        for has_key in (False, True):
            table = _make_table(database, has_key=has_key)
            for way, loader in ways:
                note(f"{name}: {way}, {'with' if has_key else 'without'} the key")
                load = _with(loader, has_key=has_key) if loader else _executemany(has_key=has_key)
                yield Rate(way, has_key, *_rates_of(database, table, load, pages, has_key=has_key))
    finally:
        database.close()


def _make_table(database: Database, *, has_key: bool) -> sa.Table:
    """The history table as the product makes it, or the same columns without the key."""
    keyed, plain = (RawSchema.named(schema).tables[TABLE.name] for schema in (KEYED, PLAIN))
    with database.writing() as connection:
        for table in (keyed, plain):
            connection.execute(CreateSchema(table.schema, if_not_exists=True))
        connection.execute(CreateTable(keyed, if_not_exists=True))
        connection.execute(
            sa.text(
                f"create table if not exists {plain} as select * from {keyed} where false"
            )  # names are ours
        )
    return keyed if has_key else plain


def _with(loader: Loader, *, has_key: bool) -> Way:
    def load(connection: sa.Connection, table: sa.Table, page: Page) -> None:
        batch = to_batch(TABLE, page)
        if has_key:
            loader.insert_new(connection, table, batch, STAMP)
        else:
            reader = pa.RecordBatchReader.from_batches(batch.schema, [batch])
            loader.insert(connection, table, reader, STAMP)

    return load


def _executemany(*, has_key: bool) -> Way:
    """The driver's own executemany: what somebody would write without knowing better."""
    columns = (*TABLE.columns, *STAMP_COLUMNS)
    conflict = " on conflict do nothing" if has_key else ""

    def load(connection: sa.Connection, table: sa.Table, page: Page) -> None:
        driver = connection.connection.driver_connection
        assert driver is not None
        mark = "?" if connection.dialect.name == "duckdb" else "%s"
        statement = f"insert into {table} ({', '.join(columns)}) values ({', '.join([mark] * len(columns))})"
        driver.cursor().executemany(statement + conflict, [_tuple(row) for row in page])

    return load


def _tuple(row: dict[str, object]) -> tuple[object, ...]:
    values = (row.get(name) for name in TABLE.columns)
    return (*(naive_utc(v) if isinstance(v, datetime) else v for v in values), *STAMP.values())


def _rates_of(
    database: Database, table: sa.Table, load: Way, pages: Sequence[Page], *, has_key: bool
) -> tuple[float, float | None]:
    """The median rates over the rounds; the first use of a way pays for set-up and is not counted."""
    _emptied(database, table)
    _fill(database, table, load, [pages[0][:WARM_UP]])
    fresh, again = [], []
    for _ in range(ROUNDS):
        _emptied(database, table)
        fresh.append(_fill(database, table, load, pages))
        if has_key:
            again.append(_fill(database, table, load, pages))
    rows = sum(map(len, pages))
    return rows / statistics.median(fresh), rows / statistics.median(again) if again else None


def _emptied(database: Database, table: sa.Table) -> None:
    with database.writing() as connection:
        connection.execute(sa.delete(table))


def _fill(database: Database, table: sa.Table, load: Way, pages: Sequence[Page]) -> float:
    """Seconds to load the pages, one transaction each as the product does; the count is checked after."""
    with _timed() as elapsed:
        for page in pages:
            with database.writing() as connection:
                load(connection, table, page)
    expected = sum(map(len, pages))
    with database.reading() as connection:
        found = connection.scalar(sa.select(sa.func.count()).select_from(table))
    if found != expected:
        raise WrongCount(f"{table} holds {found} rows, expected {expected}")
    return elapsed[0]


@contextmanager
def _timed() -> Iterator[list[float]]:
    elapsed = [0.0]
    began = time.perf_counter()
    yield elapsed
    elapsed[0] = time.perf_counter() - began


def _show(name: str, ours: str, rows: int, rates: Sequence[Rate]) -> None:
    by_key = {(rate.way, rate.has_key): rate for rate in rates}
    body = []
    for way in dict.fromkeys(rate.way for rate in rates):
        plain, keyed = by_key[way, False], by_key[way, True]
        cells = [
            _beside(own.rows_per_second, by_key[ours, own.has_key].rows_per_second) for own in (plain, keyed)
        ]
        body.append([way, *cells, _beside(keyed.again or 0, by_key[ours, True].again or 0)])
    head = ["rows per second", "no key", "with the key", "same rows again, with the key"]
    title = f"{name}: {rows:,} access rows in pages of {PAGE:,}, median of {ROUNDS} rounds"
    show(f"{title}; in brackets how many times faster {ours} is", head, body)


def _beside(own: float, ours: float) -> str:
    return f"{own:,.0f} ({ours / own:.1f})"
