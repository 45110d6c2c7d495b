"""Missed: what we deleted and somebody brought back, or tried to open; that is regret."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from bi_governance import events as ev
from bi_governance.guards import Evidence
from bi_governance.model import Facts, Mode, VisualKey
from bi_governance.ports import Lease, Services


def note_missed(
    services: Services, facts: Sequence[Facts], evidence: Evidence, run_id: str, lease: Lease
) -> None:
    """Record what came back by itself, and what was opened after it was deleted."""
    _note_returned(services, facts, evidence, run_id, lease)
    _note_opened(services, run_id, lease)


def _note_returned(
    services: Services, facts: Sequence[Facts], evidence: Evidence, run_id: str, lease: Lease
) -> None:
    """A visual we removed that lives again was brought back by somebody: that is regret, and immunity."""
    state, now = services.ledger.state(), services.clock.now()
    read_at = {
        e.source: min((f.finished_at for f in e.feeds), default=None) for e in evidence.sources.values()
    }
    back: list[ev.Event] = []
    for known in facts:
        removal, seen_at = state.case(known.key).gone, read_at.get(known.key.source)
        if removal is None or known.is_trashed or seen_at is None or seen_at <= removal.at:
            continue
        until = now + services.policy.immunity
        how = "brought back at the platform"
        back.append(_regretted(now, run_id, known.key, how))
        back.append(ev.Restored(at=now, run_id=run_id, actor="platform", key=known.key, immune_until=until))
    services.ledger.append(back, lease)


def _note_opened(services: Services, run_id: str, lease: Lease) -> None:
    """Somebody who opens what is gone misses it; each removal is regretted once."""
    state, now = services.ledger.state(), services.clock.now()
    gone = {
        key: case.gone
        for key, case in state.cases.items()
        if case.gone is not None
        and key.source in services.readers
        and (key, case.gone.episode) not in state.standing.losses
    }
    opened = services.warehouse.last_views(gone.keys())
    regretted: list[ev.Event] = [
        _regretted(now, run_id, key, "opened")
        for key, removal in gone.items()
        # By day, so an opening on the day of the removal may have come before it.
        if key in opened and opened[key] > removal.at.astimezone(UTC).date()
    ]
    services.ledger.append(regretted, lease)


def _regretted(now: datetime, run_id: str, key: VisualKey, how: str) -> ev.Regretted:
    """Whatever the mode is today: what is gone was deleted in live."""
    return ev.Regretted(at=now, run_id=run_id, actor="platform", key=key, how=how, mode=Mode.LIVE)
