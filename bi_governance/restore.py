"""Restore: bring a removed visual back, with what it held, and leave it alone for a while."""

from __future__ import annotations

from dataclasses import dataclass

from bi_governance import events as ev
from bi_governance.errors import ConfigurationError, GovernanceError, SourceBroken
from bi_governance.lifecycle import Removal, State
from bi_governance.model import VisualKey
from bi_governance.ports import Lease, RestoreOutcome, Services


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """One visual that is back, and what no restore could bring back, in words."""

    key: VisualKey
    outcome: RestoreOutcome


def restore(services: Services, key: VisualKey, *, actor: str, lease: Lease) -> list[RestoreReport]:
    """Restore a visual; what was inside it and was removed too comes back first.

    Raises ConfigurationError when this product did not remove it, SourceError when the platform refuses.
    """
    state = services.ledger.state()
    removal = state.case(key).removal
    if removal is None:
        raise ConfigurationError(
            f"{key} is not among the visuals bi-governance removed; see: bi-governance status"
        )
    if key.source not in services.readers:
        raise ConfigurationError(f"source '{key.source}' is not configured, so {key} cannot be restored.")
    inside = [child for child in _children(services, removal) if state.case(child).removal is not None]
    return [_restore_one(services, state, each, actor, lease) for each in (*inside, key)]


def _children(services: Services, removal: Removal) -> list[VisualKey]:
    if not removal.backup:
        return []
    return [
        VisualKey.parse(text) for text in services.backups.load(removal.backup).manifest.get("children", [])
    ]


def _restore_one(services: Services, state: State, key: VisualKey, actor: str, lease: Lease) -> RestoreReport:
    removal = state.case(key).removal
    assert removal is not None
    saved = services.backups.load(removal.backup)
    now = services.clock.now()
    services.ledger.append([ev.RestoreIntended(at=now, actor=actor, key=key, route=removal.route)], lease)
    try:
        outcome = services.armory.restorer(key.source).restore(key, removal.route, saved)
        seen = services.readers[key.source].look(key, now)
        if not seen.exists or seen.is_trashed:
            raise SourceBroken("the platform accepted the restore but does not show it", source=key.source)
    except GovernanceError as error:
        failed = ev.RestoreFailed(at=services.clock.now(), actor=actor, key=key, reason=str(error))
        services.ledger.append([failed], lease)
        raise
    immune_until = services.clock.now() + services.policy.immunity
    mode = state.mode_of(key.source)
    services.ledger.append(
        [
            ev.Regretted(at=services.clock.now(), actor=actor, key=key, how="restored", mode=mode),
            ev.Restored(
                at=services.clock.now(),
                actor=actor,
                key=key,
                immune_until=immune_until,
                native_id=outcome.native_id,
                lost="; ".join(outcome.lost),
            ),
        ],
        lease,
    )
    return RestoreReport(key, outcome)
