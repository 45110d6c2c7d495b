"""Invite: the deprecation channel as it should be, with everybody in it who uses the BI tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from bi_governance.model import BiUser

NO_ADDRESS = "the BI tools have no e-mail address"
NOT_THERE = "not in Slack under this address, or deactivated there"


@dataclass(frozen=True, slots=True)
class Place:
    """A channel as Slack has it; `is_new` says that this very run opened it, so only we are in it."""

    id: str
    name: str
    topic: str = ""
    purpose: str = ""
    is_joined: bool = True
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Posted:
    """The announcement as it stands in the channel; `version` changes with its words."""

    ts: str
    version: str
    is_pinned: bool


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in the workspace; `obstacle` says why they cannot be invited."""

    id: str
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the channel should be: empty texts leave alone what stands there."""

    topic: str
    purpose: str
    version: str


class Room(Protocol):
    """The channel named in the settings; every method raises DeliveryError saying what to do."""

    name: str

    def joined(self) -> Place | None:
        """The channel when the bot is in it."""
        ...

    def visible(self) -> Place | None:
        """The channel when it exists and the bot could join it."""
        ...

    def open(self) -> Place:
        """Create the channel, or join the one that has its name."""
        ...

    def announcement(self, place: Place) -> Posted | None:
        """Our announcement there, found also when it was never pinned."""
        ...

    def member_ids(self, place: Place) -> set[str]:
        """Everybody in it."""
        ...

    def people(self, emails: Iterable[str]) -> Mapping[str, Member]:
        """Who of these (lower-case) addresses is in the workspace."""
        ...

    def set_topic(self, place: Place, topic: str) -> None: ...

    def set_purpose(self, place: Place, purpose: str) -> None: ...

    def post(self, place: Place) -> str:
        """Post the announcement; returns its `ts`."""
        ...

    def edit(self, place: Place, ts: str) -> None:
        """Give the announcement its present words."""
        ...

    def pin(self, place: Place, ts: str) -> None: ...

    def invite(self, place: Place, ids: list[str]) -> Mapping[str, str]:
        """Invite them; returns who could not be, and why."""
        ...


@dataclass(frozen=True, slots=True)
class NotInvited:
    """Somebody who uses the BI tools and is not in the channel afterwards."""

    who: str
    why: str


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What is to be done, and what was found; `invite` is member ids to their addresses."""

    channel: str
    opening: str = ""  # "create", "join" or nothing
    topic: str | None = None
    purpose: str | None = None
    announcement: tuple[str, ...] = ()  # of "post", "edit", "pin"
    ts: str = ""
    invite: Mapping[str, str] = field(default_factory=dict)
    present: int = 0
    left_out: tuple[NotInvited, ...] = ()
    robots: int = 0
    inactive: int = 0

    @property
    def is_done(self) -> bool:
        """Nothing is left to change."""
        changes = (self.opening, self.topic, self.purpose, self.announcement, self.invite)
        return not any(changes)


@dataclass(frozen=True, slots=True)
class Guests:
    """Whom to invite by address, and who of the BI tools' users is not to be or cannot be."""

    names: Mapping[str, str]
    left_out: tuple[NotInvited, ...]
    robots: int
    inactive: int


def guests(users: Iterable[BiUser]) -> Guests:
    """One guest per address, whatever its case: active in some tool, and a robot in none."""
    people = list(users)
    robots = {_address(u) or f"{u.source}/{u.id}" for u in people if u.is_robot}
    names: dict[str, str] = {}
    left_out, inactive = [], set()
    for user in people:
        address = _address(user)
        if (address or f"{user.source}/{user.id}") in robots:
            continue
        if user.active is False:
            inactive.add(address or f"{user.source}/{user.id}")
        elif address:
            names.setdefault(address, user.name)
        else:
            left_out.append(NotInvited(f"{user.name or user.id} ({user.source})", NO_ADDRESS))
    return Guests(names, tuple(left_out), len(robots), len(inactive - names.keys()))


def foresee(room: Room, wanted: Wanted, users: Iterable[BiUser]) -> SyncPlan:
    """What `sync` would do now; changes nothing."""
    place = room.joined() or room.visible()
    plan = _plan(room, place, wanted, guests(users))
    return plan if place and place.is_joined else replace(plan, opening="join" if place else "create")


def sync(room: Room, wanted: Wanted, users: Iterable[BiUser]) -> SyncPlan:
    """Do it; returns what was done, with those in `left_out` whom Slack refused. Safe to repeat."""
    invited = guests(users)
    found = room.joined()
    place = found or room.open()
    plan = _plan(room, place, wanted, invited)
    if found is None:
        plan = replace(plan, opening="create" if place.is_new else "join")
    return _carry_out(room, place, plan)


def _plan(room: Room, place: Place | None, wanted: Wanted, invited: Guests) -> SyncPlan:
    posted = room.announcement(place) if place and not place.is_new else None
    there = room.member_ids(place) if place and not place.is_new else set()
    people = room.people(invited.names)
    invite: dict[str, str] = {}
    present, left_out = 0, list(invited.left_out)
    for address in sorted(invited.names):
        member = people.get(address)
        if member is not None and member.id in there:
            present += 1
        elif member is None or member.obstacle:
            left_out.append(NotInvited(address, member.obstacle if member else NOT_THERE))
        else:
            invite.setdefault(member.id, address)
    return SyncPlan(
        room.name,
        topic=wanted.topic if wanted.topic and (not place or place.topic != wanted.topic) else None,
        purpose=wanted.purpose if wanted.purpose and (not place or place.purpose != wanted.purpose) else None,
        announcement=_due(posted, wanted.version),
        ts=posted.ts if posted else "",
        invite=invite,
        present=present,
        left_out=tuple(left_out),
        robots=invited.robots,
        inactive=invited.inactive,
    )


def _due(posted: Posted | None, version: str) -> tuple[str, ...]:
    if posted is None:
        return ("post", "pin")
    edit = () if posted.version == version else ("edit",)
    return edit if posted.is_pinned else (*edit, "pin")


def _carry_out(room: Room, place: Place, plan: SyncPlan) -> SyncPlan:
    """The announcement comes before the people, so that they find it."""
    if plan.topic is not None:
        room.set_topic(place, plan.topic)
    if plan.purpose is not None:
        room.set_purpose(place, plan.purpose)
    ts = room.post(place) if "post" in plan.announcement else plan.ts
    if "edit" in plan.announcement:
        room.edit(place, ts)
    if "pin" in plan.announcement:
        room.pin(place, ts)
    refused = room.invite(place, list(plan.invite)) if plan.invite else {}
    return replace(
        plan,
        ts=ts,
        invite={id_: address for id_, address in plan.invite.items() if id_ not in refused},
        left_out=(*plan.left_out, *(NotInvited(plan.invite[id_], why) for id_, why in refused.items())),
    )


def _address(user: BiUser) -> str:
    return (user.email or "").strip().lower()
