"""Standing: what being live rests on - who asked for it, who confirmed it, and what was regretted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bi_governance import events as ev
from bi_governance.model import Mode, VisualKey

# Why a source falls back to dry-run by itself, as `ModeChanged.cause`.
REGRET, NOT_RENEWED = "regret", "not_renewed"
# Answers that want something kept; refused as stale they come too late, and are no less wanted for that.
_KEEPING = frozenset({"keep", "keep_for_good", "take_over"})


@dataclass(frozen=True, slots=True)
class RegretBudget:
    """How much of what was deleted may be wanted back within `days`; more than both is too much."""

    count: int = 2
    percent: float = 5.0
    days: int = 30


USUAL_REGRET = RegretBudget()


@dataclass(frozen=True, slots=True)
class Loss:
    """One removal, and since when it is known to have been a mistake."""

    key: VisualKey
    removed_at: datetime
    wanted_at: datetime


@dataclass(slots=True)
class Standing:
    """What the ledger says about being live beyond the mode itself; folded like everything else."""

    confirmed: dict[str | None, datetime] = field(default_factory=dict)
    requests: dict[str | None, ev.LiveRequested] = field(default_factory=dict)
    fell_back: list[ev.ModeChanged] = field(default_factory=list)
    admins_told: set[str] = field(default_factory=set)
    losses: dict[tuple[VisualKey, int], Loss] = field(default_factory=dict)

    def note(self, event: ev.Event) -> None:
        """What one event changes here."""
        match event:
            case ev.ModeChanged():
                self._switched(event)
            case ev.LiveRequested():
                self.requests[event.source] = event
            case ev.AdminsTold():
                self.admins_told.add(event.subject)
            case _:
                pass

    def _switched(self, event: ev.ModeChanged) -> None:
        if event.source is None and event.mode is Mode.DRY_RUN:
            self.requests.clear()
        self.requests.pop(event.source, None)
        if event.mode is Mode.LIVE:
            self.confirmed[event.source] = event.at
        elif event.cause:
            self.fell_back.append(event)

    def note_wanted(self, event: ev.VisualEvent, episode: int, removed_at: datetime) -> None:
        """A removed visual, and an event that may show that somebody wants it back; once per removal."""
        if wants_back(event):
            self.losses.setdefault((event.key, episode), Loss(event.key, removed_at, event.at))

    def confirmed_at(self, source: str) -> datetime | None:
        """When somebody last said that the source is to be live."""
        said = [self.confirmed[name] for name in (None, source) if name in self.confirmed]
        return max(said, default=None)

    def last_fall_for_regret(self, source: str) -> datetime | None:
        """The last time too much was regretted; what was deleted before is accounted for."""
        falls = [e.at for e in self.fell_back if (e.source, e.cause) == (source, REGRET)]
        return max(falls, default=None)

    def overspent(
        self, source: str, removals: Sequence[ev.Removed], budget: RegretBudget | None, now: datetime
    ) -> str:
        """Why too much of what was deleted lately was wanted back, in words; empty when it was not."""
        if budget is None:
            return ""
        since, settled = now - timedelta(days=budget.days), self.last_fall_for_regret(source)
        missed = [
            loss
            for loss in self.losses.values()
            if loss.key.source == source
            and loss.wanted_at >= since
            and (settled is None or loss.removed_at > settled)
        ]
        deleted = [
            r
            for r in removals
            if r.key.source == source and r.at >= since and (settled is None or r.at > settled)
        ]
        share = 100 * len(missed) / max(len(deleted), len(missed), 1)
        if len(missed) <= budget.count or share <= budget.percent:
            return ""
        named = ", ".join(str(loss.key) for loss in sorted(missed, key=lambda m: m.wanted_at)[-5:])
        return (
            f"{len(missed)} of {len(deleted)} visuals deleted at {source} in the last {budget.days} days "
            f"were wanted back ({share:.0f}%), such as {named}; limits.regret allows {budget.count} "
            f"and {budget.percent:g}%"
        )


def wants_back(event: ev.VisualEvent) -> bool:
    """Whether something that happened after a removal shows that it was a mistake."""
    match event:
        case ev.AnswerRefused():
            return event.answer in _KEEPING and event.outcome == "stale"
        case ev.Regretted() | ev.Restored() | ev.KeptUntil() | ev.Exempted() | ev.ExemptionRequested():
            return True
        case _:
            return False
