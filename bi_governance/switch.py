"""Switch: between dry-run and live, with what must hold before anything may be deleted."""

from __future__ import annotations

from datetime import datetime

from bi_governance import events as ev
from bi_governance.errors import RefusedForSafety
from bi_governance.model import Mode
from bi_governance.ports import Services

# What has to be typed to go live with every source at once.
EVERYWHERE = "all sources"


def may_go_live(services: Services) -> None:
    """Every source has been through a whole trial; RefusedForSafety names those that have not."""
    state, needed = services.ledger.state(), services.limits.trial_days
    short = [
        f"{name} ({state.longest_trial(name).days} of {needed} days)"
        for name in sorted(services.readers)
        if state.longest_trial(name).days < needed
    ]
    if short:
        raise RefusedForSafety(
            f"the dry-run trial is not finished for {', '.join(short)}; keep running in dry-run until it is."
        )


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
