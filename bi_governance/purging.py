"""Purging: which backups have passed what was promised about them, and why each of them may go."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from bi_governance.cases import Case, Removal
from bi_governance.lifecycle import State
from bi_governance.model import Action, Reason
from bi_governance.policy import Decision
from bi_governance.rules import Policy
from bi_governance.usage import Usage

NO_USAGE = Usage(None, "", None, timedelta(0), None, timedelta(0), None)
# Purges of this long ago count for the cap, so that repeating a run adds nothing.
ONE_RUN = timedelta(hours=20)


def purges(state: State, policy: Policy, now: datetime) -> list[Decision]:
    """A decision for every backup whose time is over; none where purging is not configured."""
    found = (decide_purge(case, policy, now) for case in state.cases.values())
    return [decision for decision in found if decision is not None]


def decide_purge(case: Case, policy: Policy, now: datetime) -> Decision | None:
    """Whether the backup of a removed visual may go; None while anything at all speaks for keeping it.

    Somebody who keeps or exempts what is deleted may want it back; a restore or drill on its way needs it.
    """
    removal, kept = case.removal, case.kept_until
    if policy.purge_after is None or removal is None or not removal.backup:
        return None
    if case.restore_intended is not None or case.drill_intended is not None:
        return None
    if case.exempt_reason is not None or policy.exempts(case.key, now) is not None:
        return None
    if kept is not None and now < kept:
        return None
    until = promised_until(removal, policy.purge_after)
    if now < until:
        return None
    gone = f"deleted on {removal.at:%Y-%m-%d}; the promise to restore it ended {until:%Y-%m-%d}"
    if not policy.window.is_open(now):
        closed = Reason("window", "its backup is due to go, but the deletion window is closed at this hour")
        return Decision(case.key, Action.NONE, (closed, Reason("expired", gone)), case.episode, NO_USAGE)
    return Decision(case.key, Action.PURGE, (Reason("expired", gone),), case.episode, NO_USAGE)


def promised_until(removal: Removal, retention: timedelta) -> datetime:
    """Until when it can be restored: what people were told, or the setting of today where that is longer."""
    today = removal.at + retention
    return max(removal.restorable_until or today, today)


def purge_allowance(source: str, cases: Iterable[Case], bound: int, now: datetime) -> int:
    """How many more backups of one source may go in this run; 0 means none."""
    moments = [
        at
        for case in cases
        if case.key.source == source
        # Begun, and nobody knows yet what became of it: perhaps purged counts as purged.
        for at in (case.purged_at, case.purge_intended.at if case.purge_intended else None)
    ]
    return max(bound - sum(1 for at in moments if at is not None and now - at < ONE_RUN), 0)
