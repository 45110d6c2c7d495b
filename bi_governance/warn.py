"""Warn: tell each owner once, record only what was accepted, and settle what a crash left open."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bi_governance import events as ev
from bi_governance.errors import DeliveryError, OutcomeOpen, OutcomeUnknown
from bi_governance.lifecycle import State
from bi_governance.model import Action, Facts, Mode, NoticeKind, Role, Viewer, VisualKey
from bi_governance.plan import Plan
from bi_governance.policy import Decision, projected_deadline
from bi_governance.ports import Delivery, Digest, DigestItem, Lease, Recipient, Services, TrialNotices
from bi_governance.rules import terms_for
from bi_governance.succession import recipient_of

NOBODY = Recipient("none", "nobody (trial notices are off)", role=Role.TEAM)
KIND_OF = {Action.WARN: NoticeKind.WARNING, Action.REMIND: NoticeKind.REMINDER}


@dataclass(frozen=True, slots=True)
class Untold:
    """A visual nobody could be told about: who was meant to be, and why not."""

    key: VisualKey
    kind: NoticeKind
    reader: str
    reason: str


@dataclass(slots=True)
class WarnReport:
    """How many visuals somebody was told about, and what could not be told."""

    delivered: int = 0
    messages: int = 0
    untold: list[Untold] = field(default_factory=list)

    @property
    def failed(self) -> list[str]:
        """Who could not be told why, once each."""
        return list(dict.fromkeys(f"{untold.reader}: {untold.reason}" for untold in self.untold))

    def lines(self, most: int = 20) -> Iterator[str]:
        """What the analytics team must know about it: how many, who, why, and what follows."""
        if not self.untold:
            return
        unwarned = sum(untold.kind is NoticeKind.WARNING for untold in self.untold)
        yield (
            f"Could not be told: {len({untold.reader for untold in self.untold})} reader(s) about "
            f"{len(self.untold)} visual(s). Without a warning {unwarned} of these will not be deleted."
        )
        counts = Counter((untold.reader, untold.reason) for untold in self.untold)
        for (reader, reason), count in counts.most_common(most):
            yield f"Not told about {count} visual(s): {reader}: {reason}"
        if len(counts) > most:
            yield f"… and {len(counts) - most} more; the ledger has them all"


@dataclass(slots=True)
class SettledNotices:
    """How many messages of a dead run had arrived, and how many may have, which nobody can ever tell."""

    found: int = 0
    doubtful: int = 0


def settle_notices(services: Services, state: State, lease: Lease, run_id: str) -> SettledNotices:
    """Find out what became of messages a crash left without an outcome.

    A message that may have arrived does not count: it is recorded as failed, saying so, and its
    visuals are told about again.
    """
    settled = SettledNotices()
    for intents in list(state.unsettled_notices.values()):
        try:
            delivery = _find(services, intents[0])
        except OutcomeUnknown as error:
            settled.doubtful += 1
            now = services.clock.now()
            services.ledger.append([_failed(i, now, str(error), run_id) for i in intents], lease)
            continue
        except DeliveryError:
            continue  # nobody can tell now; until then these visuals are not told about again
        settled.found += delivery is not None
        services.ledger.append([_settled(intent, delivery, services, run_id) for intent in intents], lease)
    return settled


def _find(services: Services, intent: ev.NoticeIntended) -> Delivery | None:
    if intent.recipient == NOBODY.address:
        return None
    return services.notifier.find(intent.message_id, Recipient(intent.recipient, intent.recipient), intent.at)


def _settled(
    intent: ev.NoticeIntended, delivery: Delivery | None, services: Services, run_id: str
) -> ev.NoticeDelivered | ev.NoticeFailed:
    if delivery is None:
        return _failed(intent, services.clock.now(), "interrupted before it was accepted", run_id)
    return _delivered(intent, delivery, run_id)


def _delivered(intent: ev.NoticeIntended, delivery: Delivery, run_id: str) -> ev.NoticeDelivered:
    return ev.NoticeDelivered.of(
        intent, at=delivery.at, run_id=run_id, channel=delivery.channel, ts=delivery.ts
    )


def warn(services: Services, plan: Plan, estate: Sequence[Facts], lease: Lease) -> WarnReport:
    """Send what the plan says is due; a message that fails leaves its visuals unwarned."""
    report = WarnReport()
    facts = {f.key: f for f in estate}
    for index, (kind, mode, recipient, batch) in enumerate(_batches(services, plan, facts, lease, report)):
        message_id = message_id_of(plan.run_id, kind, mode, recipient, index)
        items = tuple(digest_item(services, facts[d.key], d, recipient) for d in batch)
        send(services, Digest(message_id, kind, mode, recipient, items), plan.run_id, lease, report)
    return report


def message_id_of(run_id: str, kind: NoticeKind, mode: Mode, recipient: Recipient, index: int) -> str:
    text = "|".join((run_id, kind, mode, recipient.address, str(index)))
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _batches(
    services: Services, plan: Plan, facts: Mapping[VisualKey, Facts], lease: Lease, report: WarnReport
) -> Iterable[tuple[NoticeKind, Mode, Recipient, list[Decision]]]:
    """One digest per recipient and kind, split at what one message can hold."""
    groups: dict[tuple[NoticeKind, Mode, Recipient], list[Decision]] = {}
    intents = [i for intents in services.ledger.state().unsettled_notices.values() for i in intents]
    # What a viewer may have been told never keeps the owner from being told.
    unsettled = {i.key for i in intents if i.notice is not NoticeKind.VIEWER}
    due = plan.of(Action.WARN, Action.REMIND)
    viewers = services.warehouse.viewers([d.key for d in due])
    for decision in due:
        if decision.key in unsettled:
            reason = "an earlier message may have arrived; asking again later"
            report.untold.append(_untold(decision, _owner(facts[decision.key]), reason))
            continue
        mode = plan.modes[decision.key.source]
        try:
            recipient = _recipient(services, facts[decision.key], mode, viewers.get(decision.key, ()))
        except DeliveryError as error:  # nobody is left, or nobody can say: the others are told
            _note_failure(services, decision, mode, str(error), plan.run_id, lease)
            report.untold.append(_untold(decision, _owner(facts[decision.key]), str(error)))
            continue
        groups.setdefault((KIND_OF[decision.action], mode, recipient), []).append(decision)
    size = services.notifier.items_per_message
    for (kind, mode, recipient), decisions in groups.items():
        for start in range(0, len(decisions), size):
            yield kind, mode, recipient, decisions[start : start + size]


def _untold(decision: Decision, reader: str, reason: str) -> Untold:
    return Untold(decision.key, KIND_OF[decision.action], reader, reason)


def _owner(facts: Facts) -> str:
    owner = facts.owner
    return (owner.name or owner.email or owner.id) if owner else "an unknown owner"


def _recipient(services: Services, facts: Facts, mode: Mode, viewers: Sequence[Viewer]) -> Recipient:
    if mode is Mode.LIVE or services.trial_notices is TrialNotices.OWNERS:
        return recipient_of(facts, viewers, services.people, services.notifier)
    if services.trial_notices is TrialNotices.NONE:
        return NOBODY
    return replace(services.notifier.trial_recipient(), role=Role.TEAM)


def digest_item(services: Services, facts: Facts, decision: Decision, recipient: Recipient) -> DigestItem:
    """One visual as this recipient would be told about it now, with the deadline that would set."""
    terms = terms_for(facts, services.policy)
    deadline = decision.deadline or projected_deadline(
        services.clock.now(), decision.usage, terms, services.policy, succession=bool(recipient.succession)
    )
    reader = services.readers.get(facts.key.source)
    lost = reader.capabilities.lost_on_restore.get(facts.key.type, ()) if reader else ()
    return DigestItem(facts, decision, deadline, lost_on_restore=tuple(lost))


def send(services: Services, digest: Digest, run_id: str, lease: Lease, report: WarnReport) -> None:
    """Intent, message, record - in that order, so that a crash in between can be settled."""
    intents = [_intent(digest, item, services.clock.now(), run_id) for item in digest.items]
    services.ledger.append(intents, lease)
    try:
        delivery = (
            Delivery("none", digest.message_id, services.clock.now())
            if digest.recipient is NOBODY
            else services.notifier.deliver(digest)
        )
    except DeliveryError as error:
        name = digest.recipient.name
        report.untold.extend(
            Untold(item.decision.key, digest.kind, name, str(error)) for item in digest.items
        )
        if isinstance(error, OutcomeOpen):
            return  # the intents stay unsettled, so that the next run asks before anybody is told again
        services.ledger.append([_failed(i, services.clock.now(), str(error), run_id) for i in intents], lease)
        return
    services.ledger.append([_delivered(intent, delivery, run_id) for intent in intents], lease)
    report.delivered += len(digest.items)
    report.messages += 1


def _intent(digest: Digest, item: DigestItem, at: datetime, run_id: str) -> ev.NoticeIntended:
    facts, decision = item.facts, item.decision
    return ev.NoticeIntended(
        at=at,
        run_id=run_id,
        key=facts.key,
        episode=decision.episode,
        notice=digest.kind,
        mode=digest.mode,
        message_id=digest.message_id,
        recipient=digest.recipient.address,
        deadline=item.deadline,
        title=facts.title,
        owner_id=facts.owner.id if facts.owner else "",
        folder=facts.folder,
        days_before=decision.days_before,
        succession=digest.recipient.succession,
        reader=digest.recipient.name,
        role=str(digest.recipient.role),
    )


def _failed(intent: ev.NoticeIntended, at: datetime, reason: str, run_id: str) -> ev.NoticeFailed:
    return ev.NoticeFailed(
        at=at,
        run_id=run_id,
        key=intent.key,
        episode=intent.episode,
        notice=intent.notice,
        mode=intent.mode,
        message_id=intent.message_id,
        reason=reason,
    )


def _note_failure(
    services: Services, decision: Decision, mode: Mode, reason: str, run_id: str, lease: Lease
) -> None:
    services.ledger.append(
        [
            ev.NoticeFailed(
                at=services.clock.now(),
                run_id=run_id,
                key=decision.key,
                episode=decision.episode,
                notice=KIND_OF[decision.action],
                mode=mode,
                message_id="",
                reason=reason,
            )
        ],
        lease,
    )
