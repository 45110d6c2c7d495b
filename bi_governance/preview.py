"""Preview: the notice an owner would get about a visual, from stored facts; nothing is sent or recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bi_governance.errors import ConfigurationError
from bi_governance.escalate import next_in_line
from bi_governance.explain import current_plan
from bi_governance.keep import known_key
from bi_governance.lifecycle import State
from bi_governance.model import Action, Mode, NoticeKind, Person, Reason, Role, VisualKey
from bi_governance.plan import Plan
from bi_governance.policy import Decision
from bi_governance.ports import Digest, DigestItem, Recipient, Services, TrialNotices
from bi_governance.run import gather
from bi_governance.told import ASKING, Ending
from bi_governance.viewers import first_viewer
from bi_governance.warn import Surroundings, digest_item, in_messages, kind_of, owner_or_successor

MESSAGE_ID = "preview"
# What people are told by the plan itself; everything else they are told afterwards.
TOLD = (Action.WARN, Action.REMIND)


@dataclass(frozen=True, slots=True)
class Preview:
    """A digest as it would go out now; `remarks` say in what the next run would differ from it."""

    digest: Digest
    remarks: tuple[str, ...]


def preview(services: Services, text: str, wanted: NoticeKind | None = None) -> Preview:
    """The digest of the owner of this visual that holds it, of the kind that is due or of the one wanted.

    It has the owner's other visuals that are due for the same kind of notice, as far as they fit into
    the same message. A visual nothing is due for is shown in a warning of its own, with a remark.

    Raises ConfigurationError for a key that is unknown or gone, or has no viewer to show; DeliveryError when
    an address cannot be looked up, RecipientUnknown when nobody would be told.
    """
    VisualKey.parse(text)
    state = services.ledger.state()
    estate = gather(services, state)
    key = known_key(text, [f.key for f in estate.facts])
    plan = current_plan(services, state, estate)
    decision = plan.decision(key)
    assert decision is not None, "every visual in the inventory has a decision"
    is_due = decision.action in TOLD and wanted in (None, kind_of(decision))
    mode = plan.modes[key.source]
    around = Surroundings(services, estate.facts, [d.key for d in (decision, *plan.of(*TOLD))])
    if wanted is NoticeKind.VIEWER:
        return _to_viewer(services, around, decision, mode)
    if wanted is NoticeKind.ESCALATION:
        return _to_next_in_line(services, around, decision, state, mode)
    recipient = _recipient(services, state, around, key)
    told = _told_together(services, plan, state, around, decision, recipient) if is_due else [decision]
    items = tuple(digest_item(services, around, d, recipient) for d in told)
    kind = wanted or kind_of(decision)
    if kind not in ASKING:
        items = tuple(_ended(services, item, kind, mode) for item in items)
    digest = Digest(MESSAGE_ID, kind, mode, recipient, items, services.retention_days)
    return Preview(digest, tuple(_remarks(services, decision, kind, mode, is_due=is_due)))


def _to_viewer(services: Services, around: Surroundings, decision: Decision, mode: Mode) -> Preview:
    found = first_viewer(services, around.facts[decision.key])
    if found is None:
        raise ConfigurationError(
            f"no viewer of {decision.key} would be told: nobody who can be reached is known to have used it "
            "lately but its owner, or viewers.at_most is 0."
        )
    viewer, recipient = found
    item = replace(digest_item(services, around, decision, recipient), viewed=viewer)
    digest = Digest(MESSAGE_ID, NoticeKind.VIEWER, mode, recipient, (item,), services.retention_days)
    remark = "Viewers are told in live only, once somebody was warned. This is how it would read."
    return Preview(digest, (remark,))


def _to_next_in_line(
    services: Services, around: Surroundings, decision: Decision, state: State, mode: Mode
) -> Preview:
    recipient = next_in_line(services, around.facts[decision.key], state.case(decision.key))
    if recipient is None:
        raise ConfigurationError(
            f"nobody is next in line for {decision.key}: whoever is has been told of it already, or there is "
            "no channel to tell."
        )
    item = digest_item(services, around, decision, recipient)
    digest = Digest(MESSAGE_ID, NoticeKind.ESCALATION, mode, recipient, (item,), services.retention_days)
    remark = "The next in line is told in live only, when nobody reacts. This is how it would read."
    return Preview(digest, (remark,))


def _told_together(
    services: Services,
    plan: Plan,
    state: State,
    around: Surroundings,
    decision: Decision,
    recipient: Recipient,
) -> Sequence[Decision]:
    mode, owner = plan.modes[decision.key.source], _same(around.facts[decision.key].owner)
    due = [
        d
        for d in plan.of(decision.action)
        if plan.modes[d.key.source] is mode
        and kind_of(d) is kind_of(decision)
        and _same(around.facts[d.key].owner) == owner
    ]
    if recipient.role is not Role.OWNER:
        # Whoever stands in may do so for some of the owner's things only.
        due = [d for d in due if _recipient(services, state, around, d.key) == recipient]
    return next(part for part in in_messages(services, around, due, recipient) if decision in part)


def _ended(services: Services, item: DigestItem, kind: NoticeKind, mode: Mode) -> DigestItem:
    """The item as if this had become of it now."""
    now = services.clock.now()
    is_kept = kind is NoticeKind.DELETED and mode is Mode.LIVE
    reasons = (Reason("used", "it was used again"),) if kind is NoticeKind.RESCUED else item.decision.reasons
    return replace(
        item,
        decision=replace(item.decision, reasons=reasons),
        ending=Ending(kind, now, str(kind)),
        restorable_until=now + timedelta(days=services.retention_days) if is_kept else None,
    )


def _recipient(services: Services, state: State, around: Surroundings, key: VisualKey) -> Recipient:
    viewers = services.warehouse.viewers([key]).get(key, ())
    return owner_or_successor(services, around.facts[key], state.case(key), viewers)


def _same(owner: Person | None) -> str:
    """What two visuals have in common when one person owns both, also across sources."""
    if owner is None:
        return ""
    return (owner.email or "").strip().lower() or f"{owner.id} {owner.name}"


def _remarks(
    services: Services, decision: Decision, kind: NoticeKind, mode: Mode, *, is_due: bool
) -> Iterator[str]:
    if not is_due:
        why = "; ".join(str(reason) for reason in decision.reasons)
        verdict = {Action.NONE: "nothing is due"}.get(decision.action, f"the plan says {decision.action}")
        name = {NoticeKind.LAST_CALL: "a last call"}.get(kind, f"a {kind}")
        name = name if kind in ASKING else f"news of what was {kind}"
        yield f"The next run would not send this: {verdict} ({why}). This is how {name} would read."
    if mode is Mode.DRY_RUN and services.trial_notices is TrialNotices.CHANNEL:
        where = services.notifier.trial_recipient().name
        yield f"In dry-run the owner is not told; {where} is (dry_run.notices: channel)."
    if mode is Mode.DRY_RUN and services.trial_notices is TrialNotices.NONE:
        yield "In dry-run nobody is told (dry_run.notices: none)."
