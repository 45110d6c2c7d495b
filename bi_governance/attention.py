"""Attention: of what people were warned of, how much got any reaction before it was over."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from bi_governance import events as ev
from bi_governance.model import Mode, VisualKey

# A rescue that somebody brought about by doing something with the visual; the others are our own doing.
_DONE_BY_PEOPLE = frozenset(
    {"used", "renamed", "moved", "owner_changed", "trashed", "scheduled", "published", "certified"}
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One warning: the date it gave, whether anybody reacted, and when its episode was over."""

    mode: Mode
    due: datetime
    is_answered: bool = False
    over_at: datetime | None = None

    @property
    def counts(self) -> bool:
        """Not where we gave up before the date: nobody had the time to answer."""
        return self.is_answered or self.over_at is None or self.over_at >= self.due


@dataclass(frozen=True, slots=True)
class Share:
    """Of `asked` warned visuals whose date came, how many were `answered`."""

    asked: int
    answered: int

    @property
    def percent(self) -> float:
        """100 where nothing was asked: then nobody failed to answer."""
        return 100 * self.answered / self.asked if self.asked else 100.0

    def __str__(self) -> str:
        share = f" ({self.percent:.0f}%)" if self.asked else ""
        return f"{self.answered} of {self.asked} warned visuals{share} got a reaction"


@dataclass(slots=True)
class Attention:
    """Every warning that opened an episode; folded like everything else."""

    warnings: dict[tuple[VisualKey, int], Asked] = field(default_factory=dict)

    def asked(self, event: ev.NoticeDelivered) -> None:
        """A warning opened an episode."""
        asked = Asked(event.mode, event.deadline or event.at)
        self.warnings.setdefault((event.key, event.episode), asked)

    def note(self, event: ev.VisualEvent, episode: int, *, is_over: bool) -> None:
        """What happened to a visual while it was warned of."""
        if _is_reaction(event):
            self._change(event.key, episode, is_answered=True)
        if is_over:
            self.over(event.key, episode, event.at)

    def over(self, key: VisualKey, episode: int, at: datetime) -> None:
        """The episode is over, whatever ended it."""
        self._change(key, episode, over_at=at)

    def share(self, source: str, mode: Mode, after: datetime, until: datetime) -> Share:
        """Of the source's warnings in `mode` whose date lies in (after, until], how many got a reaction."""
        found = [
            asked
            for (key, _), asked in self.warnings.items()
            if key.source == source and asked.mode is mode and after < asked.due <= until and asked.counts
        ]
        return Share(len(found), sum(asked.is_answered for asked in found))

    def _change(
        self, key: VisualKey, episode: int, *, is_answered: bool = False, over_at: datetime | None = None
    ) -> None:
        asked = self.warnings.get((key, episode))
        if asked is not None:
            self.warnings[key, episode] = replace(
                asked, is_answered=asked.is_answered or is_answered, over_at=asked.over_at or over_at
            )


def _is_reaction(event: ev.VisualEvent) -> bool:
    """Whether somebody did something with the visual or said something about it."""
    match event:
        case ev.Rescued():
            return event.code in _DONE_BY_PEOPLE
        case ev.KeptUntil() | ev.Exempted() | ev.ExemptionRequested() | ev.HandedOver() | ev.RemovalAgreed():
            return True
        case ev.Answered():
            return True
        case _:
            return False
