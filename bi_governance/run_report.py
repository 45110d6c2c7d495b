"""Run report: what one run saw and did, and how it is told in a title and a few lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bi_governance.alarms import Alarm
from bi_governance.alert import AlertReport
from bi_governance.collect import SourceCollection
from bi_governance.delete import DeleteReport
from bi_governance.follow import FollowReport
from bi_governance.guards import Evidence, Veto
from bi_governance.model import Facts, Mode, SourceDay, VisualKey
from bi_governance.plan import Plan
from bi_governance.ports import TransformReport
from bi_governance.purge import PurgeReport
from bi_governance.viewers import ViewerReport
from bi_governance.warn import WarnReport


@dataclass(frozen=True, slots=True)
class Estate:
    """The facts of one moment with their coverage, and the evidence that they can be trusted."""

    facts: tuple[Facts, ...]
    evidence: Evidence
    days: tuple[SourceDay, ...]


@dataclass(slots=True)
class RunReport:
    """What one run saw and did; `outcome` is done, vetoed or failed."""

    run_id: str
    started_at: datetime
    collections: list[SourceCollection] = field(default_factory=list)
    transform: TransformReport | None = None
    plan: Plan | None = None
    estate: Estate | None = None
    warned: WarnReport = field(default_factory=WarnReport)
    viewers: ViewerReport = field(default_factory=ViewerReport)
    escalated: WarnReport = field(default_factory=WarnReport)
    deleted: DeleteReport = field(default_factory=DeleteReport)
    purged: PurgeReport = field(default_factory=PurgeReport)
    followed: FollowReport = field(default_factory=FollowReport)
    alarms: tuple[Alarm, ...] = ()
    alerts: AlertReport = field(default_factory=AlertReport)
    month: str = ""
    recovered: str = ""
    rescued: list[VisualKey] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    fell_back: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        if self.warned.failed or self.deleted.failed or self.purged.failed or self.problems:
            return "failed"
        if any(not c.is_complete for c in self.collections):
            return "failed"
        return "vetoed" if self.plan is not None and self.plan.vetoes else "done"


def _vetoes_to_tell(report: RunReport) -> list[Veto]:
    """The plan's vetoes, less those that only repeat which feeds this run could not read."""
    told = {collection.source for collection in report.collections if not collection.is_complete}
    vetoes = report.plan.vetoes if report.plan else ()
    return [v for v in vetoes if v.source not in told or v.guard != "collection_complete"]


def _afterwards(report: RunReport) -> Iterator[str]:
    """What was told and mended after the fact, and what could not be; none of it fails a run."""
    followed = report.followed
    if followed.delivered:
        yield f"Told what became of {followed.delivered} visual(s) in {followed.messages} message(s)."
    if report.month:
        yield f"Told the analytics team about {report.month}."
    if followed.edited:
        yield f"Brought {followed.edited} earlier message(s) up to date."
    waiting = report.warned.waiting + report.escalated.waiting + followed.waiting
    if waiting:
        yield f"Waiting for working hours (schedule.notice_window): news about {waiting} visual(s)."
    yield from (f"Not told: {text}" for text in (*followed.failed, *followed.problems)[:10])
    yield from (f"Not brought up to date: {text}" for text in followed.unedited[:10])


def summary(report: RunReport, *, is_brief: bool = False) -> tuple[str, list[str]]:
    """The run in a title and a few lines, for terminal and ledger.

    With `is_brief` for the channel, which is told of what stops a source once: it keeps one line per source.
    """
    modes: Mapping[str, Mode] = report.plan.modes if report.plan else {}
    live = sorted(s for s, mode in modes.items() if mode is Mode.LIVE)
    lines = [
        f"Mode: live for {', '.join(live)}; all else dry-run."
        if live
        else "Mode: dry-run, nothing was deleted."
    ]
    lines.extend(f"Back to dry-run: {why}" for why in report.fell_back)
    if report.plan is not None:
        lines.append(
            "Plan: " + ", ".join(f"{count} {action}" for action, count in report.plan.counts().items())
        )
        lines.extend(report.plan.only_reported())
        lines.extend(_awaiting(report.plan))
    lines.append(f"Told about {report.warned.delivered} visual(s) in {report.warned.messages} message(s).")
    lines.extend(report.warned.lines())
    lines.extend(report.viewers.lines())
    lines.extend(_escalated(report.escalated))
    lines.append(
        f"Deleted {len(report.deleted.removed)}, would have deleted {len(report.deleted.simulated)}."
    )
    lines.extend(report.purged.lines())
    lines.extend(_afterwards(report))
    lines.extend(f"Settled: {text}" for text in report.settled[:20])
    lines.extend(f"Rescued: {key}" for key in report.rescued[:20])
    lines.extend(f"Deleted: {key}" for key in report.deleted.removed[:50])
    lines.extend(f"Dropped from the plan: {text}" for text in report.deleted.dropped)
    lines.extend(f"Refused: {text}" for text in report.deleted.refused[:20])
    lines.extend(f"Failed: {text}" for text in report.deleted.failed[:20])
    if report.recovered:
        lines.append(report.recovered)
    lines.extend(f"Problem: {text}" for text in report.problems)
    lines.extend(_standing(report) if is_brief else _trouble(report))
    return f"bi-governance run {report.run_id}: {report.outcome}", lines


def _escalated(told: WarnReport) -> Iterator[str]:
    if told.messages:
        yield f"Nobody reacted: told the next in line about {told.delivered} visual(s)."
    yield from (f"Next in line not told: {text}" for text in told.failed[:5])


def _awaiting(plan: Plan) -> Iterator[str]:
    waiting = len(plan.awaiting_approval())
    if waiting:
        yield (
            f"{waiting} visual(s) are due and wait for an admin's approval: bi-governance approve, or "
            "/bi approve on Slack."
        )


def _trouble(report: RunReport) -> Iterator[str]:
    """Everything that stops a source, and every alarm, with its reasons."""
    for collection in report.collections:
        yield from (f"{collection.source}: {problem}" for problem in collection.problems()[:5])
    yield from (f"Vetoed {v.source}: {v.guard} - {v.reason}" for v in _vetoes_to_tell(report)[:20])
    yield from (f"Look at {a.source}: {a.name} - {a.text}. {a.advice}" for a in report.alarms[:20])


def _standing(report: RunReport) -> Iterator[str]:
    """One line per source that is stopped, since when and by what; and one per alarm."""
    guards: dict[str, list[str]] = {}
    for veto in report.plan.vetoes if report.plan else ():
        guards.setdefault(veto.source, []).append(veto.guard)
    for source, names in guards.items():
        known = [report.alerts.since.get((source, name, "")) for name in names]
        since = min((at for at in known if at is not None), default=report.started_at)
        named = ", ".join(dict.fromkeys(names))
        yield f"Stopped {source} since {since:%Y-%m-%d}: {named}; bi-governance status says why."
    yield from (f"Still to look at {a.source}: {a.name} {a.subject}" for a in report.alarms[:20])
