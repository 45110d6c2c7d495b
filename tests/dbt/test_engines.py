"""Both engines come to the same marts, and days built one by one to the same as all at once."""

import pytest

from tests.dbt import estate
from tests.dbt.conftest import built_for

MARTS = (
    "visual_last_access",
    "visual_first_seen",
    "visual_trash_change",
    "visual_usage_daily",
    "visual_containment",
    "visual_dependency",
    "source_coverage",
    "bi_user",
    "adoption_daily",
    "visual_viewer",
)


@pytest.fixture
def both(url_of, tmp_path):
    made = [built_for(url_of(engine), tmp_path / engine) for engine in ("duckdb", "postgresql")]
    yield made
    for one in made:
        one.warehouse.close()


def test_both_engines_build_the_same_marts_row_by_row(both):
    for one in both:
        estate.load(one.warehouse)
        report = one.transformer.build()
        assert report.failed == ()
    duckdb, postgres = both
    for mart in MARTS:
        rows = duckdb.read(mart)
        assert rows, mart
        assert rows == postgres.read(mart), mart
    assert duckdb.warehouse.facts() == postgres.warehouse.facts()
    assert duckdb.warehouse.witnessed() == postgres.warehouse.witnessed()
    assert duckdb.warehouse.witnessed()
    assert duckdb.warehouse.source_days() == postgres.warehouse.source_days()
    assert duckdb.warehouse.feed_statuses() == postgres.warehouse.feed_statuses()


def test_building_day_by_day_comes_to_the_same_as_building_once(url_of, tmp_path):
    daily, once = (built_for(url_of("duckdb"), tmp_path / "target") for _ in range(2))
    for days in (5, 6, 14, estate.HISTORY_DAYS):
        estate.load(daily.warehouse, days=days)
        daily.transformer.build()
    estate.load(once.warehouse)
    once.transformer.build()
    for mart in MARTS:
        assert daily.read(mart) == once.read(mart), mart
    for one in (daily, once):
        one.warehouse.close()


def test_building_again_changes_nothing(built):
    estate.load(built.warehouse)
    built.transformer.build()
    before = {mart: built.read(mart) for mart in MARTS}
    assert built.transformer.build().failed == ()
    assert {mart: built.read(mart) for mart in MARTS} == before


def test_empty_raw_tables_make_empty_marts(built):
    report = built.transformer.build()
    assert (report.failed, report.built > 30, report.tests > 15) == ((), True, True)
    assert all(built.read(mart) == [] for mart in MARTS)
    assert built.warehouse.facts() == []
