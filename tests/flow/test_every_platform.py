"""All platforms in one run: one mart of them all, and whichever fails takes none of the others along."""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import pytest

from bi_governance.app import App
from bi_governance.model import Action, VisualKey
from bi_governance.run import daily_run
from bi_governance.run_report import RunReport
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.server import Fault, LoopbackServer
from bi_governance.settings import Settings
from tests.connectors.harness import SOURCE, START, Harness, with_harness
from tests.connectors.harness_powerbi import QuickTime

PLATFORMS = with_harness()
# Less than the shortest history of any platform: Power BI keeps 28 to 30 days.
POLICY = {"idle_days": 14, "warning_days": 5}
DAY = timedelta(days=1)


class Company:
    """One source per platform, each with a visual that is opened every day and one that nobody opens.

    And ten more, so that it is large enough to be seen shrinking.
    """

    first: RunReport
    later: RunReport

    def __init__(self, servers: ExitStack, folder: str) -> None:
        self.clock = SimulatedClock(START)
        self.harnesses: dict[str, Harness] = {}
        self.servers: dict[str, LoopbackServer] = {}
        self.busy: dict[str, VisualKey] = {}
        self.idle: dict[str, VisualKey] = {}
        self.more: dict[str, list[VisualKey]] = {}
        for platform in PLATFORMS:
            module = importlib.import_module(f"tests.connectors.harness_{platform}")
            harness = self.harnesses[platform] = module.make(self.clock, "acme")
            self._fill(platform, harness)
            self.servers[platform] = servers.enter_context(harness.serve())
        self.folder, self.runs = folder, 0
        self.first_app = servers.enter_context(App(self._settings(), clock=self.clock))

    def _fill(self, platform: str, harness: Harness) -> None:
        busy, idle = harness.add_visual("Opened every day"), harness.add_visual("Opened by nobody")
        for days in range(27):
            harness.view(busy, START - days * DAY - timedelta(hours=1))
        harness.view(idle, START - 26 * DAY)
        self.more[platform] = [harness.add_visual(f"Draft {number}") for number in range(10)]
        self.busy[platform], self.idle[platform] = (replace(k, source=platform) for k in (busy, idle))

    def _settings(self) -> Settings:
        folder = self.folder
        sources = {
            platform: {"platform": platform, **harness.options(self.servers[platform].url)}
            for platform, harness in self.harnesses.items()
        }
        return Settings.model_validate(
            {
                "warehouse": {"url": f"duckdb:///{folder}/warehouse.duckdb", "dbt_target": f"{folder}/dbt"},
                "ledger": {"url": f"sqlite:///{folder}/ledger-{self.runs}.db"},
                "backups": {"url": f"file://{folder}/backups"},
                "outbox": f"{folder}/outbox",
                "sources": sources,
                "policy": POLICY,
                "dry_run": {"notices": "none"},
            }
        )

    def live_on(self, days: int) -> None:
        """So many days pass, and what is opened every day is opened on each."""
        for _ in range(days):
            self.clock.advance(DAY)
            for platform, harness in self.harnesses.items():
                harness.view(replace(self.busy[platform], source=SOURCE), self.clock.now())

    def run(self) -> RunReport:
        """A run a minute later than the one before, of which the warehouse knows and the ledger does not.

        So whatever is due is due in every run. As in a process of its own, its hour's calls are all left;
        what dbt made stays.
        """
        self.clock.advance(timedelta(minutes=1))
        self.runs += 1
        with pytest.MonkeyPatch.context() as patch, App(self._settings(), clock=self.clock) as app:
            patch.setattr("bi_governance.connectors.powerbi.client.time", QuickTime())
            kept = {"warehouse": self.first_app.warehouse, "transformer": self.first_app.transformer}
            return daily_run(replace(app.services, **kept))

    def actions(self, report: RunReport) -> dict[str, dict[VisualKey, Action]]:
        """Per source what the plan wants with each visual."""
        assert report.plan is not None
        found: dict[str, dict[VisualKey, Action]] = defaultdict(dict)
        for decision in report.plan.decisions:
            found[decision.key.source][decision.key] = decision.action
        return found

    def assert_works(self, platform: str, report: RunReport) -> None:
        wanted = self.actions(report)[platform]
        assert wanted[self.idle[platform]] is Action.WARN, platform
        assert wanted[self.busy[platform]] is Action.NONE, platform


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with ExitStack() as servers:
        made = Company(servers, str(tmp_path_factory.mktemp("company")))
        made.first = made.run()
        # Domo does not say when a page was made, so there it is idle since we first saw it.
        made.live_on(10)
        made.later = made.run()
        yield made


def test_the_process_names_five_platforms_and_all_are_there() -> None:
    assert {"looker", "tableau", "powerbi", "domo", "superset"} <= set(PLATFORMS)


def test_one_run_over_all_platforms_yields_one_mart(company: Company) -> None:
    for report in (company.first, company.later):
        assert [c.problems() for c in report.collections if not c.is_complete] == []
        assert report.outcome == "done"
    for platform in PLATFORMS:
        company.assert_works(platform, company.later)
    estate = company.later.estate
    assert estate is not None
    assert {facts.platform for facts in estate.facts} == set(PLATFORMS)


ACTED = {Action.WARN, Action.REMIND, Action.DELETE, Action.PURGE, Action.RESCUE}
# In this order: what an empty list leaves behind, only a sound run mends.
TROUBLE = {
    "refused": lambda paths: Fault("", "drop", times=None),
    "403": lambda paths: Fault(paths.visuals, "status", status=403, times=None),
    "partial": lambda paths: Fault(paths.visuals, "truncate", times=None),
    "empty": lambda paths: Fault(paths.visuals, "empty", times=None),
}


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_source_in_trouble_stands_still_and_takes_no_other_along(
    company: Company, platform: str, trouble: str
) -> None:
    company.servers[platform].faults.add(TROUBLE[trouble](company.harnesses[platform].paths))
    try:
        report = company.run()
    finally:
        company.servers[platform].faults.clear()
    for other in PLATFORMS:
        if other != platform:
            company.assert_works(other, report)
    assert platform in {veto.source for veto in report.plan.vetoes}  # type: ignore[union-attr]
    assert not ACTED & set(company.actions(report)[platform].values())
    if trouble != "empty":  # a list that is empty by its own count as well is taken at its word, and vetoed
        assert company.actions(report)[platform].keys() >= {company.busy[platform], company.idle[platform]}
    assert report.outcome == "failed" or (trouble == "empty" and report.outcome == "vetoed")
    assert [r for s in company.servers.values() for r in s.requests.writes()] == []


def test_an_inventory_that_lost_a_third_overnight_stops_its_source(company: Company) -> None:
    """By the platform's own count, so nothing is partial; the last test, as what is lost stays lost."""
    for platform, harness in company.harnesses.items():
        for key in company.more[platform][:4]:
            harness.lose(key)
    report = company.run()
    assert [c.problems() for c in report.collections if not c.is_complete] == []
    assert report.plan is not None
    shrunk = {veto.source for veto in report.plan.vetoes if veto.guard == "inventory_plausible"}
    assert shrunk == set(PLATFORMS)
    for platform in PLATFORMS:
        assert not ACTED & set(company.actions(report)[platform].values()), platform
    assert report.outcome == "vetoed"
