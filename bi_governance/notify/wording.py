"""Wording: every sentence people read, in one place; a company may say any of them its own way.

A text may name what its original names in braces, and nothing else. Names ending in `.trial` are used
in dry-run. Whatever is filled in comes from outside and is shown literally.
"""

from __future__ import annotations

import difflib
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bi_governance.errors import ConfigurationError

SETTING = "notices.wording"
TEXTS: Mapping[str, str] = {
    "title.warning": "{things} will be deleted unless somebody keeps {them}",
    "title.warning.trial": "Trial: {things} would be deleted unless somebody keeps {them}",
    "title.reminder": "Reminder: {things} will be deleted soon unless somebody keeps {them}",
    "title.reminder.trial": "Trial reminder: {things} would be deleted soon unless somebody keeps {them}",
    "title.last_call": "Last call: {things} will be deleted with the next run after the time shown",
    "title.last_call.trial": "Trial, last call: {things} would be deleted with the next run",
    "title.rescued": "Not to be deleted any more: {things}",
    "title.rescued.trial": "Trial: not on the list any more: {things}",
    "title.deleted": "Deleted: {things}",
    "title.deleted.trial": "Trial: {things} would have been deleted now",
    "title.restored": "Restored: {things}",
    "title.viewer": "{things} you have used will be deleted unless somebody uses {them}",
    "title.viewer.trial": "Trial: {things} you have used would be deleted unless somebody uses {them}",
    "title.escalation": "Nobody has answered: {things} will be deleted unless somebody keeps {them}",
    "title.escalation.trial": "Trial, nobody answered: {things} would be deleted unless kept",
    "title.settled": "Settled, nothing is left to do: {things}",
    "title.settled.trial": "Trial, settled: {things}",
    "trial": "This is a trial: nothing will be deleted.",
    "trial.unsent": ("The owners were not told. After the trial each of them gets a message like this one."),
    "succession.owner": "You have more time than usual, because {why}.",
    "succession.stand_in": "You are told in the owner's place, because {why}.",
    "succession.why_you": "Why you: {reason}. There is more time than usual.",
    "stands_in.folder_owner": "the folder it lies in is yours",
    "stands_in.manager": "its owner reports to you",
    "stands_in.viewer": "you are among those who used it most of late",
    "succession.channel": "This came here instead of to the owner, because {why}.",
    "opening.warning": (
        "Nobody has used what is listed below for some time, so it is on the list for deletion. "
        "Nothing happens before the date shown, and a backup is made first where the platform allows it."
    ),
    "opening.reminder": ("You were told about this before; since then nobody has used what is listed below."),
    "opening.last_call": (
        "This is the last message before it happens: the first run after the time shown deletes what "
        "nobody has opened or kept by then."
    ),
    "opening.rescued": (
        "What is listed below was on the list for deletion and no longer is. You need not do anything."
    ),
    "opening.deleted": "What is listed below was deleted, as announced.",
    "opening.deleted.trial": "What is listed below would have been deleted now. It is still there.",
    "opening.restored": (
        "What is listed below was deleted and is back. It is left alone for a while, used or not."
    ),
    "opening.viewer": (
        "You used what is listed below. Nobody has for some time now, so it is on the list for deletion."
    ),
    "opening.escalation": (
        "Whoever decides about what is listed below was told some time ago and has not answered. Nobody has "
        "used it since either."
    ),
    "opening.escalation.why_you": "Why you: {reason}.",
    "should_stay": "If it should stay, opening it before its date is enough{press}.",
    "should_stay.press": ", or press a button below",
    "should_stay.not": "If it should not, do nothing.",
    "still_need": "If you still need {one}, opening it before its date is enough{press}.",
    "still_need.press": ", or press 'I still need this' below",
    "still_need.not": "If you do not, do nothing.",
    "keep": (
        "To keep {one}, open it before its date{press}. To keep it without opening it, ask {contact}; "
        "the command is: {command} --until DATE"
    ),
    "keep.press": ", or press a button below",
    "let_go": "To let {one} go, do nothing.",
    "back": "To get {one} back, {press}ask {contact}; the command is: {command}",
    "back.press": "press 'Restore' below or ",
    "kept.trash": (
        "What is deleted stays in the platform's own trash and in our backup, and can be restored for "
        "{days} days."
    ),
    "kept.backup": (
        "What is deleted is gone from the platform; from our backup it can be restored for {days} days."
    ),
    "kept.both": (
        "What is deleted can be restored for {days} days: from the platform's own trash where it has one, "
        "else from our backup."
    ),
    "lost": "Once deleted, a restore cannot bring back, {lost}",
    "fact.owner": "Owner",
    "fact.last_used": "Last used",
    "fact.viewers": "Used by",
    "fact.viewed": "You used it",
    "fact.why": "Why it is listed",
    "fact.why_stays": "Why it stays",
    "fact.why_deleted": "Why",
    "fact.deadline": "Will be deleted",
    "fact.deadline.trial": "Would be deleted",
    "fact.part_of": "Still shown in",
    "fact.holds": "Holds",
    "fact.reads": "Built on",
    "fact.deleted": "Deleted",
    "fact.deleted.trial": "Would have been deleted",
    "fact.restored": "Restored",
    "fact.restorable": "Can be restored until",
    "fact.lost": "Could not be brought back",
    "fact.note": "Note",
    "fact.now": "Now",
    "deadline": "not before {moment}",
    "deadline.unknown": "the date is not set yet",
    "viewers": "{views} by {people} since {day}",
    "viewers.none": "nobody since {day}",
    "now.stays": "it stays: {reason}",
    "now.kept": "kept until {day} by {actor}",
    "now.exempt": "kept for good by {actor}: {reason}",
    "now.deleted": "deleted on {day}; it can be restored until {until}",
    "now.simulated": "would have been deleted on {day}; it is still there",
    "now.restored": "deleted, and restored on {day}",
    "now.switched_to_dry-run": "deletions were switched off; nothing happens to it",
    "now.switched_to_live": "the trial is over; there is a new warning before anything is deleted",
    "now.other": "it is no longer on the list",
    "footer.questions": "Questions? Ask {contact}.",
    "footer.sender": "Sent by bi-governance.",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """The texts in force; ConfigurationError names the first text that cannot be used, and why."""

    own: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for problem in mistakes(self.own):
            raise ConfigurationError(problem)

    def say(self, name: str, **values: object) -> str:
        """The text of this name, filled in."""
        return (self.own.get(name) or TEXTS[name]).format(**values)

    def of(self, name: str, *, is_trial: bool) -> str:
        """The name of the text for a trial where there is one of its own."""
        return f"{name}.trial" if is_trial and f"{name}.trial" in TEXTS else name


def mistakes(own: Mapping[str, str]) -> Iterator[str]:
    """What is wrong with a company's own texts, one sentence each."""
    for name, text in own.items():
        if name not in TEXTS:
            near = difflib.get_close_matches(name, TEXTS, n=1)
            yield f"{SETTING}: there is no text '{name}'" + (f"; did you mean '{near[0]}'?" if near else ".")
            continue
        if not text.strip():
            yield f"{SETTING}.{name} is empty; leave it out to have the original."
            continue
        known = set(placeholders(TEXTS[name]))
        try:
            strange = [given for given in placeholders(text) if given not in known]
        except ValueError as error:
            yield f"{SETTING}.{name} cannot be read: {error}; write {{{{ and }}}} for braces."
            continue
        if strange:
            can = ", ".join(f"{{{each}}}" for each in sorted(known)) or "no placeholders"
            yield f"{SETTING}.{name}: unknown placeholder {{{strange[0]}}}; this text knows {can}."


def placeholders(text: str) -> list[str]:
    """What stands in braces, with whatever else was written there; ValueError for a stray brace."""
    return [
        f"{name}{'!' + conversion if conversion else ''}{':' + spec if spec else ''}"
        for _, name, spec, conversion in string.Formatter().parse(text)
        if name is not None
    ]
