"""Fallback: a live source goes back to dry-run by itself, and the admins are told before and when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bi_governance import events as ev
from bi_governance.announce import announce_once
from bi_governance.errors import DeliveryError
from bi_governance.guards import live_until
from bi_governance.lifecycle import State
from bi_governance.model import Mode
from bi_governance.ports import Announcement, Lease, Services
from bi_governance.standing import NOT_RENEWED, REGRET

# How long before a source falls back for want of a renewal its admins are told.
AHEAD = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class _News:
    """Something the admins are told once; `subject` stays the same however often it is looked for."""

    subject: str
    since: datetime
    title: str
    lines: tuple[str, ...]


def fall_back(services: Services, lease: Lease, run_id: str, *sources: str) -> list[str]:
    """Switch to dry-run what may not stay live (of these sources, else of all); the reasons, one each."""
    state, said = services.ledger.state(), []
    for source in sources or sorted(services.readers):
        cause, why = _why(services, state, source)
        if why:
            said.append(why)
            switched = ev.ModeChanged(
                at=services.clock.now(),
                run_id=run_id,
                mode=Mode.DRY_RUN,
                source=source,
                reason=why,
                cause=cause,
            )
            services.ledger.append([switched], lease)
    return said


def _why(services: Services, state: State, source: str) -> tuple[str, str]:
    """Why a source may not stay live, by name and in words; empty when it may."""
    if state.mode_of(source) is not Mode.LIVE:
        return "", ""
    now, limits = services.clock.now(), services.limits
    regret = state.standing.overspent(source, state.removals, limits.regret, now)
    if regret:
        return REGRET, regret
    until = live_until(source, state, limits)
    if until is not None and now >= until:
        return NOT_RENEWED, f"live was to be renewed by {until:%Y-%m-%d} (trial.renew_days), and was not"
    return "", ""


def tell_admins(services: Services, lease: Lease, run_id: str) -> list[str]:
    """Tell what fell back, and what will in a week; what could not be told, to be tried again.

    A crash between telling and recording is noticed by looking for the message first.
    """
    state, problems = services.ledger.state(), []
    for news in _news(services, state):
        if news.subject in state.standing.admins_told:
            continue
        try:
            told = Announcement(news.subject, news.title, news.lines)
            announce_once(services.notifier, told, news.since)
        except DeliveryError as error:
            problems.append(f"the admins could not be told that {news.title}: {error}")
            continue
        said = ev.AdminsTold(at=services.clock.now(), run_id=run_id, subject=news.subject)
        services.ledger.append([said], lease)
    return problems


def _news(services: Services, state: State) -> Iterator[_News]:
    for fallen in state.standing.fell_back:
        yield _fallen(fallen)
    now = services.clock.now()
    for source in sorted(services.readers):
        until = live_until(source, state, services.limits)
        if until is not None and until - AHEAD <= now < until:
            yield _News(
                f"renew-{source}-{until:%Y%m%dT%H%M%S}",
                until - AHEAD,
                f"{source} falls back to dry-run on {until:%Y-%m-%d} unless somebody renews it",
                (_again(source),),
            )


def _fallen(event: ev.ModeChanged) -> _News:
    source = event.source or ""
    lines = [f"Why: {event.reason}.", "Nothing is deleted there any more; what is deleted can be restored."]
    if event.cause == REGRET:
        lines.append("Its earlier trials count no more: going live again takes a whole new one.")
    return _News(
        f"fallback-{source}-{event.at:%Y%m%dT%H%M%S}",
        event.at,
        f"{source} fell back to dry-run by itself",
        (*lines, _again(source)),
    )


def _again(source: str) -> str:
    return f"To have it live: bi-governance mode live --source {source} --reason ..."
