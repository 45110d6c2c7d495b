"""Forms: the modals in which an answer needs more than a press, and texts too long for a line.

Limits of docs.slack.dev (views): 24 characters a title or button, 3,000 a text, 100 blocks, 3,000 for what
is kept with the form.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bi_governance.model import Mode, VisualKey
from bi_governance.notify.message import ELLIPSIS, shorten, shown, width

View = dict[str, Any]

TITLE_LIMIT = 24
TEXT_LIMIT = 2900
MAX_TEXTS = 20
LINE_LIMIT = 600
REASON_LIMIT = 500

KEEP_FOR_GOOD, HAND_OVER, DELETE, MODE, APPROVE = "keep_for_good", "hand_over", "delete", "mode", "approve"
REASON, PERSON, CONFIRMATION = "reason", "person", "confirmation"


def keep_for_good(key: VisualKey, kept: Mapping[str, str]) -> View:
    """Asks for the reason; an admin decides."""
    about = (
        f"{key} is kept for 30 days at once. It is kept until revoked when an admin agrees with your reason."
    )
    return _form(
        KEEP_FOR_GOOD, "Keep for good", "Ask for it", kept, [text(about), _reason("Why is it needed?")]
    )


def hand_over(key: VisualKey, kept: Mapping[str, str]) -> View:
    """Asks for the person who decides about it from now on."""
    about = (
        f"Who decides about {key} from now on? They are told with the next run and get the whole time again. "
        "Who owns it at its platform does not change."
    )
    choice = {"type": "users_select", "action_id": PERSON}
    return _form(HAND_OVER, "Hand over", "Hand over", kept, [text(about), _input(PERSON, "Person", choice)])


def delete_now(key: VisualKey, kept: Mapping[str, str], *, is_trial: bool) -> View:
    """Says what will happen; sending it is the confirmation."""
    about = (
        f"This is a trial: nothing is deleted. That you would let {key} go at once is written down."
        if is_trial
        else f"{key} is deleted without waiting for its date, as soon as nothing stands against it: it is "
        "backed up first, and nobody may have used it since you were told. It can be restored for a while."
    )
    return _form(DELETE, "Delete now", "Write it down" if is_trial else "Delete now", kept, [text(about)])


def switch_mode(new: Mode, lines: Iterable[str], must_type: str, kept: Mapping[str, str]) -> View:
    """Asks for the reason of a switch and, for live, shows what it means and has a word typed."""
    blocks = [*texts(lines), _reason("Why? It goes into the ledger.")]
    if new is Mode.LIVE:
        blocks.append(_confirmation(must_type))
    return _form(MODE, f"Mode: {new}", "Switch", {**kept, "mode": str(new)}, blocks)


def approve(lines: Iterable[str], must_type: str, kept: Mapping[str, str]) -> View:
    """Lists what may be deleted then, and has a word typed."""
    blocks = [*texts(lines), _confirmation(must_type)]
    return _form(APPROVE, "Approve deletions", "Approve", kept, blocks)


def reading(title: str, lines: Iterable[str]) -> View:
    """Something to read, without anything to send."""
    return {
        "type": "modal",
        "title": _plain(shorten(title, TITLE_LIMIT)),
        "close": _plain("Close"),
        "blocks": texts(lines) or [text("Nothing.")],
    }


def texts(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Lines as few literal texts, cut with a word where there are more than a form can hold."""
    parts: list[str] = []
    for line in lines:
        said = shown(line, LINE_LIMIT)
        if parts and width(parts[-1]) + width(said) < TEXT_LIMIT:
            parts[-1] += f"\n{said}"
        else:
            parts.append(said)
    if len(parts) > MAX_TEXTS:
        parts = [*parts[: MAX_TEXTS - 1], f"{ELLIPSIS} and more; the command line shows all of it."]
    return [text(part) for part in parts if part.strip()]


def text(said: str) -> dict[str, Any]:
    """One text that is shown as it is."""
    return {"type": "section", "text": {**_plain(shorten(said, TEXT_LIMIT)), "emoji": False}}


def _form(name: str, title: str, submit: str, kept: Mapping[str, str], blocks: list[dict[str, Any]]) -> View:
    return {
        "type": "modal",
        "callback_id": name,
        "private_metadata": json.dumps(dict(kept)),
        "title": _plain(title),
        "submit": _plain(submit),
        "close": _plain("Cancel"),
        "blocks": blocks,
    }


def _confirmation(must_type: str) -> dict[str, Any]:
    field = {"type": "plain_text_input", "action_id": CONFIRMATION}
    return _input(CONFIRMATION, f"Type '{must_type}' to confirm", field)


def _reason(label: str) -> dict[str, Any]:
    field = {"type": "plain_text_input", "action_id": REASON, "multiline": True, "max_length": REASON_LIMIT}
    return _input(REASON, label, field)


def _input(name: str, label: str, element: dict[str, Any]) -> dict[str, Any]:
    return {"type": "input", "block_id": name, "label": _plain(label), "element": element}


def _plain(said: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": said}
