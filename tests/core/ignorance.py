"""Ways to know less: each takes an estate and its evidence and leaves something out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from bi_governance.guards import Evidence, Limits, SourceEvidence, trusted_coverage
from bi_governance.lifecycle import State
from bi_governance.model import Action, Coverage, Facts, Interval, VisualKey
from bi_governance.plan import make_plan
from bi_governance.rules import Policy

Known = tuple[list[Facts], Evidence]
Loss = Callable[[Known, datetime, int], Known]


def _facts(change: Callable[[Facts], Facts]) -> Loss:
    return lambda known, now, size: ([change(f) for f in known[0]], known[1])


def _evidence(change: Callable[[SourceEvidence], SourceEvidence]) -> Loss:
    return lambda known, now, size: (known[0], Evidence({n: change(e) for n, e in known[1].sources.items()}))


def _uncover(coverage: Coverage, hole: Interval) -> Coverage:
    pieces = []
    for i in coverage.intervals:
        pieces += [Interval(i.start, min(i.end, hole.start)), Interval(max(i.start, hole.end), i.end)]
    return Coverage.of(pieces)


def _hole(first: int, last: int) -> Loss:
    """Coverage without the days from `first` to `last`, counted back in units of the size drawn."""

    def lose(known: Known, now: datetime, size: int) -> Known:
        hole = Interval(now - timedelta(days=first * size), now - timedelta(days=last * size))
        return [replace(f, coverage=_uncover(f.coverage, hole)) for f in known[0]], known[1]

    return lose


def _forget_days(known: Known, now: datetime, size: int) -> Known:
    """The access feed never delivered the newest `size` days."""
    limit = now - timedelta(days=size)
    kept = {n: tuple(d for d in e.days if d.day < limit) for n, e in known[1].sources.items()}
    coverage = {name: trusted_coverage(days, Limits()) for name, days in kept.items()}
    facts = [replace(f, coverage=_narrower(f.coverage, coverage[f.key.source])) for f in known[0]]
    return facts, Evidence({n: replace(e, days=kept[n]) for n, e in known[1].sources.items()})


def _narrower(left: Coverage, right: Coverage) -> Coverage:
    both = (
        Interval(max(a.start, b.start), min(a.end, b.end)) for a in left.intervals for b in right.intervals
    )
    return Coverage.of(both)


LOSSES: dict[str, Loss] = {
    "owners": _facts(lambda f: replace(f, owner=None)),
    "owners' mail": _facts(lambda f: replace(f, owner=replace(f.owner, email=None) if f.owner else None)),
    "owners' groups": _facts(lambda f: replace(f, owner_groups=None)),
    "all history": _facts(lambda f: replace(f, coverage=Coverage())),
    "old history": _hole(1_000, 1),
    "new history": _hole(1, 0),
    "some history": _hole(3, 1),
    "newest days": _forget_days,
    "a feed": _evidence(lambda e: replace(e, feeds=tuple(replace(f, status="partial") for f in e.feeds))),
    "all feeds": _evidence(lambda e: replace(e, feeds=())),
    "all days": _evidence(lambda e: replace(e, days=())),
    "when the marts were built": _evidence(lambda e: replace(e, transformed_at=None)),
    "which instance it is": _evidence(lambda e: replace(e, fingerprint=None)),
    "a source": lambda known, now, size: (known[0], Evidence({})),
}


def deletions(known: Known, state: State, policy: Policy, limits: Limits, now: datetime) -> set[VisualKey]:
    """What would be deleted if no cap held anything up."""
    uncapped = replace(
        limits, delete_per_run=10_000, delete_per_owner=None, delete_percent=100.0, ramp_first=None
    )
    plan = make_plan(known[0], state, known[1], policy, uncapped, now=now, run_id="what-if")
    return {d.key for d in plan.of(Action.DELETE)}
