"""The whole product, with DuckDB and dbt, for 30 days: nothing to object to, and dbt's facts are right."""

from __future__ import annotations

import pytest

from tests.prove.machine import prove


@pytest.mark.timeout(3600)  # each run is a whole one, on a busy machine
def test_30_days_with_dbt_violate_nothing() -> None:
    outcome = prove(30, 176, is_whole=True, days_per_world=30, share=0.2)
    assert outcome.violations == []
    for what in ("removed at the servers", "told: warning", "kills"):
        assert outcome.tally[what], what
