"""Refusing: what is asked for on Slack and not done is recorded with who asked, and why not."""

from __future__ import annotations

from bi_governance import events as ev
from bi_governance.answer import Clicker, Desk


class Refused(Exception):
    """A request is refused: a code for the record, and what its author is told."""

    def __init__(self, code: str, said: str) -> None:
        super().__init__(said)
        self.code = code


def code_of(error: Exception) -> str:
    """How the record names what stood against a request."""
    return error.code if isinstance(error, Refused) else "failed"


def record_refusal(desk: Desk, who: Clicker, what: str, code: str, reason: str) -> None:
    """Write down that a request was not heeded."""
    now = desk.services.clock.now()
    event = ev.RequestRefused(at=now, actor=who.actor, what=what[:100], code=code, reason=reason)
    desk.services.ledger.append([event])


def by_form(who: Clicker, form: str) -> str:
    """Who did something, with the form they sent, so that the same form counts once."""
    return f"{who.actor} ({form})"


def must_be_new(desk: Desk, form: str, *kinds: type[ev.Event]) -> None:
    """Refuse a form that Slack hands over again, by the events of these kinds that it brought."""
    for event in desk.services.ledger.events():
        if isinstance(event, kinds) and event.actor.endswith(f"({form})"):
            raise Refused("replayed", "This was already done.")
