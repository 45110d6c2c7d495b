"""Warn: tell each owner once, record only what was accepted, and settle what a crash left open."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from bi_governance import events as ev
from bi_governance.cases import Case, Notice
from bi_governance.errors import DeliveryError, OutcomeOpen, OutcomeUnknown
from bi_governance.lifecycle import State
from bi_governance.model import OF_OTHERS, Action, Facts, Mode, NoticeKind, Person, Role, Viewer, VisualKey
from bi_governance.plan import Plan
from bi_governance.policy import Decision, projected_deadline
from bi_governance.ports import Delivery, Digest, DigestItem, Lease, Recipient, Services, Thread, TrialNotices
from bi_governance.rules import terms_for
from bi_governance.succession import recipient_of
from bi_governance.usage import Neighbourhood

NOBODY = Recipient("none", "nobody (trial notices are off)", role=Role.TEAM)


@dataclass(frozen=True, slots=True)
class Untold:
    """A visual nobody could be told about: who was meant to be, and why not."""

    key: VisualKey
    kind: NoticeKind
    reader: str
    reason: str


@dataclass(slots=True)
class WarnReport:
    """How many visuals somebody was told about, what could not be told, and what waits for working hours."""

    delivered: int = 0
    messages: int = 0
    waiting: int = 0
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
    thread = Thread(intent.thread_channel, intent.thread_ts) if intent.thread_ts else None
    recipient = Recipient(intent.recipient, intent.recipient, thread=thread)
    return services.notifier.find(intent.message_id, recipient, intent.at)


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
    around = Surroundings(services, estate, [d.key for d in plan.of(Action.WARN, Action.REMIND)])
    batches = _batches(services, plan, around, lease, report)
    for index, (kind, mode, recipient, batch) in enumerate(batches):
        if must_wait(services, recipient):
            report.waiting += len(batch)
            continue
        message_id = new_message_id(plan.run_id, kind, mode, recipient, index)
        items = tuple(digest_item(services, around, d, recipient) for d in batch)
        digest = Digest(message_id, kind, mode, recipient, items, services.retention_days)
        send(services, digest, plan.run_id, lease, report)
    return report


def must_wait(services: Services, recipient: Recipient) -> bool:
    """Whether people are left in peace now; waiting only ever makes a message, and its date, later."""
    return recipient != NOBODY and not services.notice_window.is_open(services.clock.now())


def kind_of(decision: Decision) -> NoticeKind:
    """How somebody is told of a decision; what nothing is due for would be told as a warning."""
    if decision.action is not Action.REMIND:
        return NoticeKind.WARNING
    return NoticeKind.LAST_CALL if decision.days_before == 0 else NoticeKind.REMINDER


def new_message_id(run_id: str, kind: NoticeKind, mode: Mode, recipient: Recipient, index: int) -> str:
    """An id no other message has, and the same for the same message of the same run."""
    text = "|".join((run_id, kind, mode, recipient.address, str(index)))
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _batches(
    services: Services, plan: Plan, around: Surroundings, lease: Lease, report: WarnReport
) -> Iterable[tuple[NoticeKind, Mode, Recipient, Sequence[Decision]]]:
    """One digest per recipient and kind, nearest deadlines first, split at what one message can hold.

    What comes after a warning goes as a reply to it, when it has the same reader.
    """
    groups: dict[tuple[NoticeKind, Mode, Recipient], list[Decision]] = {}
    state = services.ledger.state()
    # What others may have been told never keeps the owner from being told.
    unsettled = {intent.key for intent in state.unsettled(set(NoticeKind) - OF_OTHERS)}
    due = plan.of(Action.WARN, Action.REMIND)
    viewers = services.warehouse.viewers([d.key for d in due])
    for decision in due:
        if decision.key in unsettled:
            reason = "an earlier message may have arrived; asking again later"
            report.untold.append(_untold(decision, _owner(around.facts[decision.key]), reason))
            continue
        mode = plan.modes[decision.key.source]
        try:
            recipient = _recipient(
                services,
                around.facts[decision.key],
                state.case(decision.key),
                mode,
                viewers.get(decision.key, ()),
            )
        except DeliveryError as error:  # nobody is left, or nobody can say: the others are told
            _note_failure(services, decision, mode, str(error), plan.run_id, lease)
            report.untold.append(_untold(decision, _owner(around.facts[decision.key]), str(error)))
            continue
        recipient = _in_thread(recipient, state.case(decision.key).warning)
        groups.setdefault((kind_of(decision), mode, recipient), []).append(decision)
    for (kind, mode, recipient), decisions in groups.items():
        for batch in in_messages(services, around, decisions, recipient):
            yield kind, mode, recipient, batch


def _in_thread(recipient: Recipient, warning: Notice | None) -> Recipient:
    if warning is None or not warning.ts or warning.recipient != recipient.address or recipient == NOBODY:
        return recipient
    return replace(recipient, thread=Thread(warning.channel, warning.ts))


def in_messages(
    services: Services, around: Surroundings, decisions: Sequence[Decision], recipient: Recipient
) -> Iterator[Sequence[Decision]]:
    """What one recipient is told, nearest deadlines first, in as many parts as messages are needed."""
    deadlines = {d.key: _deadline(services, around.facts[d.key], d, recipient) for d in decisions}
    never = datetime.max.replace(tzinfo=UTC)
    ordered = sorted(decisions, key=lambda d: (deadlines[d.key] or never, d.key))
    size = services.notifier.items_per_message
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def _untold(decision: Decision, reader: str, reason: str) -> Untold:
    return Untold(decision.key, kind_of(decision), reader, reason)


def _owner(facts: Facts) -> str:
    owner = facts.owner
    return (owner.name or owner.email or owner.id) if owner else "an unknown owner"


def _recipient(
    services: Services, facts: Facts, case: Case, mode: Mode, viewers: Sequence[Viewer]
) -> Recipient:
    if mode is Mode.LIVE or services.trial_notices is TrialNotices.OWNERS:
        return owner_or_successor(services, facts, case, viewers)
    if services.trial_notices is TrialNotices.NONE:
        return NOBODY
    return replace(services.notifier.trial_recipient(), role=Role.TEAM)


def owner_or_successor(services: Services, facts: Facts, case: Case, viewers: Sequence[Viewer]) -> Recipient:
    """Who is told about a visual: its owner, or whom it was handed over to, who gets the longer grace.

    Where they cannot be told somebody stands in. A hand-over ends when the platform itself names another
    owner. Raises RecipientUnknown and DeliveryError like `recipient_of`.
    """
    handed = case.handed_over
    if handed is None or handed.owner_id != (facts.owner.id if facts.owner else ""):
        return recipient_of(facts, viewers, services.people, services.notifier)
    owned = replace(facts, owner=Person(handed.to_id, handed.to_name, handed.to_email))
    found = recipient_of(owned, viewers, services.people, services.notifier)
    why = found.succession or f"{handed.by_name or handed.actor} handed it over to you"
    return replace(found, succession=why)


def _deadline(services: Services, facts: Facts, decision: Decision, recipient: Recipient) -> datetime | None:
    """The deadline as decided, else the one that a message to this recipient would set now."""
    now = services.clock.now()
    terms = terms_for(facts, services.policy, now)
    return decision.deadline or projected_deadline(
        now, decision.usage, terms, services.policy, succession=bool(recipient.succession)
    )


class Surroundings:
    """What lies around the visuals people are told about: what they are part of, hold and read."""

    def __init__(self, services: Services, estate: Sequence[Facts], keys: Sequence[VisualKey]) -> None:
        self.facts = {f.key: f for f in estate}
        self._upstream = services.warehouse.upstream(keys) if keys else {}
        self._held: dict[VisualKey, list[VisualKey]] = {}
        for facts in estate:
            for container in () if facts.is_trashed else facts.containers:
                self._held.setdefault(container, []).append(facts.key)

    def part_of(self, key: VisualKey) -> tuple[str, ...]:
        """The living visuals that contain it directly."""
        around = Neighbourhood(self.facts, {})
        found = self.facts.get(key)
        return tuple(self._named(c) for c in (found.containers if found else ()) if around.is_alive(c))

    def holds(self, key: VisualKey) -> tuple[str, ...]:
        """The visuals that are directly inside it."""
        return tuple(self._named(inner) for inner in self._held.get(key, ()))

    def reads(self, key: VisualKey) -> tuple[str, ...]:
        """The tables, datasets and explores it is built on."""
        return self._upstream.get(key, ())

    def _named(self, key: VisualKey) -> str:
        facts = self.facts.get(key)
        return f"{key.type} '{facts.title}'" if facts and facts.title.strip() else str(key)


def digest_item(
    services: Services, around: Surroundings, decision: Decision, recipient: Recipient
) -> DigestItem:
    """One visual as this recipient would be told about it now, with the deadline that would set."""
    facts = around.facts[decision.key]
    reader = services.readers.get(facts.key.source)
    capabilities = reader.capabilities if reader else None
    return DigestItem(
        facts,
        decision,
        _deadline(services, facts, decision, recipient),
        lost_on_restore=tuple(capabilities.lost_on_restore.get(facts.key.type, ())) if capabilities else (),
        route=capabilities.routes.get(facts.key.type) if capabilities else None,
        part_of=around.part_of(facts.key),
        holds=around.holds(facts.key),
        reads=around.reads(facts.key),
    )


def send(services: Services, digest: Digest, run_id: str, lease: Lease, report: WarnReport) -> None:
    """Intent, message, record - in that order, so that a crash in between can be settled."""
    intents = [_intent(digest, item, services.clock.now(), run_id) for item in digest.items]
    services.ledger.append(intents, lease)
    try:
        delivery = (
            Delivery("none", digest.message_id, services.clock.now())
            if digest.recipient == NOBODY
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
        thread_channel=digest.recipient.thread.channel if digest.recipient.thread else "",
        thread_ts=digest.recipient.thread.ts if digest.recipient.thread else "",
        role=str(digest.recipient.role),
        retention_days=digest.retention_days,
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
                notice=kind_of(decision),
                mode=mode,
                message_id="",
                reason=reason,
            )
        ],
        lease,
    )
