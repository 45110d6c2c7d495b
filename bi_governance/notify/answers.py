"""Answers from Slack: whatever a transport hands over is heard one after the other, and its author told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import structlog

from bi_governance import events as ev
from bi_governance.answer import Answer, Click, Desk, Reply, last_answer
from bi_governance.errors import ConfigurationError, GovernanceError
from bi_governance.hearing import give, may, why
from bi_governance.model import Mode, Person
from bi_governance.notify import forms
from bi_governance.notify.answered import rewritten
from bi_governance.notify.approving import send_approval
from bi_governance.notify.blocks import Block, button_row
from bi_governance.notify.buttons import OF_A_REQUEST, buttons, handle_of, read_handle
from bi_governance.notify.commands import answer_command, send_mode
from bi_governance.notify.conversation import Conversation
from bi_governance.notify.message import shown
from bi_governance.notify.requests import Command, Payload, Place, Press, Submission, read_request
from bi_governance.notify.said import explained

log = structlog.get_logger(__name__)

OpenDesk = Callable[[], AbstractContextManager[Desk]]


class Answers:
    """Hears requests in a thread of its own, one at a time, so that transports can acknowledge at once."""

    def __init__(self, conversation: Conversation, open_desk: OpenDesk, admin_channel: str) -> None:
        self._slack = conversation
        self._open_desk = open_desk
        self._admin_channel = admin_channel
        self._worker = ThreadPoolExecutor(1, "answers")

    def take(self, payload: Payload) -> None:
        """Hear this as soon as what came before it is done; returns at once."""
        self._worker.submit(self._hear, payload).add_done_callback(_report)

    def refuse(self, code: str, reason: str) -> None:
        """Record, once a day, that something came that Slack did not sign."""
        self._worker.submit(self._note_stranger, code, reason).add_done_callback(_report)

    def drain(self, seconds: float) -> None:
        """Wait until everything taken so far is done; TimeoutError when that takes longer."""
        self._worker.submit(lambda: None).result(seconds)

    def close(self) -> None:
        """Finish what was taken, and take nothing more."""
        self._worker.shutdown(wait=True)

    # --- one request

    def _hear(self, payload: Payload) -> None:
        with self._open_desk() as desk:
            try:
                request = read_request(payload)
            except ConfigurationError as error:
                _refuse(desk, "unreadable", str(error))
                return
            match request:
                case Press():
                    self._press(desk, request)
                case Submission():
                    self._submission(desk, request)
                case Command():
                    answer_command(desk, self._slack, request)
                case None:
                    pass

    def _note_stranger(self, code: str, reason: str) -> None:
        with self._open_desk() as desk:
            day = desk.services.clock.now()
            _refuse(desk, code, reason, single=f"{code}:{day:%Y-%m-%d}")

    def _press(self, desk: Desk, press: Press) -> None:
        who = self._slack.clicker(press.user, press.user_name)
        click = Click(
            who,
            press.answer,
            press.key,
            press.id,
            press.episode,
            press.place.channel,
            press.place.ts,
            press.days,
        )
        if press.answer is Answer.WHY:
            self._explain(desk, click, press.trigger)
        elif press.answer in _FORMS:
            refusal = may(desk, click)
            if refusal is None:
                self._slack.open_form(press.trigger, self._form(desk, click))
            else:
                self._tell(desk, click, refusal)
        else:
            self._settle(desk, click)

    def _form(self, desk: Desk, click: Click) -> Mapping[str, Any]:
        kept = {"handle": handle_of(click.episode, click.key), "channel": click.channel, "ts": click.ts}
        if click.answer is Answer.DELETE:
            is_trial = desk.services.ledger.state().mode_of(click.key.source) is Mode.DRY_RUN
            return forms.delete_now(click.key, kept, is_trial=is_trial)
        form = forms.hand_over if click.answer is Answer.HAND_OVER else forms.keep_for_good
        return form(click.key, kept)

    def _submission(self, desk: Desk, sent: Submission) -> None:
        who = self._slack.clicker(sent.user, sent.user_name)
        if sent.form == forms.MODE:
            send_mode(desk, self._slack, who, sent)
            return
        if sent.form == forms.APPROVE:
            send_approval(desk, self._slack, who, sent)
            return
        try:
            answer, (episode, key) = Answer(sent.form), read_handle(sent.kept.get("handle", ""))
            place = sent.place.insisted()
        except (ValueError, ConfigurationError) as error:
            _refuse(desk, "unreadable", f"{who.actor}: {error}")
            return
        to = self._person(sent.fields.get(forms.PERSON, ""))
        reason = sent.fields.get(forms.REASON, "")
        click = Click(who, answer, key, sent.id, episode, place.channel, place.ts, reason=reason, to=to)
        self._settle(desk, click)

    def _person(self, member: str) -> Person | None:
        return self._slack.person(member) if member else None

    def _settle(self, desk: Desk, click: Click) -> None:
        reply = give(desk, click)
        if reply.code == "requested":
            self._ask_admins(desk, click, reply)
        self._tell(desk, click, reply)

    def _tell(self, desk: Desk, click: Click, reply: Reply) -> None:
        """Everybody through the message; the clicker alone of what the message does not show."""
        places = [(click.channel, click.ts), *([reply.elsewhere] if reply.elsewhere else [])]
        if reply.heeded or reply.code in ("replayed", "stale"):
            for channel, ts in places:
                self._show(desk, Place(channel, ts))
        shown_there = last_answer(desk.services.ledger.events(key=click.key), click.channel, click.ts)
        if not (reply.heeded and shown_there is not None and shown_there.said == reply.said):
            self._slack.whisper(click.channel, click.who.id, reply.said)

    def _show(self, desk: Desk, place: Place) -> None:
        """Bring a message up to what the ledger says of its items."""
        if not place.ts:
            return
        message = self._slack.message(place)
        if message is None:
            return
        before: list[Block] = message.get("blocks", [])
        after = rewritten(before, lambda handle: _last(desk, handle, place))
        if after != before:
            self._slack.rewrite(place, message, after)

    def _ask_admins(self, desk: Desk, click: Click, reply: Reply) -> None:
        key, reason = shown(str(click.key), 300), " ".join(click.reason.split())
        lines = [f"{click.who.shown} asks to keep {key} until revoked: {reason}"]
        if not desk.admins:
            command = f"bi-governance exempt {key} --reason ..."
            lines.append(f"slack.admins names nobody who may confirm it; the command is: {command}")
        row = button_row(buttons(OF_A_REQUEST, handle_of(click.episode, click.key))) if desk.admins else ()
        blocks = [*forms.texts(lines), *row]
        self._slack.post(self._admin_channel, lines[0], blocks)
        log.info("exemption.requested", key=key, by=click.who.id, said=reply.said)

    def _explain(self, desk: Desk, click: Click, trigger: str) -> None:
        """The form opens before anything is looked up: its trigger expires after three seconds."""
        refusal = may(desk, click)
        if refusal is not None:
            self._tell(desk, click, refusal)
            return
        view = self._slack.open_form(trigger, forms.reading("Why?", ["Looking it up…"]))
        reply, found = why(desk, click)
        lines = list(explained(found, desk.services.policy.window.zone)) if found else []
        self._slack.fill_form(view, forms.reading("Why?", lines or [reply.said]))


_FORMS = frozenset({Answer.KEEP_FOR_GOOD, Answer.HAND_OVER, Answer.DELETE})


def _last(desk: Desk, handle: str, place: Place) -> tuple[str, str] | None:
    try:
        _, key = read_handle(handle)
    except ConfigurationError:
        return None  # a row of buttons that is not ours to change
    found = last_answer(desk.services.ledger.events(key=key), place.channel, place.ts)
    return (found.outcome, found.said) if found else None


def _refuse(desk: Desk, code: str, reason: str, *, single: str = "") -> None:
    now = desk.services.clock.now()
    event = ev.RequestRefused(at=now, actor="slack", what="request", code=code, reason=reason, single=single)
    desk.services.ledger.append([event])
    log.warning("request.refused", code=code, reason=reason)


def _report(done: Future[None]) -> None:
    """What went wrong behind an acknowledged request can only be logged."""
    error = done.exception()
    if error is None:
        return
    if isinstance(error, GovernanceError):
        log.error("answer.failed", error=str(error))
    else:
        log.error("answer.failed", error=type(error).__name__, exc_info=error)
