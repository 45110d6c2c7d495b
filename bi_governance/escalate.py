"""Escalate: where nobody reacts to a warning, the next in line is told before the last day, once an episode.

A courtesy like the viewers' message: nothing waits for it, and no outcome of it changes whether or when
something is deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from bi_governance.errors import DeliveryError, RecipientUnknown
from bi_governance.lifecycle import Case, State
from bi_governance.model import Facts, Mode, NoticeKind, Role, VisualKey
from bi_governance.plan import Plan
from bi_governance.ports import Digest, DigestItem, Lease, Recipient, Services
from bi_governance.succession import in_line, reach
from bi_governance.viewers import about_to_go, deadline_now
from bi_governance.warn import Untold, WarnReport, must_wait, new_message_id, send

# Whoever was told this morning has not failed to answer yet.
PATIENCE = timedelta(days=1)


def escalate(services: Services, plan: Plan, estate: Sequence[Facts], lease: Lease) -> WarnReport:
    """Tell the next in line of what goes within `policy.escalation_days` and nobody reacted to."""
    report = WarnReport()
    if services.policy.escalation_days is None:
        return report
    state, facts = services.ledger.state(), {f.key: f for f in estate}
    unanswered = _unanswered(services, plan, state, facts)
    groups: dict[Recipient, list[DigestItem]] = {}
    for item, case in unanswered:
        try:
            recipient = next_in_line(services, item.facts, case)
        except DeliveryError as error:
            report.untold.append(
                Untold(item.facts.key, NoticeKind.ESCALATION, "the next in line", str(error))
            )
            continue
        if recipient is not None:
            groups.setdefault(recipient, []).append(item)
    for index, (recipient, items) in enumerate(_messages(services, groups)):
        if must_wait(services, recipient):
            report.waiting += len(items)
            continue
        message_id = new_message_id(plan.run_id, NoticeKind.ESCALATION, Mode.LIVE, recipient, index)
        digest = Digest(
            message_id, NoticeKind.ESCALATION, Mode.LIVE, recipient, items, services.retention_days
        )
        send(services, digest, plan.run_id, lease, report)
    return report


def _unanswered(
    services: Services, plan: Plan, state: State, facts: Mapping[VisualKey, Facts]
) -> Iterator[tuple[DigestItem, Case]]:
    """What is about to go in live, with its date, and nobody said a word about."""
    now, ahead = services.clock.now(), timedelta(days=services.policy.escalation_days or 0)
    waiting = {
        intent.key
        for intents in state.unsettled_notices.values()
        for intent in intents
        if intent.notice is NoticeKind.ESCALATION
    }
    for decision in about_to_go(services, plan, state):
        case, about = state.case(decision.key), facts[decision.key]
        deadline = deadline_now(services, about, case, decision)
        if plan.modes[decision.key.source] is not Mode.LIVE or decision.key in waiting:
            continue
        if case.escalated_at or case.agreed_at or deadline is None or deadline - now > ahead:
            continue
        if case.warning is not None and now - case.warning.at >= PATIENCE:
            yield DigestItem(about, decision, deadline), case


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


def _messages(
    services: Services, groups: Mapping[Recipient, Sequence[DigestItem]]
) -> Iterator[tuple[Recipient, tuple[DigestItem, ...]]]:
    size = services.notifier.items_per_message
    for recipient, items in groups.items():
        for start in range(0, len(items), size):
            yield recipient, tuple(items[start : start + size])
