"""Approving: an admin reads on Slack what is due and approves just that, nothing that came in between."""

from __future__ import annotations

from bi_governance import events as ev
from bi_governance.answer import Clicker, Desk
from bi_governance.approve import Approval, Waiting, approve, must_be_asked_for, waiting
from bi_governance.errors import GovernanceError
from bi_governance.notify import forms
from bi_governance.notify.conversation import Conversation
from bi_governance.notify.refusing import Refused, by_form, code_of, must_be_new, record_refusal
from bi_governance.notify.requests import Submission

TITLE = "Approve deletions"
COMMAND = "/bi approve"
# So many are listed whole in one form; what is not shown is not approved.
MOST_LISTED = 40


def ask_for_approval(desk: Desk, slack: Conversation, who: Clicker, trigger: str) -> None:
    """Open the form that lists what waits, and asks for the confirmation of just that list."""
    _must_be_admin(desk, who)
    must_be_asked_for(desk.services)
    view = slack.open_form(trigger, forms.reading(TITLE, ["Looking up what waits…"]))
    try:
        with desk.taking_turn():
            listed = waiting(desk.services)
    except GovernanceError as error:
        record_refusal(desk, who, COMMAND, code_of(error), str(error))
        slack.fill_form(view, forms.reading(TITLE, [str(error)]))
        return
    if not listed.items:
        slack.fill_form(view, forms.reading(TITLE, ["Nothing waits for an approval."]))
        return
    shown = listed.first(MOST_LISTED)
    rest = len(listed.items) - len(shown.items)
    more = [f"{rest} more wait; they come up when these are approved."] if rest else []
    lines = [
        "The next run that may deletes what you approve:",
        *shown.lines(desk.services.policy.window.zone),
        *more,
    ]
    slack.fill_form(view, forms.approve(lines, _word(shown), {"list": shown.digest}))


def send_approval(desk: Desk, slack: Conversation, who: Clicker, sent: Submission) -> None:
    """Approve the list that was shown, if it still is the same; refusals are recorded."""
    try:
        _must_be_admin(desk, who)
        must_be_new(desk, sent.id, ev.RemovalApproved)
        with desk.taking_turn():
            said = _said(_approve(desk, who, sent))
    except (Refused, GovernanceError) as error:
        record_refusal(desk, who, COMMAND, code_of(error), str(error))
        said = str(error)
    slack.whisper("", who.id, said)


def _approve(desk: Desk, who: Clicker, sent: Submission) -> Approval:
    shown = waiting(desk.services).first(MOST_LISTED)
    if shown.digest != sent.kept.get("list"):
        raise Refused(
            "stale",
            f"What waits is not what you were shown any more; nothing was approved. Read it again: {COMMAND}",
        )
    if sent.fields.get(forms.CONFIRMATION, "").strip() != _word(shown):
        raise Refused("unconfirmed", f"Not confirmed: '{_word(shown)}' was not typed; nothing was approved.")
    return approve(desk.services, shown, by_form(who, sent.id))


def _must_be_admin(desk: Desk, who: Clicker) -> None:
    if not who.is_one_of(desk.admins):
        raise Refused("unauthorised", "Only those listed in slack.admins may approve deletions.")


def _word(shown: Waiting) -> str:
    return f"approve {len(shown.items)}"


def _said(done: Approval) -> str:
    return f"Approved {len(done.approved)} deletion(s); the next run that may carries them out."
