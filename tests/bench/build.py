"""How long dbt takes to build the marts over access history, the first time and again, on either engine."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from bi_governance.transform import DbtTransformer
from bi_governance.warehouse import SqlWarehouse
from bi_governance.warehouse.loading import chunks
from tests.bench.child import note
from tests.bench.loading import NOW, PAGE, TABLE, events
from tests.bench.table import show
from tests.servers.postgres import PostgresServer

VISUALS = 10_000


def bench(rows: int) -> None:
    """Build twice over that many accesses on DuckDB and on PostgreSQL, and print the seconds."""
    with ExitStack() as resources:
        folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        postgres = resources.enter_context(PostgresServer())
        urls = {
            "DuckDB": f"duckdb:///{folder}/build.duckdb",
            "PostgreSQL": postgres.create_database("build"),
        }
        body = [[name, *_seconds(name, url, folder / name, rows)] for name, url in urls.items()]
    title = f"dbt build over {VISUALS:,} visuals with {rows:,} access rows: seconds"
    show(title, ["engine", "first", "again"], body)


def _seconds(name: str, url: str, target: Path, rows: int) -> list[str]:
    warehouse = SqlWarehouse(url, raw_schema="bi_raw", schema="bi_governance")
    transformer = DbtTransformer(
        warehouse_url=url,
        raw_schema="bi_raw",
        schema="bi_governance",
        target_path=target,
        as_of=lambda: NOW,
        release=warehouse.close,
    )
    note(f"{name}: dbt build over {rows:,} access rows")
    _fill(warehouse, rows)
    return [f"{transformer.build().seconds:.1f}" for _ in range(2)]


def _fill(warehouse: SqlWarehouse, rows: int) -> None:
    warehouse.prepare()
    staging = warehouse.stage("looker_prod", "bench", ["looker_dashboard"])
    born = NOW - timedelta(days=400)
    staging.write(
        "looker_dashboard",
        [{"dashboard_id": str(n), "title": f"Dashboard {n}", "created_at": born} for n in range(VISUALS)],
    )
    staging.commit(NOW)
    for page in chunks(events(rows), PAGE):
        warehouse.append_history(TABLE.name, "looker_prod", "bench", NOW, page)
