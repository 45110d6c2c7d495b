"""Hearing: a click is checked against the message it came from, heeded once, and recorded either way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bi_governance import events as ev
from bi_governance.answer import Answer, Click, Desk, Reply
from bi_governance.errors import GovernanceError, LeaseHeld, StorageBusy, StorageError
from bi_governance.explain import Explanation, explain
from bi_governance.model import OF_OTHERS, Facts, Mode, NoticeKind, Person
from bi_governance.restore import restore
from bi_governance.run import delete_stage, new_run_id, one_runner, prepare_plan, settle
from bi_governance.run_report import RunReport

# How long something asked to be kept for good is kept while an admin decides.
MEANWHILE_DAYS = 30
LONGEST_KEEP_DAYS = 3650
REASON_LIMIT = 500
ABOUT_A_WARNING = frozenset(
    {Answer.KEEP, Answer.KEEP_FOR_GOOD, Answer.DELETE, Answer.HAND_OVER, Answer.TAKE_OVER}
)
# What somebody may say who merely used a visual.
OF_VIEWERS = frozenset({Answer.KEEP, Answer.TAKE_OVER, Answer.WHY})
OF_ADMINS = frozenset({Answer.CONFIRM, Answer.DECLINE})


class _Refused(Exception):
    """The click changes nothing."""

    def __init__(self, code: str, said: str) -> None:
        super().__init__(said)
        self.code = code


def give(desk: Desk, click: Click) -> Reply:
    """Hear one click: heeded or refused, and either way recorded."""
    return _Hearing(desk, click).hear(lambda hearing: hearing.heed())


def may(desk: Desk, click: Click) -> Reply | None:
    """None when the click would be heeded now; its refusal, recorded, otherwise. Asks before a form opens."""
    reply = _Hearing(desk, click).hear(lambda _: Reply(heeded=True, code="open", said=""))
    return None if reply.heeded else reply


def why(desk: Desk, click: Click) -> tuple[Reply, Explanation | None]:
    """The explanation of one visual for those who may ask."""
    found: list[Explanation] = []

    def look(hearing: _Hearing) -> Reply:
        found.append(hearing.explanation())
        return hearing.answered("explained", f"Explained to {click.who.shown}")

    return _Hearing(desk, click).hear(look), next(iter(found), None)


class _Hearing:
    """One click on its way through every check to its effect."""

    def __init__(self, desk: Desk, click: Click) -> None:
        self.desk, self.click = desk, click
        self.services = desk.services
        self.now = self.services.clock.now()
        self.history = tuple(self.services.ledger.events(key=click.key))
        self.state = self.services.ledger.state()
        self.case = self.state.case(click.key)
        self._facts: Facts | None = None
        self._looked = False

    def hear(self, heed: Callable[[_Hearing], Reply]) -> Reply:
        try:
            self._must_be_new()
            notice = self._must_come_from_a_message()
            self._must_be_authorised(notice)
            self._must_be_current(notice)
            return heed(self)
        except _Refused as refusal:
            return self._refuse(refusal.code, str(refusal))
        except GovernanceError as error:
            code = "busy" if isinstance(error, StorageBusy | LeaseHeld) else "failed"
            return self._refuse(code, f"Not done: {error}")

    def _refuse(self, code: str, said: str) -> Reply:
        event = ev.AnswerRefused(
            at=self.now,
            actor=self.click.who.actor,
            key=self.click.key,
            answer=self.click.answer,
            episode=self.click.episode,
            outcome=code,
            said=said,
            channel=self.click.channel,
            ts=self.click.ts,
            click=self.click.id,
        )
        self.services.ledger.append([event])
        return Reply(heeded=False, code=code, said=said)

    # --- what must hold

    def _must_be_new(self) -> None:
        """A press counts once; sent a second time it is a replay, whoever sends it."""
        for event in self.history:
            if isinstance(event, ev.Answered) and event.click == self.click.id:
                raise _Refused("replayed", f"This was already done: {event.said}.")

    def _must_come_from_a_message(self) -> ev.NoticeDelivered | None:
        """The notice that carried the button; a click that names anything else is made up."""
        click = self.click
        if click.answer in OF_ADMINS or not click.ts:
            return None
        told = [
            e
            for e in self.history
            if isinstance(e, ev.NoticeDelivered) and (e.channel, e.ts) == (click.channel, click.ts)
        ]
        if not any(e.episode == click.episode for e in told):
            raise _Refused("forged", f"This message never was about {click.key}; nothing was changed.")
        return next(e for e in told if e.episode == click.episode)

    def _must_be_authorised(self, notice: ev.NoticeDelivered | None) -> None:
        click = self.click
        if click.answer in OF_ADMINS:
            if not self._is_admin():
                raise _Refused("unauthorised", "Only those listed in slack.admins may decide this.")
        elif click.answer is Answer.DELETE:
            if not self._is_decider(notice):
                raise _Refused(
                    "unauthorised", f"Only the owner of {click.key} may have it deleted before its date."
                )
        elif click.answer is Answer.TAKE_OVER and not self._is_viewer(notice):
            raise _Refused("unauthorised", f"Only a viewer who was told may offer to look after {click.key}.")
        elif notice is not None and notice.notice in OF_OTHERS and click.answer not in OF_VIEWERS:
            raise _Refused("unauthorised", f"Whoever does not own {click.key} may keep it and no more.")
        elif not (self._was_told(notice) or self._is_admin() or self._owns()):
            raise _Refused(
                "unauthorised", f"Only its owner, whoever was told, or an admin may answer for {click.key}."
            )

    def _is_admin(self) -> bool:
        return self.click.who.is_one_of(self.desk.admins)

    def _was_told(self, notice: ev.NoticeDelivered | None) -> bool:
        who, warning, handed = self.click.who, self.case.warning, self.case.handed_over
        was_told = any(who.has(n.recipient) for n in (notice, warning) if n is not None)
        return was_told or (handed is not None and handed.to_id == who.id)

    def _is_viewer(self, notice: ev.NoticeDelivered | None) -> bool:
        return (
            notice is not None and notice.notice is NoticeKind.VIEWER and self.click.who.has(notice.recipient)
        )

    def _is_decider(self, notice: ev.NoticeDelivered | None) -> bool:
        """Consent to an early end is the owner's own: no stand-in's, no admin's, no former owner's."""
        handed = self.case.handed_over
        if handed is not None:
            # Whoever took it over by themselves stands in for the owner; only a hand-over makes them one.
            return handed.to_id == self.click.who.id and handed.actor != self.click.who.actor
        is_theirs = notice is not None and not notice.succession and notice.notice not in OF_OTHERS
        by_message = is_theirs and self._was_told(notice)
        return by_message or self._owns()

    def _owns(self) -> bool:
        """Whether the platform names them as the owner, by e-mail."""
        email = self.click.who.email.lower()
        facts = self._look_up() if email else None
        owner = facts.owner if facts else None
        return bool(owner and owner.email and owner.email.strip().lower() == email)

    def _must_be_current(self, notice: ev.NoticeDelivered | None) -> None:
        case, click = self.case, self.click
        if click.answer is Answer.RESTORE and case.gone is None:
            raise _Refused("stale", f"{click.key} is not deleted (any more); there is nothing to restore.")
        if click.answer in OF_ADMINS and case.exemption_requested is None:
            raise _Refused("stale", f"Nobody waits for a decision about {click.key} (any more).")
        if click.answer not in ABOUT_A_WARNING:
            return
        if case.removal is not None:
            raise _Refused("stale", f"{click.key} was deleted on {self._day(case.removal.at)}.")
        if case.removal_intended is not None:
            raise _Refused("stale", f"{click.key} is being deleted at this moment.")
        if notice is not None:
            self._must_be_this_episode(notice)
        self._must_exist()

    def _must_be_this_episode(self, notice: ev.NoticeDelivered) -> None:
        key, mode = self.click.key, self.state.mode_of(self.click.key.source)
        if notice.mode is not mode:
            raise _Refused(
                "stale", f"{key.source} was switched to {mode} since; this message does not count any more."
            )
        if self.case.episode != self.click.episode or not self.case.is_open:
            raise _Refused("stale", f"This was settled before: {self._how_it_ended()}.")

    def _how_it_ended(self) -> str:
        for event in reversed(self.history):
            match event:
                case ev.Answered() if event.answer != Answer.WHY:
                    return event.said
                case ev.Rescued():
                    return event.reason
                case ev.KeptUntil():
                    return f"kept until {self._day(event.until)}"
                case ev.Exempted():
                    return f"exempt: {event.reason}"
                case _:
                    continue
        return "it is not on the list any more"

    def _must_exist(self) -> None:
        try:
            facts = self._look_up()
        except StorageError:
            return  # nobody can look now, and protecting something must not have to wait
        if facts is None or facts.is_trashed:
            raise _Refused("stale", f"{self.click.key} is gone from its platform.")

    def _look_up(self) -> Facts | None:
        if not self._looked:
            with self.desk.taking_turn():
                found = {f.key: f for f in self.services.warehouse.facts()}
            self._facts, self._looked = found.get(self.click.key), True
        return self._facts

    # --- what it does

    def heed(self) -> Reply:
        return _HEED[self.click.answer](self)

    def answered(self, outcome: str, said: str, *effects: ev.Event, click: str = "") -> Reply:
        """Record effects and answer in one transaction."""
        event = ev.Answered(
            at=self.now,
            actor=self.click.who.actor,
            key=self.click.key,
            answer=self.click.answer,
            episode=self.click.episode,
            outcome=outcome,
            said=said,
            channel=self.click.channel,
            ts=self.click.ts,
            click=click or self.click.id,
        )
        self.services.ledger.append([*effects, event])
        return Reply(heeded=True, code=outcome, said=said)

    def keep(self) -> Reply:
        if not 1 <= self.click.days <= LONGEST_KEEP_DAYS:
            raise _Refused("invalid", f"Keep it for 1 to {LONGEST_KEEP_DAYS} days.")
        kept = self._kept(self.click.days, "asked for on Slack")
        return self.answered("kept", f"Kept until {self._day(kept.until)} by {self.click.who.shown}", kept)

    def keep_for_good(self) -> Reply:
        reason = self._reason()
        kept = self._kept(MEANWHILE_DAYS, f"until an admin decides: {reason}")
        asked = ev.ExemptionRequested(
            at=self.now, actor=self.click.who.actor, key=self.click.key, reason=reason
        )
        said = (
            f"{self.click.who.shown} asked to keep it for good; an admin decides, and until "
            f"{self._day(kept.until)} it is kept in any case"
        )
        return self.answered("requested", said, kept, asked)

    def _kept(self, days: int, reason: str) -> ev.KeptUntil:
        return ev.KeptUntil(
            at=self.now,
            actor=self.click.who.actor,
            key=self.click.key,
            until=self.now + timedelta(days=days),
            reason=reason,
        )

    def _reason(self) -> str:
        reason = " ".join(self.click.reason.split())[:REASON_LIMIT]
        if not reason:
            raise _Refused("invalid", "That needs a reason that others can judge later.")
        return reason

    def confirm(self) -> Reply:
        asked = self.case.exemption_requested
        assert asked is not None
        exempted = ev.Exempted(
            at=self.now,
            actor=self.click.who.actor,
            key=self.click.key,
            reason=f"{asked.reason} (asked for by {asked.actor})",
        )
        said = f"Kept until revoked, confirmed by {self.click.who.shown}: {asked.reason}"
        return self._decided("exempted", said, exempted)

    def decline(self) -> Reply:
        declined = ev.ExemptionDeclined(at=self.now, actor=self.click.who.actor, key=self.click.key)
        until = self.case.kept_until
        rest = f"; it stays kept until {self._day(until)}" if until else ""
        return self._decided("declined", f"Declined by {self.click.who.shown}{rest}", declined)

    def _decided(self, outcome: str, said: str, effect: ev.Event) -> Reply:
        """What an admin decided, also for the message in which it was asked for."""
        asking = next(
            (e for e in reversed(self.history) if isinstance(e, ev.Answered) and e.outcome == "requested"),
            None,
        )
        reply = self.answered(outcome, said, effect)
        return self._also_in(reply, asking.channel, asking.ts) if asking is not None else reply

    def _also_in(self, reply: Reply, channel: str, ts: str) -> Reply:
        """The same answer for another message that has to show it."""
        if not ts:
            return reply
        told = ev.Answered(
            at=self.now,
            actor=self.click.who.actor,
            key=self.click.key,
            answer=self.click.answer,
            episode=self.click.episode,
            outcome=reply.code,
            said=reply.said,
            channel=channel,
            ts=ts,
            click=f"{self.click.id}/told",
        )
        self.services.ledger.append([told])
        return replace(reply, elsewhere=(channel, ts))

    def take_over(self) -> Reply:
        """Keep it; where nobody could tell its owner, a viewer looks after it from now on, else offers to."""
        who, warning = self.click.who, self.case.warning
        if not who.email:
            raise _Refused("invalid", "That needs an e-mail address on Slack; nothing was changed.")
        assert warning is not None  # what is no longer warned of was refused as settled
        kept = self._kept(self.click.days, "needed by somebody who uses it")
        until = f"Kept until {self._day(kept.until)}"
        if warning.succession:
            handed = self._handed_over(Person(who.id, who.name, who.email))
            return self.answered("taken over", f"{until}; {who.shown} looks after it", kept, handed)
        said = f"{until}; {who.shown} needs it and offers to look after it"
        return self._also_in(self.answered("offered", said, kept), warning.channel, warning.ts)

    def hand_over(self) -> Reply:
        to = self.click.to
        if to is None or not to.email:
            raise _Refused("invalid", "Choose a person with an e-mail address on Slack; nothing was changed.")
        if to.id == self.click.who.id:
            raise _Refused("invalid", "That is yourself; nothing was changed.")
        handed = self._handed_over(to)
        said = (
            f"Handed over to {to.name or to.email} by {self.click.who.shown}; they are told with the "
            "next run and get the whole time again"
        )
        return self.answered("handed over", said, handed)

    def _handed_over(self, to: Person) -> ev.HandedOver:
        facts = self._look_up()
        return ev.HandedOver(
            at=self.now,
            actor=self.click.who.actor,
            key=self.click.key,
            to_id=to.id,
            to_name=to.name,
            to_email=to.email or "",
            by_name=self.click.who.shown,
            owner_id=facts.owner.id if facts and facts.owner else "",
        )

    def delete_now(self) -> Reply:
        """Record the owner's consent, then try at once; whatever stands against it today waits for a run."""
        if self.state.mode_of(self.click.key.source) is Mode.DRY_RUN:
            said = (
                f"{self.click.who.shown} would let it go at once; this is a trial, so nothing is deleted, "
                "now or later"
            )
            return self.answered("trial", said)
        agreed = ev.RemovalAgreed(
            at=self.now,
            actor=self.click.who.actor,
            key=self.click.key,
            episode=self.click.episode,
            mode=Mode.LIVE,
        )
        later = f"{self.click.who.shown} agreed to delete it without waiting; it goes with the next run"
        reply = self.answered("agreed", later, agreed)
        try:
            with self.desk.taking_turn():
                obstacle = self._attempt()
        except GovernanceError as error:
            return Reply(reply.heeded, reply.code, f"{later} (not now: {error})")
        if obstacle:
            return Reply(reply.heeded, reply.code, f"{later} (not now: {obstacle})")
        return self.answered(
            "removed", f"Deleted by {self.click.who.shown}", click=f"{self.click.id}/removed"
        )

    def _attempt(self) -> str:
        """Plan anew and carry out this one deletion with every check there is; why not, or nothing."""
        report = RunReport(new_run_id(self.now), self.now)
        with one_runner(self.services) as lease:
            settle(self.services, report, lease)
            plan = prepare_plan(self.services, report, lease)
            delete_stage(self.services, report, lease, frozenset({self.click.key}))
        if self.click.key in report.deleted.removed:
            return ""
        said = [*report.deleted.refused, *report.deleted.failed]
        decision = plan.decision(self.click.key)
        return said[0] if said else "; ".join(str(r) for r in decision.reasons) if decision else "not found"

    def restore(self) -> Reply:
        with self.desk.taking_turn(), one_runner(self.services) as lease:
            back = restore(self.services, self.click.key, actor=self.click.who.actor, lease=lease)
        lost = dict.fromkeys(what for report in back for what in report.outcome.lost)
        missing = f"; could not come back: {', '.join(lost)}" if lost else ""
        return self.answered("restored", f"Restored by {self.click.who.shown}{missing}")

    def explanation(self) -> Explanation:
        with self.desk.taking_turn():
            return explain(self.services, str(self.click.key))

    def _day(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.services.policy.window.zone):%Y-%m-%d}"


_HEED: Mapping[Answer, Callable[[_Hearing], Reply]] = {
    Answer.KEEP: _Hearing.keep,
    Answer.KEEP_FOR_GOOD: _Hearing.keep_for_good,
    Answer.DELETE: _Hearing.delete_now,
    Answer.HAND_OVER: _Hearing.hand_over,
    Answer.TAKE_OVER: _Hearing.take_over,
    Answer.RESTORE: _Hearing.restore,
    Answer.CONFIRM: _Hearing.confirm,
    Answer.DECLINE: _Hearing.decline,
}
