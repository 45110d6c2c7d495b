"""What owners and the analytics team read: digests and announcements become messages here."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Protocol

from bi_governance.model import Mode, NoticeKind, RemovalRoute, Role
from bi_governance.notify.buttons import choices_for
from bi_governance.notify.facts import KEY_LIMIT, NAME_LIMIT, facts_of
from bi_governance.notify.message import Item, Message, shown, web_link
from bi_governance.notify.wording import Wording
from bi_governance.ports import Announcement, Digest, DigestItem, Notifier
from bi_governance.told import ASKING

HEADING_LIMIT = 150
TITLE_LIMIT = 500
LINE_LIMIT = 1500
# What no restore brings back is said once for all items of a kind, so that it need not be cut: the lists
# of all platforms together have room here.
LOST_LIMIT = 2500
# Why somebody in particular is told in the owner's place.
STANDS_IN = {
    Role.FOLDER_OWNER: "stands_in.folder_owner",
    Role.MANAGER: "stands_in.manager",
    Role.VIEWER: "stands_in.viewer",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """Who reads a message and how: their time zone, whom they can ask, and whether they have buttons."""

    zone: tzinfo
    contact: str
    is_owner: bool
    has_buttons: bool = False
    wording: Wording = field(default_factory=Wording)


class Composer(Notifier, Protocol):
    """A Notifier that can also show what it would send."""

    def compose(self, digest: Digest) -> Message:
        """The message `deliver` would send, without sending it."""
        ...


def compose_digest(digest: Digest, reading: Reading) -> Message:
    """What one recipient is told at once, or - where something became of it - what it came to since."""
    say = reading.wording.say
    open_items = _open(digest)
    name = f"title.{digest.kind}" if open_items else "title.settled"
    title = say(
        reading.wording.of(name, is_trial=_is_trial(digest)),
        things=_things(open_items or digest.items, reading),
        them="it" if len(open_items) == 1 else "them",
    )
    return Message(
        digest.message_id,
        shown(title[0].upper() + title[1:], HEADING_LIMIT),
        tuple(shown(text, LOST_LIMIT) for text in _paragraphs(digest, reading)),
        tuple(_item(item, digest, reading) for item in digest.items),
        (
            shown(say("footer.questions", contact=reading.contact), LINE_LIMIT),
            shown(say("footer.sender"), LINE_LIMIT),
        ),
    )


def compose_announcement(announcement: Announcement) -> Message:
    """What the analytics team is told, line by line."""
    lines = tuple(filter(None, (shown(line, LINE_LIMIT) for line in announcement.lines)))
    title = shown(announcement.title, HEADING_LIMIT) or "bi-governance"
    return Message(announcement.message_id, title, lines)


def _open(digest: Digest) -> tuple[DigestItem, ...]:
    """The items the message still says something about; in one that asks, those without an end."""
    if digest.kind not in ASKING:
        return digest.items
    return tuple(item for item in digest.items if item.ending is None)


def _is_trial(digest: Digest) -> bool:
    return digest.mode is Mode.DRY_RUN


def _things(items: Sequence[DigestItem], reading: Reading) -> str:
    count = len(items)
    types = {item.facts.key.type for item in items}
    noun = types.pop() if len(types) == 1 else "item"
    if reading.is_owner:
        return f"{'one' if count == 1 else count} of your {noun}s"
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _paragraphs(digest: Digest, reading: Reading) -> Iterator[str]:
    say, of = reading.wording.say, reading.wording.of
    open_items = _open(digest)
    yield from _circumstances(digest, reading)
    if not open_items:
        return
    yield say(of(f"opening.{digest.kind}", is_trial=_is_trial(digest)))
    one = "it" if len(open_items) == 1 else "one"
    if digest.kind in ASKING:
        press = say("keep.press") if reading.has_buttons else ""
        command = _command("keep", open_items)
        yield say("keep", one=one, press=press, contact=reading.contact, command=command)
        yield say("let_go", one=one)
        yield from _kept(digest, open_items, reading)
    elif digest.kind is NoticeKind.VIEWER:
        press = say("still_need.press") if reading.has_buttons else ""
        yield say("still_need", one=one, press=press)
        yield say("still_need.not")
    elif digest.kind is NoticeKind.ESCALATION:
        if digest.recipient.role in STANDS_IN:
            yield say("opening.escalation.why_you", reason=say(STANDS_IN[digest.recipient.role]))
        yield say("should_stay", press=say("should_stay.press") if reading.has_buttons else "")
        yield say("should_stay.not")
    elif digest.kind is NoticeKind.DELETED and not _is_trial(digest):
        command = _command("restore", open_items)
        press = say("back.press") if reading.has_buttons else ""
        yield say("back", one=one, press=press, contact=reading.contact, command=command)
    yield from _lost(digest, open_items, reading)


def _circumstances(digest: Digest, reading: Reading) -> Iterator[str]:
    """What must be known before anything else: that it is a trial, and why it came to this reader."""
    say, why, role = reading.wording.say, digest.recipient.succession, digest.recipient.role
    if _is_trial(digest) and digest.kind is not NoticeKind.RESTORED:
        yield say("trial")
        if not reading.is_owner and not why and _open(digest):
            yield say("trial.unsent")
    if why and reading.is_owner:
        yield say("succession.owner", why=why)
    elif why and role in STANDS_IN:
        yield say("succession.stand_in", why=why)
        yield say("succession.why_you", reason=say(STANDS_IN[role]))
    elif why:
        yield say("succession.channel", why=why)


def _kept(digest: Digest, items: Sequence[DigestItem], reading: Reading) -> Iterator[str]:
    """From where a restore could bring things back, and for how long."""
    routes = {item.route for item in items} - {None}
    if routes:
        names = {RemovalRoute.TRASH: "kept.trash", RemovalRoute.HARD: "kept.backup"}
        name = "kept.both" if len(routes) > 1 else names[next(r for r in RemovalRoute if r in routes)]
        yield reading.wording.say(name, days=digest.retention_days)


def _lost(digest: Digest, items: Sequence[DigestItem], reading: Reading) -> Iterator[str]:
    """What no restore brings back, by source and type; of what was restored each item says its own."""
    if digest.kind is NoticeKind.RESTORED:
        return
    lost: dict[str, dict[str, None]] = {}
    for item in items:
        if item.lost_on_restore:
            key = item.facts.key
            lost.setdefault(f"{key.type}s of {key.source}", {}).update(dict.fromkeys(item.lost_on_restore))
    if lost:
        said = "; ".join(f"of {things}: {', '.join(parts)}" for things, parts in lost.items())
        yield reading.wording.say("lost", lost=said)


def _command(verb: str, items: Sequence[DigestItem]) -> str:
    """A command that can be pasted into a shell, whatever characters the key holds."""
    key = shown(str(items[0].facts.key), KEY_LIMIT) if len(items) == 1 else "KEY"
    return f"bi-governance {verb} {shlex.quote(key)}"


def _item(item: DigestItem, digest: Digest, reading: Reading) -> Item:
    facts = item.facts
    can_answer = reading.has_buttons and (digest.kind not in ASKING or item.ending is None)
    episode, is_trial = item.decision.episode, _is_trial(digest)
    choices = choices_for(digest.kind, episode, facts.key, is_trial=is_trial) if can_answer else ()
    return Item(
        shown(str(facts.key), KEY_LIMIT),
        shown(facts.title, TITLE_LIMIT) or "(untitled)",
        web_link(facts.url),
        (shown(facts.folder, NAME_LIMIT),) if facts.folder.strip() else (),
        tuple(facts_of(item, digest, reading.zone, reading.wording, is_owner=reading.is_owner)),
        choices,
        is_settled=digest.kind in ASKING and item.ending is not None,
    )
