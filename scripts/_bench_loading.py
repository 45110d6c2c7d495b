"""Measures every way rows get into the warehouse, and what a build over them takes."""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bi_governance.transform import DbtTransformer
from bi_governance.warehouse import SqlWarehouse
from tests.servers.postgres import PostgresServer

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PAGE = 10_000
TABLE = "looker_historical_access"


@dataclass(frozen=True)
class Way:
    """One way of loading: an engine, with its bulk path or without."""

    name: str
    engine: str
    bulk: bool


WAYS = (
    Way("DuckDB, Arrow", "duckdb", bulk=True),
    Way("DuckDB, plain inserts", "duckdb", bulk=False),
    Way("PostgreSQL, COPY", "postgresql", bulk=True),
    Way("PostgreSQL, plain inserts", "postgresql", bulk=False),
)


def events(count: int) -> Iterator[list[dict[str, object]]]:
    """Pages of access rows over a year, as a connector hands them over."""
    for start in range(0, count, PAGE):
        yield [event(number, count) for number in range(start, min(start + PAGE, count))]


def event(number: int, count: int) -> dict[str, object]:
    return {
        "event_key": f"e{number}",
        "accessed_at": NOW - timedelta(minutes=number * 525_600 // count),
        "user_id": str(number * 7919 % 500),
        "dashboard_id": str(number * 104_729 % 10_000) if number % 3 else None,
        "look_id": None if number % 3 else str(number * 104_729 % 10_000),
        "source_kind": "dashboard",
        "run_count": 1,
    }


def looks(count: int) -> Iterator[list[dict[str, object]]]:
    for start in range(0, count, PAGE):
        yield [
            {
                "look_id": str(n),
                "title": f"Look {n}",
                "user_id": str(n % 500),
                "created_at": NOW - timedelta(500),
            }
            for n in range(start, min(start + PAGE, count))
        ]


def load_inventory(warehouse: SqlWarehouse, source: str, count: int) -> None:
    staging = warehouse.stage(source, "run", ["looker_look"])
    for page in looks(count):
        staging.write("looker_look", page)
    staging.commit(NOW)


def load_history(warehouse: SqlWarehouse, source: str, count: int) -> None:
    for page in events(count):
        warehouse.append_history(TABLE, source, "run", NOW, page)


def rate(count: int, work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


@contextmanager
def opened(url: str, *, bulk: bool) -> Iterator[SqlWarehouse]:
    warehouse = SqlWarehouse(url, raw_schema="bi_raw", schema="bi_governance", bulk=bulk)
    warehouse.prepare()
    try:
        yield warehouse
    finally:
        warehouse.close()


def measured(warehouse: SqlWarehouse, source: str, rows: int) -> tuple[float, float, float]:
    """Rows per second: an inventory replaced, history appended, the same history read again."""
    return (
        rate(rows, lambda: load_inventory(warehouse, source, rows)),
        rate(rows, lambda: load_history(warehouse, source, rows)),
        rate(rows, lambda: load_history(warehouse, source, rows)),
    )


class Bench:
    """Databases for one run, and its measurements."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self._server = server
        self._folder = folder
        self._made = 0

    def url(self, engine: str) -> str:
        self._made += 1
        if engine == "duckdb":
            return f"duckdb:///{self._folder}/bench{self._made}.duckdb"
        return self._server.create_database(f"bench{self._made}")

    def measure(self, way: Way, rows: int, repeats: int) -> tuple[float, float, float]:
        """The median of `repeats` measurements, each at a source of its own."""
        with opened(self.url(way.engine), bulk=way.bulk) as warehouse:
            # The first load of a process pays for warming up.
            load_history(warehouse, "warm-up", 2 * PAGE)
            found = [measured(warehouse, f"source-{n}", rows) for n in range(repeats)]
        inventory, fresh, again = (statistics.median(column) for column in zip(*found, strict=True))
        return inventory, fresh, again

    def build_seconds(self, engine: str, rows: int) -> tuple[float, float]:
        """Seconds of a first and a second dbt build over that many accesses."""
        url = self.url(engine)
        with opened(url, bulk=True) as warehouse:
            load_inventory(warehouse, "looker", 10_000)
            load_history(warehouse, "looker", rows)
            transformer = DbtTransformer(
                warehouse_url=url,
                raw_schema="bi_raw",
                schema="bi_governance",
                target_path=self._folder / engine,
                as_of=lambda: NOW,
                release=warehouse.close,
            )
            return transformer.build().seconds, transformer.build().seconds


def report(bench: Bench, rows: int, repeats: int) -> None:
    print(f"{rows:,} rows in pages of {PAGE:,}; thousand rows per second, median of {repeats}\n")
    print(f"{'':28}{'inventory':>12}{'history':>12}{'read again':>12}{'history, relative':>20}")
    slowest = None
    for way in reversed(WAYS):
        inventory, fresh, again = bench.measure(way, rows, repeats)
        slowest = slowest or fresh
        cells = "".join(f"{value / 1000:12,.0f}" for value in (inventory, fresh, again))
        print(f"{way.name:28}{cells}{fresh / slowest:19.1f}x", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--build", type=int, metavar="ROWS", help="also time dbt builds over that many accesses"
    )
    given = parser.parse_args()
    with PostgresServer() as server, tempfile.TemporaryDirectory() as folder:
        bench = Bench(server, Path(folder))
        report(bench, given.rows, given.repeats)
        for engine in ("duckdb", "postgresql") if given.build else ():
            first, second = bench.build_seconds(engine, given.build)
            print(f"\ndbt build over {given.build:,} accesses, {engine}: {first:.1f} s, again {second:.1f} s")


if __name__ == "__main__":
    main()
