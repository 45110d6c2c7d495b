"""Collecting Power BI into a warehouse: feeds fit their tables, a day over the budget is taken up again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bi_governance.collect import SourceCollection, collect
from bi_governance.connectors.powerbi import PowerBIReader, capabilities
from bi_governance.model import Coverage
from bi_governance.ports import FeedResult, Services
from bi_governance.warehouse import SqlWarehouse
from tests.connectors.harness import SOURCE, START
from tests.connectors.powerbi_bench import PowerBIBench
from tests.flow.world import World


@pytest.fixture
def bench() -> Iterator[PowerBIBench]:
    made = PowerBIBench()
    with made.server:
        yield made
        made.close()


@pytest.fixture
def services(bench: PowerBIBench, tmp_path: Path) -> Iterator[Services]:
    world = World(tmp_path)
    warehouse = SqlWarehouse(f"duckdb:///{tmp_path}/w.duckdb", raw_schema="bi_raw", schema="bi_governance")
    yield replace(world.services, clock=bench.sandbox.clock, warehouse=warehouse, history_days=20)
    warehouse.close()
    world.close()


def run(services: Services, reader: PowerBIReader, run_id: str) -> SourceCollection:
    [collection] = collect(replace(services, readers={SOURCE: reader}), run_id)
    return collection


def test_every_feed_fits_its_table(bench: PowerBIBench, services: Services) -> None:
    key, board = bench.report(), bench.dashboard()
    bench.sandbox.pin(key.native_id, board.native_id)
    bench.sandbox.publish_app("Sales app", key.native_id)
    bench.sandbox.subscribe("report", key.native_id, user=bench.ada)
    bench.view(key.native_id, START - timedelta(days=3))
    collection = run(services, bench.reader(), "run-1")
    assert collection.problems() == []
    assert collection.is_complete
    rows = {o.feed: o.rows for o in collection.outcomes if o.window_start is None}
    assert min(rows.values()) >= 1
    assert sum(o.rows for o in collection.outcomes if o.window_start is not None) == 1


def test_a_collection_over_the_budget_goes_on_where_it_stopped(
    bench: PowerBIBench, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = [replace(a, calls=12) if a.name == "activity events" else a for a in capabilities.ALLOWANCES]
    monkeypatch.setattr("bi_governance.connectors.powerbi.client.ALLOWANCES", few)
    key = bench.report()
    bench.view(key.native_id, START - timedelta(days=1))

    first = run(services, bench.reader(), "run-1")
    assert [o.status for o in first.outcomes if o.feed == "powerbi_historical_access"] == [
        *[FeedResult.COMPLETE] * 12,
        FeedResult.PARTIAL,
    ]
    assert bench.requests("activityevents") == 12
    assert "Run again in 60 minutes" in first.problems()[0]

    bench.sandbox.clock.advance(timedelta(days=1))
    bench.seconds += timedelta(days=1).total_seconds()
    second = run(services, bench.reader(), "run-2")
    assert second.is_complete
    windows = [o for o in second.outcomes if o.window_start is not None]
    assert len(windows) == 10
    assert sum(o.rows for o in windows) == 1
    covered = Coverage.of(services.warehouse.covered_windows(SOURCE))
    assert len(covered.intervals) == 1
