"""What people are told, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bi_governance.model import Facts, Mode, NoticeKind, Person, RemovalRoute, Role, Viewer
from bi_governance.policy import Decision
from bi_governance.told import Ending


@dataclass(frozen=True, slots=True)
class Thread:
    """A delivered message that others can answer: where it is, as its Delivery said."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where a message goes, and as what its reader gets it.

    `succession` says why that may not be the owner, or why the owner may not see it; it gives a longer grace.
    With `thread` it goes there as a reply to an earlier message.
    """

    address: str
    name: str
    succession: str = ""
    thread: Thread | None = None
    role: Role = Role.OWNER


@dataclass(frozen=True, slots=True)
class Reach:
    """Where somebody can be told, or (without a recipient) why not: what follows `its owner ...`.

    A guest can be told about what is theirs, but does not stand in for anybody.
    """

    recipient: Recipient | None
    problem: str = ""
    is_guest: bool = False


@dataclass(frozen=True, slots=True)
class DigestItem:
    """One visual in a message.

    `part_of` and `holds` name the visuals around it, `reads` the tables and explores it is built on.
    With an `ending`, nothing is asked about it any more: the message says what became of it.
    """

    facts: Facts
    decision: Decision
    deadline: datetime | None = None
    note: str = ""
    lost_on_restore: tuple[str, ...] = ()
    route: RemovalRoute | None = None
    part_of: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    restorable_until: datetime | None = None
    ending: Ending | None = None
    viewed: Viewer | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """What one recipient is to be told at once; `message_id` finds it again after a crash."""

    message_id: str
    kind: NoticeKind
    mode: Mode
    recipient: Recipient
    items: tuple[DigestItem, ...]
    retention_days: int = 30


@dataclass(frozen=True, slots=True)
class Announcement:
    """Something the analytics team is told in its channel: a title and lines of plain text."""

    message_id: str
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """The acknowledgement of an accepted message."""

    channel: str
    ts: str
    at: datetime


class Notifier(Protocol):
    """Tells people; raises DeliveryError when a message was not accepted."""

    items_per_message: int

    def check(self) -> str:
        """Prove that messages can be sent, without sending one; says as whom and where."""
        ...

    def recipient(self, owner: Person | None) -> Recipient:
        """The owner if reachable, else the team's channel; RecipientUnknown when nobody is left."""
        ...

    def reach(self, person: Person, source: str) -> Reach:
        """Where somebody `source` knows can be told; DeliveryError when that cannot be told now.

        Whether they left, or are a service account, is asked before (`succession`).
        """
        ...

    def team(self, why: str) -> Recipient:
        """Who is told when nobody else can be, because of `why`; RecipientUnknown when nobody is."""
        ...

    def trial_recipient(self) -> Recipient:
        """Where dry-run notices go that owners are not to be bothered with."""
        ...

    def deliver(self, digest: Digest) -> Delivery:
        """Send one message; returning means accepted."""
        ...

    def announce(self, announcement: Announcement) -> Delivery:
        """Tell the analytics team."""
        ...

    def restate(self, digest: Digest, sent: Thread) -> None:
        """Make a delivered message say what its digest says now; doing it twice changes nothing.

        Raises NotEditable when that can never be done, another DeliveryError when it failed this time.
        """
        ...

    def find(self, message_id: str, recipient: Recipient, since: datetime) -> Delivery | None:
        """A message that was accepted although we never recorded it; None when it was not.

        DeliveryError when that cannot be told now, OutcomeUnknown when it can never be told.
        """
        ...
