"""The fake company, closed after each test."""

from pathlib import Path

import pytest

from bi_governance.backups import FsspecBackups
from bi_governance.run import daily_run
from tests.flow.test_daily_run import go_live
from tests.flow.world import World


@pytest.fixture
def world(tmp_path):
    company = World(tmp_path)
    yield company
    company.close()


@pytest.fixture
def store(tmp_path) -> Path:
    """Where the backups of `deleted` lie."""
    return tmp_path / "store"


@pytest.fixture
def deleted(tmp_path, store):
    """Three boards deleted by us, their backups in a real store."""
    company = World(tmp_path, backups=FsspecBackups(f"file://{store}"))
    for name in ("1", "2", "3"):
        company.bi.add(name)
    go_live(company)
    daily_run(company.services)
    company.clock.forward(7)
    assert len(daily_run(company.services).deleted.removed) == 3
    yield company
    company.close()
