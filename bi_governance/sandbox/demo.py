"""The demo: the real pipeline on sandbox servers through a trial, going live, a deletion and a restore."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bi_governance import events as ev
from bi_governance.app import App
from bi_governance.connectors.powerbi.client import BUDGETS as POWERBI_BUDGETS
from bi_governance.errors import ConfigurationError, GovernanceError
from bi_governance.guards import trusted_coverage
from bi_governance.keep import keep_until
from bi_governance.model import Mode, VisualKey
from bi_governance.restore import restore
from bi_governance.run import daily_run, one_runner
from bi_governance.run_report import RunReport
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.demo_report import Ending, Snapshot, chart, endings, show_endings, write_files
from bi_governance.sandbox.demo_servers import SOURCES, Servers, populated, serving
from bi_governance.sandbox.estate import Estate, Truth
from bi_governance.sandbox.server import Fault

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
LIVE_ON, RESCUE_ON, KEEP_ON, RESTORE_ON = 21, 24, 23, 31
RUNS = (0, 7, 21, 22, 26, 29, 45)
OUTAGE_ON = 7
WANTED_BACK = "Warehouse move tracker"
WANTED_IN_TRIAL = "Newsletter sign-ups"


@dataclass(slots=True)
class Stage:
    """The servers, the people, the product under its simulated clock, and what was seen so far."""

    clock: SimulatedClock
    estate: Estate
    servers: Servers
    app: App
    out: Console
    snapshots: list[Snapshot] = field(default_factory=list)
    day: int = 0
    trial_writes: int = 0

    def key(self, truth: Truth) -> VisualKey:
        """The visual key of one thing of the estate; Superset's is the uuid."""
        native = truth.native_id
        if truth.platform == "superset":
            superset = self.servers.superset
            things = superset.dashboards if truth.type == "dashboard" else superset.charts
            native = str(things[int(native)].uuid)
        return VisualKey(SOURCES[truth.platform], truth.type, native)

    def titled(self, title: str) -> Truth:
        return next(t for t in self.estate.truths if t.title == title)

    def say(self, text: str) -> None:
        line = Table.grid(padding=(0, 2))
        line.add_row(f"[dim]day {self.day:>2}[/dim]", f"[dim]{self.clock.now():%a %d %b}[/dim]", text)
        self.out.print(line)


def play(directory: Path, out: Console) -> None:
    """Play the whole story; leaves a report, the plan, the messages, the ledger and the warehouse behind.

    Raises GovernanceError when the story did not end as the estate's own truth says it must.
    """
    began = time.monotonic()
    folder = _fresh(directory)
    with _stage(folder, out) as stage:
        _introduce(stage)
        keys = {stage.key(truth): truth for truth in stage.estate.truths}
        for day in RUNS:
            _live_until(stage, day)
            _one_run(stage)
        ends = endings(stage.app.services, keys)
        seconds = time.monotonic() - began
        _conclude(stage, ends, folder, seconds)
    wrong = [end for end in ends if not end.as_expected]
    if stage.trial_writes:
        raise GovernanceError(f"dry-run made {stage.trial_writes} changing calls to the BI servers")
    if wrong:
        raise GovernanceError(
            "the demo did not end as it must for " + ", ".join(str(end.key) for end in wrong)
        )


def _fresh(directory: Path) -> Path:
    """An empty folder; anything that is not an earlier demo stays untouched."""
    marker = directory / ".bi-governance-demo"
    if directory.exists():
        if not marker.exists() and any(directory.iterdir()):
            raise ConfigurationError(f"{directory} is not empty; name another folder with --directory.")
        shutil.rmtree(directory)
    directory.mkdir(parents=True)
    marker.touch()
    return directory.resolve()


class _StoryTime:
    """The story's clock in seconds, on which a wait passes at once and moves nobody else's clock."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock, self._slept = clock, 0.0

    def seconds(self) -> float:
        return self._clock.now().timestamp() + self._slept

    def sleep(self, seconds: float) -> None:
        self._slept += seconds


@contextmanager
def _stage(folder: Path, out: Console) -> Iterator[Stage]:
    clock = SimulatedClock(START)
    estate = Estate(clock, rescue_day=RESCUE_ON)
    servers = populated(clock, estate)
    story = _StoryTime(clock)
    # What Microsoft allows per hour is per hour of the story, not of the minute it takes to tell.
    with (
        POWERBI_BUDGETS.timed_by(story.seconds, story.sleep),
        serving(servers, folder) as settings,
        # Nor does the demo's Slack limit anybody.
        App(settings, clock=clock, sleep=lambda _seconds: None) as app,
    ):
        yield Stage(clock, estate, servers, app, out)


def _introduce(stage: Stage) -> None:
    people, visuals = len(stage.estate.people), len(stage.estate.truths)
    stage.out.print(
        Panel(
            Text(
                f"Acme: {people} people, {visuals} visuals in Looker, Superset, Tableau, Power BI and Domo.\n"
                "Their servers and Slack run here on loopback; the product is real, its clock simulated.\n"
                "Rules: unused for 60 days means deletable, owners are warned 7 days before,\n"
                "and nothing is deleted before a trial of 21 days in dry-run."
            ),
            title="bi-governance demo",
            title_align="left",
            expand=False,
        )
    )


def _live_until(stage: Stage, day: int) -> None:
    while stage.day < day:
        stage.estate.next_day()
        stage.day += 1
        for action in _CALENDAR.get(stage.day, ()):
            action(stage)


def _one_run(stage: Stage) -> None:
    if stage.day == OUTAGE_ON:
        stage.servers.superset.faults.add(Fault("/api/v1/", "status", status=500, times=None))
        stage.say("[magenta]Superset answers every call with an error today[/magenta]")
    began = time.monotonic()
    report = daily_run(stage.app.services)
    stage.servers.superset.faults.clear()
    stage.snapshots.append(Snapshot.of(stage.day, stage.clock.now(), report, time.monotonic() - began))
    stage.say(_run_line(report))
    if stage.day == 0:
        stage.say(_history_line(stage, report))
    for source in sorted(report.plan.vetoed_sources() if report.plan else ()):
        stage.out.print(f"{'':15}[magenta]veto on {source}[/magenta]: feeds not whole, nothing happens there")


def _run_line(report: RunReport) -> str:
    parts = ["run:"]
    if report.warned.delivered:
        parts.append(
            f"told about [yellow]{report.warned.delivered}[/yellow] in {report.warned.messages} message(s)"
        )
    if report.rescued:
        parts.append(f"[green]{len(report.rescued)} rescued[/green]")
    if report.deleted.simulated:
        parts.append(f"would have deleted [red]{len(report.deleted.simulated)}[/red] (dry-run)")
    if report.deleted.removed:
        parts.append(f"deleted [red]{len(report.deleted.removed)}[/red], each backed up first")
    titles = {str(facts.key): facts.title for facts in report.estate.facts} if report.estate else {}
    for key, _, reason in (refused.partition(": ") for refused in report.deleted.refused):
        parts.append(f"left alone: '{titles.get(key, key)}', {reason}")
    return "  ".join(parts) if len(parts) > 1 else "run: nothing was due"


def _history_line(stage: Stage, report: RunReport) -> str:
    """From how many days back each platform proves who used what."""
    days = report.estate.days if report.estate else ()
    starts = {
        source: trusted_coverage([d for d in days if d.source == source], stage.app.services.limits).start
        for source in SOURCES.values()
    }
    told = ", ".join(
        f"{source} {(stage.clock.now() - start).days if start else 0}" for source, start in starts.items()
    )
    return f"days of history they prove: {told}; below 60 nothing is deleted"


def _regret_in_trial(stage: Stage) -> None:
    truth = stage.titled(WANTED_IN_TRIAL)
    looker, last = stage.servers.looker, stage.estate.people[-1]
    viewer = next(user for user in looker.users.values() if user.email == last.email)
    looker.view("look", truth.native_id, by=viewer.id, at=stage.clock.now() + timedelta(hours=3))
    stage.say(
        f"somebody opens '{truth.title}', which live would already have deleted: a regret, found by the trial"
    )


def _go_live(stage: Stage) -> None:
    stage.trial_writes = stage.servers.writes()
    stage.app.services.ledger.append(
        [ev.ModeChanged(at=stage.clock.now(), actor="admin", mode=Mode.LIVE, reason="trial reviewed")]
    )
    stage.say(
        "[bold]an admin reads the trial's results and switches to live[/bold]; every warning starts anew"
    )


def _owners_keep(stage: Stage) -> None:
    for truth in stage.estate.labelled("kept_by_owner"):
        until = stage.clock.now() + timedelta(days=365)
        actor = truth.owner_email or "owner"
        keep_until(stage.app.services, stage.key(truth), until, actor=actor, reason="needed at year-end")
        stage.say(f"{actor} keeps '{truth.title}' for a year")


def _viewers_return(stage: Stage) -> None:
    titles = ", ".join(f"'{t.title}'" for t in stage.estate.labelled("rescued_by_viewer"))
    stage.say(f"people open {titles} again; no button needed")


def _restore_one(stage: Stage) -> None:
    key = stage.key(stage.titled(WANTED_BACK))
    with one_runner(stage.app.services) as lease:
        for back in restore(stage.app.services, key, actor="operations", lease=lease):
            lost = f"; lost: {', '.join(back.outcome.lost)}" if back.outcome.lost else ""
            stage.say(f"[green]'{WANTED_BACK}' is wanted after all and restored[/green] as {back.key}{lost}")


_CALENDAR: dict[int, tuple[Callable[[Stage], None], ...]] = {
    10: (_regret_in_trial,),
    LIVE_ON + 1: (_go_live,),
    KEEP_ON: (_owners_keep,),
    RESCUE_ON: (_viewers_return,),
    RESTORE_ON: (_restore_one,),
}


def _conclude(stage: Stage, ends: list[Ending], folder: Path, seconds: float) -> None:
    stage.out.print()
    stage.out.print(show_endings(ends))
    stage.out.print(chart(stage.snapshots))
    writes = stage.servers.writes()
    right = sum(end.as_expected for end in ends)
    files = write_files(folder, ends, stage.snapshots, stage.servers.slack, stage.app.services)
    plan = stage.app.services.ledger.plans(limit=1)[0]
    (folder / "plan.json").write_text(json.dumps(plan, indent=2, ensure_ascii=False), encoding="utf-8")
    runs = f"{len(stage.snapshots)} daily runs over {RUNS[-1]} days in {seconds:.0f} s"
    lines = [
        f"{right} of {len(ends)} visuals ended as the estate's own truth says they should.",
        f"{runs}.",
        f"Changing calls the BI servers saw: {stage.trial_writes} in dry-run, {writes} in all.",
        "Look at: " + ", ".join(str(file) for file in files),
    ]
    stage.out.print(Panel(Text("\n".join(lines)), title="the end", title_align="left", expand=False))
