"""Purge: the one place where a backup is deleted, and everything that must hold right before it is."""

from __future__ import annotations

from dataclasses import dataclass, field

from bi_governance import events as ev
from bi_governance.errors import ConfigurationError, NotInBackup, StorageError
from bi_governance.lifecycle import State
from bi_governance.model import Action, Mode, VisualKey
from bi_governance.plan import Plan
from bi_governance.policy import Decision
from bi_governance.ports import Lease, Services
from bi_governance.purging import decide_purge, promised_until, purge_allowance
from bi_governance.reliance import must_be_the_store


@dataclass(slots=True)
class PurgeReport:
    """Whose backups went, whose would have gone in live, and what was refused or failed, with reasons."""

    purged: list[VisualKey] = field(default_factory=list)
    simulated: list[VisualKey] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """What a run's summary says about it; nothing when there was nothing."""
        said = []
        if self.purged or self.simulated:
            said.append(
                f"Purged {len(self.purged)} backup(s) past their retention, "
                f"would have purged {len(self.simulated)}."
            )
        said += [f"Not purged: {text}" for text in (*self.refused[:10], *self.failed[:10])]
        return said


def settle_purges(services: Services, state: State, lease: Lease, run_id: str) -> list[VisualKey]:
    """Find out what became of purges a crash left without an outcome."""
    settled: list[VisualKey] = []
    for case in list(state.cases.values()):
        intent = case.purge_intended
        if intent is None or case.key.source not in services.readers:
            continue
        try:
            is_there = services.backups.has(intent.backup)
        except StorageError:
            continue  # the store cannot tell now; the case stays open
        services.ledger.append([_outcome(services, intent, run_id, is_there=is_there)], lease)
        settled.append(case.key)
    return settled


def purge(services: Services, plan: Plan, lease: Lease) -> PurgeReport:
    """Carry out the plan's purges, one by one, where their source is live.

    Only our backup goes: what lies in a platform's own trash is the platform's to empty.
    """
    report = PurgeReport()
    for decision in plan.of(Action.PURGE):
        if plan.modes[decision.key.source] is not Mode.LIVE:
            report.simulated.append(decision.key)
            continue
        lease = services.ledger.renew(lease, services.clock.now(), services.lease_seconds)
        refusal = _refusal(services, decision)
        if refusal is not None:
            guard, reason = refusal
            services.ledger.append([_refused(services, plan, decision, guard, reason)], lease)
            # A guard that holds is as it should be; a store that cannot be relied upon is not.
            told = report.failed if guard == "store" else report.refused
            told.append(f"{decision.key}: {reason}")
        else:
            _carry_out(services, plan, decision, lease, report)
    return report


def _refusal(services: Services, decision: Decision) -> tuple[str, str] | None:
    """Mode, cap, wishes, promise, window and store as they are at this very moment."""
    now, state, key = services.clock.now(), services.ledger.state(), decision.key
    if state.mode_of(key.source) is not Mode.LIVE:
        return "mode", f"{key.source} is in dry-run now"
    if purge_allowance(key.source, state.cases.values(), services.limits.purge_per_run, now) <= 0:
        return "cap", "this run has purged as many backups as it may"
    try:
        policy = services.policy_now()
    except ConfigurationError as error:
        return "exemptions", f"whether it is exempt cannot be told: {error}"
    fresh = decide_purge(state.case(key), policy, now)
    if fresh is None or fresh.action is not Action.PURGE or fresh.episode != decision.episode:
        return "no_longer_due", "restored, kept, exempted or otherwise changed since the plan"
    try:
        must_be_the_store(services)
    except StorageError as error:
        return "store", str(error)
    return None


def _carry_out(services: Services, plan: Plan, decision: Decision, lease: Lease, report: PurgeReport) -> None:
    removal = services.ledger.state().case(decision.key).removal
    assert removal is not None
    assert services.policy.purge_after is not None
    intent = ev.PurgeIntended(
        at=services.clock.now(),
        run_id=plan.run_id,
        key=decision.key,
        episode=removal.episode,
        backup=removal.backup,
        restorable_until=promised_until(removal, services.policy.purge_after),
    )
    services.ledger.append([intent], lease)
    try:
        services.backups.remove(removal.backup)
        is_there = services.backups.has(removal.backup)
    except NotInBackup:
        is_there = False  # gone already is what was wanted
    except StorageError as error:
        # Whether it is gone cannot be told now: the intent stays open and the next run settles it.
        report.failed.append(f"{decision.key}: not confirmed: {error}")
        return
    outcome = _outcome(services, intent, plan.run_id, is_there=is_there)
    services.ledger.append([outcome], lease)
    if isinstance(outcome, ev.Purged):
        report.purged.append(decision.key)
    else:
        report.failed.append(f"{decision.key}: the store took the order and still has it")


def _outcome(services: Services, intent: ev.PurgeIntended, run_id: str, *, is_there: bool) -> ev.VisualEvent:
    now = services.clock.now()
    if is_there:
        reason = "the backup is still in the store"
        return ev.PurgeFailed(at=now, run_id=run_id, key=intent.key, episode=intent.episode, reason=reason)
    return ev.Purged(at=now, run_id=run_id, key=intent.key, episode=intent.episode, backup=intent.backup)


def _refused(services: Services, plan: Plan, decision: Decision, guard: str, reason: str) -> ev.PurgeRefused:
    return ev.PurgeRefused(
        at=services.clock.now(), run_id=plan.run_id, key=decision.key, guard=guard, reason=reason
    )
