"""Buttons: which answers a message offers about an item, and how a press names what it is about.

The handle of an item - episode and visual key - is the block id of its row of buttons, so that it stands
there once instead of in every button.
"""

from __future__ import annotations

from bi_governance.answer import Answer
from bi_governance.errors import ConfigurationError
from bi_governance.model import NoticeKind, VisualKey
from bi_governance.notify.message import Choice
from bi_governance.told import ASKING

KEEP_DAYS = (30, 90, 365)
# What a viewer's word is worth: time enough for the owner, or somebody else, to decide.
STILL_NEEDED_DAYS = 90
# The action ids of buttons, and what a press of each asks for: the answer, and for how many days.
ACTIONS: dict[str, tuple[Answer, int]] = {
    **{f"keep_{days}": (Answer.KEEP, days) for days in KEEP_DAYS},
    "still_need": (Answer.KEEP, STILL_NEEDED_DAYS),
    **{str(answer): (answer, 0) for answer in Answer if answer is not Answer.KEEP},
    Answer.TAKE_OVER: (Answer.TAKE_OVER, STILL_NEEDED_DAYS),
}
_LABELS = {
    **{f"keep_{days}": f"Keep {days} days" for days in KEEP_DAYS},
    "still_need": "I still need this",
    Answer.KEEP_FOR_GOOD: "Keep for good",
    Answer.HAND_OVER: "Hand over",
    Answer.TAKE_OVER: "I need it and look after it",
    Answer.DELETE: "Delete now",
    Answer.WHY: "Why?",
    Answer.RESTORE: "Restore",
    Answer.CONFIRM: "Confirm",
    Answer.DECLINE: "Decline",
}
OF_A_WARNING = (
    "keep_30",
    "keep_90",
    "keep_365",
    Answer.KEEP_FOR_GOOD,
    Answer.HAND_OVER,
    Answer.DELETE,
    Answer.WHY,
)
_MINOR = frozenset({"keep_30", "keep_365", Answer.KEEP_FOR_GOOD, Answer.HAND_OVER})
OF_A_DELETION = (Answer.RESTORE, Answer.WHY)
OF_A_VIEWING = ("still_need", Answer.TAKE_OVER, Answer.WHY)
OF_AN_ESCALATION = ("keep_30", "keep_90", Answer.WHY)
OF_A_REQUEST = (Answer.CONFIRM, Answer.DECLINE)
# What can still be said once an answer was heeded, by its outcome; everything else is settled.
STILL_OPEN = {"agreed": ("keep_90",), "trial": ("keep_90",), "removed": (Answer.RESTORE,)}


def handle_of(episode: int, key: VisualKey) -> str:
    """How a row of buttons names its item, e.g. `0 looker_prod:dashboard:42`."""
    return f"{episode} {key}"


def read_handle(text: str) -> tuple[int, VisualKey]:
    """Episode and key; ConfigurationError for what is no handle."""
    episode, _, key = text.partition(" ")
    if not episode.isdecimal():
        raise ConfigurationError(f"'{text[:100]}' names no visual.")
    return int(episode), VisualKey.parse(key)


def choices_for(kind: NoticeKind, episode: int, key: VisualKey, *, is_trial: bool) -> tuple[Choice, ...]:
    """The buttons an item of this kind of notice has; nothing to restore came of a trial."""
    if kind in ASKING:
        return buttons(OF_A_WARNING, handle_of(episode, key))
    if kind is NoticeKind.VIEWER:
        return buttons(OF_A_VIEWING, handle_of(episode, key))
    if kind is NoticeKind.ESCALATION:
        return buttons(OF_AN_ESCALATION, handle_of(episode, key))
    if kind is NoticeKind.DELETED and not is_trial:
        return buttons(OF_A_DELETION, handle_of(episode, key))
    return ()


def buttons(names: tuple[str, ...], handle: str) -> tuple[Choice, ...]:
    """The buttons of these names for one item."""
    return tuple(Choice(str(name), _LABELS[name], handle, is_minor=name in _MINOR) for name in names)
