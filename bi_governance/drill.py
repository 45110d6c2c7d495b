"""Drill: try out whether backups really bring back what they hold, on copies that are removed again."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bi_governance import events as ev
from bi_governance.cases import Case
from bi_governance.errors import ConfigurationError, GovernanceError, LeaseLost, RefusedForSafety
from bi_governance.lifecycle import State
from bi_governance.model import VisualKey
from bi_governance.ports import Lease, Rehearser, Services


@dataclass(slots=True)
class DrillReport:
    """What came back as it was, what did not and how, what failed, and what cannot be tried and why."""

    same: list[VisualKey] = field(default_factory=list)
    different: dict[VisualKey, tuple[str, ...]] = field(default_factory=dict)
    failed: dict[VisualKey, str] = field(default_factory=dict)
    impossible: dict[VisualKey, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {
            "same": [str(key) for key in self.same],
            "different": {str(key): list(found) for key, found in self.different.items()},
            "failed": {str(key): reason for key, reason in self.failed.items()},
            "not_possible": {str(key): reason for key, reason in self.impossible.items()},
        }


def sample(state: State, size: int, source: str | None = None) -> list[VisualKey]:
    """What to try next: deleted, with a backup, longest not tried first, so that in time all of them are."""
    found = [
        (case.drilled_at is not None, case.drilled_at or removal.at, case.key)
        for case in state.cases.values()
        if (removal := case.removal) is not None and removal.backup and source in (None, case.key.source)
    ]
    return [key for _, _, key in sorted(found)[:size]]


def drill(services: Services, keys: Sequence[VisualKey], *, actor: str, lease: Lease) -> DrillReport:
    """Rehearse the restore of these, one by one; one that fails does not keep the others away."""
    report = DrillReport()
    for key in keys:
        case = services.ledger.state().case(key)
        obstacle = _obstacle(services, key)
        if obstacle:
            report.impossible[key] = obstacle
            continue
        _rehearse(services, case, actor, lease, report)
    return report


def _obstacle(services: Services, key: VisualKey) -> str:
    """Why it cannot be tried here, in words; empty where it can."""
    reader = services.readers.get(key.source)
    if reader is None:
        return f"source '{key.source}' is not configured"
    rehearser = services.armory.rehearser(key.source)
    if rehearser is None:
        return reader.capabilities.why_no_drill or f"no drill is built for {reader.platform} yet"
    return rehearser.refusal(key)


def _rehearse(services: Services, case: Case, actor: str, lease: Lease, report: DrillReport) -> None:
    key, mark = case.key, uuid.uuid4().hex[:12]
    try:
        assert case.removal is not None
        backup = case.removal.backup
        saved = services.backups.load(backup)
        rehearser = _rehearser(services, key)
        intent = ev.DrillIntended(at=services.clock.now(), actor=actor, key=key, mark=mark, backup=backup)
        services.ledger.append([intent], lease)
        differences = rehearser.rehearse(key, saved, mark)
        # Asked again before it is believed: nothing of the copy may be left.
        rehearser.clean_up(key, saved, mark)
    except LeaseLost:
        raise
    except GovernanceError as error:
        report.failed[key] = str(error)
        failed = ev.DrillFailed(at=services.clock.now(), actor=actor, key=key, mark=mark, reason=str(error))
        services.ledger.append([failed], lease)
        return
    text = "; ".join(differences)
    done = ev.Drilled(at=services.clock.now(), actor=actor, key=key, mark=mark, differences=text)
    services.ledger.append([done], lease)
    if differences:
        report.different[key] = differences
    else:
        report.same.append(key)


def _rehearser(services: Services, key: VisualKey) -> Rehearser:
    """What rehearses at this source; RefusedForSafety when another instance answers under its name."""
    pinned = services.ledger.state().fingerprints.get(key.source)
    found = services.readers[key.source].fingerprint()
    if found != pinned:
        raise RefusedForSafety(f"{key.source} is {found} now, not the pinned instance {pinned}.")
    rehearser = services.armory.rehearser(key.source)
    if rehearser is None:
        raise ConfigurationError(f"no drill is built for {services.readers[key.source].platform} yet.")
    return rehearser


def settle_drills(services: Services, state: State, lease: Lease, run_id: str) -> list[VisualKey]:
    """Remove the copies that an interrupted or failed drill left."""
    settled: list[VisualKey] = []
    for case in list(state.cases.values()):
        intent, key = case.drill_intended, case.key
        if intent is None or key.source not in services.readers:
            continue
        try:
            saved = services.backups.load(intent.backup)
            _rehearser(services, key).clean_up(key, saved, intent.mark)
        except GovernanceError:
            continue  # it cannot be removed now; the case stays open
        cleaned = ev.DrillCleaned(at=services.clock.now(), run_id=run_id, key=key, mark=intent.mark)
        services.ledger.append([cleaned], lease)
        settled.append(key)
    return settled


def left_over(services: Services, state: State) -> list[str]:
    """The copies that could not be removed yet, a sentence each; the next run tries again."""
    return [
        f"the copy that a drill made of {case.key} could not be removed at {case.key.source} yet; it is "
        f"marked {case.drill_intended.mark} there, and the next run tries again"
        for case in state.cases.values()
        if case.drill_intended is not None and case.key.source in services.readers
    ]
