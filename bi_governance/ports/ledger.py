"""Where everything that happened is recorded, and who may write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bi_governance.events import Event
from bi_governance.lifecycle import State
from bi_governance.model import VisualKey
from bi_governance.plan import Plan


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to be the one runner; `token` grows with every holder (fencing)."""

    name: str
    holder: str
    token: int
    expires_at: datetime


class Ledger(Protocol):
    """The append-only record of what we decided and did."""

    def append(self, events: Sequence[Event], lease: Lease | None = None) -> int:
        """Record events in one transaction; those whose `once` is already there are left out.

        With a lease, LeaseLost is raised - and nothing recorded - when it is no longer ours.
        """
        ...

    def events(self, key: VisualKey | None = None, run_id: str | None = None) -> Iterator[Event]:
        """All events oldest first, or those of one visual or one run."""
        ...

    def state(self) -> State:
        """Everything folded."""
        ...

    def save_plan(self, plan: Plan, lease: Lease | None = None) -> None:
        """Keep the whole plan as JSON under its digest."""
        ...

    def plans(self, limit: int = 10) -> list[dict[str, Any]]:
        """The newest plans, newest first, as written by Plan.to_json."""
        ...

    def acquire(self, holder: str, now: datetime, seconds: int) -> Lease:
        """Become the one runner; LeaseHeld names who is."""
        ...

    def renew(self, lease: Lease, now: datetime, seconds: int) -> Lease:
        """Stay the one runner; LeaseLost when somebody took over."""
        ...

    def release(self, lease: Lease) -> None:
        """Let the next runner start at once."""
        ...
