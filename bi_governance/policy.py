"""What should happen to one visual, and why: a pure function of facts, case, terms and now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bi_governance.cases import Case, Removal
from bi_governance.model import Action, Facts, Reason, VisualKey
from bi_governance.protection import (
    container_references,
    deletion_blockers,
    identity_changes,
    living_references,
    protections,
)
from bi_governance.rules import Policy, Terms, terms_for
from bi_governance.usage import Neighbourhood, Usage, shown_day, usage_of
from bi_governance.window import local_day

# The reason of what is unused and yet only reported, because its source cannot remove it.
NOT_REMOVABLE = "not_removable"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with one visual, and every reason for it; times are aware UTC."""

    key: VisualKey
    action: Action
    reasons: tuple[Reason, ...]
    episode: int
    usage: Usage
    deadline: datetime | None = None
    rule: str = ""
    days_before: int | None = None
    rescue_code: str = ""


def decide(facts: Facts, around: Neighbourhood, policy: Policy, now: datetime) -> Decision:
    """Decide what should happen to one visual at `now`, before any guard or cap is applied."""
    case = around.case(facts.key)
    terms = terms_for(facts, policy, now)
    usage = usage_of(facts, around, policy, now)
    verdict = _Verdict(facts, case, terms, usage, policy, now)
    if case.gone is not None:
        return verdict.say(Action.NONE, _removed(case.gone))
    if case.removal_intended is not None or case.restore_intended is not None:
        return verdict.say(
            Action.NONE, Reason("unsettled", "what became of it is not known yet; asking again")
        )
    protection = protections(facts, around, policy, now)
    if protection:
        return verdict.spare(Action.PROTECT, *protection)
    in_use = (*living_references(facts), *container_references(facts, around))
    if in_use:
        return verdict.spare(Action.NONE, *in_use)
    if usage.last_used is None or usage.idle_since is None:
        return verdict.spare(Action.UNKNOWN, _unknown(usage))
    if case.is_open:
        return _decide_warned(verdict, around)
    if usage.idle < terms.idle - terms.warning:
        return verdict.say(Action.NONE, _still_used(usage, terms))
    if facts.obstacle:
        return verdict.say(Action.NONE, _not_removable(facts), _idle(usage, terms))
    return verdict.say(Action.WARN, _idle(usage, terms))


# How long after the date it gave a warning still justifies a deletion. Whoever was warned longer ago - an
# outage, a long queue behind the cap, a visual gone for months - has forgotten it and is warned anew.
NOTICE_VALID = timedelta(days=30)


def _decide_warned(verdict: _Verdict, around: Neighbourhood) -> Decision:
    if verdict.used_again():
        return verdict.rescue(_still_used(verdict.usage, verdict.terms))
    changed = (*verdict.lapsed_exemption(), *identity_changes(verdict.facts, verdict.case))
    if changed:
        return verdict.rescue(*changed)
    if verdict.facts.obstacle:
        return verdict.rescue(_not_removable(verdict.facts))
    deadline = verdict.deadline()
    assert deadline is not None
    waiting = Reason("waiting", f"warned; deletion not before {deadline:%Y-%m-%d %H:%M} UTC")
    if verdict.case.simulated_at is not None:
        when = verdict.case.simulated_at
        return verdict.say(
            Action.NONE, Reason("simulated", f"trial: would have been deleted on {when:%Y-%m-%d}")
        )
    promised = verdict.promised()
    if verdict.now - promised > NOTICE_VALID:
        text = f"its warning set {promised:%Y-%m-%d} as the date, too long ago to act on; it is warned anew"
        return verdict.rescue(Reason("notice_expired", text))
    if verdict.now < deadline or verdict.usage.idle < verdict.idle_needed():
        due = verdict.reminder_due(deadline)
        if due is not None:
            return verdict.say(Action.REMIND, waiting, days_before=due)
        return verdict.say(Action.NONE, waiting)
    blockers = deletion_blockers(verdict.facts, verdict.case, around)
    if not verdict.policy.window.is_open(verdict.now):
        blockers = (*blockers, Reason("window", "due, but the deletion window is closed at this hour"))
    if blockers:
        return verdict.say(Action.NONE, *blockers)
    return verdict.say(Action.DELETE, _idle(verdict.usage, verdict.terms), _warned(verdict.case))


@dataclass(frozen=True, slots=True)
class _Verdict:
    """The values every branch of one decision needs to say its result."""

    facts: Facts
    case: Case
    terms: Terms
    usage: Usage
    policy: Policy
    now: datetime

    def say(self, action: Action, *reasons: Reason, days_before: int | None = None) -> Decision:
        return Decision(
            self.facts.key,
            action,
            reasons,
            self.case.episode,
            self.usage,
            self.deadline(),
            self.terms.rule,
            days_before,
        )

    def spare(self, action: Action, *reasons: Reason) -> Decision:
        """Not to be touched; an episode that is open ends as a rescue."""
        if not self.case.is_open or action is Action.UNKNOWN:
            return self.say(action, *reasons)
        return self.rescue(*reasons)

    def rescue(self, *reasons: Reason) -> Decision:
        """The open episode ends without a removal; the first reason gives the rescue its name."""
        said = self.say(Action.RESCUE, *reasons)
        return replace(said, deadline=None, rescue_code=reasons[0].code)

    def used_again(self) -> bool:
        """Used after the warning, or too recently for one; history lost since then is not use."""
        warning, last_used = self.case.warning, self.usage.last_used
        assert warning is not None
        assert last_used is not None
        return last_used > warning.at or self.now - last_used < self.terms.idle - self.terms.warning

    def lapsed_exemption(self) -> tuple[Reason, ...]:
        """A row of the exemptions file that began after the warning and is over already."""
        assert self.case.warning is not None
        zone = self.policy.window.zone
        warned_on, today = local_day(self.case.warning.at, zone), local_day(self.now, zone)
        lapsed = self.policy.exemptions.lapsed_since(self.facts.key, warned_on, today)
        if lapsed is None:
            return ()
        text = f"its exemption ended on {lapsed.until}, after the warning; it is warned anew"
        return (Reason("exemption_lapsed", text),)

    def promised(self) -> datetime:
        """The date the warning gave: what its reader remembers, whatever moved the deadline since."""
        warning = self.case.warning
        assert warning is not None
        return warning.deadline or warning.at + self.terms.warning

    def deadline(self) -> datetime | None:
        return deadline_of(self.case, self.usage, self.terms, self.policy)

    def idle_needed(self) -> timedelta:
        """How long it must be idle: what a warning takes is enough where the owner agreed to go at once."""
        return self.terms.idle - (self.terms.warning if self.case.agreed_at else timedelta(0))

    def reminder_due(self, deadline: datetime) -> int | None:
        """The smallest configured number of days before the deadline that has come and was not yet sent.

        0 is the last call, on the deadline's own day where the team lives; it never moves the deadline, and
        whoever wants no reminders gets none.
        """
        if self.case.agreed_at is not None:
            return None
        zone = self.policy.window.zone
        is_today = self.now < deadline and local_day(self.now, zone) == local_day(deadline, zone)
        if is_today and self.policy.reminder_days:
            return None if self.case.reminded(0) else 0
        for days in sorted(self.policy.reminder_days):
            if deadline - timedelta(days=days) <= self.now < deadline:
                return None if self.case.reminded(days) else days
        return None


def deadline_of(case: Case, usage: Usage, terms: Terms, policy: Policy) -> datetime | None:
    """The first moment a deletion may happen, None without a delivered warning.

    Never before the deadline the warning itself promised, unless the owner agreed not to wait for it.
    """
    warning = case.warning
    if warning is None:
        return None
    if case.agreed_at is not None and usage.idle_since is not None:
        return policy.window.next_open(max(case.agreed_at, warning.at))
    due = projected_deadline(warning.at, usage, terms, policy, succession=bool(warning.succession))
    if due is None or warning.deadline is None:
        return due
    return max(due, warning.deadline)


def projected_deadline(
    noticed_at: datetime, usage: Usage, terms: Terms, policy: Policy, *, succession: bool
) -> datetime | None:
    """The deadline that a warning delivered at `noticed_at` sets; None while idleness is unknown.

    max(noticed + warning days, idle long enough), where uncovered time postpones the second, and
    both are moved to the next opening of the deletion window. Somebody warned in the owner's place
    gets the longer grace.
    """
    if usage.idle_since is None:
        return None
    extra = timedelta(days=policy.succession_grace_days if succession else 0)
    idle_enough = usage.idle_since + terms.idle + usage.gap
    return policy.window.next_open(max(noticed_at + terms.warning + extra, idle_enough))


def _removed(removal: Removal) -> Reason:
    return Reason("removed", f"deleted by us on {shown_day(removal.at)} and not seen again since")


def _not_removable(facts: Facts) -> Reason:
    return Reason(NOT_REMOVABLE, facts.obstacle)


def _unknown(usage: Usage) -> Reason:
    if usage.last_used is None:
        return Reason("unknown", "no date at all is known for it")
    return Reason("unknown", "no access history covers it yet")


def _still_used(usage: Usage, terms: Terms) -> Reason:
    return Reason("used", f"{_last_use(usage)}; idle {usage.idle.days} of {terms.idle.days} covered days")


def _idle(usage: Usage, terms: Terms) -> Reason:
    gap = f", {usage.gap.days} uncovered days not counted" if usage.gap.days else ""
    return Reason(
        "idle", f"{_last_use(usage)}; idle {usage.idle.days} covered days (limit {terms.idle.days}{gap})"
    )


def _last_use(usage: Usage) -> str:
    via = f" through {usage.via}" if usage.via else ""
    return f"last {usage.how}{via} on {shown_day(usage.last_used)}"


def _warned(case: Case) -> Reason:
    assert case.warning is not None
    who = case.warning.reader or case.warning.recipient
    agreed = f" and agreed on {shown_day(case.agreed_at)} not to wait" if case.agreed_at else ""
    return Reason("warned", f"{who} was warned on {shown_day(case.warning.at)}{agreed}")
