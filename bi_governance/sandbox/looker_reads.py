"""Looker's reading calls."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from starlette.responses import PlainTextResponse

from bi_governance.sandbox.looker_access import LookerAccess, refusal
from bi_governance.sandbox.looker_history import HistoryExplore, QueryFault
from bi_governance.sandbox.looker_records import Kind, LookerQuery, LookerVisual
from bi_governance.sandbox.looker_render import LookerRenderer
from bi_governance.sandbox.looker_search import Field, Record, order, page, parse_fields, project, select
from bi_governance.sandbox.looker_world import LookerWorld
from bi_governance.sandbox.rest import Call, Handler, Row

_DASHBOARD_ARGUMENTS = (
    "id",
    "slug",
    "title",
    "description",
    "folder_id",
    "user_id",
    "view_count",
    "content_metadata_id",
)
_LOOK_ARGUMENTS = ("id", "title", "description", "folder_id", "user_id", "view_count", "query_id")
_USER_ARGUMENTS = ("id", "first_name", "last_name", "email", "is_disabled", "is_service_account")
_FOLDER_ARGUMENTS = ("name", "id", "parent_id", "creator_id", "is_shared_root", "is_users_root")
_PLAN_ARGUMENTS = (
    "user_id",
    "name",
    "dashboard_id",
    "look_id",
    "lookml_dashboard_id",
    "run_once",
    "last_run_status",
)


class LookerReads:
    """Reads one world, each caller seeing what the permissions let through."""

    def __init__(
        self,
        world: LookerWorld,
        access: LookerAccess,
        renderer: LookerRenderer,
        explore: Callable[[], HistoryExplore],
        url: str,
    ) -> None:
        self._world, self._access, self._render, self._explore = world, access, renderer, explore
        self._url = url

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "GET /user": self.me,
            "GET /versions": self.versions,
            "GET /dashboards": self.all_dashboards,
            "GET /dashboards/search": self.search_dashboards,
            "GET /dashboards/lookml/search": self.search_lookml_dashboards,
            "GET /dashboards/lookml/{dashboard_id}": self.dashboard_lookml,
            "GET /dashboards/{dashboard_id}": self.dashboard,
            "GET /dashboards/{dashboard_id}/dashboard_elements": self.dashboard_dashboard_elements,
            "GET /dashboard_elements/search": self.search_dashboard_elements,
            "GET /dashboard_elements/{dashboard_element_id}": self.dashboard_element,
            "GET /looks": self.all_looks,
            "GET /looks/search": self.search_looks,
            "GET /looks/{look_id}": self.look,
            "GET /looks/{look_id}/run/{result_format}": self.run_look,
            "GET /users": self.search_users,
            "GET /users/search": self.search_users,
            "GET /users/{user_id}": self.user,
            "GET /users/{user_id}/roles": self.user_roles,
            "GET /groups/search/with_hierarchy": self.search_groups,
            "GET /folders": self.all_folders,
            "GET /folders/search": self.all_folders,
            "GET /folders/{folder_id}": self.folder,
            "GET /scheduled_plans": self.all_scheduled_plans,
            "GET /scheduled_plans/search": self.search_scheduled_plans,
            "GET /scheduled_plans/dashboard/{dashboard_id}": self.plans_of_visual,
            "GET /scheduled_plans/look/{look_id}": self.plans_of_visual,
            "GET /scheduled_plans/{scheduled_plan_id}": self.scheduled_plan,
            "GET /alerts/search": self.search_alerts,
            "GET /alerts/{alert_id}": self.alert,
            "GET /boards": self.all_boards,
            "GET /content_metadata_access": self.content_accesses,
            "GET /content_metadata/{content_metadata_id}": self.content_metadata,
            "GET /lookml_models": self.all_lookml_models,
            "GET /lookml_models/{lookml_model_name}/explores/{explore_name}": self.lookml_model_explore,
            "GET /merge_queries/{merge_query_id}": self.merge_query,
            "GET /queries/{query_id}": self.query,
            "POST /queries/run/{result_format}": self.run_inline_query,
        }

    def me(self, call: Call) -> object:
        return _answer(call, self._render.user(call.actor))

    def versions(self, call: Call) -> object:
        api = {"version": "4.0", "full_version": "4.0.26.12", "status": "current"}
        answer = {"looker_release_version": "26.12", "current_version": api, "supported_versions": [api]}
        return _answer(call, {**answer, "api_server_url": self._url, "web_server_url": self._url})

    def all_dashboards(self, call: Call) -> object:
        return _answer(
            call, [self._render.dashboard_base(v) for v in self._seen(call, "dashboard") if not v.deleted]
        )

    def search_dashboards(self, call: Call) -> object:
        elements = "dashboard_elements" in call.query.get("fields", "")
        found = (
            v for v in self._seen(call, "dashboard") if not v.lookml and v.deleted == _wants_deleted(call)
        )
        return _found_visuals(
            call, found, _DASHBOARD_ARGUMENTS, lambda v: self._render.dashboard(v, elements=elements)
        )

    def search_lookml_dashboards(self, call: Call) -> object:
        rows = (self._render.dashboard(v) for v in self._seen(call, "dashboard") if v.lookml)
        return _found(call, rows, ("title",))

    def dashboard(self, call: Call) -> object:
        return _answer(call, self._render.dashboard(self.visual(call, "dashboard")))

    def dashboard_lookml(self, call: Call) -> object:
        visual = self.visual(call, "dashboard")
        return {
            "dashboard_id": visual.id,
            "folder_id": visual.folder_id,
            "lookml": self._render.lookml(visual),
        }

    def dashboard_dashboard_elements(self, call: Call) -> object:
        tiles = self._world.tiles_of(self.visual(call, "dashboard").id)
        return _answer(call, [self._render.tile(tile) for tile in tiles])

    def search_dashboard_elements(self, call: Call) -> object:
        deleted = call.flag("deleted")
        shown = {v.id for v in self._seen(call, "dashboard") if v.deleted == bool(deleted)}
        rows = (self._render.tile(t) for t in self._world.tiles.values() if t.dashboard_id in shown)
        return _found(call, rows, ("dashboard_id", "look_id", "title"))

    def dashboard_element(self, call: Call) -> object:
        return _answer(call, self._render.tile(_get(call, self._world.tiles, "dashboard_element_id")))

    def all_looks(self, call: Call) -> object:
        return _answer(call, [self._render.look(v) for v in self._seen(call, "look") if not v.deleted])

    def search_looks(self, call: Call) -> object:
        found = (v for v in self._seen(call, "look") if v.deleted == _wants_deleted(call))
        return _found_visuals(call, found, _LOOK_ARGUMENTS, self._render.look)

    def look(self, call: Call) -> object:
        return _answer(call, self._render.look(self.visual(call, "look"), query=True))

    def run_look(self, call: Call) -> object:
        visual = self.visual(call, "look")
        self._world.machine_run("look", visual.id, by=call.actor.id)
        return [{"orders.count": 42}]

    def search_users(self, call: Call) -> object:
        everybody = "see_users" in call.actor.permissions
        users = (u for u in self._world.users.values() if everybody or u.id == call.actor.id)
        return _found(call, (self._render.user(u) for u in users), _USER_ARGUMENTS)

    def search_groups(self, call: Call) -> object:
        """To whoever may not see users, no groups are shown; that is a guess, and an unkind one."""
        groups = self._world.groups.values() if "see_users" in call.actor.permissions else ()
        return _found(call, (self._render.group(g) for g in groups), ("id", "name"))

    def user(self, call: Call) -> object:
        if "see_users" not in call.actor.permissions and call.params["user_id"] != call.actor.id:
            raise refusal(404, call)
        return _answer(call, self._render.user(_get(call, self._world.users, "user_id")))

    def user_roles(self, call: Call) -> object:
        user = _get(call, self._world.users, "user_id")
        permissions = {"id": f"9{user.id}", "name": "Sandbox", "permissions": sorted(user.permissions)}
        return _answer(call, [{"id": f"8{user.id}", "name": "Sandbox", "permission_set": permissions}])

    def all_folders(self, call: Call) -> object:
        folders = (f for f in self._world.folders.values() if self._access.folder_visible(call.actor, f.id))
        return _found(call, (self._render.folder(f) for f in folders), _FOLDER_ARGUMENTS)

    def folder(self, call: Call) -> object:
        return _answer(call, self._render.folder(_get(call, self._world.folders, "folder_id")))

    def all_scheduled_plans(self, call: Call) -> object:
        return _found(call, self._plans(call, enabled_only=False), ("user_id",))

    def search_scheduled_plans(self, call: Call) -> object:
        enabled, all_states = call.flag("enabled"), call.flag("all_states")
        rows = self._plans(call, enabled_only=enabled is None and not all_states)
        return _found(call, (r for r in rows if enabled is None or r["enabled"] == enabled), _PLAN_ARGUMENTS)

    def plans_of_visual(self, call: Call) -> object:
        ((name, id_),) = call.params.items()
        rows = self._plans(call, enabled_only=False)
        return _answer(
            call, [r for r in rows if id_ in (r[name], r["lookml_dashboard_id"] if "dash" in name else None)]
        )

    def scheduled_plan(self, call: Call) -> object:
        return _answer(call, self._render.plan(_get(call, self._world.plans, "scheduled_plan_id")))

    def _plans(self, call: Call, *, enabled_only: bool) -> list[Row]:
        """Everybody's plans only when asked for and allowed; otherwise, without a word, the caller's own."""
        everybody = call.flag("all_users") and "see_schedules" in call.actor.permissions
        plans = (p for p in self._world.plans.values() if everybody or p.user_id == call.actor.id)
        return [self._render.plan(p) for p in plans if p.enabled or not enabled_only]

    def search_alerts(self, call: Call) -> object:
        if call.flag("all_owners") and not {"administer", "see_alerts"} & call.actor.permissions:
            raise refusal(403, call)
        alerts = (
            a for a in self._world.alerts.values() if call.flag("all_owners") or a.owner_id == call.actor.id
        )
        disabled = call.flag("disabled")
        rows = (self._render.alert(a) for a in alerts if disabled is None or a.disabled == disabled)
        return _found(call, rows, ())

    def alert(self, call: Call) -> object:
        return _answer(call, self._render.alert(_get(call, self._world.alerts, "alert_id")))

    def all_boards(self, call: Call) -> object:
        return _answer(call, [self._render.board(board) for board in self._world.boards.values()])

    def content_accesses(self, call: Call) -> object:
        metadata_id = call.query.get("content_metadata_id", "")
        visual = self.with_metadata(metadata_id)
        own = visual.access if visual and not visual.inherits_access else [("view", "1", None)]
        rows = [
            {
                "can": {"show": True},
                "id": f"{metadata_id}{number}",
                "content_metadata_id": metadata_id,
                "permission_type": right,
                "group_id": group_id,
                "user_id": user_id,
            }
            for number, (right, group_id, user_id) in enumerate(own, 1)
        ]
        return _answer(call, rows)

    def with_metadata(self, metadata_id: str) -> LookerVisual | None:
        found = (v for v in self._world.visuals.values() if v.content_metadata_id == metadata_id)
        return next(found, None)

    def content_metadata(self, call: Call) -> object:
        metadata_id = call.params["content_metadata_id"]
        visual = self.with_metadata(metadata_id)
        inherits = visual is None or visual.inherits_access
        return {"id": metadata_id, "inherits": inherits, "can": {"show": True}}

    def all_lookml_models(self, call: Call) -> object:
        models: dict[str, list[Row]] = {}
        for explore in self._world.explores:
            model, _, view = explore.partition(".")
            models.setdefault(model, []).append({"name": view, "label": view.title(), "hidden": False})
        rows = [
            {
                "name": name,
                "label": name.title(),
                "project_name": name,
                "has_content": True,
                "explores": explores,
            }
            for name, explores in models.items()
        ]
        return _found(call, rows, ())

    def lookml_model_explore(self, call: Call) -> object:
        model, view = call.params["lookml_model_name"], call.params["explore_name"]
        table = self._world.explores.get(f"{model}.{view}")
        if table is None:
            raise refusal(404, call)
        explore = {
            "id": f"{model}::{view}",
            "name": view,
            "model_name": model,
            "view_name": view,
            "joins": [],
        }
        explore |= {
            "connection_name": "warehouse",
            "dialect_name": "postgres",
            "sql_table_name": table,
            "scopes": [view],
        }
        return _answer(call, {**explore, "fields": {"dimensions": [], "measures": []}})

    def query(self, call: Call) -> object:
        return _answer(call, self._render.query(_get(call, self._world.queries, "query_id")))

    def merge_query(self, call: Call) -> object:
        query_ids = _get(call, self._world.merges, "merge_query_id")
        sources = [{"merge_fields": [], "name": f"q{id_}", "query_id": id_} for id_ in query_ids]
        return _answer(call, {"id": call.params["merge_query_id"], "source_queries": sources})

    def run_inline_query(self, call: Call) -> object:
        body = call.json()
        name = f"{body.get('model')}.{body.get('view')}"
        if name == "system__activity.history":
            return self._history(call, body)
        table = self._world.explores.get(name)
        if table is None:
            raise refusal(404, call)
        if call.params["result_format"] == "sql":
            fields = ", ".join(body.get("fields") or ["*"])
            return PlainTextResponse(f"SELECT {fields} FROM {table}")  # noqa: S608 - never executed
        return [dict.fromkeys(body.get("fields") or [], 42)]

    def _history(self, call: Call, body: Row) -> object:
        if "see_system_activity" not in call.actor.permissions:
            raise refusal(404, call)
        try:
            rows = self._explore().run(body)
        except QueryFault as fault:
            return [{"looker_error": str(fault)}]
        if call.params["result_format"] == "csv":
            lines = [",".join(json.dumps(value) for value in row.values()) for row in rows]
            return PlainTextResponse("\n".join([",".join(body["fields"]), *lines]))
        return rows

    def _seen(self, call: Call, kind: Kind) -> Iterable[LookerVisual]:
        return (v for v in self._world.visuals_of(kind) if self._access.may_see(call.actor, v))

    def visual(self, call: Call, kind: Kind) -> LookerVisual:
        """The visual in the path, trashed ones included; raises a 404 refusal when it is absent or hidden."""
        visual = self._world.visuals.get(f"{kind}:{call.params[f'{kind}_id']}")
        if visual is None or not self._access.may_see(call.actor, visual):
            raise refusal(404, call)
        return visual


def saved_query(world: LookerWorld, call: Call, query_id: object) -> LookerQuery:
    query = world.queries.get(str(query_id))
    if query is None:
        raise refusal(404, call)
    return query


def _wants_deleted(call: Call) -> bool:
    return bool(call.flag("deleted"))


def _get(call: Call, records: Mapping[str, Any], name: str) -> Any:
    record = records.get(call.params[name])
    if record is None:
        raise refusal(404, call)
    return record


def _answer(call: Call, value: Any) -> Any:
    return project(value, parse_fields(call.query.get("fields", "")))


def _found(call: Call, rows: Iterable[Row], arguments: Iterable[str]) -> Any:
    return _answer(call, _chosen(call, rows, arguments, dict.get))


def _found_visuals(
    call: Call,
    visuals: Iterable[LookerVisual],
    arguments: Iterable[str],
    render: Callable[[LookerVisual], Row],
) -> Any:
    """Chosen and ordered by the records themselves, so that only the page asked for is rendered."""
    return _answer(call, [render(visual) for visual in _chosen(call, visuals, arguments, _visual_field)])


def _chosen(
    call: Call, records: Iterable[Record], arguments: Iterable[str], field: Field[Record]
) -> list[Record]:
    chosen = order(select(records, call.query, arguments, field), call.query.get("sorts"), field)
    return page(chosen, call.int_of("limit"), call.int_of("offset"))


def _visual_field(visual: LookerVisual, name: str) -> object:
    return getattr(visual, "owner_id" if name == "user_id" else name, None)
