"""What there is on an emulated Tableau site, and how people change it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime

from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.tableau_files import workbook_file

Grants = dict[tuple[str, str], dict[str, str]]  # (user or group, id) to capabilities and their modes


@dataclass(slots=True)
class TableauUser:
    id: str
    name: str
    full_name: str
    role: str
    email: str | None


@dataclass(slots=True)
class TableauGroup:
    id: str
    name: str
    user_ids: list[str]


@dataclass(slots=True)
class TableauProject:
    id: str
    name: str
    parent_id: str | None = None
    owner_id: str | None = None


@dataclass(slots=True)
class TableauView:
    id: str
    number: int
    name: str
    workbook_id: str
    views: int = 0
    tags: set[str] = field(default_factory=set)


@dataclass(slots=True)
class TableauWorkbook:
    id: str
    number: int
    title: str
    project_id: str | None
    owner_id: str
    created_at: datetime
    updated_at: datetime
    content: bytes
    description: str | None = None
    tags: set[str] = field(default_factory=set)
    grants: Grants = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    has_extracts: bool = False
    show_tabs: bool = False


@dataclass(slots=True)
class TableauDelivery:
    id: str
    kind: str  # subscription, alert
    subject: str
    user_id: str
    target_type: str  # Workbook, View
    target_id: str
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class TableauEvent:
    id: int
    at: datetime
    item_type: str
    item_number: int
    actor_name: str


class TableauWorld:
    """Content, people and events of one site; ids are drawn from its name so that they repeat."""

    def __init__(self, clock: SimulatedClock, site_name: str) -> None:
        self.clock, self.site_name = clock, site_name
        self._made = 0
        self.site_id = self.new_id()
        self.users: dict[str, TableauUser] = {}
        self.groups: dict[str, TableauGroup] = {}  # All Users, which everybody is in, is not one of these
        self.projects: dict[str, TableauProject] = {}
        self.workbooks: dict[str, TableauWorkbook] = {}
        self.views: dict[str, TableauView] = {}
        self.deliveries: dict[str, TableauDelivery] = {}
        self.events: list[TableauEvent] = []
        self.favorites: set[tuple[str, str]] = set()
        self.default_grants: Grants = {("group", "all-users"): {"Read": "Allow"}}
        self.insights_refreshed_at: datetime | None = None  # None: just now
        self.insights_visible = True
        self.api_access = True  # the capability to query Admin Insights
        self.metadata_enabled = True
        self.metadata_errors: list[dict[str, object]] = []
        self.insights = {name: self.new_id() for name in ("TS Events", "Site Content")}

    def new_id(self) -> str:
        self._made += 1
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.site_name} {self._made}"))

    def add_person(self, name: str, full_name: str, role: str = "ExplorerCanPublish") -> str:
        id_ = self.new_id()
        self.users[id_] = TableauUser(id_, name, full_name, role, name if "@" in name else None)
        return id_

    def add_group(self, name: str, *members: str) -> str:
        id_ = self.new_id()
        self.groups[id_] = TableauGroup(id_, name, list(members))
        return id_

    def add_project(self, name: str, parent_id: str | None = None, owner_id: str | None = None) -> str:
        id_ = self.new_id()
        self.projects[id_] = TableauProject(id_, name, parent_id, owner_id)
        return id_

    def add_workbook(
        self,
        title: str,
        *,
        owner_id: str,
        project_id: str | None,
        created_at: datetime,
        sheets: tuple[str, ...] = ("Overview",),
        extracts: bool = False,
    ) -> str:
        """A workbook in a project, or without one in the owner's personal space."""
        content = workbook_file(title, sheets, extracts=extracts)
        id_, number = self.new_id(), self._made
        self.workbooks[id_] = TableauWorkbook(
            id_, number, title, project_id, owner_id, created_at, created_at, content, has_extracts=extracts
        )
        for sheet in sheets:
            view = TableauView(self.new_id(), self._made, sheet, id_)
            self.views[view.id] = view
        return id_

    def views_of(self, workbook_id: str) -> list[TableauView]:
        return [view for view in self.views.values() if view.workbook_id == workbook_id]

    def view(self, view_id: str, *, by: str, at: datetime) -> None:
        """Somebody opens it: the counter rises, and an event is written."""
        view = self.views[view_id]
        view.views += 1
        self.events.append(TableauEvent(len(self.events) + 1, at, "View", view.number, self.users[by].name))

    def deliver(self, kind: str, subject: str, *, user_id: str, target: tuple[str, str]) -> str:
        """Set up a subscription or a data alert on (`Workbook` or `View`, id)."""
        id_ = self.new_id()
        self.deliveries[id_] = TableauDelivery(id_, kind, subject, user_id, *target)
        return id_

    def remove_workbook(self, id_: str) -> None:
        """It goes with its views and everything set up on them."""
        gone = {id_, *(view.id for view in self.views_of(id_))}
        del self.workbooks[id_]
        self.views = {key: view for key, view in self.views.items() if key not in gone}
        self.deliveries = {k: d for k, d in self.deliveries.items() if d.target_id not in gone}
        self.favorites = {(who, what) for who, what in self.favorites if what not in gone}
