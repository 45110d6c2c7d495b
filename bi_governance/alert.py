"""Alert: tell the admins once when something begins that needs them, what to do, and once when it is over."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bi_governance import events as ev
from bi_governance.alarms import Alarm
from bi_governance.announce import announce_once
from bi_governance.guards import Veto
from bi_governance.lifecycle import State
from bi_governance.ports import Announcement, Clock, Lease, Ledger, Notifier, Services

MOST_LINES = 40
# How far back a message of ours is looked for whose record a crash may have cost.
LOOKED_FOR = timedelta(days=2)
# The concern that no run succeeds: about no source in particular.
LAST_SUCCESS = ("", "last_success", "")
WHEN_SILENT = (
    "What to do: `bi-governance report` shows how the latest runs ended, the log of `bi-governance serve` or "
    "of cron why none did; `bi-governance doctor` finds what is broken, `bi-governance run` catches up."
)


@dataclass(frozen=True, slots=True)
class Concern:
    """Something the admins have to know about a source: what, and what to do."""

    source: str
    name: str
    subject: str
    text: str
    advice: str

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.source, self.name, self.subject)


@dataclass(slots=True)
class AlertReport:
    """What the admins were told to have begun and to be over, in lines; and what stands since when."""

    raised: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    since: Mapping[tuple[str, str, str], datetime] = field(default_factory=dict)


def concerns_of(vetoes: Iterable[Veto], alarms: Iterable[Alarm]) -> tuple[Concern, ...]:
    """The vetoes, one concern per source and guard however many reasons there are, and the alarms."""
    found: dict[tuple[str, str], list[Veto]] = {}
    for veto in vetoes:
        found.setdefault((veto.source, veto.guard), []).append(veto)
    stops = (
        Concern(source, guard, "", _stopped([v.reason for v in same]), same[0].advice)
        for (source, guard), same in found.items()
    )
    return (*stops, *(Concern(a.source, a.name, a.subject, a.text, a.advice) for a in alarms))


def _stopped(reasons: Sequence[str]) -> str:
    more = f" (and {len(reasons) - 3} more)" if len(reasons) > 3 else ""
    return f"nobody is warned and nothing deleted there, because {'; '.join(reasons[:3])}{more}"


def alert(
    services: Services, concerns: Sequence[Concern], judged: Collection[str], lease: Lease, run_id: str
) -> AlertReport:
    """Tell of concerns the admins do not know of, and of known ones at the sources `judged` that are over.

    All in one message. Raises DeliveryError when it was not accepted; then the next run tells it.
    """
    state, now = services.ledger.state(), services.clock.now()
    known = state.open_concerns()
    current = {concern.key: concern for concern in concerns}
    new = [concern for key, concern in current.items() if key not in known]
    over = [key for key in known if key[0] in judged and key not in current]
    events: list[ev.ConcernEvent] = [
        *(
            ev.ConcernRaised(
                at=now, run_id=run_id, source=c.source, name=c.name, subject=c.subject, text=c.text
            )
            for c in new
        ),
        *(ev.ConcernSettled(at=now, run_id=run_id, source=s, name=n, subject=about) for s, n, about in over),
    ]
    report = AlertReport(
        [f"{c.source}: {c.name} - {c.text}" for c in new],
        [f"{_named(key)} (known since {known[key]:%Y-%m-%d})" for key in over],
    )
    if events:
        title = _title(new, over)
        lines = tuple(_lines(new, report.settled))
        _tell(services.notifier, state, events, title, lines, now)
        services.ledger.append(events, lease)
    report.since = services.ledger.state().open_concerns()
    return report


def _named(key: tuple[str, str, str]) -> str:
    source, name, subject = key
    return f"{source}: {name} {subject}".rstrip()


def _title(new: Sequence[Concern], over: Sequence[tuple[str, str, str]]) -> str:
    where = sorted({c.source for c in new} or {source for source, _, _ in over})
    return f"{', '.join(where)}: {'please look' if new else 'all is well again'}"


def _lines(new: Sequence[Concern], settled: Sequence[str]) -> Iterator[str]:
    for concern in new[:MOST_LINES]:
        yield f"{concern.source}: {concern.name} - {concern.text}."
        yield f"What to do: {concern.advice}"
    if len(new) > MOST_LINES:
        yield f"And {len(new) - MOST_LINES} more: bi-governance status"
    for text in settled[:MOST_LINES]:
        yield f"Over: {text}"


def _tell(
    notifier: Notifier,
    state: State,
    events: Sequence[ev.ConcernEvent],
    title: str,
    lines: tuple[str, ...],
    now: datetime,
) -> None:
    """Announce it, whatever became of the record of an earlier try."""
    message_id = _message_id(state, events)
    announce_once(notifier, Announcement(message_id, title, lines), now - LOOKED_FOR)


def _message_id(state: State, events: Sequence[ev.ConcernEvent]) -> str:
    """The same for the same news; what began before and begins again is other news."""
    parts = sorted(f"{event.kind} {event.concern} {state.concerns.get(event.concern)}" for event in events)
    return f"concerns-{hashlib.sha256(''.join(parts).encode()).hexdigest()[:16]}"


def silence(state: State, now: datetime, begun: datetime) -> timedelta:
    """How long no run has succeeded; before the first one ever, since the first start or since `begun`."""
    return now - (state.last_success or state.first_run or begun)


def alert_silence(
    ledger: Ledger, notifier: Notifier, clock: Clock, after: timedelta, begun: datetime
) -> bool:
    """Tell the admins, once, that no run has succeeded for longer than `after`; whether that is so.

    Raises DeliveryError when it was not accepted. Needs no lease: it is for when no run gets one.
    """
    state, now = ledger.state(), clock.now()
    lasted = silence(state, now, begun)
    if lasted <= after:
        return False
    if LAST_SUCCESS not in state.open_concerns():
        last = f"{state.last_success:%Y-%m-%d %H:%M} UTC" if state.last_success else "never"
        source, name, subject = LAST_SUCCESS
        raised = ev.ConcernRaised(
            at=now, source=source, name=name, subject=subject, text=f"last success: {last}"
        )
        lines = (
            f"Last success: {last}. A run that failed, be it in part, does not count as one.",
            "Nothing is deleted early because of it: what is due is told late, and the dates move along.",
            WHEN_SILENT,
        )
        title = f"bi-governance: no run has succeeded for {lasted // timedelta(hours=1)} hours"
        _tell(notifier, state, [raised], title, lines, now)
        ledger.append([raised])
    return True


def settle_silence(services: Services, lease: Lease, run_id: str) -> str:
    """Record that runs succeed again; the line that says so, empty if nobody was alarmed."""
    state, now = services.ledger.state(), services.clock.now()
    since = state.open_concerns().get(LAST_SUCCESS)
    if since is None:
        return ""
    source, name, subject = LAST_SUCCESS
    settled = ev.ConcernSettled(at=now, run_id=run_id, source=source, name=name, subject=subject)
    services.ledger.append([settled], lease)
    last = f"on {state.last_success:%Y-%m-%d %H:%M} UTC" if state.last_success else "never before"
    return f"Runs succeed again; the last one to succeed before this was {last} (alarm of {since:%Y-%m-%d})."
