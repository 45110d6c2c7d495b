"""Escalate: where nobody reacts to a warning, the next in line is told before the last day, once an episode.

A courtesy like the viewers' message: nothing waits for it, and no outcome of it changes whether or when
something is deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from bi_governance.cases import Case
from bi_governance.errors import DeliveryError, RecipientUnknown
from bi_governance.lifecycle import State
from bi_governance.model import Facts, Mode, NoticeKind, Role
from bi_governance.plan import Plan
from bi_governance.policy import Decision
from bi_governance.ports import Digest, Lease, Recipient, Services
from bi_governance.succession import in_line, reach
from bi_governance.viewers import about_to_go
from bi_governance.warn import (
    Surroundings,
    Untold,
    WarnReport,
    digest_item,
    in_messages,
    must_wait,
    new_message_id,
    send,
)

# Whoever was told this morning has not failed to answer yet.
PATIENCE = timedelta(days=1)


def escalate(services: Services, plan: Plan, estate: Sequence[Facts], lease: Lease) -> WarnReport:
    """Tell the next in line of what goes within `policy.escalation_days` and nobody reacted to."""
    report = WarnReport()
    state = services.ledger.state()
    unanswered = list(_unanswered(services, plan, state))
    around = Surroundings(services, estate, [d.key for d in unanswered])
    groups = _by_reader(services, around, unanswered, state, report)
    batches = (
        (recipient, batch)
        for recipient, decisions in groups.items()
        for batch in in_messages(services, around, decisions, recipient)
    )
    for index, (recipient, batch) in enumerate(batches):
        if must_wait(services, recipient):
            report.waiting += len(batch)
            continue
        kind = NoticeKind.ESCALATION
        message_id = new_message_id(plan.run_id, kind, Mode.LIVE, recipient, index)
        items = tuple(digest_item(services, around, d, recipient) for d in batch)
        digest = Digest(message_id, kind, Mode.LIVE, recipient, items, services.retention_days)
        send(services, digest, plan.run_id, lease, report)
    return report


def _unanswered(services: Services, plan: Plan, state: State) -> Iterator[Decision]:
    """What is about to go in live and nobody said a word about."""
    if services.policy.escalation_days is None:
        return
    now, ahead = services.clock.now(), timedelta(days=services.policy.escalation_days)
    waiting = {intent.key for intent in state.unsettled({NoticeKind.ESCALATION})}
    for decision in about_to_go(services, plan, state):
        case, deadline = state.case(decision.key), decision.deadline
        if plan.modes[decision.key.source] is not Mode.LIVE or decision.key in waiting:
            continue
        if case.escalated_at or case.agreed_at or deadline is None or deadline - now > ahead:
            continue
        if case.warning is not None and now - case.warning.at >= PATIENCE:
            yield decision


def _by_reader(
    services: Services,
    around: Surroundings,
    decisions: Sequence[Decision],
    state: State,
    report: WarnReport,
) -> Mapping[Recipient, list[Decision]]:
    groups: dict[Recipient, list[Decision]] = {}
    for decision in decisions:
        key = decision.key
        try:
            recipient = next_in_line(services, around.facts[key], state.case(key))
        except DeliveryError as error:
            report.untold.append(Untold(key, NoticeKind.ESCALATION, "the next in line", str(error)))
            continue
        if recipient is not None:
            groups.setdefault(recipient, []).append(decision)
    return groups


def next_in_line(services: Services, facts: Facts, case: Case) -> Recipient | None:
    """The folder's owner, the owner's manager, else the team; nobody who was told already."""
    warning, source = case.warning, facts.key.source
    told = {warning.recipient if warning else "", *case.viewers_told}
    for role, person in in_line(facts, (), services.people):
        if person is None or role not in (Role.FOLDER_OWNER, Role.MANAGER):
            continue
        found = reach(services.people.identify(person, source), source, services.people, services.notifier)
        if found.recipient is not None and not found.is_guest and found.recipient.address not in told:
            return replace(found.recipient, role=role, succession="")
    try:
        team = services.notifier.team("")
    except RecipientUnknown:
        return None
    return None if team.address in told else replace(team, role=Role.TEAM, succession="")
