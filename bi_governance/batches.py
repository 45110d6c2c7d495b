"""Batches: what going live would do - what it warns of in the next run, and what the first batches delete."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from bi_governance import events as ev
from bi_governance.explain import current_plan
from bi_governance.guards import deletion_allowance
from bi_governance.lifecycle import State, fold
from bi_governance.model import Action, Facts, Mode, VisualKey
from bi_governance.per_owner import OwnerTurns
from bi_governance.plan import Plan
from bi_governance.policy import Decision, projected_deadline
from bi_governance.ports import Services
from bi_governance.rules import terms_for
from bi_governance.run import gather
from bi_governance.run_report import Estate

# How many batches are shown, and how far ahead is looked for them.
BATCHES = 3
HORIZON_DAYS = 60


@dataclass(frozen=True, slots=True)
class Batch:
    """What one run would delete at one source if nobody used or kept it, of how many that are due then."""

    source: str
    on: datetime
    keys: tuple[VisualKey, ...]
    due: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """The next run's plan as if live already, and the first batches of deletions after it."""

    plan: Plan
    owners: int
    batches: tuple[Batch, ...]
    needs_approval: bool = False


def outlook(services: Services) -> Outlook:
    """What going live with these sources at this moment would bring, from stored facts."""
    now = services.clock.now()
    switches = [ev.ModeChanged(at=now, mode=Mode.LIVE, reason="", source=name) for name in services.readers]
    state = fold([*services.ledger.events(), *switches])
    estate = gather(services, state)
    plan = current_plan(services, state, estate)
    facts = {f.key: f for f in estate.facts}
    warned = [facts[d.key].owner for d in plan.of(Action.WARN, Action.REMIND)]
    found = [
        batch for name in sorted(services.readers) for batch in _batches(services, state, estate, plan, name)
    ]
    owners = len({o.id if o else "" for o in warned})
    return Outlook(plan, owners, tuple(found), services.limits.approval)


def _batches(services: Services, state: State, estate: Estate, plan: Plan, source: str) -> Iterator[Batch]:
    facts = {f.key: f for f in estate.facts if f.key.source == source}
    waiting = sorted(
        _due_dates(services, facts.values(), plan), key=lambda pair: (-pair[1].usage.idle, pair[1].key)
    )
    population, now = sum(not f.is_trashed for f in facts.values()), services.clock.now()
    shown, per_owner = 0, services.limits.delete_per_owner
    for ahead in range(HORIZON_DAYS + 1):
        on = now + timedelta(days=ahead)
        due = [d.key for when, d in waiting if when <= on]
        allowed = deletion_allowance(source, population, state, services.limits, on)
        batch = tuple(_within_caps(due, allowed, OwnerTurns.of(facts.values(), state, per_owner, on)))
        if batch and shown < BATCHES:
            yield Batch(source, on, batch, len(due))
            shown += 1
        waiting = [pair for pair in waiting if pair[1].key not in batch]
        population -= len(batch)


def _within_caps(due: Sequence[VisualKey], allowed: int, turns: OwnerTurns) -> Iterator[VisualKey]:
    left = allowed
    for key in due:
        if left > 0 and not turns.is_over(key):
            turns.take(key)
            left -= 1
            yield key


def _due_dates(services: Services, facts: Iterable[Facts], plan: Plan) -> Iterator[tuple[datetime, Decision]]:
    """When what is warned of, or would be by the next run, is due at the earliest."""
    now, policy = services.clock.now(), services.policy
    decisions = {d.key: d for d in plan.decisions}
    for known in facts:
        decision = decisions[known.key]
        when = decision.deadline
        if when is None and decision.action is Action.WARN:
            terms = terms_for(known, policy, now)
            when = projected_deadline(now, decision.usage, terms, policy, succession=False)
        if when is not None:
            yield when, decision


def outlook_lines(found: Outlook, zone: tzinfo) -> Iterator[str]:
    """The outlook in words: how many are warned, then what the first batches delete, visual by visual."""
    warned = len(found.plan.of(Action.WARN, Action.REMIND))
    yield f"The next run would warn {found.owners} owner(s) of {warned} visual(s)."
    yield from _batch_lines(found.batches, zone)
    if found.batches and found.needs_approval:
        yield "Each of these waits for an admin's approval when its day has come (limits.approval)."
    if not found.batches:
        yield f"Nothing would be deleted within {HORIZON_DAYS} days."


def _batch_lines(batches: Sequence[Batch], zone: tzinfo) -> Iterator[str]:
    for batch in batches:
        day = f"{batch.on.astimezone(zone):%Y-%m-%d}"
        more = batch.due - len(batch.keys)
        waits = f" ({more} more due, waiting for their turn)" if more else ""
        yield (
            f"{batch.source}: on {day} at the earliest, unless somebody uses or keeps them, "
            f"{len(batch.keys)} would be deleted{waits}:"
        )
        yield from (f"  {key}" for key in batch.keys)
