"""A protection by group through a whole cycle: connector, warehouse and dbt on a Looker sandbox."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bi_governance import events as ev
from bi_governance.app import App
from bi_governance.errors import ConfigurationError
from bi_governance.explain import Explanation, explain
from bi_governance.model import Action, Mode, VisualKey
from bi_governance.run import daily_run
from bi_governance.run_report import RunReport
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.looker import LookerSandbox
from bi_governance.sandbox.server import Fault
from bi_governance.settings import Settings

BORN = datetime(2025, 8, 1, 6, tzinfo=UTC)
START = datetime(2026, 3, 2, 6, tzinfo=UTC)
DAY = timedelta(days=1)
GROUPS = "GET /api/4.0/groups/"
RULES = [{"name": "finance is never touched", "match": {"group": "Finance*"}, "protect": True}]


class Company:
    """Ada is in Finance EMEA and Grace in no such group; each has a dashboard nobody opened for months."""

    def __init__(self, folder: Path, servers: ExitStack) -> None:
        self.clock, self.folder = SimulatedClock(BORN), folder
        self.looker = LookerSandbox(self.clock)
        ada = self.looker.add_person("ada@acme.example", "Ada Byron")
        grace = self.looker.add_person("grace@acme.example", "Grace Hopper")
        self.max = self.looker.add_person("max@acme.example", "Max")
        self.finance = self.looker.add_group("Finance EMEA", ada)
        self.adas = self._board("Ada's", ada)
        self.graces = self._board("Grace's", grace)
        self.busy = self._board("Daily orders", grace)
        self.clock.set(START)
        for days in range(90):
            self._open_daily(START - days * DAY - timedelta(hours=1))
        self.server = servers.enter_context(self.looker.serve())
        self.app = servers.enter_context(App(self.settings(RULES), clock=self.clock))
        self.app.ledger.append([ev.ModeChanged(at=START, actor="admin", mode=Mode.LIVE, reason="trial done")])

    def settings(self, rules: list[dict[str, Any]]) -> Settings:
        account = self.looker.credentials
        looker = {
            "platform": "looker",
            "base_url": self.server.url,
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "backoff": 0,
        }
        return Settings.model_validate(
            {
                "warehouse": {
                    "url": f"duckdb:///{self.folder}/bi.duckdb",
                    "dbt_target": f"{self.folder}/dbt",
                },
                "ledger": {"url": f"sqlite:///{self.folder}/ledger.db"},
                "backups": {"url": f"file://{self.folder}/backups"},
                "outbox": f"{self.folder}/outbox",
                "trial": {"days": 0},
                "policy": {"idle_days": 20, "rules": rules},
                "sources": {"lk": looker},
            }
        )

    def run_after(self, days: int) -> RunReport:
        for _ in range(days):
            self.clock.advance(DAY)
            self._open_daily(self.clock.now() - timedelta(hours=1))
        return daily_run(self.app.services)

    def explained(self, key: VisualKey) -> Explanation:
        return explain(self.app.services, str(key))

    def is_there(self, key: VisualKey) -> bool:
        return not self.looker.visual("dashboard", key.native_id).deleted

    def _board(self, title: str, owner: str) -> VisualKey:
        return VisualKey("lk", "dashboard", self.looker.add_dashboard(title, owner_id=owner, created_at=BORN))

    def _open_daily(self, at: datetime) -> None:
        self.looker.view("dashboard", self.busy.native_id, by=self.max, at=at)


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with ExitStack() as servers:
        yield Company(tmp_path, servers)


def test_what_a_group_protects_outlives_the_cycle_and_a_day_without_groups_deletes_nothing(
    company: Company,
) -> None:
    first = company.run_after(0)
    assert first.outcome == "done"
    told = company.explained(company.adas)
    assert told.decision is not None
    assert (told.decision.action, told.decision.rule) == (Action.PROTECT, "finance is never touched")
    assert told.rules[0] == ("finance is never touched", "fits")
    assert told.to_json()["owner_groups"] == ["All Users", "Finance EMEA"]
    assert company.explained(company.graces).rules[0] == (
        "finance is never touched",
        "does not fit: group (the owner is in none of Finance*)",
    )

    company.server.faults.add(Fault(GROUPS, "status", status=403, times=None))
    blind = company.run_after(7)
    assert blind.outcome == "failed"
    assert {veto.guard for veto in blind.plan.vetoes} == {"collection_complete"}  # type: ignore[union-attr]
    assert blind.deleted.removed == []
    assert company.is_there(company.graces)
    assert company.explained(company.adas).rules[0] == ("finance is never touched", "fits")

    company.server.faults.clear()
    after = company.run_after(1)
    assert after.deleted.removed == [company.graces]
    assert company.is_there(company.adas)
    assert company.looker.groups[company.finance].user_ids


def test_before_groups_were_ever_read_a_protection_by_group_covers_whoever_may_be_in_it(
    company: Company,
) -> None:
    """The rule is new: what was collected before knows of no groups, so warnings given then are off."""
    with App(company.settings([]), clock=company.clock) as without:
        daily_run(without.services)
    for key in (company.adas, company.graces):
        told = company.explained(key)
        assert told.rules[0] == ("finance is never touched", "cannot be told: group not known")
        assert told.decision is not None
        assert (told.decision.action, told.decision.rescue_code) == (Action.RESCUE, "rule")


POWERBI = {"platform": "powerbi", "tenant_id": "t", "client_id": "c", "client_secret": "s", "api_url": "x"}


@pytest.mark.parametrize("named", [{"source": "pbi"}, {"platform": "powerbi"}, {"platform": "POWER*"}])
def test_a_rule_by_group_that_names_where_groups_are_not_known_is_refused(
    company: Company, named: dict[str, str]
) -> None:
    rule = {"name": "finance", "match": {"group": "Finance", **named}, "protect": True}
    given = company.settings([rule]).model_dump(by_alias=True)
    given["sources"]["pbi"] = POWERBI
    with App(Settings.model_validate(given), clock=company.clock) as app:
        with pytest.raises(ConfigurationError, match=r"'finance' matches by group.* not known at pbi; match"):
            _ = app.readers


@pytest.mark.parametrize("named", [{}, {"source": "*"}, {"source": "lk"}, {"platform": "looker"}])
def test_a_rule_by_group_that_fits_elsewhere_too_is_taken(company: Company, named: dict[str, str]) -> None:
    rule = {"name": "finance", "match": {"group": ["Finance", "Legal"], **named}, "protect": True}
    given = company.settings([rule]).model_dump(by_alias=True)
    given["sources"]["pbi"] = POWERBI
    with App(Settings.model_validate(given), clock=company.clock) as app:
        assert {name: bool(r.capabilities.groups) for name, r in app.readers.items()} == {
            "lk": True,
            "pbi": False,
        }
