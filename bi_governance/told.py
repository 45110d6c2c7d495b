"""Told: the messages people have, what became of each item in them, and what they do not know yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from bi_governance import events as ev
from bi_governance.model import Mode, NoticeKind, VisualKey

# What asks something of its reader, and therefore goes stale when the answer no longer matters.
ASKING = frozenset({NoticeKind.WARNING, NoticeKind.REMINDER, NoticeKind.LAST_CALL})


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a visual after its warning; `kind` is the notice that tells of it, None for none.

    Where none tells of it, the message itself is mended and that is all: whoever kept it knows, and a
    switched mode is no news about one visual.
    """

    kind: NoticeKind | None
    at: datetime
    code: str
    reason: str = ""
    actor: str = ""
    lost: str = ""


@dataclass(frozen=True, slots=True)
class ToldItem:
    """One visual as a message named it; `version` counts what became of it since."""

    key: VisualKey
    episode: int
    title: str
    folder: str
    deadline: datetime | None
    ending: Ending | None = None
    version: int = 0
    followed: frozenset[NoticeKind] = frozenset()

    @property
    def untold(self) -> Ending | None:
        """The ending its reader has not been told of."""
        ending = self.ending
        return ending if ending and ending.kind and ending.kind not in self.followed else None

    def ended(self, ending: Ending) -> ToldItem:
        """The same item after something became of it."""
        return replace(self, ending=ending, version=self.version + 1)


@dataclass(slots=True)
class Told:
    """One delivered message that asks something; `shown` is the version its newest edit shows."""

    message_id: str
    kind: NoticeKind
    mode: Mode
    recipient: str
    reader: str
    succession: str
    role: str
    channel: str
    ts: str
    items: dict[VisualKey, ToldItem] = field(default_factory=dict)
    shown: int = 0

    @property
    def version(self) -> int:
        return sum(item.version for item in self.items.values())

    @property
    def is_stale(self) -> bool:
        """Whether something became of an item since the message was written or last mended."""
        return self.version > self.shown

    @property
    def is_settled(self) -> bool:
        """Whether nothing can become of it any more; what was deleted may yet be wanted again."""
        return not self.is_stale and all(
            item.ending is not None
            and item.ending.kind is not NoticeKind.DELETED
            and not (self.kind is NoticeKind.WARNING and item.untold)
            for item in self.items.values()
        )


@dataclass(slots=True)
class Mailbag:
    """Every message that asks something and is not settled yet, by message id."""

    messages: dict[str, Told] = field(default_factory=dict)
    _holding: dict[VisualKey, list[str]] = field(default_factory=dict)

    def of(self, key: VisualKey) -> Iterator[Told]:
        """The messages that name a visual."""
        for message_id in self._holding.get(key, ()):
            yield self.messages[message_id]

    def delivered(self, event: ev.NoticeDelivered) -> None:
        """Note a message, or that a follow-up reached its reader."""
        if event.notice in ASKING:
            self._add(event)
            return
        for told in list(self.of(event.key)):
            item = told.items[event.key]
            if (told.mode, item.episode) == (event.mode, event.episode):
                told.items[event.key] = replace(item, followed=item.followed | {event.notice})
                self._forget_if_settled(told)

    def edited(self, event: ev.NoticeEdited) -> None:
        """Note which version a message shows now."""
        told = self.messages.get(event.message_id)
        if told is not None:
            told.shown = max(told.shown, event.version)
            self._forget_if_settled(told)

    def ended(self, key: VisualKey, episode: int, mode: Mode, ending: Ending) -> None:
        """Note what became of a visual, in every message of that episode."""
        for told in self.of(key):
            item = told.items[key]
            if (told.mode, item.episode) == (mode, episode):
                told.items[key] = item.ended(ending)

    def restored(self, key: VisualKey, ending: Ending) -> None:
        """Note that what was deleted is back, wherever a message says that it is gone."""
        for told in self.of(key):
            item = told.items[key]
            if told.mode is Mode.LIVE and item.ending and item.ending.kind is NoticeKind.DELETED:
                told.items[key] = item.ended(ending)

    def _add(self, event: ev.NoticeDelivered) -> None:
        if not event.ts:
            return
        told = self.messages.setdefault(
            event.message_id,
            Told(
                event.message_id,
                event.notice,
                event.mode,
                event.recipient,
                event.reader or event.recipient,
                event.succession,
                event.role,
                event.channel,
                event.ts,
            ),
        )
        told.items[event.key] = ToldItem(event.key, event.episode, event.title, event.folder, event.deadline)
        holding = self._holding.setdefault(event.key, [])
        if event.message_id not in holding:
            holding.append(event.message_id)

    def _forget_if_settled(self, told: Told) -> None:
        if not told.is_settled:
            return
        del self.messages[told.message_id]
        for key in told.items:
            self._holding[key].remove(told.message_id)
            if not self._holding[key]:
                del self._holding[key]
