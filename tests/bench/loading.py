"""How fast rows enter a database: our way, the driver's executemany, and inserts any database takes."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.schema import CreateSchema, CreateTable

from bi_governance.ports import Page, Row
from bi_governance.warehouse.database import Database, warehouse_url
from bi_governance.warehouse.loading import STAMP_COLUMNS, Loader, Stamp, chunks, loader_for
from bi_governance.warehouse.rows import to_batch
from bi_governance.warehouse.spool import Spool
from bi_governance.warehouse.tables import RAW_TABLES, RawSchema, naive_utc
from tests.bench.child import note
from tests.bench.table import show
from tests.servers.postgres import PostgresServer

TABLE = RAW_TABLES["looker_historical_access"]
PAGE = 10_000
ROUNDS = 3
WARM_UP = 100
SAMPLE = 300
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
    """Every way by turns, round after round, so that all have the same share of whatever else runs."""
    database = Database(warehouse_url(url))
    try:
        for has_key in (False, True):
            table = _make_table(database, has_key=has_key)
            ways = _ways(database, ours, pages, has_key=has_key)
            for number in range(ROUNDS + 1):
                for way in ways:
                    note(f"{name}, {'with' if has_key else 'without'} the key, round {number}: {way.name}")
                    way.measure(database, table, is_warm_up=not number, has_key=has_key)
            yield from (way.rate(has_key=has_key) for way in ways)
    finally:
        database.close()


def _ways(database: Database, ours: str, pages: Sequence[Page], *, has_key: bool) -> tuple[_Series, ...]:
    """Ours with all pages; the slower ones get one page, or where each row takes milliseconds a few rows."""
    dialect = database.url.get_backend_name()
    few = [pages[0][:SAMPLE]] if database.is_duckdb else pages[:1]
    return (
        _Series(ours, _with(loader_for(dialect, bulk=True), has_key=has_key), pages),
        _Series("executemany", _executemany(has_key=has_key), few),
        _Series("generic inserts", _with(loader_for(dialect, bulk=False), has_key=has_key), pages[:1]),
    )


def _make_table(database: Database, *, has_key: bool) -> sa.Table:
    """The history table as the product makes it, or the same columns without the key."""
    keyed, plain = (RawSchema.named(schema).tables[TABLE.name] for schema in (KEYED, PLAIN))
    with database.writing() as connection:
        for schema in (KEYED, PLAIN):
            connection.execute(CreateSchema(schema, if_not_exists=True))
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
            spool = Spool(batch.schema)
            spool.add(batch)
            spool.finish()
            loader.insert(connection, table, spool, STAMP)
            spool.close()

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


def _tuple(row: Row) -> tuple[object, ...]:
    values = (row.get(name) for name in TABLE.columns)
    return (*(naive_utc(v) if isinstance(v, datetime) else v for v in values), *STAMP.values())


@dataclass(slots=True)
class _Series:
    """One way, what it is given, and the seconds it took in each round."""

    name: str
    load: Way
    pages: Sequence[Page]
    fresh: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)

    def measure(self, database: Database, table: sa.Table, *, is_warm_up: bool, has_key: bool) -> None:
        """Fill the emptied table, with the key once more; a warm-up pays for set-up and is not counted."""
        with database.writing() as connection:
            connection.execute(sa.text(f"truncate table {table}"))
        pages = [self.pages[0][:WARM_UP]] if is_warm_up else self.pages
        fresh = _fill(database, table, self.load, pages)
        again = [_fill(database, table, self.load, pages)] if has_key else []
        if not is_warm_up:
            self.fresh.append(fresh)
            self.again.extend(again)

    def rate(self, *, has_key: bool) -> Rate:
        rows = sum(map(len, self.pages))
        again = rows / statistics.median(self.again) if has_key else None
        return Rate(self.name, has_key, rows / statistics.median(self.fresh), again)


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
