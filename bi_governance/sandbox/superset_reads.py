"""Superset's reading calls; those that read one dashboard leave a row in the log like a reader's."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

from starlette.responses import HTMLResponse, PlainTextResponse, Response

from bi_governance.sandbox.rest import Call, Handler, Refusal, Row
from bi_governance.sandbox.superset_access import SupersetAccess, refusal
from bi_governance.sandbox.superset_columns import (
    CHARTS,
    DASHBOARDS,
    DATABASES,
    DATASETS,
    GROUPS,
    REPORTS,
    ROLES,
    USERS,
)
from bi_governance.sandbox.superset_lists import Listing, parse_q, row_field
from bi_governance.sandbox.superset_logs import LogList
from bi_governance.sandbox.superset_newer import deleted_state, modern, modern_row
from bi_governance.sandbox.superset_records import (
    SupersetDatabase,
    SupersetDataset,
    SupersetKind,
    SupersetVisual,
)
from bi_governance.sandbox.superset_render import SupersetRenderer, utc
from bi_governance.sandbox.superset_transfer import export_zip
from bi_governance.sandbox.superset_world import SupersetWorld


class SupersetReads:
    """Reads one world, each caller seeing what the role lets through."""

    def __init__(self, world: SupersetWorld, access: SupersetAccess, renderer: SupersetRenderer) -> None:
        self._world, self._access, self._render = world, access, renderer
        self._logs = LogList(world.log, renderer)
        self._lists: dict[SupersetKind, Listing] = {"dashboard": DASHBOARDS, "chart": CHARTS}
        self._datasets, self._reports = DATASETS, REPORTS
        if world.is_newer:
            for kind, listing in self._lists.items():
                self._lists[kind] = replace(modern(listing), deleted_state=f"{kind}_deleted_state")
            self._datasets, self._reports = modern(DATASETS), modern(REPORTS)

    def handlers(self) -> Mapping[str, Handler]:
        one = "/{id_or_slug}"
        return {
            "GET /health": lambda _: PlainTextResponse("OK"),
            "GET /version": lambda _: {"version_string": "6.1.0"},
            "GET /api/v1/dashboard/_info": lambda _: self._lists["dashboard"].filters(),
            "GET /api/v1/chart/_info": lambda _: self._lists["chart"].filters(),
            "GET /login/": self.front_page,
            "GET /api/v1/me/": self.me,
            "GET /api/v1/me/roles/": self.my_roles,
            "GET /api/v1/embedded_dashboard/{uuid}": self.embedded_dashboard,
            "GET /api/v1/database/": self.databases,
            "GET /api/v1/security/roles/": self.roles,
            "GET /api/v1/security/groups/": self.groups,
            "GET /api/v1/dashboard/": self.dashboards,
            "GET /api/v1/dashboard/export/": lambda call: self.export(call, "dashboard"),
            "GET /api/v1/dashboard/related/{column_name}": self.related,
            f"GET /api/v1/dashboard{one}": self.dashboard,
            f"GET /api/v1/dashboard{one}/charts": self.dashboard_charts,
            f"GET /api/v1/dashboard{one}/datasets": self.dashboard_datasets,
            f"GET /api/v1/dashboard{one}/embedded": self.embedded,
            "GET /api/v1/chart/": self.charts,
            "GET /api/v1/chart/export/": lambda call: self.export(call, "chart"),
            "GET /api/v1/chart/related/{column_name}": self.related,
            f"GET /api/v1/chart{one}": self.chart,
            "GET /api/v1/dataset/": self.datasets,
            f"GET /api/v1/dataset{one}": self.dataset,
            f"GET /api/v1/dataset{one}/related_objects": self.related_objects,
            f"GET /api/v1/database{one}": self.database,
            "GET /api/v1/report/": self.reports,
            "GET /api/v1/report/{id}": self.report,
            "GET /api/v1/log/": self.logs,
            "GET /api/v1/security/users/": self.users,
            "GET /api/v1/security/users/{id}": self.user,
        }

    def me(self, call: Call) -> object:
        user = self._render.user(call.actor)
        names = ("email", "first_name", "id", "last_name", "username")
        return {"result": {**{n: user[n] for n in names}, "is_active": user["active"], "is_anonymous": False}}

    def my_roles(self, call: Call) -> object:
        user = call.actor
        names = {"userId": user.id, "username": user.username, "firstName": user.first_name}
        names |= {
            "lastName": user.last_name,
            "email": user.email,
            "isActive": user.active,
            "isAnonymous": False,
        }
        granted = self._world.switches.granted() if user.role == "Admin" else [["can_read", "Chart"]]
        return {"result": {**names, "permissions": {}, "roles": {user.role: granted}}}

    def databases(self, call: Call) -> object:
        rows = [_database(d) for d in self._world.databases.values()]
        return self._small(call, DATABASES, rows)

    def roles(self, call: Call) -> object:
        self._access.require_admin(call.actor)
        return self._small(
            call, ROLES, [{"id": id_, "name": name} for id_, name in self._world.roles.items()]
        )

    def groups(self, call: Call) -> object:
        self._access.require_admin(call.actor)
        return self._small(call, GROUPS, [self._render.group(g) for g in self._world.groups.values()])

    def front_page(self, _: Call) -> Response:
        return HTMLResponse(self._world.switches.front_page())

    def dashboards(self, call: Call) -> object:
        self._note(call, "DashboardRestApi.get_list")
        return self._visuals(call, "dashboard", lambda found: [self._render.dashboard(v) for v in found])

    def charts(self, call: Call) -> object:
        self._note(call, "ChartRestApi.get_list")
        return self._visuals(call, "chart", self._render.charts)

    def _visuals(
        self, call: Call, kind: SupersetKind, render: Callable[[list[SupersetVisual]], list[Row]]
    ) -> object:
        """The visuals the caller may see; those in the trash when the list is asked for them."""
        state = deleted_state(call, kind) if self._world.is_newer else ""
        living = [] if state == "only" else list(self._world.visuals(kind).values())
        trashed = list(self._world.trash[kind].values()) if state else []
        seen = [v for v in (*living, *trashed) if self._access.may_see(call.actor, v)]
        listing = self._lists[kind]
        if not self._world.is_newer:
            return listing.answer(call, seen, self._field, render)
        chosen: list[SupersetVisual] = []

        def modern_rows(found: list[SupersetVisual]) -> list[Row]:
            chosen.extend(found)
            return [
                modern_row(self._world, row, visual) for row, visual in zip(render(found), found, strict=True)
            ]

        answer = listing.answer(call, seen, self._field, modern_rows)
        if state:
            for row, visual in zip(answer["result"], chosen, strict=True):
                row["deleted_at"] = visual.deleted_at.isoformat() if visual.deleted_at else None
        return answer

    def _field(self, visual: SupersetVisual, name: str) -> object:
        """What a visual is filtered and ordered by."""
        if name == "dashboards":
            return [d.id for d in self._world.dashboards.values() if visual.id in d.chart_ids]
        return _VISUAL_FIELDS[name](visual) if name in _VISUAL_FIELDS else None

    def datasets(self, call: Call) -> object:
        self._note(call, "DatasetRestApi.get_list")
        datasets = self._world.datasets.values()
        return self._datasets.answer(
            call,
            datasets,
            _dataset_field,
            lambda chosen: [self._shown(self._render.dataset(d)) for d in chosen],
        )

    def _shown(self, row: Row) -> Row:
        return modern_row(self._world, row) if self._world.is_newer else row

    def reports(self, call: Call) -> object:
        self._note(call, "ReportScheduleRestApi.get_list")
        admin = call.actor.role == "Admin"
        seen = (r for r in self._world.reports.values() if admin or call.actor.id in r.owner_ids)
        return self._small(call, self._reports, [self._shown(self._render.report(r)) for r in seen])

    def report(self, call: Call) -> object:
        report = self._world.reports.get(_number(call.params["id"]))
        if report is None:
            raise refusal(404)
        return {"id": report.id, "result": self._render.report_detail(report)}

    def users(self, call: Call) -> object:
        self._access.require_admin(call.actor)
        return self._small(call, USERS, [self._render.user(u) for u in self._world.users.values()])

    def _small(self, call: Call, listing: Listing, rows: list[Row]) -> Row:
        return listing.answer(call, rows, row_field, lambda chosen: chosen)

    def user(self, call: Call) -> object:
        self._access.require_admin(call.actor)
        user = self._world.users.get(_number(call.params["id"]))
        if user is None:
            raise refusal(404)
        return {"id": user.id, "result": self._render.user(user)}

    def logs(self, call: Call) -> object:
        self._access.require_admin(call.actor)
        answer = self._logs.answer(call)
        self._note(call, "LogRestApi.get_list")
        return answer

    def dashboard(self, call: Call) -> object:
        visual = self.visual(call, "dashboard")
        self._note(call, "DashboardRestApi.get", visual.id)
        return {"result": self._render.dashboard_detail(visual)}

    def dashboard_charts(self, call: Call) -> object:
        visual = self.visual(call, "dashboard")
        self._note(call, "DashboardRestApi.get_charts")
        return {"result": [self._render.chart_on_dashboard(self._world.charts[i]) for i in visual.chart_ids]}

    def dashboard_datasets(self, call: Call) -> object:
        visual = self.visual(call, "dashboard")
        self._note(call, "DashboardRestApi.get_datasets")
        ids = sorted({self._world.charts[i].dataset_id for i in visual.chart_ids})
        return {"result": [self._dataset_of_dashboard(id_) for id_ in ids]}

    def _dataset_of_dashboard(self, id_: int) -> Row:
        dataset = self._world.datasets[id_]
        database = self._world.databases[dataset.database_id]
        return {
            "id": id_,
            "uid": f"{id_}__table",
            "type": "table",
            "name": f"{dataset.schema}.{dataset.table_name}",
            "table_name": dataset.table_name,
            "schema": dataset.schema,
            "sql": dataset.sql,
            "database": {"id": database.id, "name": database.name, "backend": database.backend},
            "owners": [],
        }

    def embedded(self, call: Call) -> object:
        visual = self.visual(call, "dashboard")
        self._note(call, "DashboardRestApi.get_embedded")
        if visual.embedded_uuid is None:
            raise Refusal(404, {})
        return _embedding(visual)

    def embedded_dashboard(self, call: Call) -> object:
        for visual in self._world.dashboards.values():
            if visual.embedded_uuid == call.params["uuid"]:
                return _embedding(visual)
        raise refusal(404)

    def chart(self, call: Call) -> object:
        visual = self.visual(call, "chart")
        self._note(call, "ChartRestApi.get")
        return {"id": visual.id, "result": self._render.chart_detail(visual)}

    def dataset(self, call: Call) -> object:
        dataset = self._world.datasets.get(_number(call.params["id_or_slug"]))
        if dataset is None:
            raise refusal(404)
        self._note(call, "DatasetRestApi.get")
        return {"id": dataset.id, "result": self._render.dataset_detail(dataset)}

    def related_objects(self, call: Call) -> object:
        id_ = _number(call.params["id_or_slug"])
        if id_ not in self._world.datasets:
            raise refusal(404)
        self._note(call, "DatasetRestApi.related_objects")
        charts = [c for c in self._world.charts.values() if c.dataset_id == id_]
        held = {c.id for c in charts}
        dashboards = [d for d in self._world.dashboards.values() if held & set(d.chart_ids)]
        shown = [{"id": c.id, "slice_name": c.title, "viz_type": c.viz_type} for c in charts]
        boards = [{"id": d.id, "json_metadata": None, "slug": d.slug, "title": d.title} for d in dashboards]
        return {
            "charts": {"count": len(shown), "result": shown},
            "dashboards": {"count": len(boards), "result": boards},
        }

    def database(self, call: Call) -> object:
        database = self._world.databases.get(_number(call.params["id_or_slug"]))
        if database is None:
            raise refusal(404)
        return {
            "id": database.id,
            "result": {**_database(database), "sqlalchemy_uri": database.sqlalchemy_uri},
        }

    def related(self, call: Call) -> object:
        if call.params["column_name"] not in ("owners", "created_by", "changed_by"):
            raise refusal(404)
        users = [u for u in self._world.users.values() if u.active]
        rows = [{"extra": {"active": True, "email": u.email}, "text": u.name, "value": u.id} for u in users]
        return {"count": len(rows), "result": rows}

    def export(self, call: Call, kind: SupersetKind) -> Response:
        """`q=!(ids)`; 404 when any of them is unknown."""
        wanted = parse_q(call)
        visuals = [self._world.visuals(kind).get(id_) for id_ in wanted] if isinstance(wanted, list) else []
        found = [v for v in visuals if v is not None and self._access.may_see(call.actor, v)]
        if not found or len(found) != len(visuals):
            raise refusal(404)
        self._note(call, f"{kind.title()}RestApi.export:{json.dumps(wanted)}")
        name = f"{kind}_export_{self._world.clock.now():%Y%m%dT%H%M%S}.zip"
        headers = {"content-disposition": f"attachment; filename={name}"}
        return Response(export_zip(self._world, found), media_type="application/zip", headers=headers)

    def visual(self, call: Call, kind: SupersetKind) -> SupersetVisual:
        """The visual in the path, by number, uuid or slug; raises a 404 refusal when absent or hidden."""
        name = call.params.get("id_or_slug") or call.params["pk"]
        visual = self._world.visuals(kind).get(_number(name)) or self._named(kind, name)
        if visual is None or not self._access.may_see(call.actor, visual):
            raise refusal(404)
        return visual

    def _named(self, kind: SupersetKind, name: str) -> SupersetVisual | None:
        return next((v for v in self._world.visuals(kind).values() if name in (v.uuid, v.slug)), None)

    def _note(self, call: Call, action: str, dashboard_id: int | None = None) -> None:
        self._world.record(action, by=call.actor.id, dashboard_id=dashboard_id)


def _database(database: SupersetDatabase) -> Row:
    return {
        "id": database.id,
        "uuid": database.uuid,
        "database_name": database.name,
        "backend": database.backend,
        "expose_in_sqllab": True,
    }


def _embedding(visual: SupersetVisual) -> Row:
    result: Row = {"uuid": visual.embedded_uuid, "dashboard_id": str(visual.id), "allowed_domains": []}
    return {"result": {**result, "changed_by": None, "changed_on": utc(visual.changed_on)}}


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _dataset_field(dataset: SupersetDataset, name: str) -> object:
    attribute = {"database": "database_id", "owners": "owner_ids", "changed_on_utc": "changed_on"}.get(
        name, name
    )
    return getattr(dataset, attribute, None)


# what dashboards and charts are filtered and ordered by
_VISUAL_FIELDS: Mapping[str, Callable[[SupersetVisual], object]] = {
    "id": lambda v: v.id,
    "uuid": lambda v: v.uuid,
    "slug": lambda v: v.slug,
    "dashboard_title": lambda v: v.title,
    "slice_name": lambda v: v.title,
    "description": lambda v: v.description,
    "published": lambda v: v.published,
    "owners": lambda v: v.owner_ids,
    "editors": lambda v: v.owner_ids,
    "roles": lambda v: v.role_ids,
    "created_by": lambda v: v.created_by,
    "changed_by": lambda v: v.changed_by,
    "changed_on_utc": lambda v: v.changed_on,
    "last_saved_at": lambda v: v.last_saved_at or v.changed_on,
    "datasource_id": lambda v: v.dataset_id,
    "datasource_type": lambda _: "table",
    "viz_type": lambda v: v.viz_type,
    "tags": lambda v: v.tags,
}
