"""Superset's dashboards, charts, people and schedules as rows of the raw tables."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from bi_governance.connectors.superset.rison import utc_moment

Item = Mapping[str, Any]
Row = dict[str, object]

CUSTOM_TAG = 1  # the other tag types are Superset's own bookkeeping (owner:2, type:dashboard)
COMMON_COLUMNS = (
    "uuid",
    "url",
    "certified_by",
    "is_managed_externally",
    "owners.id",
    "owners.email",
    "owners.first_name",
    "owners.last_name",
    "editors.id",
    "editors.label",
    "editors.type",
    "created_by.id",
    "changed_on_utc",
    "tags.name",
    "tags.type",
    "deleted_at",
)
DASHBOARD_COLUMNS = (
    *COMMON_COLUMNS,
    "dashboard_title",
    "slug",
    "published",
    "roles.id",
    "roles.name",
    "viewers.id",
    "viewers.label",
)
CHART_COLUMNS = (
    *COMMON_COLUMNS,
    "slice_name",
    "viz_type",
    "datasource_id",
    "datasource_type",
    "dashboards.id",
    "dashboards.dashboard_title",
)
USER_COLUMNS = (
    "username",
    "first_name",
    "last_name",
    "email",
    "active",
    "last_login",
    "created_on",
)
SCHEDULE_COLUMNS = (
    "type",
    "name",
    "active",
    "dashboard_id",
    "chart_id",
    "crontab",
    "owners.id",
    "editors.id",
    "last_eval_dttm",
    "last_state",
)
DATASET_COLUMNS = (
    "table_name",
    "schema",
    "catalog",
    "kind",
    "sql",
    "database.id",
    "database.database_name",
)


def owners_of(item: Item) -> list[Item]:
    """The people who own it, by number."""
    return sorted(item.get("owners") or (), key=lambda owner: int(owner["id"]))


def main_owner(item: Item, inactive: Collection[str]) -> str | None:
    """The one owner we deal with: the first who can still log in, else the first."""
    ids = [str(owner["id"]) for owner in owners_of(item)]
    return next((owner for owner in ids if owner not in inactive), ids[0] if ids else None)


def tags_of(item: Item) -> list[str]:
    """The tags people gave it."""
    tags = item.get("tags") or ()
    return sorted(str(tag["name"]) for tag in tags if tag.get("type", CUSTOM_TAG) == CUSTOM_TAG)


def title_of(item: Item) -> str:
    """A dashboard's or a chart's title."""
    return str(item.get("dashboard_title") or item.get("slice_name") or "")


def changed_at(item: Item) -> datetime | None:
    """When it was last changed."""
    return utc_moment(item.get("changed_on_utc"))


def text_or_none(value: object) -> str | None:
    """Numbers and texts as text; nothing stays nothing."""
    return None if value is None or value == "" else str(value)


def dashboard_row(item: Item, *, base_url: str, inactive: Collection[str], is_embedded: bool) -> Row:
    """One row of `superset_dashboard`."""
    return {
        "dashboard_id": str(item["id"]),
        **_common(item, base_url, inactive),
        "slug": text_or_none(item.get("slug")),
        "published": bool(item.get("published")),
        "is_embedded": is_embedded,
    }


def chart_row(item: Item, *, base_url: str, inactive: Collection[str]) -> Row:
    """One row of `superset_chart`."""
    return {
        "chart_id": str(item["id"]),
        **_common(item, base_url, inactive),
        "viz_type": text_or_none(item.get("viz_type")),
        "datasource_id": text_or_none(item.get("datasource_id")),
        "datasource_type": text_or_none(item.get("datasource_type")),
    }


def _common(item: Item, base_url: str, inactive: Collection[str]) -> Row:
    return {
        "uuid": str(item["uuid"]),
        "title": title_of(item),
        "url": base_url + str(item.get("url") or ""),
        "certified_by": text_or_none(item.get("certified_by")),
        "is_managed_externally": bool(item.get("is_managed_externally")),
        "owner_id": main_owner(item, inactive),
        "owner_ids": json.dumps([str(owner["id"]) for owner in owners_of(item)]),
        "created_by_id": text_or_none((item.get("created_by") or {}).get("id")),
        "changed_at": changed_at(item),
        "tags": json.dumps(tags_of(item)),
        "deleted_at": utc_moment(item.get("deleted_at")),
    }


def user_row(item: Item, group_names: str | None) -> Row:
    """One row of `superset_user`."""
    return {
        "user_id": str(item["id"]),
        "username": text_or_none(item.get("username")),
        "first_name": text_or_none(item.get("first_name")),
        "last_name": text_or_none(item.get("last_name")),
        "email": text_or_none(item.get("email")),
        "group_names": group_names,
        "active": bool(item.get("active")),
        "last_login_at": utc_moment(item.get("last_login")),
        "created_at": utc_moment(item.get("created_on")),
    }


def schedule_row(item: Item, inactive: Collection[str]) -> Row:
    """One row of `superset_schedule`."""
    return {
        "schedule_id": str(item["id"]),
        "kind": str(item.get("type", "Report")).lower(),
        "name": text_or_none(item.get("name")),
        "active": bool(item.get("active")),
        "dashboard_id": text_or_none(item.get("dashboard_id")),
        "chart_id": text_or_none(item.get("chart_id")),
        "crontab": text_or_none(item.get("crontab")),
        "owner_id": main_owner(item, inactive),
        "last_run_at": utc_moment(item.get("last_eval_dttm")),
        "last_state": text_or_none(item.get("last_state")),
    }


def placements(item: Item) -> list[Row]:
    """The rows of `superset_dashboard_chart` of one chart."""
    on = item.get("dashboards") or ()
    return [{"dashboard_id": str(each["id"]), "chart_id": str(item["id"])} for each in on]
