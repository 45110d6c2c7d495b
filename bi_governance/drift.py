"""Drift: a plan written down earlier is held against the plan made now; what is the same remains."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bi_governance import events as ev
from bi_governance.errors import ConfigurationError, GovernanceError, RefusedForSafety
from bi_governance.lifecycle import State
from bi_governance.model import Action, Facts, VisualKey
from bi_governance.outlook import Outlook
from bi_governance.plan import AWAITS_APPROVAL, EFFECTS, Plan
from bi_governance.policy import Decision
from bi_governance.ports import Lease, Services

# What must be the same now, and how its change is named.
COMPARED = {
    "title": "title",
    "owner": "owner",
    "folder": "folder",
    "last_used": "last use",
    "episode": "episode",
    "noticed_at": "warning",
}


@dataclass(frozen=True, slots=True)
class Written:
    """A plan as `plan -o` wrote it.

    `due` holds what it would delete, `waiting` what an admin has to approve first, both with the evidence
    they were decided on.
    """

    digest: str
    as_of: datetime
    config_digest: str
    modes: Mapping[str, str]
    due: Mapping[VisualKey, Mapping[str, Any]]
    waiting: Mapping[VisualKey, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Dropped:
    """Something of the written plan that is not deleted, and why."""

    key: VisualKey
    episode: int
    reason: str


def write(
    plan: Plan,
    estate: Sequence[Facts],
    state: State,
    lost: Mapping[str, Mapping[str, list[str]]],
    ahead: Sequence[Outlook] = (),
) -> dict[str, Any]:
    """The plan as plain JSON values, with the evidence it was made from and a digest over all of it."""
    facts = {f.key: f for f in estate}
    listed = (*plan.of(*EFFECTS), *plan.awaiting_approval())
    evidence = {str(d.key): evidence_of(d, facts[d.key], state) for d in listed if d.key in facts}
    outlook = [each.to_json() for each in ahead]
    body = {**plan.to_json(), "evidence": evidence, "lost_on_restore": dict(lost), "outlook": outlook}
    return {"file_digest": _digest(body), **body}


def evidence_of(decision: Decision, facts: Facts, state: State) -> dict[str, Any]:
    """What a decision rests on, as plain JSON values."""
    warning, used = state.case(decision.key).warning, decision.usage.last_used
    return {
        "title": facts.title,
        "owner": facts.owner.id if facts.owner else "",
        "folder": facts.folder,
        "last_used": used.isoformat() if used else None,
        "episode": decision.episode,
        "noticed_at": warning.at.isoformat() if warning else None,
        "noticed": (warning.reader or warning.recipient) if warning else None,
    }


def _digest(body: Mapping[str, Any]) -> str:
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def read(text: str, name: str) -> Written:
    """Read what `write` made; ConfigurationError when it is no such plan, or was changed since."""
    said = f"{name} is not a plan written by `bi-governance plan -o`"
    try:
        body = json.loads(text)
        claimed = body.pop("file_digest")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{said}: {error}") from error
    if claimed != _digest(body):
        raise ConfigurationError(
            f"{name} was changed after `bi-governance plan -o` wrote it; write it anew. What is not to be "
            "deleted is kept with: bi-governance keep KEY --until DATE"
        )
    try:
        made = datetime.fromisoformat(body["as_of"])
        due, waiting = dict(_listed(body, _is_due)), dict(_listed(body, _waits))
        return Written(claimed, made, body["config_digest"], body["modes"], due, waiting)
    except (ValueError, KeyError, TypeError, GovernanceError) as error:
        raise ConfigurationError(f"{said}: {error}") from error


def _is_due(decision: Mapping[str, Any]) -> bool:
    return bool(decision["action"] == Action.DELETE)


def _waits(decision: Mapping[str, Any]) -> bool:
    """The same question as `Plan.awaiting_approval`, of plain JSON."""
    codes = [reason["code"] for reason in decision["reasons"]]
    return decision["action"] == Action.NONE and AWAITS_APPROVAL in codes


def _listed(
    body: Mapping[str, Any], is_listed: Callable[[Mapping[str, Any]], bool]
) -> Iterator[tuple[VisualKey, Mapping[str, Any]]]:
    for decision in filter(is_listed, body["decisions"]):
        yield VisualKey.parse(decision["key"]), dict(body["evidence"][decision["key"]])


def must_be_current(written: Written, config_digest: str, max_age: timedelta, now: datetime) -> None:
    """RefusedForSafety when a plan is too old, or was made under another configuration."""
    made = f"the plan was made on {written.as_of:%Y-%m-%d %H:%M} UTC"
    again = "write a new one with: bi-governance plan -o FILE"
    if written.as_of > now:
        raise RefusedForSafety(f"{made}, which is yet to come; {again}")
    if now - written.as_of > max_age:
        raise RefusedForSafety(
            f"{made}, more than {max_age.days} days ago (limits.plan_max_age_days); {again}"
        )
    if written.config_digest != config_digest:
        raise RefusedForSafety(f"{made} under another configuration than today's; {again}")


def keep_what_is_the_same(
    services: Services, written: Written, plan: Plan, estate: Sequence[Facts], lease: Lease
) -> tuple[frozenset[VisualKey], tuple[Dropped, ...]]:
    """What of the written plan may be deleted, and what not any more; the latter is recorded.

    Never more than it lists, never more than is due now, and nothing about which something changed.
    """
    dropped = tuple(
        drifted(written.due, written.modes, plan.of(Action.DELETE), plan, estate, services.ledger.state())
    )
    now = services.clock.now()
    refused: list[ev.Event] = [
        ev.RemovalRefused(
            at=now, run_id=plan.run_id, key=d.key, episode=d.episode, guard="plan_drift", reason=d.reason
        )
        for d in dropped
    ]
    services.ledger.append(refused, lease)
    return frozenset(written.due) - {d.key for d in dropped}, dropped


def drifted(
    listed: Mapping[VisualKey, Mapping[str, Any]],
    modes: Mapping[str, str],
    still: Iterable[Decision],
    plan: Plan,
    estate: Sequence[Facts],
    state: State,
) -> Iterator[Dropped]:
    """Of what a plan made under `modes` listed, everything that is not as it was, with the reasons.

    `still` is what the present plan lists in the same place: among its deletions, or of what waits for
    approval.
    """
    facts, same = {f.key: f for f in estate}, {d.key for d in still}
    decisions = {d.key: d for d in plan.decisions}
    for key in sorted(listed):
        decision = decisions.get(key)
        reasons = list(_differences(listed[key], key, decision, facts.get(key), modes, plan, state))
        if key not in same and decision is not None:
            reasons.append(f"it is not due any more: {'; '.join(map(str, decision.reasons))}")
        if reasons:
            yield Dropped(key, listed[key]["episode"], "; ".join(reasons))


def _differences(
    before: Mapping[str, Any],
    key: VisualKey,
    decision: Decision | None,
    facts: Facts | None,
    modes: Mapping[str, str],
    plan: Plan,
    state: State,
) -> Iterable[str]:
    if key.source not in plan.modes:
        yield f"source {key.source} is not configured, or left out by --source"
        return
    if decision is None or facts is None:
        yield "it is not in the present inventory"
        return
    then, now = modes.get(key.source), str(plan.modes[key.source])
    if then != now:
        yield f"{key.source} was {then} in that plan and is {now} now"
    known = evidence_of(decision, facts, state)
    for name, said in COMPARED.items():
        if before.get(name) != known[name]:
            yield f"its {said} was '{before.get(name)}' in that plan and is '{known[name]}' now"
