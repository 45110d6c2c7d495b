"""Outlook: from when deletions are possible at a source, what they wait for, and which days prove nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bi_governance.guards import Limits, SourceEvidence, Veto, collapsed_days, trial_lasted, trusted_coverage
from bi_governance.lifecycle import State
from bi_governance.model import Coverage, Facts, Mode, SourceDay
from bi_governance.rules import Policy, terms_for

MOST_GAPS = 10


@dataclass(frozen=True, slots=True)
class Hold:
    """Something that must be over before anything is deleted: until when, or (None) until somebody acts."""

    code: str
    until: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of access history that proves nothing; it stops the clock of every visual of its source."""

    start: datetime
    end: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """When the first deletion at a source is possible at the earliest (None: cannot be told yet), and why."""

    source: str
    possible_from: datetime | None
    holds: tuple[Hold, ...]
    gaps: tuple[Gap, ...]

    def lines(self) -> Iterator[str]:
        """The outlook in sentences, days in UTC."""
        when = f"on {self.possible_from:%Y-%m-%d}" if self.possible_from else "on a day nobody can tell yet"
        if self.holds:
            yield f"{self.source}: deletions become possible {when} at the earliest"
        for hold in self.holds:
            yield f"  {f'until {hold.until:%Y-%m-%d}' if hold.until else 'waits'}: {hold.why}"
        for gap in self.gaps[-MOST_GAPS:]:
            yield f"{self.source}: gap {gap.start:%Y-%m-%d %H:%M} .. {gap.end:%Y-%m-%d %H:%M} UTC: {gap.why}"
        if len(self.gaps) > MOST_GAPS:
            yield f"{self.source}: and {len(self.gaps) - MOST_GAPS} earlier gaps"

    def to_json(self) -> dict[str, Any]:
        """The outlook as plain JSON values."""
        return {
            "source": self.source,
            "possible_from": self.possible_from.isoformat() if self.possible_from else None,
            "waits_for": [
                {"what": h.code, "until": h.until.isoformat() if h.until else None, "why": h.why}
                for h in self.holds
            ],
            "gaps": [{"from": g.start.isoformat(), "to": g.end.isoformat(), "why": g.why} for g in self.gaps],
        }


def outlook(
    evidence: SourceEvidence,
    facts: Sequence[Facts],
    vetoes: Sequence[Veto],
    state: State,
    policy: Policy,
    limits: Limits,
    now: datetime,
    *,
    kept_days: int | None = None,
) -> Outlook:
    """What the source's deletions wait for, from its evidence, the facts of its visuals and the ledger.

    `kept_days` is how far back the platform itself keeps access history; None: as far as nobody pruned it.
    """
    coverage = trusted_coverage(evidence.days, limits)
    gaps = tuple(gaps_of(evidence.days, coverage, limits, now))
    proven, why = _proven(coverage, facts, policy, limits, now, kept_days)
    notice, noticed = _notice(evidence.source, state, policy, limits, now)
    holds = [
        *(Hold("veto", None, f"stopped by {veto.guard}: {veto.reason}") for veto in vetoes),
        *([Hold("history", proven, why)] if proven is None or proven > now else []),
        *_trial(evidence.source, state, limits, now),
        *_cap(limits),
        *([Hold("notice", notice, noticed)] if notice > now else []),
    ]
    first = None if proven is None else policy.window.next_open(max(proven, notice, now))
    if first is not None and first > max(proven or now, notice, now):
        holds.append(Hold("window", first, "the deletion window is closed until then"))
    return Outlook(evidence.source, proven if not holds else first, tuple(holds), gaps)


def _proven(
    coverage: Coverage,
    facts: Sequence[Facts],
    policy: Policy,
    limits: Limits,
    now: datetime,
    kept_days: int | None,
) -> tuple[datetime | None, str]:
    """The first moment at which anything can be proven unused for long enough, and what that takes."""
    general = timedelta(days=policy.idle_days)
    asked = {(f.coverage, terms_for(f, policy, now).idle) for f in facts if not f.is_trashed}
    dates = [
        (date, idle)
        for each, idle in asked or {(coverage, general)}
        if (date := _reached(each, idle, limits, now)) is not None
    ]
    if not dates:
        return None, "no day of access history is proven complete yet"
    date, idle = min(dates)
    return date, _what_it_takes(coverage, idle, limits, now, kept_days)


def _reached(coverage: Coverage, idle: timedelta, limits: Limits, now: datetime) -> datetime | None:
    """When so much time is covered, if from now on all is; days still on their way are taken as covered."""
    if coverage.through is None:
        return None
    reached = coverage.reaches(idle)
    if reached is not None:
        return reached
    resumes = now if now - coverage.through > limits.feed_max_age else coverage.through
    return resumes + idle - coverage.length


def _what_it_takes(
    coverage: Coverage, idle: timedelta, limits: Limits, now: datetime, kept_days: int | None
) -> str:
    parts = [f"{idle.days} days without use must be proven"]
    if coverage.start is not None:
        parts.append(f"access history begins on {coverage.start:%Y-%m-%d}")
    if kept_days is not None and kept_days < idle.days:
        parts.append(f"its platform keeps {kept_days} days, so it has to be collected for longer than that")
    gap = coverage.gap_after(coverage.start) if coverage.start else timedelta(0)
    if gap:
        parts.append(f"{gap / timedelta(days=1):.1f} days of gaps do not count")
    if coverage.through is not None and now - coverage.through > limits.feed_max_age:
        parts.append(f"it ends on {coverage.through:%Y-%m-%d} and its clocks stand still until it goes on")
    return "; ".join(parts)


def _trial(source: str, state: State, limits: Limits, now: datetime) -> Iterator[Hold]:
    if state.mode_of(source) is Mode.LIVE:
        return
    missing = _trial_missing(source, state, limits, now)
    if missing:
        done = trial_lasted(source, state, limits, now).days
        text = f"its trial has lasted {done} of {limits.trial_days} days"
        yield Hold("trial", now + missing, text)
    yield Hold("mode", None, "it is in dry-run, and somebody has to switch it to live")


def _cap(limits: Limits) -> Iterator[Hold]:
    if limits.delete_per_run == 0 or limits.delete_percent <= 0:
        yield Hold("cap", None, "limits.delete_per_run or limits.delete_percent is 0, which means none")


def _trial_missing(source: str, state: State, limits: Limits, now: datetime) -> timedelta:
    return max(timedelta(days=limits.trial_days) - trial_lasted(source, state, limits, now), timedelta(0))


def _notice(source: str, state: State, policy: Policy, limits: Limits, now: datetime) -> tuple[datetime, str]:
    """The nearest date a delivered warning gave; else a whole warning time from the first possible one."""
    warning = timedelta(days=policy.warning_days)
    if state.mode_of(source) is not Mode.LIVE:
        switched = now + _trial_missing(source, state, limits, now)
        return switched + warning, f"going live, owners are warned {policy.warning_days} days ahead"
    promised = [
        case.warning.deadline or case.warning.at + warning
        for key, case in state.cases.items()
        if key.source == source and case.warning is not None
    ]
    if promised:
        return min(
            promised
        ), f"{len(promised)} visual(s) are warned of; this is the nearest date they were given"
    return now + warning, f"nobody is warned yet, and owners are warned {policy.warning_days} days ahead"


def gaps_of(days: Iterable[SourceDay], coverage: Coverage, limits: Limits, now: datetime) -> Iterator[Gap]:
    """Every stretch between the first proven moment and now that nobody can vouch for, oldest first."""
    collapsed = {day.day for day in collapsed_days(tuple(days), limits)}
    for before, after in zip(coverage.intervals, coverage.intervals[1:], strict=False):
        is_silent = any(before.end <= day < after.start for day in collapsed)
        why = "so few events that it is not believed" if is_silent else "not proven complete"
        yield Gap(before.end, after.start, why)
    if coverage.through is not None and now - coverage.through > limits.feed_max_age:
        yield Gap(coverage.through, now, "not read since, or not believed")
