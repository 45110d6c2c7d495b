"""Preview: the notice an owner would get about a visual, from stored facts; nothing is sent or recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bi_governance.explain import current_plan
from bi_governance.keep import known_key
from bi_governance.model import Action, Facts, Mode, NoticeKind, Person, Role, VisualKey
from bi_governance.plan import Plan
from bi_governance.policy import Decision
from bi_governance.ports import Digest, Recipient, Services, TrialNotices
from bi_governance.run import gather
from bi_governance.succession import recipient_of
from bi_governance.warn import KIND_OF, digest_item

MESSAGE_ID = "preview"


@dataclass(frozen=True, slots=True)
class Preview:
    """A digest as it would go out now; `remarks` say in what the next run would differ from it."""

    digest: Digest
    remarks: tuple[str, ...]


def preview(services: Services, text: str) -> Preview:
    """The digest of the owner of this visual that holds it.

    It has the owner's other visuals that are due for the same kind of notice, as far as they fit into
    the same message. A visual nothing is due for is shown in a warning of its own, with a remark.

    Raises ConfigurationError for a key that is unknown or gone, DeliveryError when the owner's address
    cannot be looked up, RecipientUnknown when nobody would be told.
    """
    VisualKey.parse(text)
    state = services.ledger.state()
    estate = gather(services, state)
    facts = {f.key: f for f in estate.facts}
    key = known_key(text, list(facts))
    plan = current_plan(services, state, estate)
    decision = plan.decision(key)
    assert decision is not None, "every visual in the inventory has a decision"
    kind = KIND_OF.get(decision.action, NoticeKind.WARNING)
    mode = plan.modes[key.source]
    recipient = _recipient(services, facts[key])
    told = _told_together(services, plan, facts, decision, recipient)
    items = tuple(digest_item(services, facts[d.key], d, recipient) for d in told)
    digest = Digest(MESSAGE_ID, kind, mode, recipient, items)
    return Preview(digest, tuple(_remarks(services, decision, mode)))


def _recipient(services: Services, facts: Facts) -> Recipient:
    viewers = services.warehouse.viewers([facts.key]).get(facts.key, ())
    return recipient_of(facts, viewers, services.people, services.notifier)


def _told_together(
    services: Services,
    plan: Plan,
    facts: dict[VisualKey, Facts],
    decision: Decision,
    recipient: Recipient,
) -> Sequence[Decision]:
    if decision.action not in KIND_OF:
        return [decision]
    mode, owner = plan.modes[decision.key.source], _same(facts[decision.key].owner)
    due = [
        d
        for d in plan.of(decision.action)
        if plan.modes[d.key.source] is mode and _same(facts[d.key].owner) == owner
    ]
    if recipient.role is not Role.OWNER:
        # Whoever stands in may do so for some of the owner's things only.
        due = [d for d in due if _recipient(services, facts[d.key]) == recipient]
    size = services.notifier.items_per_message
    start = due.index(decision) // size * size
    return due[start : start + size]


def _same(owner: Person | None) -> str:
    """What two visuals have in common when one person owns both, also across sources."""
    if owner is None:
        return ""
    return (owner.email or "").strip().lower() or f"{owner.id} {owner.name}"


def _remarks(services: Services, decision: Decision, mode: Mode) -> Iterator[str]:
    if decision.action not in KIND_OF:
        why = "; ".join(str(reason) for reason in decision.reasons)
        verdict = {Action.NONE: "nothing is due"}.get(decision.action, f"the plan says {decision.action}")
        yield f"The next run would not send this: {verdict} ({why}). This is how a warning would read."
    if mode is Mode.DRY_RUN and services.trial_notices is TrialNotices.CHANNEL:
        where = services.notifier.trial_recipient().name
        yield f"In dry-run the owner is not told; {where} is (dry_run.notices: channel)."
    if mode is Mode.DRY_RUN and services.trial_notices is TrialNotices.NONE:
        yield "In dry-run nobody is told (dry_run.notices: none)."
