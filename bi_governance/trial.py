"""Trial: what the last stretch in dry-run showed - what would have gone, and what of it was wanted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bi_governance import events as ev
from bi_governance.cases import Case
from bi_governance.guards import Limits, trial_lasted
from bi_governance.lifecycle import State, fold
from bi_governance.model import Mode, NoticeKind, VisualKey
from bi_governance.ports import Services


@dataclass(frozen=True, slots=True)
class WouldHaveGone:
    """One visual the trial would have deleted, and how, when and by whom it was wanted after all."""

    key: VisualKey
    title: str
    at: datetime
    wanted_at: datetime | None = None
    how: str = ""
    actor: str = ""

    def to_json(self) -> dict[str, Any]:
        """The visual as plain JSON values."""
        return {
            "key": str(self.key),
            "title": self.title,
            "at": self.at.isoformat(),
            "wanted_at": self.wanted_at.isoformat() if self.wanted_at else None,
            "how": self.how,
            "actor": self.actor,
        }


@dataclass(frozen=True, slots=True)
class SourceTrial:
    """The last trial of one source; `lasted` is from its first to its last recorded plan."""

    source: str
    mode: Mode
    began: datetime | None
    lasted: timedelta
    needed: timedelta
    told: int
    readers: tuple[str, ...]
    saved: dict[str, int]
    gone: tuple[WouldHaveGone, ...]
    is_too_old: bool = False  # to go live on, by trial.valid_days

    @property
    def is_complete(self) -> bool:
        return self.lasted >= self.needed

    @property
    def complete_at(self) -> datetime | None:
        """When it was, or (with a run every day) will be, long enough; None before its first plan."""
        return self.began + self.needed if self.began else None

    @property
    def regrets(self) -> tuple[WouldHaveGone, ...]:
        return tuple(g for g in self.gone if g.wanted_at is not None)

    @property
    def regret_share(self) -> float:
        """The part of what would have gone that was wanted after all, 0 to 1."""
        return len(self.regrets) / len(self.gone) if self.gone else 0.0

    def to_json(self) -> dict[str, Any]:
        """The trial as plain JSON values."""
        return {
            "source": self.source,
            "mode": str(self.mode),
            "began": self.began.isoformat() if self.began else None,
            "days": self.lasted.days,
            "days_needed": self.needed.days,
            "complete": self.is_complete,
            "too_old": self.is_too_old,
            "complete_at": self.complete_at.isoformat() if self.complete_at else None,
            "told_about": self.told,
            "readers": list(self.readers),
            "saved_by_the_warning": self.saved,
            "would_have_gone": [g.to_json() for g in self.gone],
            "regrets": len(self.regrets),
            "regret_share": round(self.regret_share, 4),
        }


def trials(services: Services) -> tuple[SourceTrial, ...]:
    """The last trial of every configured source, from the ledger alone."""
    state, found = follow_trials(services.ledger.events())
    limits, now = services.limits, services.clock.now()
    return tuple(
        _trial(name, state, found.get(name, _Tally()), limits, now) for name in sorted(services.readers)
    )


def _trial(name: str, state: State, tally: _Tally, limits: Limits, now: datetime) -> SourceTrial:
    lasted = tally.last - tally.began if tally.began and tally.last else timedelta(0)
    counts = trial_lasted(name, state, limits, now)
    return SourceTrial(
        name,
        state.mode_of(name),
        tally.began,
        lasted,
        timedelta(days=limits.trial_days),
        len(tally.told),
        tuple(sorted(tally.readers)),
        dict(sorted(tally.saved.items())),
        tuple(sorted(tally.gone.values(), key=lambda g: (g.wanted_at is None, g.at, g.key))),
        is_too_old=counts < lasted,
    )


@dataclass(slots=True)
class _Tally:
    """What one trial adds up to while the ledger is read."""

    began: datetime | None = None
    last: datetime | None = None
    told: set[VisualKey] = field(default_factory=set)
    readers: set[str] = field(default_factory=set)
    saved: Counter[str] = field(default_factory=Counter)
    gone: dict[VisualKey, WouldHaveGone] = field(default_factory=dict)
    titles: dict[VisualKey, str] = field(default_factory=dict)


def follow_trials(history: Iterable[ev.Event]) -> tuple[State, dict[str, _Tally]]:
    """The state all events add up to, and per source the tally of its last trial."""
    state, found = State(), dict[str, _Tally]()
    for event in history:
        if isinstance(event, ev.VisualEvent):
            tally = found.get(event.key.source)
            if tally is not None and state.mode_of(event.key.source) is Mode.DRY_RUN:
                _count(tally, event, state.case(event.key))
        fold([event], state)
        if isinstance(event, ev.PlanRecorded):
            _note_plan(found, state, event)
    return state, found


def _note_plan(found: dict[str, _Tally], state: State, event: ev.PlanRecorded) -> None:
    for source in filter(None, event.sources.split(",")):
        if state.mode_of(source) is not Mode.DRY_RUN:
            continue
        stretch = state.trials[source][-1]
        if stretch.first == stretch.last == event.at:
            found[source] = _Tally(began=event.at)
        found[source].last = event.at


def _count(tally: _Tally, event: ev.VisualEvent, before: Case) -> None:
    """One event of a trial; `before` is the visual's case before it happened."""
    match event:
        case ev.NoticeDelivered() if event.notice is NoticeKind.WARNING:
            tally.told.add(event.key)
            tally.readers.add(event.reader or event.recipient)
            tally.titles[event.key] = event.title
        case ev.RemovalSimulated() if event.episode == before.episode:
            title = tally.titles.get(event.key, "")
            tally.gone.setdefault(event.key, WouldHaveGone(event.key, title, event.at))
        case _:
            _count_wish(tally, event, before)


def _count_wish(tally: _Tally, event: ev.VisualEvent, before: Case) -> None:
    """Wanted: after it would have gone that is a regret, before that the warning saved it."""
    how = wanted(event)
    gone = tally.gone.get(event.key)
    if not how:
        return
    if gone is not None and before.simulated_at is not None:
        if gone.wanted_at is None:
            tally.gone[event.key] = WouldHaveGone(gone.key, gone.title, gone.at, event.at, how, event.actor)
    elif before.is_open:
        tally.saved[event.code if isinstance(event, ev.Rescued) else "kept"] += 1


def wanted(event: ev.VisualEvent) -> str:
    """How somebody showed that a visual is wanted, in words; empty where the event shows nothing of that."""
    match event:
        case ev.Regretted():
            return event.how
        case ev.Rescued():
            return event.code
        case ev.KeptUntil():
            return f"kept until {event.until:%Y-%m-%d}" + (f": {event.reason}" if event.reason else "")
        case ev.Exempted():
            return f"exempt: {event.reason}"
        case ev.ExemptionRequested():
            return f"asked for: {event.reason}"
        case ev.HandedOver():
            return f"taken over by {event.to_name or event.to_email}"
        case _:
            return ""
