"""The whole story at a real Superset: trial, warning, deletion, restore, and what was spared on the way.

Every act is a fixture that builds on the one before and keeps what could be seen at its end, above all at
Superset itself; the tests say what must have been seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from bi_governance import events as ev
from bi_governance.keep import keep_until
from bi_governance.model import Mode
from bi_governance.ports import Services
from bi_governance.restore import RestoreReport, restore
from bi_governance.run import daily_run, one_runner
from bi_governance.run_report import RunReport
from bi_governance.sandbox.clock import SimulatedClock
from tests.real.company import DAY, VIEWER, Company, Thing, open_company
from tests.real.product import install, switch
from tests.servers.superset import Call
from tests.servers.superset_store import StoredVisual

pytestmark = [pytest.mark.superset, pytest.mark.xdist_group("superset")]

TRIAL_DAYS = 7
IMMUNITY_DAYS = 10
HISTORY_DAYS = 62
SLUG = "launch"


@dataclass(frozen=True, slots=True)
class Cast:
    """What there is at Superset when the story begins; everything but ``living`` was last opened long ago."""

    living: Thing
    doomed: Thing
    viewed: Thing
    kept: Thing
    scheduled: Thing
    renamed: Thing
    unpublished: Thing
    certified: Thing
    solo: Thing
    shared: Thing

    @property
    def idle(self) -> tuple[Thing, ...]:
        """What is unused when the story begins, and not protected."""
        return (
            self.doomed,
            self.viewed,
            self.kept,
            self.scheduled,
            self.renamed,
            self.unpublished,
            self.solo,
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """The company, the product beside it, and the cast."""

    company: Company
    services: Services
    cast: Cast

    def run(self) -> Seen:
        """One daily run, and what can be seen after it."""
        since = self.company.server.mark()
        with self.company.happens():
            report = daily_run(self.services)
        return Seen(
            report,
            self.company.server.write_calls(since),
            self.company.dashboards(),
            self.company.charts(),
            {name: self.company.told(name) for name in self.company.people},
            self.company.told_channel("analytics"),
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """One run's report, the writes Superset recorded meanwhile, and what stood and was told after it."""

    report: RunReport
    writes: list[Call]
    dashboards: set[str]
    charts: set[str]
    told: dict[str, str]
    channel: str

    def rescued(self) -> set[str]:
        return {key.native_id for key in self.report.rescued}


@dataclass(frozen=True, slots=True)
class Restored:
    """What the restore said, and the dashboard, its charts and the product's writes at Superset."""

    reports: list[RestoreReport]
    dashboard: StoredVisual | None
    solo: StoredVisual | None
    charts: set[str]
    answer: dict[str, object]
    writes: list[Call]


def ids(*things: Thing) -> set[str]:
    return {thing.key.native_id for thing in things}


# -- the acts --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    clock = SimulatedClock(datetime.now(UTC))
    with open_company(tmp_path_factory.mktemp("superset"), clock) as company:
        cast = _cast(company)
        clock.set(datetime.now(UTC))
        _long_ago(company, cast)
        product = install(
            tmp_path_factory.mktemp("product") / "state",
            company,
            trial={"days": TRIAL_DAYS},
            policy={"restore_immunity_days": IMMUNITY_DAYS},
        )
        with product.open(company) as services:
            yield Stage(company, services, cast)


def _cast(company: Company) -> Cast:
    solo, shared = company.chart("Launch funnel", "olga"), company.chart("Orders", "oscar")

    def board(title: str, **more: str) -> Thing:
        return company.dashboard(title, "oscar", charts=[shared], **more)

    return Cast(
        living=board("Daily sales"),
        doomed=company.dashboard("Launch 2024", "olga", "otto", charts=[solo, shared], slug=SLUG),
        viewed=board("Looked at again"),
        kept=board("Year end"),
        scheduled=board("Board letter"),
        renamed=board("Old name"),
        unpublished=board("Being reworked"),
        certified=board("Official", certified_by="Finance"),
        solo=solo,
        shared=shared,
    )


def _long_ago(company: Company, cast: Cast) -> None:
    """Everything was made and last used long ago, and the log knows of every day since."""
    company.server.age_objects(HISTORY_DAYS)
    company.has_used(cast.living, HISTORY_DAYS)
    with company.happens(company.clock.now() - (HISTORY_DAYS - 1) * DAY):
        company.server.view_dashboard_as(VIEWER, cast.doomed.number)
        for each in (cast.viewed, cast.kept, cast.scheduled, cast.renamed, cast.unpublished, cast.certified):
            company.open(each)


@pytest.fixture(scope="module")
def hasty(stage: Stage) -> Seen:
    """Somebody goes live without a trial."""
    switch(stage.services, Mode.LIVE)
    return stage.run()


@pytest.fixture(scope="module")
def trial(stage: Stage, hasty: Seen) -> tuple[Seen, Seen]:
    """The first and the last day of the trial."""
    switch(stage.services, Mode.DRY_RUN)
    first = stage.run()
    stage.company.pass_days(TRIAL_DAYS, stage.cast.living)
    return first, stage.run()


@pytest.fixture(scope="module")
def warned(stage: Stage, trial: tuple[Seen, Seen]) -> Seen:
    """The first live run."""
    switch(stage.services, Mode.LIVE)
    stage.company.pass_days(1, stage.cast.living)
    return stage.run()


@pytest.fixture(scope="module")
def fresh(stage: Stage, warned: Seen) -> Thing:
    """In the four days after the warning people do all kinds of things, and make something new."""
    company, cast = stage.company, stage.cast
    company.pass_days(2, cast.living)
    with company.happens():
        company.server.view_dashboard_as(VIEWER, cast.viewed.number)
    until = company.clock.now() + timedelta(days=365)
    keep_until(stage.services, cast.kept.key, until, actor="oscar@example.com", reason="year end")
    company.pass_days(1, cast.living)
    with company.happens():
        company.server.create_report_schedule(cast.scheduled.number)
        company.change(cast.renamed, dashboard_title="New name")
        company.change(cast.unpublished, published=False)
        made = company.dashboard("Made just now", "oscar", charts=[cast.shared])
    company.pass_days(1, cast.living)
    return made


@pytest.fixture(scope="module")
def eve(stage: Stage, fresh: Thing) -> Seen:
    """The run six days after the warning."""
    stage.company.pass_days(2, stage.cast.living)
    return stage.run()


@pytest.fixture(scope="module")
def deleted(stage: Stage, eve: Seen) -> Seen:
    """The run seven days after the warning."""
    stage.company.pass_days(1, stage.cast.living)
    return stage.run()


@pytest.fixture(scope="module")
def orphaned(stage: Stage, deleted: Seen) -> Seen:
    """The run on the day after."""
    stage.company.pass_days(1, stage.cast.living)
    return stage.run()


@pytest.fixture(scope="module")
def restored(stage: Stage, orphaned: Seen) -> Restored:
    """The dashboard is wanted back."""
    company, doomed = stage.company, stage.cast.doomed
    since = company.server.mark()
    with company.happens(), one_runner(stage.services) as lease:
        reports = restore(stage.services, doomed.key, actor="olga@example.com", lease=lease)
    return Restored(
        reports,
        company.stored(doomed),
        company.stored(stage.cast.solo),
        company.charts_on(doomed),
        company.server.call("GET", f"/api/v1/dashboard/{SLUG}")["result"],
        company.writes(since),
    )


@pytest.fixture(scope="module")
def afterwards(stage: Stage, restored: Restored) -> list[Seen]:
    """Runs one and nine days after the restore, and one after its immunity is over."""
    seen = []
    for days in (1, 8, 2):
        stage.company.pass_days(days, stage.cast.living)
        seen.append(stage.run())
    return seen


# -- what must have been seen ----------------------------------------------------------------------


def test_going_live_without_a_trial_does_nothing(hasty: Seen) -> None:
    assert hasty.report.outcome == "vetoed"
    assert [veto.guard for veto in hasty.report.plan.vetoes] == ["trial_completed"]
    assert hasty.writes == []
    assert not any(hasty.told.values())


def test_a_trial_writes_nothing_to_superset(stage: Stage, hasty: Seen, trial: tuple[Seen, Seen]) -> None:
    for seen in trial:
        assert seen.report.outcome == "done"
        assert seen.writes == []
        assert (seen.dashboards, seen.charts) == (hasty.dashboards, hasty.charts)


def test_a_trial_tells_the_analytics_team_and_no_owner(stage: Stage, trial: tuple[Seen, Seen]) -> None:
    first, last = trial
    assert not any(last.told.values())
    assert {d.key.native_id for d in first.report.plan.decisions if d.action == "warn"} == ids(
        *stage.cast.idle
    )
    for thing in stage.cast.idle:
        assert thing.title in first.channel
    assert stage.cast.certified.title not in first.channel
    assert stage.cast.living.title not in first.channel


def test_a_trial_records_what_would_have_been_deleted(stage: Stage, trial: tuple[Seen, Seen]) -> None:
    first, last = trial
    would = {key.native_id for key in last.report.deleted.simulated}
    # The chart's turn would have come once no dashboard holds it any more.
    assert would == ids(*stage.cast.idle) - ids(stage.cast.solo)
    assert first.report.deleted.simulated == []
    recorded = [e for e in stage.services.ledger.events() if isinstance(e, ev.RemovalSimulated)]
    assert {event.key.native_id for event in recorded} == would


def test_going_live_warns_each_owner_of_what_is_theirs(stage: Stage, warned: Seen) -> None:
    cast = stage.cast
    assert warned.report.outcome == "done"
    assert warned.writes == []
    for title in (cast.doomed.title, cast.solo.title):
        assert title in warned.told["olga"]
        assert title not in warned.told["oscar"]
    for thing in (cast.viewed, cast.kept, cast.scheduled, cast.renamed, cast.unpublished):
        assert thing.title in warned.told["oscar"]
        assert thing.title not in warned.told["olga"]
    for name in ("otto", VIEWER, "gov"):
        assert warned.told[name] == ""
    for spared in (cast.certified, cast.living):
        assert all(spared.title not in said for said in warned.told.values())


def test_what_people_did_since_the_warning_spares_it(stage: Stage, eve: Seen) -> None:
    cast = stage.cast
    # Keeping it ended the warning at once; the rest the run found out at Superset.
    assert eve.rescued() == ids(cast.viewed, cast.scheduled, cast.renamed, cast.unpublished)
    assert eve.report.plan.decision(cast.kept.key).action == "protect"


def test_before_seven_days_are_over_nothing_is_deleted(warned: Seen, fresh: Thing, eve: Seen) -> None:
    assert eve.report.outcome == "done"
    assert eve.writes == []
    assert eve.dashboards == warned.dashboards | ids(fresh)


def test_only_the_owner_of_what_is_still_unused_is_reminded(stage: Stage, warned: Seen, eve: Seen) -> None:
    reminder = eve.told["olga"].removeprefix(warned.told["olga"])
    assert stage.cast.doomed.title in reminder
    # Whoever has been told of a deletion may be told that it is off; nobody is asked again about what is not.
    assert {d.key.native_id for d in eve.report.plan.decisions if d.action == "remind"} == ids(
        stage.cast.doomed, stage.cast.solo
    )


def test_exactly_the_dashboard_warned_seven_days_before_is_deleted(
    stage: Stage, warned: Seen, fresh: Thing, deleted: Seen
) -> None:
    doomed = stage.cast.doomed
    assert (deleted.report.outcome, deleted.report.deleted.refused) == ("done", [])
    assert deleted.dashboards == (warned.dashboards | ids(fresh)) - ids(doomed)
    assert deleted.charts == warned.charts
    assert [(c.method, c.path, c.status, c.user) for c in deleted.writes] == [
        ("DELETE", f"/api/v1/dashboard/{doomed.number}", 200, "gov")
    ]


def test_a_chart_goes_only_when_no_dashboard_shows_it_any_more(
    stage: Stage, deleted: Seen, orphaned: Seen
) -> None:
    solo = stage.cast.solo
    assert orphaned.dashboards == deleted.dashboards
    assert orphaned.charts == deleted.charts - ids(solo)
    assert [(c.method, c.path, c.status) for c in orphaned.writes] == [
        ("DELETE", f"/api/v1/chart/{solo.number}", 200)
    ]


def test_a_restore_brings_back_dashboard_charts_owners_and_address(stage: Stage, restored: Restored) -> None:
    cast = stage.cast
    assert [report.key for report in restored.reports] == [cast.solo.key, cast.doomed.key]
    assert restored.dashboard is not None
    assert restored.solo is not None
    assert (restored.dashboard.title, restored.dashboard.owners) == ("Launch 2024", ("olga", "otto"))
    assert (restored.solo.title, restored.solo.owners) == ("Launch funnel", ("olga",))
    assert restored.charts == ids(cast.solo, cast.shared)
    assert restored.answer["uuid"] == cast.doomed.key.native_id
    assert (restored.answer["slug"], restored.answer["published"]) == (SLUG, True)
    assert "DELETE" not in {call.method for call in restored.writes}


def test_what_was_restored_is_left_alone(
    stage: Stage, fresh: Thing, warned: Seen, afterwards: list[Seen]
) -> None:
    for seen in afterwards:
        assert seen.report.outcome == "done"
        assert seen.writes == []
        assert seen.dashboards == warned.dashboards | ids(fresh)
        assert seen.charts == warned.charts
        assert seen.report.plan.decision(stage.cast.doomed.key).action in ("none", "protect")
    assert afterwards[0].told == afterwards[-1].told


def test_the_restored_dashboard_can_be_opened_under_its_old_address(
    stage: Stage, afterwards: list[Seen]
) -> None:
    assert "Launch 2024" in stage.company.server.open_page(VIEWER, f"/superset/dashboard/{SLUG}/")
