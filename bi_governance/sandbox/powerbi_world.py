"""What a Power BI tenant holds, and the ways people and machines change it and leave events in its log."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from bi_governance.sandbox.clock import SimulatedClock

Kind = Literal["report", "dashboard"]
_NAMESPACE = uuid.UUID("0b5b1f0c-38f7-4b0e-8d0e-6f1a7f0c2f55")


@dataclass(slots=True)
class PowerBIWorkspace:
    """A workspace and who has which role in it: Admin, Member, Contributor or Viewer."""

    id: str
    name: str
    type: str = "Workspace"
    state: str = "Active"
    roles: dict[str, str] = field(default_factory=dict)
    is_scannable: bool = True


@dataclass(slots=True)
class PowerBIDataset:
    """A semantic model that reads one table; `expression` is its M code."""

    id: str
    name: str
    workspace_id: str
    table: str
    expression: str


@dataclass(slots=True)
class PowerBIReport:
    """A report, or with `app_id` the copy of one that an app offers."""

    id: str
    name: str
    workspace_id: str
    dataset_id: str | None
    created_by: str
    created_at: datetime
    modified_at: datetime
    report_type: str = "PowerBIReport"
    app_id: str | None = None
    original_id: str | None = None
    endorsement: str | None = None
    label: str | None = None
    shares: dict[str, str] = field(default_factory=dict)
    favourites: set[str] = field(default_factory=set)
    refusal: str | None = None
    is_rebound: bool = False


@dataclass(slots=True)
class PowerBITile:
    """A tile, pinned from a report or straight from a semantic model."""

    id: str
    title: str
    report_id: str | None
    dataset_id: str | None


@dataclass(slots=True)
class PowerBIDashboard:
    """A dashboard; Power BI keeps no dates of it."""

    id: str
    name: str
    workspace_id: str
    tiles: list[PowerBITile] = field(default_factory=list)


@dataclass(slots=True)
class PowerBISubscription:
    """An e-mail subscription to a report or dashboard."""

    id: str
    title: str
    kind: Kind
    artifact_id: str
    user: str
    is_enabled: bool = True


@dataclass(slots=True)
class PowerBIEvent:
    """A row of the activity log; `fields` are those that vary with the activity."""

    id: str
    at: datetime
    activity: str
    user: str
    fields: dict[str, Any]


class PowerBIWorld:
    """The state of one tenant; people are known by their sign-in name, `at` defaults to the clock."""

    def __init__(self, clock: SimulatedClock, tenant: str) -> None:
        self.clock = clock
        self.tenant_id = str(uuid.uuid5(_NAMESPACE, tenant))
        self.people: dict[str, str] = {}
        self.workspaces: dict[str, PowerBIWorkspace] = {}
        self.datasets: dict[str, PowerBIDataset] = {}
        self.reports: dict[str, PowerBIReport] = {}
        self.dashboards: dict[str, PowerBIDashboard] = {}
        self.subscriptions: dict[str, PowerBISubscription] = {}
        self.apps: dict[str, tuple[str, str]] = {}
        self.published: set[str] = set()
        self.events: list[PowerBIEvent] = []
        self._numbers: dict[str, Iterator[int]] = {}

    def new_id(self, what: str) -> str:
        """A stable uuid, so that two runs are alike."""
        number = next(self._numbers.setdefault(what, itertools.count(1)))
        return str(uuid.uuid5(_NAMESPACE, f"{self.tenant_id}:{what}:{number}"))

    def add_person(self, name: str, full_name: str) -> str:
        self.people[name] = full_name
        return name

    def add_workspace(self, name: str, *, type: str = "Workspace", **roles: str) -> str:  # noqa: A002
        """Add a workspace and return its id."""
        id_ = self.new_id("workspace")
        self.workspaces[id_] = PowerBIWorkspace(id_, name, type, roles=dict(roles))
        return id_

    def add_dataset(self, workspace_id: str, table: str, *, expression: str | None = None) -> str:
        id_ = self.new_id("dataset")
        code = expression or (
            'let Source = Sql.Database("warehouse", "analytics"), '
            f't = Source{{[Schema="marts",Item="{table}"]}}[Data] in t'
        )
        self.datasets[id_] = PowerBIDataset(id_, f"{table} model", workspace_id, table, code)
        return id_

    def add_report(
        self,
        name: str,
        *,
        workspace_id: str,
        by: str,
        dataset_id: str | None = None,
        created_at: datetime | None = None,
        report_type: str = "PowerBIReport",
    ) -> str:
        id_, at = self.new_id("report"), created_at or self.clock.now()
        self.reports[id_] = PowerBIReport(id_, name, workspace_id, dataset_id, by, at, at, report_type)
        return id_

    def add_dashboard(self, name: str, *, workspace_id: str) -> str:
        id_ = self.new_id("dashboard")
        self.dashboards[id_] = PowerBIDashboard(id_, name, workspace_id)
        return id_

    def pin(self, report_id: str, dashboard_id: str) -> None:
        """Put a tile of the report on the dashboard."""
        report = self.reports[report_id]
        tile = PowerBITile(self.new_id("tile"), report.name, report_id, report.dataset_id)
        self.dashboards[dashboard_id].tiles.append(tile)

    def publish_app(self, name: str, *report_ids: str) -> dict[str, str]:
        """Publish an app that offers these reports; returns the copies made, by original."""
        app_id = self.new_id("app")
        self.apps[app_id] = (name, self.reports[report_ids[0]].workspace_id)
        copies = {}
        for original_id in report_ids:
            original = self.reports[original_id]
            copies[original_id] = copy_id = self.new_id("report")
            self.reports[copy_id] = PowerBIReport(
                copy_id,
                f"[App] {original.name}",
                original.workspace_id,
                original.dataset_id,
                original.created_by,
                self.clock.now(),
                self.clock.now(),
                original.report_type,
                app_id,
                original_id,
            )
        return copies

    def subscribe(self, kind: Kind, artifact_id: str, *, user: str, title: str = "Weekly") -> str:
        id_ = self.new_id("subscription")
        self.subscriptions[id_] = PowerBISubscription(id_, title, kind, artifact_id, user)
        return id_

    def view(self, kind: Kind, id_: str, *, by: str, at: datetime | None = None) -> str:
        """Somebody opens it; returns the event's id."""
        return self.record("ViewReport" if kind == "report" else "ViewDashboard", kind, id_, by=by, at=at)

    def record(
        self, activity: str, kind: Kind, id_: str, *, by: str, at: datetime | None = None, **fields: str
    ) -> str:
        """Write one event about a report or dashboard."""
        item = self.reports[id_] if kind == "report" else self.dashboards[id_]
        name = kind.title()
        about = {
            f"{name}Id": id_,
            f"{name}Name": item.name,
            "ItemName": item.name,
            "ArtifactId": id_,
            "ArtifactKind": name,
            "WorkspaceId": item.workspace_id,
            "WorkSpaceName": self.workspaces[item.workspace_id].name,
            "ConsumptionMethod": "Power BI Web",
            "IsSuccess": True,
        }
        if isinstance(item, PowerBIReport) and item.app_id:
            about |= {"AppName": self.apps[item.app_id][0], "AppReportId": id_}
        event = PowerBIEvent(self.new_id("event"), at or self.clock.now(), activity, by, {**about, **fields})
        self.events.append(event)
        return event.id

    def remove_report(self, id_: str) -> None:
        """Delete for good, and with it what hangs on it."""
        del self.reports[id_]
        self.published.discard(id_)
        for key in [key for key, each in self.subscriptions.items() if each.artifact_id == id_]:
            del self.subscriptions[key]
        for copy in [each.id for each in self.reports.values() if each.original_id == id_]:
            del self.reports[copy]
        for dashboard in self.dashboards.values():
            dashboard.tiles = [tile for tile in dashboard.tiles if tile.report_id != id_]

    def rights(self, item: PowerBIReport | PowerBIDashboard) -> dict[str, str]:
        """Who may do what with it: by the role in its workspace, or because it was shared."""
        by_role = {"Admin": "Owner", "Member": "Owner", "Contributor": "ReadWrite", "Viewer": "Read"}
        roles = self.workspaces[item.workspace_id].roles
        shares = item.shares if isinstance(item, PowerBIReport) else {}
        return {**shares, **{name: by_role[role] for name, role in roles.items()}}
