"""A whole run over Tableau Server's own database: what it covers, who counts, and when it proves nothing."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bi_governance.app import App
from bi_governance.model import Action, VisualKey
from bi_governance.ports import FeedResult
from bi_governance.run import daily_run
from bi_governance.run_report import RunReport
from bi_governance.settings import Settings
from tests.connectors.harness import START
from tests.connectors.harness_tableau_repository import RepositoryHarness
from tests.servers.postgres import PostgresServer

DAY = timedelta(days=1)
SOURCE = "server"


@pytest.fixture
def harness(postgres_server: PostgresServer) -> Iterator[RepositoryHarness]:
    made = RepositoryHarness(postgres_server.create_database(f"workgroup_{uuid.uuid4().hex}"))
    yield made
    made.close()


def run(harness: RepositoryHarness, folder: Path) -> RunReport:
    with harness.serve() as server:
        settings = Settings.model_validate(
            {
                "warehouse": {"url": f"duckdb:///{folder}/warehouse.duckdb", "dbt_target": f"{folder}/dbt"},
                "ledger": {"url": f"sqlite:///{folder}/ledger.db"},
                "backups": {"url": f"file://{folder}/backups"},
                "outbox": f"{folder}/outbox",
                "sources": {SOURCE: {"platform": "tableau", **harness.options(server.url)}},
                "policy": {"idle_days": 14, "warning_days": 5},
                "dry_run": {"notices": "none"},
            }
        )
        with App(settings, clock=harness.clock) as app:
            return daily_run(app.services)


def test_what_only_our_own_account_opens_is_not_used(harness: RepositoryHarness, tmp_path: Path) -> None:
    busy, idle = harness.add_visual("Opened every week"), harness.add_visual("Opened by our account")
    harness.view(idle, START - 26 * DAY)
    for days in (2, 9):
        harness.view(busy, START - days * DAY)
        harness.own_run(idle, START - days * DAY)
    report = run(harness, tmp_path)
    assert [c.problems() for c in report.collections] == [[]]
    windows = [o.window_start for o in report.collections[0].outcomes if o.feed.endswith("historical_access")]
    assert windows[0] == START - 26 * DAY
    assert len(windows) == 27
    assert report.plan is not None
    actions = {decision.key: decision.action for decision in report.plan.decisions}

    def action_of(key: VisualKey) -> Action:
        return actions[replace(key, source=SOURCE)]

    assert (action_of(idle), action_of(busy)) == (Action.WARN, Action.NONE)


def test_a_repository_without_events_leads_to_nothing(harness: RepositoryHarness, tmp_path: Path) -> None:
    key = harness.add_visual("Revenue")
    harness.repository.mirror()
    report = run(harness, tmp_path)
    history = [o for o in report.collections[0].outcomes if o.feed.endswith("historical_access")]
    assert [outcome.status for outcome in history] == [FeedResult.PARTIAL]
    assert "auditing.enabled" in history[0].detail
    assert report.plan is not None
    actions = {decision.key: decision.action for decision in report.plan.decisions}
    assert actions[replace(key, source=SOURCE)] is Action.UNKNOWN
