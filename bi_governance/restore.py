"""Restore: bring a removed visual back, with what it held, and leave it alone for a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bi_governance import events as ev
from bi_governance.cases import Case, Removal
from bi_governance.errors import (
    BackupUnreadable,
    ConfigurationError,
    GovernanceError,
    LeaseLost,
    NotInBackup,
    SourceBroken,
    StorageError,
)
from bi_governance.lifecycle import State
from bi_governance.model import RemovalRoute, VisualKey
from bi_governance.ports import BackupContent, Lease, RestoreOutcome, Services


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """One visual that is back, and what no restore could bring back, in words."""

    key: VisualKey
    outcome: RestoreOutcome


@dataclass(slots=True)
class RestoreAllReport:
    """What came back, and what could not, with the reason."""

    restored: list[RestoreReport] = field(default_factory=list)
    failed: list[tuple[VisualKey, str]] = field(default_factory=list)


def removed_since(state: State, since: datetime | None, source: str | None = None) -> list[VisualKey]:
    """What we removed and can restore, newest removal first: the way back is the way there, reversed.

    What was inside something was removed after it, so it comes back before it.
    """
    found = [
        (case.removal.at, case.key)
        for case in state.cases.values()
        if case.removal is not None
        and (since is None or case.removal.at >= since)
        and source in (None, case.key.source)
    ]
    return [key for _, key in sorted(found, reverse=True)]


def restore_all(
    services: Services, keys: Sequence[VisualKey], *, actor: str, lease: Lease
) -> RestoreAllReport:
    """Restore these in order; one that fails is reported, and the others still come back.

    LeaseLost ends it: somebody else works now.
    """
    report = RestoreAllReport()
    for key in keys:
        if services.ledger.state().case(key).removal is None:
            continue  # came back together with what it was in
        try:
            report.restored += restore(services, key, actor=actor, lease=lease)
        except LeaseLost:
            raise
        except GovernanceError as error:
            report.failed.append((key, str(error)))
    return report


def restore(services: Services, key: VisualKey, *, actor: str, lease: Lease) -> list[RestoreReport]:
    """Restore a visual; what was inside it and was removed too comes back first.

    Raises ConfigurationError when this product did not remove it, SourceError when the platform refuses.
    """
    state = services.ledger.state()
    removal = state.case(key).gone
    _refuse_purged(state.case(key))
    if removal is None:
        raise ConfigurationError(
            f"{key} is not among the visuals bi-governance removed; see: bi-governance status"
        )
    if key.source not in services.readers:
        raise ConfigurationError(f"source '{key.source}' is not configured, so {key} cannot be restored.")
    inside = [child for child in _children(services, removal) if state.case(child).removal is not None]
    return [_restore_one(services, state, each, actor, lease) for each in (*inside, key)]


def _refuse_purged(case: Case) -> None:
    """What lies in a platform's own trash may still come back; of everything else nothing is left."""
    if case.purged is not None and case.purged.route is not RemovalRoute.TRASH:
        raise NotInBackup(f"{_purged(case)}: nothing can bring it back.")


def _is_lost(case: Case, problem: GovernanceError) -> bool:
    """Whether the platform asked for a backup that was purged, because its own trash has it no more."""
    return case.purged is not None and isinstance(problem, BackupUnreadable)


def _in_no_trash(case: Case) -> NotInBackup:
    return NotInBackup(f"{_purged(case)}, and its platform's trash does not have it any more.")


def _purged(case: Case) -> str:
    assert case.purged is not None
    return (
        f"{case.key} was deleted on {case.purged.at:%Y-%m-%d} and its backup was purged on "
        f"{case.purged_at:%Y-%m-%d}, after the time for which a restore was promised"
    )


def _children(services: Services, removal: Removal) -> list[VisualKey]:
    return [VisualKey.parse(text) for text in _saved(services, removal).manifest.get("children", [])]


def _saved(services: Services, removal: Removal) -> BackupContent:
    """The backup; what lies in the platform's trash comes back even where its backup is lost or damaged."""
    try:
        return services.backups.load(removal.backup)
    except StorageError:
        if removal.route is RemovalRoute.TRASH:
            return BackupContent({}, {})
        raise


def _restore_one(services: Services, state: State, key: VisualKey, actor: str, lease: Lease) -> RestoreReport:
    removal = state.case(key).gone
    assert removal is not None
    saved = _saved(services, removal)
    now = services.clock.now()
    services.ledger.append([ev.RestoreIntended(at=now, actor=actor, key=key, route=removal.route)], lease)
    try:
        outcome = services.armory.restorer(key.source).restore(key, removal.route, saved)
        seen = services.readers[key.source].look(key, now)
        if not seen.exists or seen.is_trashed:
            raise SourceBroken("the platform accepted the restore but does not show it", source=key.source)
    except GovernanceError as problem:
        error = _in_no_trash(state.case(key)) if _is_lost(state.case(key), problem) else problem
        failed = ev.RestoreFailed(at=services.clock.now(), actor=actor, key=key, reason=str(error))
        services.ledger.append([failed], lease)
        if error is problem:
            raise
        raise error from problem
    services.ledger.append(_back(services, state, key, outcome, actor=actor), lease)
    return RestoreReport(key, outcome)


def _back(
    services: Services, state: State, key: VisualKey, outcome: RestoreOutcome, *, actor: str, run_id: str = ""
) -> list[ev.Event]:
    """A visual that is back was wanted: that is regret, and immunity."""
    now, mode = services.clock.now(), state.mode_of(key.source)
    return [
        ev.Regretted(at=now, run_id=run_id, actor=actor, key=key, how="restored", mode=mode),
        ev.Restored(
            at=now,
            run_id=run_id,
            actor=actor,
            key=key,
            immune_until=now + services.policy.immunity,
            native_id=outcome.native_id,
            lost="; ".join(outcome.lost),
        ),
    ]


def settle_restores(services: Services, state: State, lease: Lease, run_id: str) -> list[VisualKey]:
    """Finish the restores a crash left without an outcome; those that had no effect yet have failed."""
    settled: list[VisualKey] = []
    for case in list(state.cases.values()):
        if case.restore_intended is None or case.key.source not in services.readers:
            continue
        try:
            found = _settled(services, state, case, case.restore_intended.actor, run_id)
        except GovernanceError:
            continue  # nobody can tell or finish now; the case stays open
        services.ledger.append(found, lease)
        settled.append(case.key)
    return settled


def _settled(services: Services, state: State, case: Case, actor: str, run_id: str) -> list[ev.Event]:
    key, now = case.key, services.clock.now()
    seen = services.readers[key.source].look(key, now)
    if not seen.exists or seen.is_trashed:
        reason = "interrupted before it took effect"
        return [ev.RestoreFailed(at=now, run_id=run_id, actor=actor, key=key, reason=reason)]
    outcome = RestoreOutcome(key.native_id)
    if case.gone is not None:
        # It is there, but perhaps without its owner or what it held: done again, a restore does the rest.
        restorer = services.armory.restorer(key.source)
        outcome = restorer.restore(key, case.gone.route, _saved(services, case.gone))
    return _back(services, state, key, outcome, actor=actor, run_id=run_id)
