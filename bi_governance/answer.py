"""Answer: what somebody says about one visual with a click or a command, and what came of it."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from bi_governance import events as ev
from bi_governance.errors import StorageBusy
from bi_governance.model import Person, VisualKey
from bi_governance.ports import Services


class Answer(StrEnum):
    """What can be said about one visual."""

    KEEP = "keep"
    KEEP_FOR_GOOD = "keep_for_good"
    DELETE = "delete"
    HAND_OVER = "hand_over"
    TAKE_OVER = "take_over"
    WHY = "why"
    RESTORE = "restore"
    CONFIRM = "confirm"
    DECLINE = "decline"


@dataclass(frozen=True, slots=True)
class Clicker:
    """Who pressed a button, as the chat service vouches for it: member id, name, and e-mail where known."""

    id: str
    name: str = ""
    email: str = ""

    @property
    def actor(self) -> str:
        """How the ledger names them."""
        return f"slack:{self.id}" + (f" {self.email}" if self.email else "")

    @property
    def shown(self) -> str:
        return self.name or self.email or self.id

    def has(self, address: str) -> bool:
        """Whether a notice to this address went to them."""
        email = self.email.lower()
        return address == self.id or bool(email and address in (email, f"mailto:{email}"))

    def is_one_of(self, people: frozenset[str]) -> bool:
        """Whether member id or e-mail (lower case) is on a list."""
        return self.id in people or bool(self.email and self.email.lower() in people)


@dataclass(frozen=True, slots=True)
class Click:
    """One press of a button: `id` is the press itself, (`channel`, `ts`) the message, `to` a new owner.

    Without channel and ts it was asked for by a command, and belongs to no message.
    """

    who: Clicker
    answer: Answer
    key: VisualKey
    id: str
    episode: int = -1
    channel: str = ""
    ts: str = ""
    days: int = 0
    reason: str = ""
    to: Person | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a click: a code, and one sentence for its author (when heeded: for everybody).

    `elsewhere` is another message (channel, ts) that has to say so too.
    """

    heeded: bool
    code: str
    said: str
    elsewhere: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """Where answers are heard: `turn` is held by whoever uses the warehouse or the platforms right now."""

    services: Services
    admins: frozenset[str] = frozenset()
    turn: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def taking_turn(self) -> Iterator[None]:
        """Have warehouse and platforms to ourselves; StorageBusy while a run of this process has them."""
        if not self.turn.acquire(blocking=False):
            raise StorageBusy("a run is under way; try again in a few minutes.")
        try:
            yield
        finally:
            self.services.warehouse.close()
            self.turn.release()


def last_answer(events: Iterable[ev.Event], channel: str, ts: str) -> ev.Answered | None:
    """The last heeded answer about one visual that a message has to show; events come oldest first."""
    found = [
        e
        for e in events
        if isinstance(e, ev.Answered) and (e.channel, e.ts) == (channel, ts) and e.answer != Answer.WHY
    ]
    return found[-1] if found else None
