"""The JSON a Looker instance answers with, one function per kind of record."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import yaml

from bi_governance.sandbox.looker_records import (
    ALL_USERS,
    LOOKML_FOLDER,
    SHARED_FOLDER,
    USERS_FOLDER,
    LookerAlert,
    LookerBoard,
    LookerFolder,
    LookerGroup,
    LookerPlan,
    LookerQuery,
    LookerTile,
    LookerUser,
    LookerVisual,
)
from bi_governance.sandbox.looker_world import LookerWorld

Row = dict[str, Any]


def timestamp(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment else None


class LookerRenderer:
    """Renders one world; every id leaves as a string."""

    def __init__(self, world: LookerWorld) -> None:
        self._world = world

    def user(self, user: LookerUser) -> Row:
        return {
            "can": {"show": True},
            "id": user.id,
            "first_name": user.first_name,
            "last_name": user.last_name,
            "display_name": user.name,
            "email": user.email,
            "is_disabled": user.disabled,
            "is_service_account": user.service_account,
            "is_embed_user": False,
            "is_iam_admin": False,
            "verified_looker_employee": False,
            "personal_folder_id": user.personal_folder_id,
            "home_folder_id": SHARED_FOLDER,
            "role_ids": ["2" if "administer" in user.permissions else "4"],
            "group_ids": [
                group.id
                for group in self._world.groups.values()
                if group.id == ALL_USERS or user.id in group.user_ids
            ],
            "url": f"/admin/next/users/{user.id}",
        }

    def group(self, group: LookerGroup) -> Row:
        """As `search_groups_with_hierarchy` gives it."""
        is_everybody = group.id == ALL_USERS
        return {
            "can": {"show": True},
            "id": group.id,
            "name": group.name,
            "user_count": len(self._world.users) if is_everybody else len(group.user_ids),
            "include_by_default": is_everybody,
            "externally_managed": False,
            "external_group_id": None,
            "can_add_to_content_metadata": True,
            "contains_current_user": is_everybody,
            "parent_group_ids": list(group.parent_ids),
            "role_ids": [],
        }

    def folder(self, folder: LookerFolder) -> Row:
        children = sum(1 for f in self._world.folders.values() if f.parent_id == folder.id)
        return {
            **self.folder_base(folder.id),
            "child_count": children,
            "created_at": timestamp(folder.created_at),
        }

    def folder_base(self, folder_id: str) -> Row:
        folder = self._world.folders[folder_id]
        return {
            "can": {"show": True},
            "id": folder.id,
            "name": folder.name,
            "parent_id": folder.parent_id,
            "creator_id": folder.creator_id,
            "content_metadata_id": f"9{folder.id}" if folder.id != LOOKML_FOLDER else None,
            "is_embed": False,
            "is_personal": folder.personal,
            "is_personal_descendant": self._below_personal(folder.parent_id),
            "is_shared_root": folder.id == SHARED_FOLDER,
            "is_users_root": folder.id == USERS_FOLDER,
        }

    def _below_personal(self, folder_id: str | None) -> bool:
        if folder_id is None:
            return False
        folder = self._world.folders[folder_id]
        return folder.personal or self._below_personal(folder.parent_id)

    def dashboard_base(self, visual: LookerVisual) -> Row:
        """What `all_dashboards` gives: no dates, no counts, no `deleted`."""
        return {
            "can": {"show": True, "update": not visual.lookml},
            "id": visual.id,
            "title": visual.title,
            "description": visual.description,
            "slug": None if visual.lookml else visual.slug,
            "hidden": visual.hidden,
            "readonly": visual.lookml,
            "user_id": visual.owner_id,
            "content_metadata_id": visual.content_metadata_id if not visual.lookml else None,
            "content_favorite_id": None,
            "query_timezone": None,
            "refresh_interval": None,
            "preferred_viewer": "dashboards-next",
            "certification_metadata": self._certification(visual),
            "model": {"id": visual.id.split("::")[0], "label": visual.id.split("::")[0]}
            if visual.lookml
            else None,
            "folder": self.folder_base(visual.folder_id),
        }

    def dashboard(self, visual: LookerVisual, *, elements: bool = True) -> Row:
        row = {**self.dashboard_base(visual), **self._shared(visual), "url": f"/dashboards/{visual.id}"}
        updater = self._world.users.get(visual.last_updater_id or "")
        row |= {"last_updater_name": updater.name if updater else None}
        row |= {"lookml_link_id": None, "dashboard_filters": [], "dashboard_layouts": []}
        if elements:
            row["dashboard_elements"] = [self.tile(tile) for tile in self._world.tiles_of(visual.id)]
        return row

    def look(self, visual: LookerVisual, *, query: bool = False) -> Row:
        row = {
            "can": {"show": True, "update": True},
            "id": visual.id,
            "title": visual.title,
            "description": visual.description,
            "user_id": visual.owner_id,
            "content_metadata_id": visual.content_metadata_id,
            "certification_metadata": self._certification(visual),
            "query_id": visual.query_id,
            "model": {"id": "ecommerce", "label": "Ecommerce"},
            "public": visual.public,
            "public_slug": visual.slug if visual.public else None,
            "public_url": f"/public/{visual.slug}" if visual.public else None,
            "short_url": f"/looks/{visual.id}",
            "embed_url": f"/embed/looks/{visual.id}",
            "is_run_on_load": True,
            "folder": self.folder_base(visual.folder_id),
            **self._shared(visual),
        }
        if query and visual.query_id:
            row |= {"query": self.query(self._world.queries[visual.query_id]), "url": f"/looks/{visual.id}"}
        return row

    def _shared(self, visual: LookerVisual) -> Row:
        owner = self._world.users.get(visual.owner_id or "")
        return {
            "folder_id": visual.folder_id,
            "created_at": None if visual.lookml else timestamp(visual.created_at),
            "updated_at": None if visual.lookml else timestamp(visual.updated_at),
            "deleted": visual.deleted,
            "deleted_at": timestamp(visual.deleted_at),
            "deleter_id": visual.deleter_id,
            "last_accessed_at": timestamp(visual.last_accessed_at),
            "last_viewed_at": timestamp(visual.last_viewed_at),
            "last_updater_id": visual.last_updater_id,
            "view_count": visual.view_count,
            "usage_count": visual.view_count,
            "favorite_count": visual.favorite_count,
            "user_name": owner.name if owner else None,
            "is_owner_disabled": owner.disabled if owner else False,
        }

    def _certification(self, visual: LookerVisual) -> Row | None:
        if visual.certified_by is None:
            return None
        user = self._world.users[visual.certified_by]
        return {
            "certification_status": "certified",
            "ui_status": None,
            "user_name": user.name,
            "notes": "Reviewed by the data team",
            "updated_at": timestamp(visual.updated_at),
        }

    def query(self, query: LookerQuery) -> Row:
        return {
            "can": {"run": True},
            "id": query.id,
            "model": query.model,
            "view": query.view,
            "fields": list(query.fields),
            "filters": None,
            "sorts": [],
            "limit": "500",
            "slug": f"q{query.id}",
            **query.extra,
        }

    def tile(self, tile: LookerTile) -> Row:
        query = self._world.queries.get(tile.query_id or "")
        look = self._world.visuals.get(f"look:{tile.look_id}") if tile.look_id else None
        return {
            "can": {"show": True},
            "id": tile.id,
            "dashboard_id": tile.dashboard_id,
            "title": tile.title,
            "type": "look" if tile.look_id else "vis",
            "look_id": tile.look_id,
            "look": self.look(look, query=True) if look else None,
            "query_id": tile.query_id,
            "query": self.query(query) if query else None,
            "merge_result_id": tile.merge_id,
            "result_maker": None,
            "lookml_link_id": None,
            "note_text": None,
            "alert_count": sum(1 for a in self._world.alerts.values() if a.tile_id == tile.id),
        }

    def plan(self, plan: LookerPlan) -> Row:
        lookml = plan.kind == "dashboard" and "::" in plan.visual_id
        return {
            "can": {"show": True},
            "id": plan.id,
            "name": plan.name,
            "user_id": plan.user_id,
            "enabled": plan.enabled,
            "run_once": plan.run_once,
            "crontab": plan.crontab,
            "timezone": "UTC",
            "datagroup": None,
            "dashboard_id": plan.visual_id if plan.kind == "dashboard" and not lookml else None,
            "lookml_dashboard_id": plan.visual_id if lookml else None,
            "look_id": plan.visual_id if plan.kind == "look" else None,
            "query_id": None,
            "created_at": timestamp(plan.created_at),
            "updated_at": timestamp(plan.created_at),
            "last_run_at": timestamp(plan.last_run_at),
            "next_run_at": timestamp(plan.next_run_at),
            "last_run_status": "success" if plan.last_run_at else None,
            "scheduled_plan_destination": [self._destination(plan, n) for n in range(len(plan.emails))],
        }

    def _destination(self, plan: LookerPlan, number: int) -> Row:
        return {
            "id": f"{plan.id}{number}",
            "scheduled_plan_id": plan.id,
            "format": "wysiwyg_pdf",
            "type": plan.kinds[number] if number < len(plan.kinds) else "email",
            "address": plan.emails[number],
        }

    def alert(self, alert: LookerAlert) -> Row:
        tile = self._world.tiles[alert.tile_id]
        query = self._world.queries.get(tile.query_id or "")
        owner = self._world.users[alert.owner_id]
        return {
            "id": alert.id,
            "comparison_type": "GREATER_THAN",
            "threshold": 100.0,
            "cron": "0 * * * *",
            "field": {"title": "Count", "name": query.fields[0] if query else "orders.count", "filter": []},
            "destinations": [{"destination_type": "EMAIL", "email_address": email} for email in alert.emails],
            "dashboard_element_id": alert.tile_id,
            "query_id": tile.query_id,
            "owner_id": owner.id,
            "owner_display_name": owner.name,
            "is_disabled": alert.disabled,
            "disabled_reason": None,
            "is_public": True,
            "followed": False,
            "followable": True,
            "lookml_dashboard_id": None,
            "lookml_link_id": None,
            "investigative_content_type": None,
            "investigative_content_id": None,
        }

    def board(self, board: LookerBoard) -> Row:
        items = [
            self._board_item(kind, id_, f"{board.id}00{n}", n) for n, (kind, id_) in enumerate(board.items, 1)
        ]
        section = {
            "id": f"{board.id}0",
            "board_id": board.id,
            "title": "",
            "deleted_at": None,
            "board_items": items,
        }
        return {
            "can": {"show": True},
            "id": board.id,
            "title": board.title,
            "description": None,
            "user_id": board.user_id,
            "created_at": timestamp(board.created_at),
            "deleted_at": timestamp(board.deleted_at),
            "primary_homepage": False,
            "board_sections": [section],
        }

    def _board_item(self, kind: str, id_: str, item_id: str, number: int) -> Row:
        lookml = "::" in id_
        return {
            "id": item_id,
            "order": number,
            "dashboard_id": id_ if kind == "dashboard" and not lookml else None,
            "lookml_dashboard_id": id_ if lookml else None,
            "look_id": id_ if kind == "look" else None,
        }

    def lookml(self, visual: LookerVisual) -> str:
        """The dashboard written as LookML, in enough detail to be imported again."""
        elements: list[Row] = []
        for tile in self._world.tiles_of(visual.id):
            query_id = tile.query_id or self._world.visuals[f"look:{tile.look_id}"].query_id
            query = self._world.queries[query_id or ""]
            elements.append(
                {"title": tile.title, "model": query.model, "explore": query.view, "type": "table"}
            )
        body = {
            "dashboard": visual.id.split("::")[-1],
            "title": visual.title,
            "description": visual.description or "",
            "preferred_slug": visual.slug,
            "elements": elements,
        }
        return "---\n" + str(yaml.safe_dump([body], sort_keys=False))
