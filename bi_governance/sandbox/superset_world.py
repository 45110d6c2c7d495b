"""What a Superset instance holds, and the ways people and machines change it and leave rows in its log."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.rest import Row
from bi_governance.sandbox.superset_records import (
    Role,
    SupersetDatabase,
    SupersetDataset,
    SupersetGroup,
    SupersetKind,
    SupersetReport,
    SupersetUser,
    SupersetVisual,
)
from bi_governance.sandbox.superset_switches import SupersetSwitches
from bi_governance.sandbox.timeline import Timeline

_QUERY_STEPS = (
    "execute_sql",
    "load_into_dataframe",
    "QueryObject.post_processing",
    "ChartDataRestApi.json_dumps",
    "ChartDataRestApi._get_data_response",
)
_NAMESPACE = uuid.UUID("6d1f5c1e-0c4b-4f0e-9a55-2f1f6f0f7a10")


class SupersetWorld:
    """The state of one instance, of version 6.1.0 or a newer one; `at` defaults to the clock everywhere.

    The log is a timeline whose subject is `dashboard id/chart id` (either may be empty) and whose kind is the
    action, with a detail after a colon: the event a browser reports, the uuid embedded, the ids exported, or
    `worker` for a report's page load.
    """

    def __init__(self, clock: SimulatedClock, *, is_newer: bool = False) -> None:
        self.clock = clock
        self.is_newer = self.has_soft_delete = is_newer
        self.switches = SupersetSwitches()
        self.trash: dict[SupersetKind, dict[int, SupersetVisual]] = {"dashboard": {}, "chart": {}}
        self.log = Timeline()
        self.users: dict[int, SupersetUser] = {}
        self.databases: dict[int, SupersetDatabase] = {}
        self.datasets: dict[int, SupersetDataset] = {}
        self.dashboards: dict[int, SupersetVisual] = {}
        self.charts: dict[int, SupersetVisual] = {}
        self.reports: dict[int, SupersetReport] = {}
        self.groups: dict[int, SupersetGroup] = {}
        self.roles: dict[int, str] = {1: "Admin", 2: "Public", 3: "Alpha", 4: "Gamma"}
        self._numbers: dict[str, Iterator[int]] = {}
        database = SupersetDatabase(1, self.new_uuid("database", 1), "warehouse")
        self.databases[database.id] = database

    def next_id(self, what: str) -> int:
        return next(self._numbers.setdefault(what, itertools.count(1)))

    def new_uuid(self, what: str, id_: int) -> str:
        """A stable uuid, so that two runs of one estate are alike."""
        return str(uuid.uuid5(_NAMESPACE, f"{what}:{id_}"))

    def visuals(self, kind: SupersetKind) -> dict[int, SupersetVisual]:
        return self.dashboards if kind == "dashboard" else self.charts

    def add_person(
        self, email: str, name: str, *, active: bool = True, role: Role = "Alpha", password: str | None = None
    ) -> int:
        """Add an account named after the mailbox and return its id."""
        first, _, last = name.partition(" ")
        username = email.partition("@")[0]
        user = SupersetUser(
            self.next_id("user"), username, first, last, email, role, self.clock.now(), active, password
        )
        self.users[user.id] = user
        return user.id

    def add_role(self, name: str, *members: int) -> int:
        """Add a role that these people have besides their own, and return its number."""
        number = max(self.roles) + 1
        self.roles[number] = name
        for member in members:
            self.users[member].more_role_ids.append(number)
        return number

    def add_group(self, name: str, *members: int, roles: Iterable[int] = ()) -> int:
        """Add a group of these people and return its number."""
        group = SupersetGroup(self.next_id("group"), name, list(members), list(roles))
        self.groups[group.id] = group
        return group.id

    def add_dataset(self, table: str, *, owner_id: int, schema: str = "marts", sql: str | None = None) -> int:
        id_, now = self.next_id("dataset"), self.clock.now()
        self.datasets[id_] = SupersetDataset(
            id_,
            self.new_uuid("dataset", id_),
            table,
            schema,
            1,
            [owner_id],
            owner_id,
            owner_id,
            now,
            now,
            sql,
        )
        return id_

    def add_chart(
        self, title: str, *, owner_id: int, dataset_id: int, created_at: datetime | None = None
    ) -> int:
        """Add a chart and return its id."""
        visual = self._visual("chart", title, owner_id, created_at)
        visual.dataset_id, visual.last_saved_at = dataset_id, visual.created_on
        visual.params = '{"metric": "count", "viz_type": "table"}'
        self.charts[visual.id] = visual
        return visual.id

    def add_dashboard(
        self,
        title: str,
        *,
        owner_id: int,
        charts: Iterable[int] = (),
        slug: str | None = None,
        created_at: datetime | None = None,
        published: bool = True,
    ) -> int:
        """Add a dashboard holding the charts, and return its id."""
        visual = self._visual("dashboard", title, owner_id, created_at)
        visual.slug, visual.published, visual.chart_ids = slug, published, list(charts)
        self.dashboards[visual.id] = visual
        return visual.id

    def _visual(self, kind: SupersetKind, title: str, owner_id: int, at: datetime | None) -> SupersetVisual:
        id_, moment = self.next_id(kind), at or self.clock.now()
        uuid_ = self.new_uuid(kind, id_)
        self.record(f"{kind.title()}RestApi.post", by=owner_id, at=moment)
        return SupersetVisual(kind, id_, uuid_, title, [owner_id], owner_id, owner_id, moment, moment)

    def add_report(
        self,
        name: str,
        *,
        owner_id: int,
        dashboard_id: int | None = None,
        chart_id: int | None = None,
        recipients: Iterable[str] = (),
        active: bool = True,
    ) -> int:
        """Add a weekly report on a dashboard or a chart and return its id."""
        report = SupersetReport(
            self.next_id("report"),
            name,
            "Report",
            [owner_id],
            "0 6 * * 1",
            dashboard_id,
            chart_id,
            self.clock.now(),
            active,
            tuple(recipients),
        )
        self.reports[report.id] = report
        self.record("ReportScheduleRestApi.post", by=owner_id, dashboard_id=dashboard_id)
        return report.id

    def embed(self, dashboard_id: int) -> str:
        """Allow a dashboard to be embedded and return the uuid of that."""
        self.dashboards[dashboard_id].embedded_uuid = embedded = self.new_uuid("embedded", dashboard_id)
        return embedded

    def certify(self, kind: SupersetKind, id_: int, *, by: str) -> None:
        self.visuals(kind)[id_].certified_by = by

    def record(
        self,
        action: str,
        *,
        by: int | None,
        at: datetime | None = None,
        dashboard_id: int | None = None,
        chart_id: int | None = None,
    ) -> None:
        """Write one log row."""
        subject = f"{dashboard_id or ''}/{chart_id or ''}"
        self.log.append(at or self.clock.now(), subject, str(by or ""), action)

    def view(self, kind: SupersetKind, id_: int, *, by: int | None, at: datetime | None = None) -> None:
        """Somebody (None: a guest of an embedded page) opens a visual in a browser, leaving many rows."""
        moment = at or self.clock.now()
        if kind == "chart":
            self.record("root", by=by, at=moment, chart_id=id_)
            self.record("ExploreRestApi.get", by=by, at=moment, chart_id=id_)
            self._query(by, moment, chart_id=id_)
            self.record("log:mount_explorer", by=by, at=_beacon(moment), chart_id=id_)
            return
        self._open_page(id_, by, moment)
        for action in ("get_charts", "get_datasets"):
            self.record(f"DashboardRestApi.{action}", by=by, at=moment)
        chart_ids = self.dashboards[id_].chart_ids
        for chart_id in chart_ids:
            self._query(by, moment, dashboard_id=id_, chart_id=chart_id)
        self.record("log:mount_dashboard", by=by, at=_beacon(moment), dashboard_id=id_)
        for chart_id in chart_ids:
            self.record("log:load_chart", by=by, at=_beacon(moment), dashboard_id=id_, chart_id=chart_id)

    def _open_page(self, id_: int, by: int | None, moment: datetime) -> None:
        """The page row; a guest's has neither user nor dashboard, only the uuid of the embedding."""
        if by is None:
            self.record(f"embedded:{self.dashboards[id_].embedded_uuid}", by=None, at=moment)
        else:
            self.record("dashboard", by=by, at=moment, dashboard_id=id_)
        self.record("DashboardRestApi.get", by=by, at=moment, dashboard_id=id_)

    def _query(
        self, by: int | None, moment: datetime, *, chart_id: int, dashboard_id: int | None = None
    ) -> None:
        for action in _QUERY_STEPS:
            self.record(action, by=by, at=moment)
        self.record("ChartDataRestApi.data", by=by, at=moment, dashboard_id=dashboard_id, chart_id=chart_id)

    def machine_run(self, kind: SupersetKind, id_: int, *, by: int, at: datetime | None = None) -> None:
        """A program reads a visual over the API."""
        if kind == "dashboard":
            self.record("DashboardRestApi.get", by=by, at=at, dashboard_id=id_)
        else:
            self.record("ChartRestApi.get", by=by, at=at)

    def deliver(self, report_id: int, *, at: datetime | None = None) -> None:
        """A report runs as its first owner; its worker loads the page as a reader would, but standalone."""
        report, moment = self.reports[report_id], at or self.clock.now()
        by = report.owner_ids[0]
        report.last_eval_dttm, report.last_state = moment, "Success"
        page = "dashboard:worker" if report.dashboard_id is not None else "root:worker"
        self.record(page, by=by, at=moment, dashboard_id=report.dashboard_id, chart_id=report.chart_id)

    def favourite(self, kind: SupersetKind, id_: int, *, by: int) -> None:
        """Somebody stars a visual; others can tell from the automatic tag only."""
        self.visuals(kind)[id_].tags.append(f"favorited_by:{by}")

    def edit(
        self, kind: SupersetKind, id_: int, *, by: int, at: datetime | None = None, title: str | None = None
    ) -> None:
        """Somebody saves a visual, perhaps under a new title."""
        visual = self.visuals(kind)[id_]
        visual.title = title or visual.title
        visual.changed_on, visual.changed_by = at or self.clock.now(), by
        if kind == "chart":
            visual.last_saved_at = visual.changed_on
        self.record(f"{kind.title()}RestApi.put", by=by, at=at)

    def bulk_rows(self, rows: Iterable[tuple[int, str, str, str]]) -> None:
        """Write many log rows of (microseconds since 1970, `dashboard/chart`, user id, action) cheaply."""
        self.log.extend(rows)

    def deactivate(self, user_id: int) -> None:
        self.users[user_id].active = False

    def remove(self, visual: SupersetVisual) -> None:
        """Delete for good, or into the trash of a newer version; a dashboard leaves its charts behind."""
        del self.visuals(visual.kind)[visual.id]
        if self.has_soft_delete:
            visual.deleted_at = self.clock.now().replace(tzinfo=None)
            self.trash[visual.kind][visual.id] = visual
        if visual.kind == "chart":
            dashboards = [*self.dashboards.values(), *self.trash["dashboard"].values()]
            visual.was_on = [d.id for d in dashboards if visual.id in d.chart_ids]
            for dashboard in dashboards:
                dashboard.chart_ids = [i for i in dashboard.chart_ids if i != visual.id]

    def restore(self, visual: SupersetVisual) -> None:
        """Take a visual out of the trash, back to its number and its places."""
        del self.trash[visual.kind][visual.id]
        visual.deleted_at = None
        self.visuals(visual.kind)[visual.id] = visual
        dashboards = self.dashboards | self.trash["dashboard"]
        for number in visual.was_on:
            if number in dashboards:
                dashboards[number].chart_ids.append(visual.id)
        visual.was_on = []

    def subject_of_user(self, user_id: int) -> int:
        """How a newer version numbers a person among those who may edit or view."""
        return 1000 + user_id

    def subject_of_role(self, role_id: int) -> int:
        return 2000 + role_id

    def subjects(self) -> dict[int, Row]:
        """Everybody who may be an editor or a viewer in a newer version, by that number."""
        blank: Row = {
            "created_on": None,
            "secondary_label": None,
            "active": True,
            "user_id": None,
            "role_id": None,
            "group_id": None,
        }
        made: dict[int, Row] = {}
        for user in self.users.values():
            made[self.subject_of_user(user.id)] = {"label": user.name, "type": 1, "user_id": user.id}
        for role_id, name in self.roles.items():
            made[self.subject_of_role(role_id)] = {"label": name, "type": 2, "role_id": role_id}
        return {
            number: {**blank, **each, "id": number, "uuid": self.new_uuid("subject", number)}
            for number, each in made.items()
        }


def _beacon(moment: datetime) -> datetime:
    """A page sends what it reports in one go, a moment after it was opened."""
    return moment + timedelta(milliseconds=200)
