"""Succession: who is told about a visual when its owner cannot be, and why everybody before was skipped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from bi_governance.model import Facts, Person, Role, Viewer
from bi_governance.people import People
from bi_governance.ports import Notifier, Reach, Recipient

SUBJECTS = {
    Role.OWNER: "its owner",
    Role.FOLDER_OWNER: "the folder's owner",
    Role.MANAGER: "the owner's manager",
    Role.VIEWER: "a frequent viewer",
}
UNKNOWN = {
    Role.OWNER: "it has no known owner",
    Role.FOLDER_OWNER: "no owner of its folder is known",
    Role.MANAGER: "no manager of its owner is known",
    Role.VIEWER: "nobody is known to have used it lately",
}
GUEST_OWNER = "its owner is a guest on Slack"
GUEST = "is a guest on Slack, who stands in for nobody"
SAME = "is the same person"


def recipient_of(facts: Facts, viewers: Sequence[Viewer], people: People, notifier: Notifier) -> Recipient:
    """The owner, else the first in line who can be told, else the team; `succession` lists who was skipped.

    Nobody is named there: the text is shown to whoever is told. Raises RecipientUnknown when nobody is
    left, DeliveryError when it cannot be found out now.
    """
    skipped: dict[str, None] = {}
    asked: set[str] = set()
    for role, person in in_line(facts, viewers, people):
        if person is None:
            skipped[UNKNOWN[role]] = None
            continue
        reached = _reach(people.identify(person, facts.key.source), facts.key.source, asked, people, notifier)
        if reached.is_guest and role is not Role.OWNER:
            reached = Reach(None, GUEST)
        if reached.recipient is not None:
            return _as(role, reached, reached.recipient, list(skipped))
        skipped[f"{SUBJECTS[role]} {reached.problem}"] = None
    return replace(notifier.team("; ".join(skipped)), role=Role.TEAM)


def in_line(facts: Facts, viewers: Sequence[Viewer], people: People) -> Iterator[tuple[Role, Person | None]]:
    """Everybody who could be told, in order; None where a place is empty."""
    yield Role.OWNER, facts.owner
    yield Role.FOLDER_OWNER, facts.folder_owner
    yield Role.MANAGER, people.manager_of(facts.owner, facts.key.source) if facts.owner else None
    yield from ((Role.VIEWER, viewer.person) for viewer in viewers)
    if not viewers:
        yield Role.VIEWER, None


def reach(person: Person, source: str, people: People, notifier: Notifier) -> Reach:
    """Where somebody (identified) can be told; whoever left, or is no person, is not looked for at all."""
    absence = people.absence(person)
    return Reach(None, absence) if absence else notifier.reach(person, source)


def _reach(person: Person, source: str, asked: set[str], people: People, notifier: Notifier) -> Reach:
    name = person.email or person.id
    if name in asked:
        return Reach(None, SAME)
    asked.add(name)
    return reach(person, source, people, notifier)


def _as(role: Role, reached: Reach, recipient: Recipient, skipped: list[str]) -> Recipient:
    why = [*skipped, *([GUEST_OWNER] if reached.is_guest else []), recipient.succession]
    return replace(recipient, role=role, succession="; ".join(filter(None, why)))
