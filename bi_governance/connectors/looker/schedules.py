"""What Looker sends and watches by itself: everybody's schedules, and alerts through their tiles."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from looker_sdk.sdk.api40.models import ScheduledPlan

from bi_governance.connectors.looker.client import LookerClient
from bi_governance.connectors.looker.inventory import ELEMENTS, text, utc
from bi_governance.errors import IncompleteFeed, SourceBroken
from bi_governance.ports import Page, Row

PLAN_FIELDS = (
    "id,name,enabled,user_id,dashboard_id,look_id,lookml_dashboard_id,crontab,datagroup,run_once,last_run_at,"
    "next_run_at,last_run_status"
)
_ALERT_FIELDS = "id,custom_title,dashboard_element_id,lookml_dashboard_id,owner_id,is_disabled,cron"


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as the API tells it; the SDK's own model refuses answers cut down to some fields."""

    id: str
    title: str
    element_id: str | None
    lookml_dashboard_id: str | None
    owner_id: str | None
    is_disabled: bool
    cron: str | None


def schedules(client: LookerClient) -> Iterator[Page]:
    """Schedules, then alerts (their ids with `alert:` in front, as the two are counted apart)."""
    plans = client.ask(lambda sdk: sdk.all_scheduled_plans(all_users=True, fields=PLAN_FIELDS))
    if plans:
        yield [_plan_row(plan) for plan in plans]
    tiles: Mapping[str, str | None] | None = None
    for page in alert_pages(client):
        tiles = _tiles(client) if tiles is None else tiles
        yield [_alert_row(alert, tiles) for alert in page]


def alert_pages(client: LookerClient) -> Iterator[Sequence[Alert]]:
    """All alerts of all owners; needs the Admin role or see_alerts."""
    offset, previous = 0, ""
    while page := _alerts_at(client, offset):
        if page[-1].id == previous:
            raise IncompleteFeed("the platform repeats a page of alerts", source=client.source)
        yield page
        offset, previous = offset + len(page), page[-1].id


def _alerts_at(client: LookerClient, offset: int) -> list[Alert]:
    query: dict[str, Any] = {
        "limit": client.page_size,
        "offset": offset,
        "all_owners": True,
        "fields": _ALERT_FIELDS,
    }
    body = client.ask(
        lambda sdk: sdk.get(path="/alerts/search", structure=str, query_params=query),
        hint="Give our account the Admin role: it must see the alerts of all owners.",
    )
    try:
        return [_alert(item) for item in json.loads(str(body))]
    except (ValueError, TypeError, KeyError) as error:
        raise SourceBroken(
            "the list of alerts makes no sense", source=client.source, request=client.last.request
        ) from error


def _alert(item: Mapping[str, Any]) -> Alert:
    return Alert(
        id=str(item["id"]),
        title=item.get("custom_title") or "",
        element_id=text(item.get("dashboard_element_id")),
        lookml_dashboard_id=text(item.get("lookml_dashboard_id")),
        owner_id=text(item.get("owner_id")),
        is_disabled=bool(item.get("is_disabled")),
        cron=item.get("cron"),
    )


def _tiles(client: LookerClient) -> Mapping[str, str | None]:
    """The dashboard of each tile that has alerts, or of which Looker does not say how many."""
    found = client.listed(ELEMENTS, fields="id,dashboard_id,alert_count")
    return {str(tile["id"]): text(tile.get("dashboard_id")) for tile in found if tile.get("alert_count") != 0}


def _plan_row(plan: ScheduledPlan) -> Row:
    return {
        "schedule_id": str(plan.id),
        "kind": "schedule",
        "name": plan.name or "",
        "enabled": is_living(plan),
        "user_id": text(plan.user_id),
        "dashboard_id": text(plan.dashboard_id),
        "look_id": text(plan.look_id),
        "lookml_dashboard_id": text(plan.lookml_dashboard_id),
        "crontab": plan.crontab or plan.datagroup,
        "last_run_at": utc(plan.last_run_at),
        "next_run_at": utc(plan.next_run_at),
        "last_run_status": plan.last_run_status,
    }


def _alert_row(alert: Alert, tiles: Mapping[str, str | None]) -> Row:
    return {
        "schedule_id": f"alert:{alert.id}",
        "kind": "alert",
        "name": alert.title,
        "enabled": not alert.is_disabled,
        "user_id": alert.owner_id,
        "dashboard_id": tiles.get(alert.element_id or ""),
        "look_id": None,
        "lookml_dashboard_id": alert.lookml_dashboard_id,
        "crontab": alert.cron,
        "last_run_at": None,
        "next_run_at": None,
        "last_run_status": None,
    }


def is_living(plan: ScheduledPlan) -> bool:
    """Whether the schedule will run again: enabled, and not a one-time delivery that was made."""
    return bool(plan.enabled) and not (plan.run_once and plan.last_run_at)
