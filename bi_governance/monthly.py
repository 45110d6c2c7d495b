"""Monthly: what a month brought - gone, rescued, regretted, due next - told to the analytics team once.

Due as soon as a month is over and not yet reported, on whatever day the next run happens to be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from bi_governance import events as ev
from bi_governance.announce import announce_once
from bi_governance.attention import Share
from bi_governance.lifecycle import State
from bi_governance.model import Mode, NoticeKind, VisualKey
from bi_governance.plan import Plan
from bi_governance.ports import Announcement, Lease, Services

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
MOST_NAMED = 20
# How far ahead a summary looks.
AHEAD = timedelta(days=31)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month where the team lives, written `2026-10`."""

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    @property
    def name(self) -> str:
        return f"{MONTHS[self.number - 1]} {self.year}"

    @property
    def before(self) -> Month:
        return Month(self.year, self.number - 1) if self.number > 1 else Month(self.year - 1, 12)

    @property
    def after(self) -> Month:
        return Month(self.year, self.number + 1) if self.number < 12 else Month(self.year + 1, 1)

    @classmethod
    def of(cls, moment: datetime, zone: tzinfo) -> Month:
        local = moment.astimezone(zone)
        return cls(local.year, local.month)

    def start(self, zone: tzinfo) -> datetime:
        """Its first moment there, in UTC."""
        return datetime(self.year, self.number, 1, tzinfo=zone).astimezone(UTC)


@dataclass(slots=True)
class Tally:
    """What happened in one month, each visual once per row."""

    warned: set[VisualKey] = field(default_factory=set)
    readers: set[str] = field(default_factory=set)
    deleted: dict[VisualKey, str] = field(default_factory=dict)
    simulated: set[VisualKey] = field(default_factory=set)
    rescued: Counter[str] = field(default_factory=Counter)
    kept: set[VisualKey] = field(default_factory=set)
    restored: set[VisualKey] = field(default_factory=set)
    regretted: dict[Mode, set[VisualKey]] = field(default_factory=dict)
    unserved: set[VisualKey] = field(default_factory=set)
    reactions: dict[str, Share] = field(default_factory=dict)


def report_month(services: Services, plan: Plan, lease: Lease, run_id: str) -> str:
    """Tell the analytics team about the last whole month unless it was told; the month, empty if not due.

    A crash between telling and recording is noticed by looking for the message first. Raises
    DeliveryError when it could not be told; the next run tries again.
    """
    zone, now = services.notice_window.zone, services.clock.now()
    state = services.ledger.state()
    month = due_month(state, now, zone)
    if month is None:
        return ""
    tally = count(services.ledger.events(), month, zone)
    tally.reactions = _reactions(state, services.readers, month, zone)
    lines = tuple(summary_lines(tally, plan, state, now))
    told = Announcement(f"month-{month}", f"{month.name} in bi-governance", lines)
    announce_once(services.notifier, told, Month.of(now, zone).start(zone))
    services.ledger.append([ev.MonthReported(at=now, run_id=run_id, month=str(month))], lease)
    return str(month)


def due_month(state: State, now: datetime, zone: tzinfo) -> Month | None:
    """The last whole month, if we already ran in it and it was not reported."""
    month = Month.of(now, zone).before
    if state.first_run is None or Month.of(state.first_run, zone) > month:
        return None
    return None if str(month) in state.months_reported else month


def count(history: Iterable[ev.Event], month: Month, zone: tzinfo) -> Tally:
    """Everything that happened in the month, from the ledger."""
    tally, titles = Tally(), dict[VisualKey, str]()
    for event in history:
        if isinstance(event, ev.NoticeDelivered):
            titles[event.key] = event.title
        if Month.of(event.at, zone) == month and isinstance(event, ev.VisualEvent):
            _count(tally, event, titles)
    return tally


def _count(tally: Tally, event: ev.VisualEvent, titles: dict[VisualKey, str]) -> None:
    match event:
        case ev.NoticeDelivered() if event.notice is NoticeKind.WARNING:
            tally.warned.add(event.key)
            tally.readers.add(event.recipient)
            tally.unserved.discard(event.key)
        case ev.NoticeFailed() if event.notice is NoticeKind.WARNING and event.key not in tally.warned:
            tally.unserved.add(event.key)
        case ev.Removed():
            tally.deleted[event.key] = titles.get(event.key, "")
        case ev.RemovalSimulated():
            tally.simulated.add(event.key)
        case ev.Rescued():
            tally.rescued[event.code] += 1
        case ev.KeptUntil() | ev.Exempted():
            tally.kept.add(event.key)
        case ev.Restored():
            tally.restored.add(event.key)
        case ev.Regretted():
            tally.regretted.setdefault(event.mode, set()).add(event.key)
        case _:
            pass


def summary_lines(tally: Tally, plan: Plan, state: State, now: datetime) -> Iterator[str]:
    """The month in lines, most important first."""
    regretted = len(tally.regretted.get(Mode.LIVE, ()))
    yield f"Deleted: {len(tally.deleted)}. Wanted back: {regretted}{_share(regretted, len(tally.deleted))}."
    if tally.simulated:
        missed = len(tally.regretted.get(Mode.DRY_RUN, ()))
        yield (
            f"In the trial, would have been deleted: {len(tally.simulated)}. "
            f"Wanted after all: {missed}{_share(missed, len(tally.simulated))}."
        )
    yield f"Warned of: {len(tally.warned)}, in messages to {len(tally.readers)} readers."
    used, other = tally.rescued["used"], sum(tally.rescued.values()) - tally.rescued["used"]
    yield f"Rescued: {used} because somebody used them, {other} for another reason, {len(tally.kept)} kept."
    for source, share in tally.reactions.items():
        yield f"{source}: {share} before their date."
    if tally.restored:
        yield f"Restored: {len(tally.restored)}."
    if tally.unserved:
        yield f"Nobody could be told about {len(tally.unserved)}; those are not deleted."
    yield from _named(tally)
    yield from _due(plan, state, now)


def _reactions(state: State, sources: Iterable[str], month: Month, zone: tzinfo) -> dict[str, Share]:
    """Per source that warned in live, how many of the visuals whose date came in the month got a reaction."""
    start, end = month.start(zone), month.after.start(zone)
    found = {source: state.attention.share(source, Mode.LIVE, start, end) for source in sorted(sources)}
    return {source: share for source, share in found.items() if share.asked}


def _share(part: int, whole: int) -> str:
    return f" ({100 * part / whole:.0f}%)" if whole else ""


def _named(tally: Tally) -> Iterator[str]:
    listed = list(tally.deleted.items())
    for key, title in listed[:MOST_NAMED]:
        back = ", restored since" if key in tally.restored else ""
        yield f"Deleted: {title or 'untitled'} ({key}){back}"
    if len(listed) > MOST_NAMED:
        yield f"... and {len(listed) - MOST_NAMED} more that were deleted"


def _due(plan: Plan, state: State, now: datetime) -> Iterator[str]:
    due = [
        d
        for d in plan.decisions
        if d.deadline is not None and d.deadline <= now + AHEAD and state.case(d.key).is_open
    ]
    live = sum(1 for d in due if plan.modes.get(d.key.source) is Mode.LIVE)
    if due:
        yield (
            f"Due within {AHEAD.days} days unless somebody uses or keeps them: {live} live, "
            f"{len(due) - live} in a trial."
        )
    else:
        yield f"Nothing is due within {AHEAD.days} days."
