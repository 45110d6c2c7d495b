"""Approve: an admin agrees to the deletions on a list they read; if so configured, only those happen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from bi_governance import events as ev
from bi_governance.drift import Dropped, drifted, evidence_of
from bi_governance.errors import ConfigurationError
from bi_governance.explain import current_plan
from bi_governance.model import Facts, VisualKey
from bi_governance.plan import Plan
from bi_governance.ports import Services
from bi_governance.run import gather
from bi_governance.window import local_day


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is due and waits for an admin: per visual what the decision rests on, as `plan -o` writes it."""

    items: Mapping[VisualKey, Mapping[str, Any]]
    modes: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Stands for the list and everything that was shown of it."""
        listed = [[str(key), dict(shown)] for key, shown in sorted(self.items.items())]
        return hashlib.sha256(json.dumps(listed, sort_keys=True).encode()).hexdigest()

    def first(self, count: int) -> Waiting:
        """Not more than so many of them, the first by key."""
        return Waiting({key: self.items[key] for key in sorted(self.items)[:count]}, self.modes)

    def lines(self, zone: tzinfo) -> list[str]:
        """A line for each, for people, with days where the team lives."""
        return [
            f"{shown['title'] or key} ({key}): last used {_day(shown['last_used'], zone)}, "
            f"{shown['noticed']} was warned on {_day(shown['noticed_at'], zone)}"
            for key, shown in sorted(self.items.items())
        ]


@dataclass(frozen=True, slots=True)
class Approval:
    """What was approved, and what of the list was not, because something changed about it."""

    approved: tuple[VisualKey, ...]
    dropped: tuple[Dropped, ...]


def waiting(services: Services) -> Waiting:
    """What waits for approval at this moment, from stored facts."""
    return _waiting(services, *_present(services))


def approve(services: Services, shown: Waiting, actor: str) -> Approval:
    """Approve what was shown and still waits unchanged; its deletion comes with the next run that may.

    Raises ConfigurationError where deletions need no approval.
    """
    must_be_asked_for(services)
    plan, estate = _present(services)
    state, now = services.ledger.state(), services.clock.now()
    still = plan.awaiting_approval()
    dropped = tuple(drifted(shown.items, shown.modes, still, plan, estate, state))
    rest = sorted(set(shown.items) - {d.key for d in dropped})
    services.ledger.append(
        [
            ev.RemovalApproved(
                at=now,
                actor=actor,
                key=key,
                episode=shown.items[key]["episode"],
                list_digest=shown.digest,
            )
            for key in rest
        ]
    )
    return Approval(tuple(rest), dropped)


def must_be_asked_for(services: Services) -> None:
    """ConfigurationError where nothing ever waits for an approval."""
    if not services.limits.approval:
        raise ConfigurationError(
            "deletions need no approval here; if they are to need one, set limits.approval: true."
        )


def _day(moment: str | None, zone: tzinfo) -> str:
    return str(local_day(datetime.fromisoformat(moment), zone)) if moment else "never"


def _present(services: Services) -> tuple[Plan, Sequence[Facts]]:
    state = services.ledger.state()
    estate = gather(services, state)
    return current_plan(services, state, estate), estate.facts


def _waiting(services: Services, plan: Plan, estate: Sequence[Facts]) -> Waiting:
    state, facts = services.ledger.state(), {f.key: f for f in estate}
    items = {d.key: evidence_of(d, facts[d.key], state) for d in plan.awaiting_approval()}
    return Waiting(items, {source: str(mode) for source, mode in plan.modes.items()})
