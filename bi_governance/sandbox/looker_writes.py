"""Looker's changing calls: trash, delete, rename, import, re-create."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from starlette.responses import Response

from bi_governance.sandbox.looker_access import invalid, refusal
from bi_governance.sandbox.looker_reads import LookerReads, saved_query
from bi_governance.sandbox.looker_records import Kind, LookerVisual
from bi_governance.sandbox.looker_render import LookerRenderer
from bi_governance.sandbox.looker_world import LookerWorld
from bi_governance.sandbox.rest import Call, Handler, Row

_CHANGEABLE = {"title", "description", "folder_id", "hidden", "slug", "public", "query_id"}


class LookerWrites:
    """Changes one world as its API callers ask."""

    def __init__(self, world: LookerWorld, reads: LookerReads, renderer: LookerRenderer) -> None:
        self._world, self._reads, self._render = world, reads, renderer

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "POST /dashboards": self.create_dashboard,
            "POST /dashboards/lookml": self.import_dashboard,
            "PATCH /dashboards/{dashboard_id}": self.update_dashboard,
            "DELETE /dashboards/{dashboard_id}": self.delete_dashboard,
            "POST /dashboard_elements": self.create_element,
            "POST /looks": self.create_look,
            "PATCH /looks/{look_id}": self.update_look,
            "DELETE /looks/{look_id}": self.delete_look,
            "POST /queries": self.create_query,
            "POST /scheduled_plans": self.create_plan,
            "PATCH /scheduled_plans/{scheduled_plan_id}": self.update_plan,
            "DELETE /scheduled_plans/{scheduled_plan_id}": self.delete_plan,
            "POST /alerts": self.create_alert,
            "POST /board_items": self.create_board_item,
            "PATCH /content_metadata/{content_metadata_id}": self.update_content_metadata,
            "POST /content_metadata_access": self.create_content_access,
        }

    def create_dashboard(self, call: Call) -> object:
        body = call.json()
        self._require_free_title(call, "dashboard", body.get("title"), body.get("folder_id"))
        return self._render.dashboard(self._new_dashboard(call, body))

    def _new_dashboard(self, call: Call, body: Row) -> LookerVisual:
        folder_id = self._folder(call, body.get("folder_id"))
        owner_id = body.get("user_id") or call.actor.id
        id_ = self._world.add_dashboard(body["title"], owner_id=owner_id, folder_id=folder_id, tiles=())
        visual = self._world.visual("dashboard", id_)
        visual.description = body.get("description")
        return visual

    def import_dashboard(self, call: Call) -> object:
        """A new id, or the live dashboard of that slug overwritten; slugs in the trash stay taken."""
        body = call.json()
        parsed = self._lookml(call, body)
        slug = parsed.get("preferred_slug")
        holder = next((v for v in self._world.visuals_of("dashboard") if slug and v.slug == slug), None)
        if holder is not None and holder.deleted:
            raise invalid(call, "slug", "already_exists", "Slug is already taken")
        visual = holder or self._imported(call, body, parsed, slug)
        visual.title, visual.description = parsed["title"], parsed.get("description")
        visual.updated_at, visual.last_updater_id = self._world.clock.now(), call.actor.id
        return self._render.dashboard(visual)

    def _imported(self, call: Call, body: Row, parsed: Row, slug: str | None) -> LookerVisual:
        self._require_free_title(call, "dashboard", parsed["title"], body.get("folder_id"))
        visual = self._new_dashboard(call, {"title": parsed["title"], "folder_id": body.get("folder_id")})
        visual.slug = slug or visual.slug
        for element in parsed.get("elements") or []:
            explore = f"{element.get('model', 'ecommerce')}.{element.get('explore', 'orders')}"
            self._world.add_tile(visual.id, title=element.get("title") or "", explore=explore)
        return visual

    def _lookml(self, call: Call, body: Row) -> Row:
        try:
            documents = yaml.safe_load(body.get("lookml") or "")
        except yaml.YAMLError as error:
            raise invalid(call, "lookml", "invalid", "LookML could not be parsed") from error
        if not (
            isinstance(documents, list)
            and documents
            and isinstance(documents[0], dict)
            and documents[0].get("title")
        ):
            raise invalid(call, "lookml", "invalid", "LookML holds no dashboard")
        return dict(documents[0])

    def update_dashboard(self, call: Call) -> object:
        return self._render.dashboard(self._update(call, self._changeable(call, "dashboard")))

    def update_look(self, call: Call) -> object:
        return self._render.look(self._update(call, self._changeable(call, "look")), query=True)

    def _changeable(self, call: Call, kind: Kind) -> LookerVisual:
        visual = self._reads.visual(call, kind)
        if visual.lookml:
            raise refusal(405, call)
        return visual

    def _update(self, call: Call, visual: LookerVisual) -> LookerVisual:
        body = call.json()
        folder_id = self._folder(call, body["folder_id"]) if body.get("folder_id") else visual.folder_id
        comes_back = visual.deleted and body.get("deleted") is False
        if comes_back or body.get("title", visual.title) != visual.title or folder_id != visual.folder_id:
            self._require_free_title(
                call, visual.kind, body.get("title", visual.title), folder_id, besides=visual.id
            )
        self._apply(call, visual, body)
        return visual

    def _apply(self, call: Call, visual: LookerVisual, body: Row) -> None:
        for name in _CHANGEABLE & body.keys():
            setattr(visual, name, body[name])
        if body.get("user_id"):
            visual.owner_id = self._known_user(call, body["user_id"])
        if "deleted" in body:
            self._world.set_trash(visual, deleted=bool(body["deleted"]), by=call.actor.id)
        visual.updated_at, visual.last_updater_id = self._world.clock.now(), call.actor.id

    def delete_dashboard(self, call: Call) -> Response:
        return self._delete(self._changeable(call, "dashboard"))

    def delete_look(self, call: Call) -> Response:
        return self._delete(self._changeable(call, "look"))

    def _delete(self, visual: LookerVisual) -> Response:
        self._world.remove(visual)
        return Response(status_code=204)

    def create_look(self, call: Call) -> object:
        body = call.json()
        query = saved_query(self._world, call, body.get("query_id"))
        folder_id = self._folder(call, body.get("folder_id"))
        self._require_free_title(call, "look", body.get("title"), folder_id)
        owner_id = body.get("user_id") or call.actor.id
        visual = self._world.visual(
            "look", self._world.add_look(body["title"], owner_id=owner_id, folder_id=folder_id)
        )
        visual.query_id, visual.description = query.id, body.get("description")
        return self._render.look(visual, query=True)

    def create_query(self, call: Call) -> object:
        body = call.json()
        if not body.get("model") or not body.get("view"):
            raise invalid(call, "model", "missing_field", "model and view are required")
        query = self._world.queries[self._world.add_query(f"{body['model']}.{body['view']}")]
        query.fields = tuple(body.get("fields") or ())
        query.extra = {
            k: v
            for k, v in body.items()
            if k in ("filters", "sorts", "limit", "vis_config", "query_timezone")
        }
        return self._render.query(query)

    def create_element(self, call: Call) -> object:
        body = call.json()
        if f"dashboard:{body.get('dashboard_id')}" not in self._world.visuals:
            raise refusal(404, call)
        tile_id = self._world.add_tile(
            body["dashboard_id"], title=body.get("title") or "", look_id=body.get("look_id")
        )
        if body.get("query_id"):
            self._world.tiles[tile_id].query_id = saved_query(self._world, call, body["query_id"]).id
        return self._render.tile(self._world.tiles[tile_id])

    def create_plan(self, call: Call) -> object:
        body = call.json()
        kind: Kind = "look" if body.get("look_id") else "dashboard"
        id_ = body.get(f"{kind}_id") or body.get("lookml_dashboard_id")
        if f"{kind}:{id_}" not in self._world.visuals:
            raise invalid(call, f"{kind}_id", "missing", "No such content")
        emails = [d.get("address", "") for d in body.get("scheduled_plan_destination") or []]
        owner_id = body.get("user_id") or call.actor.id
        plan_id = self._world.add_schedule(kind, str(id_), owner_id=owner_id, emails=emails)
        return self._changed_plan(plan_id, body)

    def update_plan(self, call: Call) -> object:
        if call.params["scheduled_plan_id"] not in self._world.plans:
            raise refusal(404, call)
        return self._changed_plan(call.params["scheduled_plan_id"], call.json())

    def _changed_plan(self, plan_id: str, body: Row) -> Row:
        plan = self._world.plans[plan_id]
        plan.kinds = (
            tuple(d.get("type", "") for d in body.get("scheduled_plan_destination") or []) or plan.kinds
        )
        for name in {"name", "enabled", "crontab", "user_id", "run_once"} & body.keys():
            setattr(plan, name, body[name])
        return self._render.plan(plan)

    def delete_plan(self, call: Call) -> Response:
        if self._world.plans.pop(call.params["scheduled_plan_id"], None) is None:
            raise refusal(404, call)
        return Response(status_code=204)

    def create_alert(self, call: Call) -> object:
        body = call.json()
        if body.get("dashboard_element_id") not in self._world.tiles:
            raise invalid(call, "dashboard_element_id", "missing", "No such tile")
        emails = [d.get("email_address", "") for d in body.get("destinations") or []]
        owner_id = body.get("owner_id") or call.actor.id
        alert_id = self._world.add_alert(
            body["dashboard_element_id"],
            owner_id=owner_id,
            emails=emails,
            disabled=bool(body.get("is_disabled")),
        )
        return self._render.alert(self._world.alerts[alert_id])

    def create_board_item(self, call: Call) -> object:
        body = call.json()
        boards = self._world.boards.values()
        board = next((b for b in boards if f"{b.id}0" == body.get("board_section_id")), None)
        kind: Kind = "look" if body.get("look_id") else "dashboard"
        id_ = body.get("look_id") or body.get("dashboard_id") or body.get("lookml_dashboard_id")
        if board is None or f"{kind}:{id_}" not in self._world.visuals:
            raise invalid(call, "board_section_id", "missing", "No such section or content")
        board.items.append((kind, str(id_)))
        return {
            "id": f"{board.id}00{len(board.items)}",
            "board_section_id": f"{board.id}0",
            f"{kind}_id": id_,
        }

    def update_content_metadata(self, call: Call) -> object:
        visual = self._owning(call, call.params["content_metadata_id"])
        visual.inherits_access = bool(call.json().get("inherits", True))
        return {"id": visual.content_metadata_id, "inherits": visual.inherits_access}

    def create_content_access(self, call: Call) -> object:
        body = call.json()
        visual = self._owning(call, str(body.get("content_metadata_id")))
        access = (str(body.get("permission_type")), body.get("group_id"), body.get("user_id"))
        visual.access.append(access)
        return {**body, "id": f"{visual.content_metadata_id}{len(visual.access)}"}

    def _owning(self, call: Call, metadata_id: str) -> LookerVisual:
        visual = self._reads.with_metadata(metadata_id)
        if visual is None:
            raise refusal(404, call)
        return visual

    def _folder(self, call: Call, folder_id: Any) -> str:
        if str(folder_id) not in self._world.folders:
            raise invalid(call, "folder_id", "missing", "Folder not found")
        return str(folder_id)

    def _known_user(self, call: Call, user_id: Any) -> str:
        if str(user_id) not in self._world.users:
            raise invalid(call, "user_id", "invalid", "User not found")
        return str(user_id)

    def _require_free_title(
        self, call: Call, kind: Kind, title: str | None, folder_id: Any, *, besides: str | None = None
    ) -> None:
        if not title:
            raise invalid(call, "title", "missing_field", "Title is required")
        for visual in self._world.visuals_of(kind):
            same = (visual.title, visual.folder_id, visual.deleted) == (title, folder_id, False)
            if same and visual.id != besides:
                raise invalid(
                    call, "title", "already_exists", f"{kind.title()} title must be unique in its folder"
                )
