"""The JSON a Superset instance answers with, one function per kind of record."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from bi_governance.sandbox.rest import Row
from bi_governance.sandbox.superset_log_json import log_json
from bi_governance.sandbox.superset_records import (
    SupersetDataset,
    SupersetGroup,
    SupersetKind,
    SupersetReport,
    SupersetUser,
    SupersetVisual,
)
from bi_governance.sandbox.superset_world import SupersetWorld
from bi_governance.sandbox.timeline import Happening

_TAG_TYPES = {"type": 2, "owner": 3, "favorited_by": 4}
_CHART_DETAIL = (
    "cache_timeout",
    "certification_details",
    "certified_by",
    "changed_on_delta_humanized",
    "dashboards",
    "description",
    "id",
    "is_managed_externally",
    "owners",
    "params",
    "slice_name",
    "tags",
    "thumbnail_url",
    "url",
    "uuid",
    "viz_type",
)
_HUMAN_UNITS = ((365 * 86400, "year"), (30 * 86400, "month"), (86400, "day"), (3600, "hour"), (60, "minute"))


def utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f+0000")


def naive(moment: datetime | None) -> str | None:
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") if moment else None


def humanized(moment: datetime, now: datetime) -> str:
    seconds = int((now - moment).total_seconds())
    for size, unit in _HUMAN_UNITS:
        if seconds >= size:
            number = seconds // size
            article = "an" if unit == "hour" else "a"
            return f"{article} {unit} ago" if number == 1 else f"{number} {unit}s ago"
    return "now"


class SupersetRenderer:
    """Renders one world."""

    def __init__(self, world: SupersetWorld) -> None:
        self._world = world

    def name(self, user_id: int) -> Row:
        user = self._world.users[user_id]
        return {"first_name": user.first_name, "id": user.id, "last_name": user.last_name}

    def owner(self, user_id: int) -> Row:
        return {"email": self._world.users[user_id].email, **self.name(user_id)}

    def user(self, user: SupersetUser) -> Row:
        return {
            "active": user.active,
            "changed_by": None,
            "changed_on": naive(user.created_on),
            "created_by": None,
            "created_on": naive(user.created_on),
            "email": user.email,
            "fail_login_count": 0,
            "first_name": user.first_name,
            "groups": [g.brief for g in self._world.groups.values() if user.id in g.user_ids],
            "id": user.id,
            "last_login": naive(user.last_login),
            "last_name": user.last_name,
            "login_count": user.login_count,
            "roles": self._roles([{"Admin": 1, "Alpha": 3, "Gamma": 4}[user.role], *user.more_role_ids]),
            "username": user.username,
        }

    def group(self, group: SupersetGroup) -> Row:
        users = [{"id": i, "username": self._world.users[i].username} for i in group.user_ids]
        return {**group.brief, "roles": self._roles(group.role_ids), "users": users}

    def _roles(self, numbers: list[int]) -> list[Row]:
        return [{"id": number, "name": self._world.roles[number]} for number in numbers]

    def _common(self, visual: SupersetVisual) -> Row:
        now = self._world.clock.now()
        return {
            "certification_details": None,
            "certified_by": visual.certified_by,
            "changed_by": self.name(visual.changed_by),
            "changed_by_name": self._world.users[visual.changed_by].name,
            "changed_on_delta_humanized": humanized(visual.changed_on, now),
            "changed_on_utc": utc(visual.changed_on),
            "created_by": self.name(visual.created_by),
            "created_on_delta_humanized": humanized(visual.created_on, now),
            "id": visual.id,
            "is_managed_externally": visual.managed_externally,
            "owners": [self.owner(user_id) for user_id in visual.owner_ids],
            "tags": self._tags(visual),
            "thumbnail_url": f"/api/v1/{visual.kind}/{visual.id}/thumbnail/0/",
            "uuid": visual.uuid,
        }

    def _tags(self, visual: SupersetVisual) -> list[Row]:
        names = [f"owner:{i}" for i in visual.owner_ids] + [f"type:{visual.kind}", *visual.tags]
        kinds = [_TAG_TYPES.get(name.split(":")[0], 1) for name in names]
        return [
            {"id": n, "name": name, "type": kind}
            for n, (name, kind) in enumerate(zip(names, kinds, strict=True), 1)
        ]

    def dashboard(self, visual: SupersetVisual) -> Row:
        return {
            **self._common(visual),
            "dashboard_title": visual.title,
            "published": visual.published,
            "roles": self._roles(visual.role_ids),
            "slug": visual.slug,
            "status": "published" if visual.published else "draft",
            "url": f"/superset/dashboard/{visual.slug or visual.id}/",
        }

    def dashboard_detail(self, visual: SupersetVisual) -> Row:
        row = self.dashboard(visual)
        for name in ("changed_on_utc", "status"):
            del row[name]
        row["owners"] = [self.name(user_id) for user_id in visual.owner_ids]
        return row | {
            "changed_on": naive(visual.changed_on),
            "charts": [self._world.charts[i].title for i in visual.chart_ids],
            "css": None,
            "json_metadata": visual.json_metadata,
            "position_json": visual.position_json,
            "tags": [tag for tag in row["tags"] if tag["type"] == 1],
            "theme": None,
        }

    def charts(self, visuals: Iterable[SupersetVisual]) -> list[Row]:
        holders: dict[int, list[SupersetVisual]] = {}
        for dashboard in self._world.dashboards.values():
            for chart_id in dashboard.chart_ids:
                holders.setdefault(chart_id, []).append(dashboard)
        return [self._chart(visual, holders.get(visual.id, [])) for visual in visuals]

    def _chart(self, visual: SupersetVisual, holders: list[SupersetVisual]) -> Row:
        dataset = self._world.datasets.get(visual.dataset_id)
        shown = f"{dataset.schema}.{dataset.table_name}" if dataset else None
        saved = visual.last_saved_at or visual.changed_on
        return {
            **self._common(visual),
            "cache_timeout": None,
            "changed_on_dttm": visual.changed_on.timestamp() * 1000,
            "created_by_name": self._world.users[visual.created_by].name,
            "dashboards": [{"dashboard_title": d.title, "id": d.id} for d in holders],
            "datasource_id": visual.dataset_id,
            "datasource_name_text": shown,
            "datasource_type": "table",
            "datasource_url": f"/explore/?datasource_type=table&datasource_id={visual.dataset_id}",
            "description": visual.description,
            "description_markeddown": visual.description or "",
            "edit_url": f"/chart/edit/{visual.id}",
            "form_data": self.form_data(visual),
            "last_saved_at": naive(saved),
            "last_saved_by": self.name(visual.changed_by),
            "params": visual.params,
            "slice_name": visual.title,
            "slice_url": f"/explore/?slice_id={visual.id}",
            "table": {"default_endpoint": None, "table_name": dataset.table_name} if dataset else None,
            "url": f"/explore/?slice_id={visual.id}",
            "viz_type": visual.viz_type,
        }

    def chart_detail(self, visual: SupersetVisual) -> Row:
        (row,) = self.charts([visual])
        row["owners"] = [self.name(user_id) for user_id in visual.owner_ids]
        row["dashboards"] = [{**d, "json_metadata": None} for d in row["dashboards"]]
        return {name: row[name] for name in _CHART_DETAIL} | {"query_context": None}

    def chart_on_dashboard(self, visual: SupersetVisual) -> Row:
        return {
            "cache_timeout": None,
            "certification_details": None,
            "certified_by": visual.certified_by,
            "changed_on": naive(visual.changed_on),
            "description": visual.description,
            "description_markeddown": visual.description or "",
            "form_data": self.form_data(visual),
            "id": visual.id,
            "slice_name": visual.title,
            "slice_url": f"/explore/?slice_id={visual.id}",
        }

    def form_data(self, visual: SupersetVisual) -> Row:
        return {
            "datasource": f"{visual.dataset_id}__table",
            "slice_id": visual.id,
            **json.loads(visual.params),
        }

    def dataset(self, dataset: SupersetDataset) -> Row:
        database = self._world.databases[dataset.database_id]
        return {
            "catalog": dataset.catalog,
            "changed_by": self.name(dataset.changed_by),
            "changed_by_name": self._world.users[dataset.changed_by].name,
            "changed_on_delta_humanized": humanized(dataset.changed_on, self._world.clock.now()),
            "changed_on_utc": utc(dataset.changed_on),
            "database": {"database_name": database.name, "id": database.id, "uuid": database.uuid},
            "datasource_type": "table",
            "default_endpoint": None,
            "description": None,
            "explore_url": f"/explore/?datasource_type=table&datasource_id={dataset.id}",
            "extra": None,
            "id": dataset.id,
            "kind": "virtual" if dataset.sql else "physical",
            "owners": [self.name(user_id) for user_id in dataset.owner_ids],
            "schema": dataset.schema,
            "sql": dataset.sql,
            "table_name": dataset.table_name,
            "uuid": dataset.uuid,
        }

    def dataset_detail(self, dataset: SupersetDataset) -> Row:
        database = self._world.databases[dataset.database_id]
        row = self.dataset(dataset)
        row["database"] = {"backend": database.backend, "database_name": database.name, "id": database.id}
        return row | {
            "is_managed_externally": False,
            "columns": [],
            "metrics": [],
            "url": f"/tablemodelview/edit/{dataset.id}",
        }

    def report(self, report: SupersetReport) -> Row:
        now = self._world.clock.now()
        return {
            "active": report.active,
            "changed_by": self.name(report.owner_ids[0]),
            "changed_on": naive(report.changed_on),
            "changed_on_delta_humanized": humanized(report.changed_on, now),
            "chart_id": report.chart_id,
            "created_by": self.name(report.owner_ids[0]),
            "created_on": naive(report.changed_on),
            "creation_method": "alerts_reports",
            "crontab": report.crontab,
            "crontab_humanized": "At 06:00 AM, only on Monday",
            "dashboard_id": report.dashboard_id,
            "description": None,
            "extra": {},
            "id": report.id,
            "last_eval_dttm": naive(report.last_eval_dttm),
            "last_state": report.last_state,
            "name": report.name,
            "owners": [self.owner(user_id) for user_id in report.owner_ids],
            "recipients": [{"id": n, "type": "Email"} for n, _ in enumerate(report.recipients, 1)],
            "timezone": "UTC",
            "type": report.type,
        }

    def report_detail(self, report: SupersetReport) -> Row:
        row = self.report(report)
        dashboard_id, chart_id = row.pop("dashboard_id"), row.pop("chart_id")
        targets = enumerate(report.recipients, 1)
        return row | {
            "dashboard": dashboard_id
            and {"dashboard_title": self._title("dashboard", dashboard_id), "id": dashboard_id},
            "chart": chart_id and {"slice_name": self._title("chart", chart_id), "id": chart_id},
            "recipients": [
                {"id": n, "type": "Email", "recipient_config_json": json.dumps({"target": target})}
                for n, target in targets
            ],
        }

    def _title(self, kind: SupersetKind, id_: int) -> str:
        return self._world.visuals(kind)[id_].title

    def log(self, row: Happening) -> Row:
        """One log row; its number is not part of what Superset shows, only of the list of ids."""
        dashboard, _, chart = row.subject.partition("/")
        action = row.kind.partition(":")[0]
        user = self._world.users.get(int(row.actor)) if row.actor else None
        names = (
            {"first_name": user.first_name, "last_name": user.last_name, "username": user.username}
            if user
            else None
        )
        return {
            "id": row.id,
            "action": action,
            "dashboard_id": int(dashboard) if dashboard else None,
            "dttm": naive(row.at),
            "duration_ms": 0 if action == "log" else 12,
            "json": log_json(row),
            "referrer": None,
            "slice_id": int(chart) if chart else None,
            "user": names,
            "user_id": user.id if user else None,
        }
