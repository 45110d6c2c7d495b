"""Time against the whole product, seen from the servers: outages, missed months, calendars."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bi_governance import events as ev
from bi_governance.app import App
from bi_governance.model import Mode, VisualKey
from bi_governance.run import daily_run
from bi_governance.run_report import RunReport
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.server import Fault
from bi_governance.settings import Settings
from tests.connectors.harness import SOURCE, START, Harness

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


class Team:
    """A live source with a dashboard that is opened all day, and others nobody opened for so many days."""

    def __init__(
        self,
        servers: ExitStack,
        folder: Path,
        platform: str,
        start: datetime,
        idle: Sequence[int],
        **settings: object,
    ) -> None:
        self.clock = SimulatedClock(start)
        module = importlib.import_module(f"tests.connectors.harness_{platform}")
        self.bi: Harness = module.make(self.clock, "acme")
        self.busy = self.bi.add_visual("Opened all day long")
        self.idle = [self.bi.add_visual(f"Opened {days} days ago") for days in idle]
        for days in range(80, 0, -1):
            for key in (key for key, ago in zip(self.idle, idle, strict=True) if ago == days):
                self.bi.view(key, start - days * DAY)
            self.use_busy(start - days * DAY)
        self.server = servers.enter_context(self.bi.serve())
        self.folder = folder
        given = Settings.model_validate(
            {
                "warehouse": {"url": f"duckdb:///{folder}/warehouse.duckdb", "dbt_target": f"{folder}/dbt"},
                "ledger": {"url": f"sqlite:///{folder}/ledger.db"},
                "backups": {"url": f"file://{folder}/backups"},
                "outbox": f"{folder}/outbox",
                "sources": {SOURCE: {"platform": platform, **self.bi.options(self.server.url)}},
                "trial": {"days": 0},
                **settings,
            }
        )
        self.app = servers.enter_context(App(given, clock=self.clock))
        self.app.ledger.append([ev.ModeChanged(at=start, actor="ann", mode=Mode.LIVE, reason="test")])

    def use_busy(self, day: datetime) -> None:
        """What people open in the twelve hours after `day`, whatever else happens."""
        for hours in range(12):
            self.bi.view(self.busy, day + hours * HOUR)

    def pass_days(self, days: int, *, is_used: bool = True) -> None:
        """Days go by without a run."""
        for _ in range(days):
            if is_used:
                self.use_busy(self.clock.now())
            self.clock.advance(DAY)

    def run(self) -> RunReport:
        return daily_run(self.app.services)

    def gone(self) -> list[VisualKey]:
        """What is no longer at the server, or in its trash."""
        return [key for key in self.idle if self.bi.title_there(key) is None]

    def writes(self) -> int:
        return len(self.server.requests.writes())

    def told(self) -> list[str]:
        """What the admins were told of concerns."""
        files = sorted((self.folder / "outbox").rglob("concerns-*.md"), key=lambda f: f.stat().st_mtime_ns)
        return [file.read_text("utf-8") for file in files]


TeamOf = Callable[..., Team]


@pytest.fixture
def team(tmp_path: Path) -> Iterator[TeamOf]:
    with ExitStack() as servers:
        yield lambda *idle, platform="looker", start=START, **settings: Team(
            servers, tmp_path, platform, start, idle, **settings
        )


def guards(report: RunReport) -> set[str]:
    assert report.plan is not None
    return {veto.guard for veto in report.plan.vetoes}


def test_a_feed_outage_of_nine_days_deletes_nothing_and_spares_what_was_used_meanwhile(team: TeamOf) -> None:
    """Both dashboards' dates pass during the outage; one of them is opened, unseen by the feed."""
    there = team(40, 41, policy={"idle_days": 14, "warning_days": 5})
    assert there.run().warned.delivered == 2
    rescued: list[VisualKey] = []
    there.server.faults.add(Fault(there.bi.paths.history, "status", status=503, times=None))
    for day in range(1, 10):
        there.pass_days(1)
        if day == 4:
            there.bi.view(there.idle[1], there.clock.now())
        if day in (1, 5, 9):
            report = there.run()
            rescued += report.rescued
            assert "collection_complete" in guards(report), day
            assert there.writes() == 0
    assert "feed_fresh" in guards(report)
    there.server.faults.clear()
    there.pass_days(1)
    report = there.run()
    assert guards(report) == set()
    assert there.gone() == [there.idle[0]]
    assert [key.native_id for key in (*rescued, *report.rescued)] == [there.idle[1].native_id]
    began, later, ended = there.told()
    assert "collection_complete" in began
    assert "feed_fresh" in later
    assert "Over:" in ended


def test_nine_days_the_feed_says_nothing_about_stop_the_clock_for_nine_days(team: TeamOf) -> None:
    """Status 200, complete, fresh, and empty but for our own calls: as if nobody used anything.

    In Superset, which has no last-access field of its own that could prove those days.
    """
    there = team(24, platform="superset", policy={"idle_days": 30, "warning_days": 7})
    there.run()
    there.pass_days(9, is_used=False)
    assert guards(there.run()) == {"volume_plausible"}
    there.pass_days(2)
    assert guards(there.run()) == {"volume_plausible"}
    there.pass_days(3)
    assert guards(there.run()) == set()
    assert there.writes() == 0  # 38 days since its last use, of which nine prove nothing
    there.pass_days(1)
    there.run()
    assert there.gone() == there.idle


def test_a_scheduler_down_for_a_month_catches_up_within_its_caps_and_after_reading_what_it_missed(
    team: TeamOf,
) -> None:
    there = team(
        40, 41, 42, 43, 8,
        policy={"idle_days": 14, "warning_days": 5},
        limits={"delete_per_run": 2, "delete_percent": 100},
    )  # fmt: skip
    there.run()
    there.pass_days(20)
    there.bi.view(there.idle[3], there.clock.now())
    there.pass_days(10)
    report = there.run()
    assert len(there.gone()) == 2
    assert there.idle[3] not in there.gone()
    assert [key.native_id for key in report.rescued] == [there.idle[3].native_id]
    # What became due in the month was not warned of: it is told now, not deleted.
    assert there.idle[4] not in there.gone()
    assert report.warned.delivered == 1
    there.pass_days(1)
    there.run()
    assert there.gone() == there.idle[:3]


def test_after_a_pause_longer_than_anybody_remembers_everybody_is_warned_anew(team: TeamOf) -> None:
    there = team(40, policy={"idle_days": 14, "warning_days": 5})
    there.run()
    there.pass_days(36)
    assert there.run().rescued
    assert there.writes() == 0
    there.run()
    there.pass_days(4)
    there.run()
    assert there.writes() == 0
    there.pass_days(1)
    there.run()
    assert there.gone() == there.idle


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(datetime(2026, 3, 26, 9, tzinfo=AMSTERDAM), id="clocks go forward"),
        pytest.param(datetime(2026, 10, 22, 9, tzinfo=AMSTERDAM), id="clocks go back"),
        pytest.param(datetime(2028, 2, 26, 9, tzinfo=AMSTERDAM), id="leap day"),
        pytest.param(datetime(2026, 12, 29, 9, tzinfo=AMSTERDAM), id="year end"),
    ],
)
def test_the_warning_time_is_whole_and_ends_in_office_hours_whatever_the_calendar_does(
    team: TeamOf, start: datetime
) -> None:
    """Five whole days from the warning on, and then not before the wall clock says nine."""
    hours = {"hours": "09:00-16:00"}
    there = team(
        40,
        start=start.astimezone(UTC),
        policy={"idle_days": 14, "warning_days": 5},
        schedule={"timezone": "Europe/Amsterdam", "delete_window": hours},
    )
    there.run()
    warned_at = there.clock.now()
    due = max(warned_at + 5 * DAY, (start + 5 * DAY).astimezone(UTC))  # the latter by the wall clock
    there.pass_days(4)
    there.use_busy(there.clock.now())
    there.clock.advance(due - timedelta(minutes=1) - there.clock.now())
    there.run()
    assert there.writes() == 0
    there.clock.advance(timedelta(minutes=2))
    there.run()
    assert there.gone() == there.idle
    removed = [r.at for r in there.server.requests.writes()]
    assert all(at - warned_at >= 5 * DAY and 9 <= at.astimezone(AMSTERDAM).hour < 16 for at in removed)
