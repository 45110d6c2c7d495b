"""Every word owners and the analytics team read: digests and announcements become messages here."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Protocol

from bi_governance.model import Facts, Mode, NoticeKind, Role, Viewer
from bi_governance.notify.message import Choice, Fact, Item, Message, shorten, shown, web_link
from bi_governance.policy import Usage
from bi_governance.ports import Announcement, Digest, DigestItem, Notifier

HEADING_LIMIT = 150
TITLE_LIMIT = 500
NAME_LIMIT = 100
KEY_LIMIT = 300
FACT_LIMIT = 400
LINE_LIMIT = 1500
# What no restore brings back is said once for all items of a kind, so that it need not be cut: the lists
# of all platforms together have room here.
LOST_LIMIT = 2500
# The name of the button that keeps an item; its value is the visual key.
KEEP = "keep"
KEEP_LABEL = "Keep it"
# The name of the button by which a viewer keeps an item; its value is the visual key.
STILL_NEED = "still_need"
STILL_NEED_LABEL = "I still need this"
# Why somebody in particular is told in the owner's place.
STANDS_IN = {
    Role.FOLDER_OWNER: "the folder it lies in is yours",
    Role.MANAGER: "its owner reports to you",
    Role.VIEWER: "you are among those who used it most of late",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """Who reads a message and how: their time zone, whom they can ask, and whether they have buttons."""

    zone: tzinfo
    contact: str
    is_owner: bool
    has_buttons: bool = False


class Composer(Notifier, Protocol):
    """A Notifier that can also show what it would send."""

    def compose(self, digest: Digest) -> Message:
        """The message `deliver` would send, without sending it."""
        ...


@dataclass(frozen=True, slots=True)
class _Words:
    """The wording of one kind of notice; `{things}` is e.g. `2 dashboards`."""

    live: str
    trial: str
    opening: Callable[[Digest, Reading], Iterator[str]]
    why: str
    when: str = ""


def compose_digest(digest: Digest, reading: Reading) -> Message:
    """What one recipient is told at once."""
    words = WORDS[digest.kind]
    title = (words.trial if digest.mode is Mode.DRY_RUN else words.live).format(
        things=_things(digest, reading), them="it" if len(digest.items) == 1 else "them"
    )
    return Message(
        digest.message_id,
        shorten(title[0].upper() + title[1:], HEADING_LIMIT),
        (*_circumstances(digest, reading), *words.opening(digest, reading), *_lost(digest)),
        tuple(_item(item, digest, reading) for item in digest.items),
        (f"Questions? Ask {reading.contact}.", "Sent by bi-governance."),
    )


def compose_announcement(announcement: Announcement) -> Message:
    """What the analytics team is told, line by line."""
    lines = tuple(filter(None, (shown(line, LINE_LIMIT) for line in announcement.lines)))
    title = shown(announcement.title, HEADING_LIMIT) or "bi-governance"
    return Message(announcement.message_id, title, lines)


def say_moment(moment: datetime, zone: tzinfo) -> str:
    """A moment as the team reads clocks, e.g. `Tue 10 Mar 2026, 09:00 CET`."""
    local = moment.astimezone(zone)
    return f"{say_day(moment, zone)}, {local:%H:%M %Z}".rstrip()


def say_day(moment: datetime, zone: tzinfo) -> str:
    """A day as the team's calendar has it, e.g. `Tue 10 Mar 2026`."""
    local = moment.astimezone(zone)
    return f"{DAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]} {local.year}"


# Spelt out because strftime would follow the locale of the machine.
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _things(digest: Digest, reading: Reading) -> str:
    count = len(digest.items)
    types = {item.facts.key.type for item in digest.items}
    noun = types.pop() if len(types) == 1 else "item"
    if reading.is_owner:
        return f"{'one' if count == 1 else count} of your {noun}s"
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _circumstances(digest: Digest, reading: Reading) -> Iterator[str]:
    """What must be known before anything else: that it is a trial, and why it came to this reader."""
    if digest.mode is Mode.DRY_RUN and digest.kind is not NoticeKind.RESTORED:
        yield "This is a trial: nothing will be deleted."
        if not reading.is_owner and not digest.recipient.succession:
            yield "The owners were not told. After the trial each of them gets a message like this one."
    if digest.recipient.succession and reading.is_owner:
        yield f"You have more time than usual, because {digest.recipient.succession}."
    elif digest.recipient.succession and digest.recipient.role in STANDS_IN:
        yield f"You are told in the owner's place, because {digest.recipient.succession}."
        yield f"Why you: {STANDS_IN[digest.recipient.role]}. There is more time than usual."
    elif digest.recipient.succession:
        yield f"This came here instead of to the owner, because {digest.recipient.succession}."


def _open_warning(digest: Digest, reading: Reading) -> Iterator[str]:
    yield (
        "Nobody has used what is listed below for some time, so it is on the list for deletion. "
        "Nothing happens before the date shown, and a backup is made first where the platform allows it."
    )
    yield _how_to_keep(digest, reading)
    yield f"To let {_one(digest)} go, do nothing."


def _open_reminder(digest: Digest, reading: Reading) -> Iterator[str]:
    yield "You were told about this before; since then nobody has used what is listed below."
    yield _how_to_keep(digest, reading)
    yield f"To let {_one(digest)} go, do nothing."


def _lost(digest: Digest) -> Iterator[str]:
    """What no restore brings back, by source and type; of what was restored each item says its own."""
    if digest.kind is NoticeKind.RESTORED:
        return
    lost: dict[str, dict[str, None]] = {}
    for item in digest.items:
        if item.lost_on_restore:
            key = item.facts.key
            lost.setdefault(f"{key.type}s of {key.source}", {}).update(dict.fromkeys(item.lost_on_restore))
    if lost:
        said = "; ".join(f"of {things}: {', '.join(parts)}" for things, parts in lost.items())
        yield shown(f"Once deleted, a restore cannot bring back, {said}", LOST_LIMIT)


def _how_to_keep(digest: Digest, reading: Reading) -> str:
    press = f", or press '{KEEP_LABEL}' below" if reading.has_buttons else ""
    return (
        f"To keep {_one(digest)}, open it before its date{press}. To keep it without opening it, ask "
        f"{reading.contact}; the command is: {_command('keep', digest)} --until DATE"
    )


def _one(digest: Digest) -> str:
    return "it" if len(digest.items) == 1 else "one"


def _command(verb: str, digest: Digest) -> str:
    """A command that can be pasted into a shell, whatever characters the key holds."""
    key = shown(str(digest.items[0].facts.key), KEY_LIMIT) if len(digest.items) == 1 else "KEY"
    return f"bi-governance {verb} {shlex.quote(key)}"


def _open_rescued(_digest: Digest, _reading: Reading) -> Iterator[str]:
    yield "What is listed below was on the list for deletion and no longer is. You need not do anything."


def _open_deleted(digest: Digest, reading: Reading) -> Iterator[str]:
    if digest.mode is Mode.DRY_RUN:
        yield "What is listed below would have been deleted now. It is still there."
        return
    yield "What is listed below was deleted, as announced."
    yield f"To get {_one(digest)} back, ask {reading.contact}; the command is: {_command('restore', digest)}"


def _open_restored(_digest: Digest, _reading: Reading) -> Iterator[str]:
    yield "What is listed below was deleted and is back. It is left alone for a while, used or not."


def _open_viewer(digest: Digest, reading: Reading) -> Iterator[str]:
    yield "You used what is listed below. Nobody has for some time now, so it is on the list for deletion."
    press = f", or press '{STILL_NEED_LABEL}' below" if reading.has_buttons else ""
    yield f"If you still need {_one(digest)}, opening it before its date is enough{press}."
    yield "If you do not, do nothing."


WORDS = {
    NoticeKind.WARNING: _Words(
        "{things} will be deleted unless somebody keeps {them}",
        "Trial: {things} would be deleted unless somebody keeps {them}",
        _open_warning,
        why="Why it is listed",
        when="Will be deleted",
    ),
    NoticeKind.REMINDER: _Words(
        "Reminder: {things} will be deleted soon unless somebody keeps {them}",
        "Trial reminder: {things} would be deleted soon unless somebody keeps {them}",
        _open_reminder,
        why="Why it is listed",
        when="Will be deleted",
    ),
    NoticeKind.RESCUED: _Words(
        "Not to be deleted any more: {things}",
        "Trial: not on the list any more: {things}",
        _open_rescued,
        why="Why it stays",
    ),
    NoticeKind.DELETED: _Words(
        "Deleted: {things}",
        "Trial: {things} would have been deleted now",
        _open_deleted,
        why="Why",
    ),
    NoticeKind.RESTORED: _Words("Restored: {things}", "Restored: {things}", _open_restored, why=""),
    NoticeKind.VIEWER: _Words(
        "{things} you have used will be deleted unless somebody uses {them}",
        "Trial: {things} you have used would be deleted unless somebody uses {them}",
        _open_viewer,
        why="",
        when="Will be deleted",
    ),
}


def _item(item: DigestItem, digest: Digest, reading: Reading) -> Item:
    facts = item.facts
    key = shown(str(facts.key), KEY_LIMIT)
    return Item(
        key,
        shown(facts.title, TITLE_LIMIT) or "(untitled)",
        web_link(facts.url),
        (shown(facts.folder, NAME_LIMIT),) if facts.folder.strip() else (),
        tuple(_facts(item, digest, reading)),
        _choices(digest.kind, str(facts.key)) if reading.has_buttons else (),
    )


def _choices(kind: NoticeKind, key: str) -> tuple[Choice, ...]:
    if kind in (NoticeKind.WARNING, NoticeKind.REMINDER):
        return (Choice(KEEP, KEEP_LABEL, key),)
    return (Choice(STILL_NEED, STILL_NEED_LABEL, key),) if kind is NoticeKind.VIEWER else ()


def _facts(item: DigestItem, digest: Digest, reading: Reading) -> Iterator[Fact]:
    words = WORDS[digest.kind]
    if not reading.is_owner:
        yield Fact("Owner", _owner(item.facts))
    if item.viewed is not None:
        yield Fact("You used it", _viewed(item.viewed, reading.zone))
    yield Fact("Last used", _last_used(item.decision.usage, reading.zone))
    if words.why:
        yield Fact(words.why, _why(item, digest.kind))
    if words.when:
        yield Fact(_when(words, digest.mode), _deadline(item.deadline, reading.zone))
    if item.lost_on_restore and digest.kind is NoticeKind.RESTORED:
        yield Fact("Could not be brought back", shown(", ".join(item.lost_on_restore), LOST_LIMIT))
    if item.note:
        yield Fact("Note", shown(item.note, FACT_LIMIT))


def _owner(facts: Facts) -> str:
    if facts.owner is None:
        return "unknown"
    known = [shown(part, NAME_LIMIT) for part in (facts.owner.name, facts.owner.email) if part]
    return ", ".join(known) or shown(facts.owner.id, NAME_LIMIT)


def _last_used(usage: Usage, zone: tzinfo) -> str:
    if usage.last_used is None:
        return "no use is known"
    via = f" through {shown(str(usage.via), KEY_LIMIT)}" if usage.via else ""
    return f"{say_day(usage.last_used, zone)} ({usage.how}{via})"


def _viewed(viewer: Viewer, zone: tzinfo) -> str:
    times = "once" if viewer.views == 1 else f"{viewer.views} times"
    return f"{times}, last on {say_day(viewer.last_viewed_at, zone)}"


def _why(item: DigestItem, kind: NoticeKind) -> str:
    if kind is NoticeKind.RESCUED:
        return shown("; ".join(str(reason) for reason in item.decision.reasons), FACT_LIMIT)
    usage, rule = item.decision.usage, item.decision.rule
    days = usage.idle.days
    text = f"not used for {days} {'day' if days == 1 else 'days'}"
    if usage.gap.days:
        text += f", not counting {usage.gap.days} without access history"
    if rule:
        text += f"; rule '{rule}'"
    return shown(text, FACT_LIMIT)


def _when(words: _Words, mode: Mode) -> str:
    return "Would be deleted" if mode is Mode.DRY_RUN else words.when


def _deadline(deadline: datetime | None, zone: tzinfo) -> str:
    return f"not before {say_moment(deadline, zone)}" if deadline else "the date is not set yet"
