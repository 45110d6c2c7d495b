"""The plan: every decision of one run, frozen and digested; dry-run prints it and live applies it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bi_governance.guards import Evidence, Limits, Veto, deletion_allowance, source_vetoes
from bi_governance.lifecycle import State
from bi_governance.model import Action, Facts, Mode, Reason, VisualKey
from bi_governance.per_owner import OwnerTurns
from bi_governance.policy import NOT_REMOVABLE, Decision, decide
from bi_governance.purging import purge_allowance, purges
from bi_governance.rules import Policy
from bi_governance.usage import Neighbourhood

# Actions that reach people, platforms or backups; a veto stops them, a rescue is always allowed.
EFFECTS = frozenset({Action.WARN, Action.REMIND, Action.DELETE, Action.PURGE})
# The reason of what would be deleted if an admin had approved it.
AWAITS_APPROVAL = "approval"


@dataclass(frozen=True, slots=True)
class Plan:
    """Decisions in the order they would be carried out, with the vetoes and modes they were made under."""

    run_id: str
    as_of: datetime
    decisions: tuple[Decision, ...]
    vetoes: tuple[Veto, ...]
    modes: Mapping[str, Mode]
    config_digest: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical JSON of everything that matters in the plan."""
        return _digest(self.to_json(with_digest=False))

    def of(self, *actions: Action) -> tuple[Decision, ...]:
        return tuple(d for d in self.decisions if d.action in actions)

    def awaiting_approval(self) -> tuple[Decision, ...]:
        """What is due and waits for nothing but an admin's approval and its turn."""
        return tuple(d for d in self.of(Action.NONE) if any(r.code == AWAITS_APPROVAL for r in d.reasons))

    def counts(self) -> dict[str, int]:
        return dict(sorted(Counter(str(d.action) for d in self.decisions).items()))

    def vetoed_sources(self) -> frozenset[str]:
        return frozenset(veto.source for veto in self.vetoes)

    def decision(self, key: VisualKey) -> Decision | None:
        return next((d for d in self.decisions if d.key == key), None)

    def only_reported(self) -> tuple[str, ...]:
        """One sentence per source and reason about what is unused, and neither warned about nor removed."""
        counted = Counter(
            (d.key.source, reason.text)
            for d in self.of(Action.NONE)
            for reason in d.reasons
            if reason.code == NOT_REMOVABLE
        )
        return tuple(
            f"{source}: {count} unused, only reported: {why}"
            for (source, why), count in sorted(counted.items())
        )

    def to_json(self, *, with_digest: bool = True) -> dict[str, Any]:
        """The plan as plain JSON values, for `plan -o FILE` and the ledger."""
        body: dict[str, Any] = {
            "run_id": self.run_id,
            "as_of": self.as_of.isoformat(),
            "config_digest": self.config_digest,
            "modes": {source: str(mode) for source, mode in sorted(self.modes.items())},
            "vetoes": [{"source": v.source, "guard": v.guard, "reason": v.reason} for v in self.vetoes],
            "decisions": [decision_json(d) for d in self.decisions],
        }
        return {"digest": _digest(body), **body} if with_digest else body


def _digest(body: Mapping[str, Any]) -> str:
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def decision_json(decision: Decision) -> dict[str, Any]:
    """One decision as plain JSON values."""
    usage = decision.usage
    return {
        "key": str(decision.key),
        "action": str(decision.action),
        "episode": decision.episode,
        "reasons": [{"code": r.code, "text": r.text} for r in decision.reasons],
        "rule": decision.rule,
        "deadline": decision.deadline.isoformat() if decision.deadline else None,
        "last_used": usage.last_used.isoformat() if usage.last_used else None,
        "used_how": usage.how,
        "used_via": str(usage.via) if usage.via else None,
        "idle_days": usage.idle.days,
        "gap_days": usage.gap.days,
        "covered_through": usage.through.isoformat() if usage.through else None,
        "days_before": decision.days_before,
    }


def make_plan(
    estate: Sequence[Facts],
    state: State,
    evidence: Evidence,
    policy: Policy,
    limits: Limits,
    *,
    now: datetime,
    run_id: str,
    config_digest: str = "",
) -> Plan:
    """Decide on every visual of the estate, and on backups whose time is over.

    Vetoes and caps only ever take actions away.
    """
    around = Neighbourhood({facts.key: facts for facts in estate}, state.cases)
    vetoes = tuple(
        v
        for name in sorted(evidence.sources)
        for v in source_vetoes(evidence.sources[name], state, limits, now)
    )
    going = {decision.key: decision for decision in purges(state, policy, now)}
    decisions = [decide(facts, around, policy, now) for facts in estate if facts.key not in going]
    decisions += going.values()
    decisions = _unproven_sources(decisions, evidence)
    decisions = _apply_vetoes(decisions, vetoes)
    decisions = _await_approval(decisions, state, limits)
    decisions = _apply_caps(decisions, estate, state, limits, now)
    modes = {source: state.mode_of(source) for source in evidence.sources}
    ordered = tuple(sorted(decisions, key=_order))
    return Plan(run_id, now, ordered, vetoes, modes, config_digest)


def _order(decision: Decision) -> tuple[str, str, float, VisualKey]:
    """Deletions longest idle first, so that a cap leaves the freshest ones for later."""
    return (decision.key.source, str(decision.action), -decision.usage.idle.total_seconds(), decision.key)


def _unproven_sources(decisions: Iterable[Decision], evidence: Evidence) -> list[Decision]:
    """A source nobody presented evidence for is not configured (any more): nothing happens there."""
    reason = Reason("not_configured", "its source is not configured")
    return [
        d
        if d.key.source in evidence.sources or d.action not in EFFECTS
        else _take_away(d, Action.UNKNOWN, reason)
        for d in decisions
    ]


def _apply_vetoes(decisions: Iterable[Decision], vetoes: Sequence[Veto]) -> list[Decision]:
    by_source: dict[str, list[Reason]] = {}
    for veto in vetoes:
        by_source.setdefault(veto.source, []).append(Reason("veto", f"veto {veto.guard}: {veto.reason}"))
    return [
        _take_away(d, Action.UNKNOWN, *by_source[d.key.source])
        if d.key.source in by_source and d.action in EFFECTS
        else d
        for d in decisions
    ]


def _await_approval(decisions: Sequence[Decision], state: State, limits: Limits) -> list[Decision]:
    """Before the caps: what nobody approved must not take the turn of what somebody did."""
    return [
        _take_away(d, Action.NONE, Reason(AWAITS_APPROVAL, "due; an admin has to approve it first"))
        if d.action is Action.DELETE and awaits_approval(d.key, state, limits)
        else d
        for d in decisions
    ]


def awaits_approval(key: VisualKey, state: State, limits: Limits) -> bool:
    """Whether an admin still has to approve its deletion; a trial deletes nothing and asks nobody."""
    is_live = state.mode_of(key.source) is Mode.LIVE
    return limits.approval and is_live and state.case(key).approved_at is None


def _apply_caps(
    decisions: Sequence[Decision], estate: Sequence[Facts], state: State, limits: Limits, now: datetime
) -> list[Decision]:
    population = Counter(facts.key.source for facts in estate if not facts.is_trashed)
    sources, cases = {d.key.source for d in decisions}, state.cases.values()
    bounds: dict[Action, dict[str, int]] = {
        Action.DELETE: {s: deletion_allowance(s, population[s], state, limits, now) for s in sources},
        Action.WARN: dict.fromkeys(sources, limits.warn_per_run),
        Action.PURGE: {s: purge_allowance(s, cases, limits.purge_per_run, now) for s in sources},
    }
    turns = OwnerTurns.of(estate, state, limits.delete_per_owner, now)
    done: Counter[tuple[str, Action]] = Counter()
    capped: list[Decision] = []
    for decision in sorted(decisions, key=_order):
        source, action = decision.key.source, decision.action
        bound = bounds.get(action, {}).get(source)
        if bound is not None and done[source, action] >= bound:
            capped.append(_postpone(decision, bound))
        elif action is Action.DELETE and turns.is_over(decision.key):
            capped.append(_take_away(decision, Action.NONE, _owners_turn(turns.cap)))
        else:
            done[source, action] += 1
            if action is Action.DELETE:
                turns.take(decision.key)
            capped.append(decision)
    return capped


def _owners_turn(cap: int | None) -> Reason:
    return Reason("owner_cap", f"more than {cap} of its owner's visuals are due; its turn comes later")


def _postpone(decision: Decision, bound: int) -> Decision:
    code = f"{decision.action}_cap"
    text = f"more than {bound} visuals are due to {decision.action} in this run; its turn comes later"
    return _take_away(decision, Action.NONE, Reason(code, text))


def _take_away(decision: Decision, action: Action, *reasons: Reason) -> Decision:
    return replace(decision, action=action, reasons=(*reasons, *decision.reasons))
