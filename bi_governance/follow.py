"""Follow: tell people what became of what they were warned of, and mend messages that went stale.

Both are read off the ledger's state - an ending nobody was told of, a message older than what became of
its items - so a crash loses nothing, and what was recorded is not done again. Neither ever stops a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bi_governance import events as ev
from bi_governance.errors import DeliveryError, NotEditable
from bi_governance.lifecycle import State
from bi_governance.model import Action, Facts, Mode, NoticeKind, Reason, Role, VisualKey
from bi_governance.plan import Plan
from bi_governance.policy import Decision
from bi_governance.ports import Digest, DigestItem, Lease, Recipient, Services, Thread
from bi_governance.told import Ending, Told, ToldItem
from bi_governance.usage import Usage
from bi_governance.warn import NOBODY, Surroundings, WarnReport, digest_item, must_wait, new_message_id, send

# News older than this is none: somebody who could not be told for so long is left in peace.
FRESH = timedelta(days=14)
Decisions = Mapping[VisualKey, Decision]
UNKNOWN = Usage(None, "", None, timedelta(0), None, timedelta(0), None)


@dataclass(slots=True)
class FollowReport(WarnReport):
    """What people were told afterwards, and how many messages were mended."""

    edited: int = 0
    problems: list[str] = field(default_factory=list)
    unedited: list[str] = field(default_factory=list)


def follow(
    services: Services, plan: Plan, estate: Sequence[Facts], lease: Lease, run_id: str
) -> FollowReport:
    """Reply to every warning whose end its reader does not know, then bring stale messages up to date."""
    report = FollowReport()
    state = services.ledger.state()
    for digest in _replies(services, state, run_id):
        if must_wait(services, digest.recipient):
            report.waiting += len(digest.items)
        else:
            send(services, digest, run_id, lease, report)
    stale = [told for told in state.mail.messages.values() if told.is_stale and _is_fresh(services, told)]
    if stale:
        around = Surroundings(services, estate, [key for told in stale for key in told.items])
        decisions = {d.key: d for d in plan.decisions}
        for told in stale:
            _mend(services, decisions, around, told, lease, run_id, report)
    return report


def _is_fresh(services: Services, told: Told) -> bool:
    oldest = services.clock.now() - FRESH
    return any(item.ending is not None and item.ending.at > oldest for item in told.items.values())


def _replies(services: Services, state: State, run_id: str) -> Iterator[Digest]:
    """One reply per warning and kind of ending."""
    unsettled = {i.key for intents in state.unsettled_notices.values() for i in intents}
    oldest = services.clock.now() - FRESH
    for told in list(state.mail.messages.values()):
        if told.kind is not NoticeKind.WARNING:
            continue
        news: dict[NoticeKind, list[DigestItem]] = {}
        for item in told.items.values():
            ending = item.untold
            if ending is None or ending.kind is None or ending.at <= oldest or item.key in unsettled:
                continue
            news.setdefault(ending.kind, []).append(_ended(services, told, item, None))
        for kind, items in news.items():
            recipient = _reader(told, in_thread=True)
            message_id = new_message_id(f"{run_id}|{told.message_id}", kind, told.mode, recipient, 0)
            yield Digest(message_id, kind, told.mode, recipient, tuple(items), services.retention_days)


def _reader(told: Told, *, in_thread: bool) -> Recipient:
    if told.recipient == NOBODY.address:
        return NOBODY
    thread = Thread(told.channel, told.ts) if in_thread else None
    role = Role(told.role) if told.role else Role.OWNER
    return Recipient(told.recipient, told.reader, told.succession, thread, role)


def _mend(
    services: Services,
    decisions: Decisions,
    around: Surroundings,
    told: Told,
    lease: Lease,
    run_id: str,
    report: FollowReport,
) -> None:
    version, problem = told.version, ""
    try:
        if told.recipient != NOBODY.address:
            digest = restated(services, decisions, around, told)
            services.notifier.restate(digest, Thread(told.channel, told.ts))
            report.edited += 1
    except NotEditable as error:
        problem = str(error)
    except DeliveryError as error:
        report.unedited.append(f"{told.reader}: {error}")
        return
    services.ledger.append(
        [
            ev.NoticeEdited(
                at=services.clock.now(),
                run_id=run_id,
                message_id=told.message_id,
                version=version,
                problem=problem,
            )
        ],
        lease,
    )


def restated(services: Services, decisions: Decisions, around: Surroundings, told: Told) -> Digest:
    """A delivered message as it reads now: what is still open in full, the rest by what became of it."""
    recipient = _reader(told, in_thread=False)
    items = tuple(_item(services, decisions, around, told, item, recipient) for item in told.items.values())
    return Digest(told.message_id, told.kind, told.mode, recipient, items, services.retention_days)


def _item(
    services: Services,
    decisions: Decisions,
    around: Surroundings,
    told: Told,
    item: ToldItem,
    recipient: Recipient,
) -> DigestItem:
    facts, decision = around.facts.get(item.key), decisions.get(item.key)
    if item.ending is not None or facts is None or decision is None:
        return _ended(services, told, item, facts)
    return digest_item(services, around, decision, recipient)


def _ended(services: Services, told: Told, item: ToldItem, facts: Facts | None) -> DigestItem:
    """What is known of a visual that its platform may no longer show: what its reader was told of it."""
    ending = item.ending
    facts = facts or Facts(item.key, "", item.title, folder=item.folder)
    reasons = (Reason(ending.code, ending.reason),) if ending else ()
    decision = Decision(item.key, Action.NONE, reasons, item.episode, UNKNOWN, item.deadline)
    return DigestItem(
        facts,
        decision,
        item.deadline,
        lost_on_restore=_lost(services, item.key, ending),
        restorable_until=_restorable(services, told, item.key, ending),
        ending=ending,
    )


def _lost(services: Services, key: VisualKey, ending: Ending | None) -> tuple[str, ...]:
    if ending is not None and ending.kind is NoticeKind.RESTORED:
        return tuple(filter(None, ending.lost.split("; ")))
    reader = services.readers.get(key.source)
    is_gone = ending is not None and ending.kind is NoticeKind.DELETED
    return tuple(reader.capabilities.lost_on_restore.get(key.type, ())) if reader and is_gone else ()


def _restorable(services: Services, told: Told, key: VisualKey, ending: Ending | None) -> datetime | None:
    """What was promised when it was deleted, whatever the settings say now."""
    if ending is None or ending.kind is not NoticeKind.DELETED or told.mode is Mode.DRY_RUN:
        return None
    gone = services.ledger.state().case(key).gone
    if gone is not None and gone.at == ending.at and gone.restorable_until is not None:
        return gone.restorable_until
    return ending.at + timedelta(days=services.retention_days)
