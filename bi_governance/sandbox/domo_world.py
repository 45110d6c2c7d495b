"""What a Domo instance holds, and the ways people change it and leave rows in its audit log."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from bi_governance.sandbox.clock import SimulatedClock


@dataclass(slots=True)
class DomoUser:
    """One person; `grants` are those of the role that matter here."""

    id: int
    name: str
    email: str
    role: str
    grants: set[str]


@dataclass(slots=True)
class DomoGroup:
    """A group of people."""

    id: int
    name: str
    user_ids: list[int]


@dataclass(slots=True)
class DomoPage:
    """One page; with `has_layout` the public API shows none of its cards."""

    id: int
    name: str
    parent_id: int | None
    owner_ids: list[int]
    card_ids: list[int] = field(default_factory=list)
    locked: bool = False
    user_ids: list[int] = field(default_factory=list)
    group_ids: list[int] = field(default_factory=list)
    has_layout: bool = False


@dataclass(slots=True)
class DomoCard:
    """One card; `viewed_at` is None as long as nobody opened it."""

    id: int
    title: str
    owner_ids: list[int]
    updated_at: datetime
    dataset: tuple[str, str]
    locked: bool = False
    viewed_at: datetime | None = None
    views: int = 0


@dataclass(slots=True)
class DomoReport:
    """One scheduled report of a page or card."""

    id: int
    title: str
    owner_id: int
    resource_type: str
    resource_id: int
    enabled: bool = True
    last_run_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DomoEvent:
    """One row of the audit log."""

    at: datetime
    user_id: int
    action: str
    object_type: str
    object_id: int
    object_name: str


class DomoWorld:
    """The state of one instance; `at` defaults to the clock everywhere."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock
        self.users: dict[int, DomoUser] = {}
        self.groups: dict[int, DomoGroup] = {}
        self.pages: dict[int, DomoPage] = {}
        self.cards: dict[int, DomoCard] = {}
        self.reports: dict[int, DomoReport] = {}
        self.events: list[DomoEvent] = []
        # Events that arrive one by one while somebody pages through the log.
        self.arriving: list[DomoEvent] = []
        self._numbers = itertools.count(1001)

    def add_person(
        self, email: str, name: str, *, role: str = "Participant", grants: Iterable[str] = ()
    ) -> int:
        user = DomoUser(next(self._numbers), name, email, role, set(grants))
        self.users[user.id] = user
        return user.id

    def add_group(self, name: str, *members: int) -> int:
        group = DomoGroup(next(self._numbers), name, list(members))
        self.groups[group.id] = group
        return group.id

    def add_page(
        self,
        name: str,
        *,
        owner_id: int,
        parent_id: int | None = None,
        cards: Iterable[int] = (),
        has_layout: bool = False,
        shared_with: Iterable[int] = (),
    ) -> int:
        """A page, below another one or at the top."""
        id_ = next(self._numbers)
        self.pages[id_] = DomoPage(
            id_, name, parent_id, [owner_id], list(cards), user_ids=list(shared_with), has_layout=has_layout
        )
        return id_

    def add_card(
        self, title: str, *, owner_id: int, dataset: str = "orders", at: datetime | None = None
    ) -> int:
        id_ = next(self._numbers)
        self.cards[id_] = DomoCard(id_, title, [owner_id], at or self.clock.now(), (f"ds-{dataset}", dataset))
        return id_

    def add_report(self, title: str, *, owner_id: int, resource_type: str, resource_id: int) -> int:
        id_ = next(self._numbers)
        self.reports[id_] = DomoReport(id_, title, owner_id, resource_type, resource_id)
        return id_

    def view(self, kind: str, id_: int, *, by: int, at: datetime | None = None) -> None:
        """Somebody opens a page or a card."""
        moment = at or self.clock.now()
        self.record("VIEWED", kind, id_, by, moment)
        card = self.cards.get(id_)
        if kind == "card" and card is not None:
            card.views += 1
            card.viewed_at = moment if card.viewed_at is None else max(card.viewed_at, moment)

    def record(self, action: str, kind: str, id_: int, by: int, at: datetime | None = None) -> None:
        self.events.append(self.event(action, kind, id_, by, at or self.clock.now()))

    def event(self, action: str, kind: str, id_: int, by: int, at: datetime) -> DomoEvent:
        """A row that is not in the log yet."""
        name = self.pages[id_].name if kind == "page" else self.cards[id_].title
        return DomoEvent(at, by, action, kind.upper(), id_, name)

    def pages_with(self, card_id: int) -> list[DomoPage]:
        return [page for page in self.pages.values() if card_id in page.card_ids]

    def children_of(self, page_id: int | None) -> list[DomoPage]:
        """In the order of their ids; None: those at the top."""
        return [page for page in self.pages.values() if page.parent_id == page_id]
