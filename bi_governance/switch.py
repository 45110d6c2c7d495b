"""Switch: between dry-run and live, with what must hold before anything may be deleted."""

from __future__ import annotations

from datetime import datetime, timedelta

from bi_governance import events as ev
from bi_governance.errors import DeliveryError, RefusedForSafety
from bi_governance.guards import trial_lasted
from bi_governance.lifecycle import State
from bi_governance.model import Mode
from bi_governance.ports import Announcement, Services

# What has to be typed to go live with every source at once.
EVERYWHERE = "all sources"
# How long the second admin has to confirm what the first asked for.
ASK_VALID = timedelta(days=7)


def may_go_live(services: Services) -> None:
    """Every source has been through a whole trial that still counts; RefusedForSafety names the others."""
    state, limits, now = services.ledger.state(), services.limits, services.clock.now()
    short = []
    for name in sorted(services.readers):
        done = trial_lasted(name, state, limits, now)
        if done < timedelta(days=limits.trial_days):
            short.append(f"{name} ({done.days} of {limits.trial_days} days{_expired(name, state, done)})")
    if short:
        raise RefusedForSafety(
            f"the dry-run trial is not finished for {', '.join(short)}; keep running in dry-run until it is."
        )


def _expired(name: str, state: State, done: timedelta) -> str:
    return "; an earlier one is too old" if state.longest_trial(name) > done else ""


def go_live(services: Services, *, actor: str, reason: str, source: str | None = None) -> str:
    """Go live, or renew it; where a second admin has to confirm, ask for that. Says what came of it.

    Raises RefusedForSafety without a finished trial, and when who asked wants to confirm it, too.
    """
    may_go_live(services)
    if services.limits.second_admin:
        asked = open_request(services.ledger.state(), source, services.clock.now())
        if asked is None:
            return _ask(services, actor=actor, reason=reason, source=source)
        _must_be_another(asked, actor)
        reason = f"{reason} (asked for by {asked.actor}: {asked.reason})"
    switch(services, Mode.LIVE, actor=actor, reason=reason, source=source)
    state = services.ledger.state()
    held = [name for name in sorted(services.readers) if state.mode_of(name) is not Mode.LIVE]
    rest = f" Still in dry-run, by a switch of their own: {', '.join(held)}." if held else ""
    return f"{source or EVERYWHERE}: live from now on.{rest}"


def open_request(state: State, source: str | None, now: datetime) -> ev.LiveRequested | None:
    """What an admin asked for and another may confirm now."""
    asked = state.standing.requests.get(source)
    return asked if asked is not None and now - asked.at <= ASK_VALID else None


def _must_be_another(asked: ev.LiveRequested, actor: str) -> None:
    if _person(asked.actor) == _person(actor):
        raise RefusedForSafety(
            f"{asked.actor} asked for this on {asked.at:%Y-%m-%d}; another admin has to confirm it."
        )
    if _is_on_slack(asked.actor) != _is_on_slack(actor):
        # Nobody can tell whether a user of the system and a member of Slack are two people.
        where = "on Slack" if _is_on_slack(asked.actor) else "on the command line"
        raise RefusedForSafety(f"{asked.actor} asked for this {where}; confirm it there, too.")


def _person(actor: str) -> str:
    """Who an actor is, without the address or the form a member of Slack came with."""
    return actor.split(" ", maxsplit=1)[0]


def _is_on_slack(actor: str) -> bool:
    return actor.startswith("slack:")


def _ask(services: Services, *, actor: str, reason: str, source: str | None) -> str:
    now, name = services.clock.now(), source or EVERYWHERE
    services.ledger.append([ev.LiveRequested(at=now, actor=actor, reason=reason, source=source)])
    said = (
        f"Another admin has to confirm going live with {name} within {ASK_VALID.days} days, in the same way."
    )
    lines = (f"{actor} asked for it: {reason}", said)
    title = f"Going live with {name} needs a second admin"
    try:
        services.notifier.announce(Announcement(f"live-{name}-{now:%Y%m%dT%H%M%S}", title, lines))
    except DeliveryError as error:
        return f"{said} The channel could not be told: {error}"
    return said


def switch(services: Services, new: Mode, *, actor: str, reason: str, source: str | None = None) -> None:
    """Record the switch and pin the instance again: whoever switches vouches for what stands there now.

    A switch to dry-run is a stop: it is recorded first and does not depend on any platform answering.
    """
    ledger, now = services.ledger, services.clock.now()
    switched = ev.ModeChanged(at=now, actor=actor, mode=new, source=source, reason=reason)
    if new is Mode.DRY_RUN:
        ledger.append([switched])
        if source is not None:
            ledger.append(_pins(services, now, actor))
        return
    ledger.append([*_pins(services, now, actor), switched])


def _pins(services: Services, now: datetime, actor: str) -> list[ev.Event]:
    return [
        ev.SourcePinned(at=now, actor=actor, source=name, fingerprint=reader.fingerprint())
        for name, reader in services.readers.items()
    ]
