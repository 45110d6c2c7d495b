"""Alarms: what the admins should look at although it stops nothing; each names what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bi_governance.attention import Share
from bi_governance.guards import Evidence, Limits, SourceEvidence
from bi_governance.lifecycle import State
from bi_governance.model import Mode, Person, SourceDay

# A machine that comes once a week is one alarm, not one a week.
RECENT = timedelta(days=8)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something noticed at a source about `subject`; unlike a veto it takes nothing away."""

    source: str
    name: str
    subject: str
    text: str
    advice: str


def alarms(
    evidence: Evidence, population: Mapping[str, int], state: State, limits: Limits, now: datetime
) -> tuple[Alarm, ...]:
    """Every alarm, by source; `population` counts the living visuals of each."""
    return tuple(
        alarm
        for name in sorted(evidence.sources)
        for alarm in (
            *actor_domination(evidence.sources[name], population.get(name, 0), limits, now),
            *warnings_unread(name, state, limits, now),
        )
    )


def actor_domination(
    evidence: SourceEvidence, population: int, limits: Limits, now: datetime
) -> Iterable[Alarm]:
    """One account that used most of a source's visuals in one day is a machine, and no viewer.

    As long as it counts, everything looks used and nothing is ever warned about. Small sources are left
    alone: there a person may well open everything.
    """
    if population < limits.busiest_min_population:
        return
    worst: dict[str, SourceDay] = {}
    for day in evidence.days:
        is_most = 100 * day.busiest_visuals >= limits.busiest_percent * population
        if day.busiest is None or not is_most or day.day < now - RECENT:
            continue
        known = worst.get(day.busiest.id)
        if known is None or day.busiest_visuals > known.busiest_visuals:
            worst[day.busiest.id] = day
    for day in worst.values():
        assert day.busiest is not None
        yield _machine(evidence.source, day.busiest, day, population)


def lately_acknowledged(source: str, state: State, limits: Limits, now: datetime) -> Share:
    """How many of the warnings whose date came lately got a reaction, in the mode the source is in."""
    since = now - limits.acknowledged_within
    return state.attention.share(source, state.mode_of(source), since, now)


def warnings_unread(source: str, state: State, limits: Limits, now: datetime) -> Iterable[Alarm]:
    """Hardly anybody reacts to the warnings of a live source: they may reach nobody who reads them.

    No veto: what is rightly deleted is often nobody's any more, so that silence alone proves no mistake.
    """
    if state.mode_of(source) is not Mode.LIVE:
        return
    share = lately_acknowledged(source, state, limits, now)
    if share.asked >= limits.acknowledged_min_warned and share.percent < limits.acknowledged_percent:
        yield Alarm(
            source,
            "warnings_unread",
            "",
            f"only {share} before their date came, in the last {limits.acknowledged_within.days} days",
            "Ask some owners whether the warnings reach them and are understood: `notices.wording` changes "
            "what they say, `people` who gets them. Nothing is stopped by this; if few answers are usual, "
            "lower limits.acknowledged_percent.",
        )


def _machine(source: str, account: Person, day: SourceDay, population: int) -> Alarm:
    address = account.email or account.login or account.id
    known_as = f"{account.name} ({address})" if account.name and account.name != address else address
    return Alarm(
        source,
        "actor_domination",
        account.id,
        f"{known_as} used {day.busiest_visuals} different visuals on {day.day:%Y-%m-%d}, of {population} "
        "there are; if that is a machine, everything looks used because of it",
        f"If it is one, add {address} to sources.{source}.robots; its visits then never count, neither those "
        "of the past. If it is a person, leave it: nothing is stopped by this.",
    )
