"""An explanation in lines, for a form or a reply."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo

from bi_governance.explain import Explanation


def explained(found: Explanation, zone: tzinfo) -> Iterator[str]:
    """An explanation in lines: the verdict and every reason first, then facts, then what happened."""
    decision, facts = found.decision, found.facts

    def say(at: datetime) -> str:
        return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"

    yield facts.title if facts else str(found.key)
    yield f"{found.key} ({found.mode})"
    if decision is not None:
        yield f"Verdict: {decision.action}"
        yield from (f"Because: {reason}" for reason in decision.reasons)
        yield from (f"What would change it: {sentence}" for sentence in found.otherwise)
        if decision.deadline:
            yield f"Not before: {say(decision.deadline)}"
        yield f"Proven idle: {decision.usage.idle.days} days"
    yield from (f"Stopped by {veto.guard}: {veto.reason}" for veto in found.vetoes)
    yield from (f"Rule {name}: {result}" for name, result in found.rules)
    if facts is not None:
        owner = facts.owner
        yield f"Owner: {(owner.email or owner.name or owner.id) if owner else 'unknown'}"
        yield f"Folder: {facts.folder or '-'}"
        yield f"Last viewed: {say(facts.last_viewed_at) if facts.last_viewed_at else 'no view is known'}"
    yield from (f"{say(event.at)} {event.kind} by {event.actor}" for event in found.history[-30:])
