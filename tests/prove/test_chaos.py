"""Real runs over five platforms die at random points; afterwards ledger, backups, servers and Slack agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.prove.chaos import play


@pytest.mark.timeout(3600)  # each run is a whole one, on a busy machine
def test_after_six_killed_runs_all_records_agree(tmp_path: Path) -> None:
    chaos, disagreements = play(6, 3, tmp_path)
    assert disagreements == []
    assert chaos.tally["killed"] >= 4, chaos.tally
    assert {key.source for _, gone in chaos.company.gone() for key in [gone.key]} >= {"looker", "superset"}
    assert not chaos.tally["hung"]
