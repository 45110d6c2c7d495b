"""Viewers: the few who used most what is about to go are told once an episode, beside its owner's warning.

A courtesy: nothing waits for it, and no outcome of it brings a deletion nearer or puts it off.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bi_governance.cases import Case
from bi_governance.errors import DeliveryError
from bi_governance.lifecycle import State
from bi_governance.model import Action, Facts, Mode, NoticeKind, Role, Viewer, VisualKey
from bi_governance.plan import Plan
from bi_governance.policy import Decision, deadline_of
from bi_governance.ports import Digest, DigestItem, Lease, Recipient, Services
from bi_governance.rules import terms_for
from bi_governance.succession import reach
from bi_governance.warn import Untold, WarnReport, must_wait, new_message_id, send


@dataclass(slots=True)
class ViewerReport:
    """How many visuals viewers were told about and in how many messages; `trial` is whom live would tell."""

    sent: WarnReport = field(default_factory=WarnReport)
    trial_viewers: int = 0
    trial_visuals: int = 0

    def lines(self) -> list[str]:
        """What the run's summary says; nothing when there was nobody to tell."""
        said = []
        if self.sent.messages:
            said.append(
                f"Told viewers about {self.sent.delivered} visual(s) in {self.sent.messages} message(s)."
            )
        if self.trial_viewers:
            said.append(
                f"Live would also tell {self.trial_viewers} viewer(s) of {self.trial_visuals} visual(s)."
            )
        return [*said, *(f"Viewers not told: {text}" for text in self.sent.failed[:5])]


def tell_viewers(services: Services, plan: Plan, estate: Sequence[Facts], lease: Lease) -> ViewerReport:
    """Tell the viewers of what is warned of in live and whom nobody told yet; in dry-run only count them."""
    report = ViewerReport()
    if not services.viewers_at_most:
        return report
    state = services.ledger.state()
    facts = {f.key: f for f in estate}
    going = list(about_to_go(services, plan, state))
    viewers = services.warehouse.viewers([d.key for d in going])
    live = [d for d in going if plan.modes[d.key.source] is Mode.LIVE]
    told = _messages(services, facts, live, viewers, state, report.sent)
    for index, (recipient, items) in enumerate(told):
        message_id = new_message_id(plan.run_id, NoticeKind.VIEWER, Mode.LIVE, recipient, index)
        digest = Digest(message_id, NoticeKind.VIEWER, Mode.LIVE, recipient, items, services.retention_days)
        if must_wait(services, recipient):
            report.sent.waiting += len(items)
            continue
        send(services, digest, plan.run_id, lease, report.sent)
    _count_trial(services, plan, facts, going, viewers, report)
    return report


def about_to_go(services: Services, plan: Plan, state: State) -> Iterator[Decision]:
    """Decisions on visuals whose owner has been warned, also a moment ago, and whose time is not up."""
    now, vetoed = services.clock.now(), plan.vetoed_sources()
    for decision in plan.of(Action.WARN, Action.REMIND, Action.NONE):
        case = state.case(decision.key)
        warning = case.warning
        if warning is None or case.episode != decision.episode or decision.key.source in vetoed:
            continue
        if decision.key.source in plan.modes and (warning.deadline is None or warning.deadline > now):
            yield decision


def _messages(
    services: Services,
    facts: Mapping[VisualKey, Facts],
    decisions: Sequence[Decision],
    viewers: Mapping[VisualKey, tuple[Viewer, ...]],
    state: State,
    report: WarnReport,
) -> Iterator[tuple[Recipient, tuple[DigestItem, ...]]]:
    """One message per viewer, split at what one can hold."""
    groups: dict[Recipient, list[DigestItem]] = {}
    waiting = {(intent.key, intent.recipient) for intent in state.unsettled({NoticeKind.VIEWER})}
    for decision in decisions:
        about, case = facts[decision.key], state.case(decision.key)
        item = DigestItem(about, decision, _deadline(services, about, case, decision))
        for viewer, recipient in _to_tell(services, about, case, viewers.get(decision.key, ()), report):
            if (decision.key, recipient.address) not in waiting:
                groups.setdefault(recipient, []).append(replace(item, viewed=viewer))
    size = services.notifier.items_per_message
    for recipient, items in groups.items():
        for start in range(0, len(items), size):
            yield recipient, tuple(items[start : start + size])


def first_viewer(services: Services, facts: Facts) -> tuple[Viewer, Recipient] | None:
    """Who would be told first of a visual nobody was told of yet; None when no viewer would be."""
    viewers = services.warehouse.viewers([facts.key]).get(facts.key, ())
    return next(_to_tell(services, facts, Case(facts.key), viewers, WarnReport()), None)


def _to_tell(
    services: Services, facts: Facts, case: Case, viewers: Sequence[Viewer], report: WarnReport
) -> Iterator[tuple[Viewer, Recipient]]:
    """The first reachable viewers who were not told yet, as far as there is room for more of them."""
    room = services.viewers_at_most - len(case.viewers_told)
    passed_over = {*case.viewers_told, case.warning.recipient if case.warning else ""}
    for viewer in _others(services, facts, viewers):
        if room <= 0:
            return
        try:
            found = reach(viewer.person, facts.key.source, services.people, services.notifier)
        except DeliveryError as error:
            report.untold.append(Untold(facts.key, NoticeKind.VIEWER, "a viewer", str(error)))
            return
        if found.recipient is None or found.recipient.address in passed_over:
            continue
        passed_over.add(found.recipient.address)
        room -= 1
        yield viewer, replace(found.recipient, role=Role.VIEWER, succession="")


def _others(services: Services, facts: Facts, viewers: Sequence[Viewer]) -> Iterator[Viewer]:
    """The viewers, under the addresses they are reached at, who are not the owner."""
    people, source = services.people, facts.key.source
    owner = people.identify(facts.owner, source) if facts.owner else None
    for viewer in viewers:
        person = people.identify(viewer.person, source)
        is_owner = owner is not None and (
            person.id == owner.id or (person.email is not None and person.email == owner.email)
        )
        if not is_owner and not people.absence(person):
            yield replace(viewer, person=person)


def _deadline(services: Services, facts: Facts, case: Case, decision: Decision) -> datetime | None:
    terms = terms_for(facts, services.policy, services.clock.now())
    return deadline_of(case, decision.usage, terms, services.policy)


def _count_trial(
    services: Services,
    plan: Plan,
    facts: Mapping[VisualKey, Facts],
    decisions: Sequence[Decision],
    viewers: Mapping[VisualKey, tuple[Viewer, ...]],
    report: ViewerReport,
) -> None:
    """Whom a live run that warns of the same would tell, without looking anybody up."""
    people: set[str] = set()
    for decision in decisions:
        if plan.modes[decision.key.source] is Mode.LIVE or decision.action is not Action.WARN:
            continue
        others = list(_others(services, facts[decision.key], viewers.get(decision.key, ())))
        few = others[: services.viewers_at_most]
        people.update(viewer.person.email or viewer.person.id for viewer in few)
        report.trial_visuals += bool(few)
    report.trial_viewers = len(people)
