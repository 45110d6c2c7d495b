"""The read-only admin APIs of a Power BI tenant: lists, subscriptions, the activity log, metadata scans."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from bi_governance.sandbox.powerbi_access import PowerBIAccess, refusal
from bi_governance.sandbox.powerbi_render import PowerBIRenderer, written
from bi_governance.sandbox.powerbi_world import PowerBIWorld
from bi_governance.sandbox.rest import Call, Handler, Refusal, Row

ADMIN = "/v1.0/myorg/admin"
_CONDITION = re.compile(r"^(\w+) eq '?([^']*)'?$")
_UNUSED_FOR = timedelta(days=30)


@dataclass(slots=True)
class _Scan:
    workspace_ids: list[str]
    options: Mapping[str, str]
    polls: int = 0


class PowerBIReads:
    """Handlers of the admin APIs; `events_per_page` and `retention` may be changed."""

    def __init__(self, world: PowerBIWorld, access: PowerBIAccess, renderer: PowerBIRenderer) -> None:
        self._world, self._access, self._render = world, access, renderer
        self._scans: dict[str, _Scan] = {}
        self.events_per_page = 5
        self.retention = timedelta(days=30)

    def handlers(self) -> dict[str, Handler]:
        return {
            f"GET {ADMIN}/groups": self.groups,
            f"GET {ADMIN}/reports": self.reports,
            f"GET {ADMIN}/dashboards": self.dashboards,
            f"GET {ADMIN}/reports/{{id}}/subscriptions": lambda call: self.subscriptions(call, "report"),
            f"GET {ADMIN}/dashboards/{{id}}/subscriptions": lambda call: self.subscriptions(
                call, "dashboard"
            ),
            f"GET {ADMIN}/widelySharedArtifacts/publishedToWeb": self.published,
            f"GET {ADMIN}/groups/{{id}}/unused": self.unused,
            f"GET {ADMIN}/activityevents": self.activity,
            f"GET {ADMIN}/workspaces/modified": self.modified,
            f"POST {ADMIN}/workspaces/getInfo": self.get_info,
            f"GET {ADMIN}/workspaces/scanStatus/{{id}}": self.scan_status,
            f"GET {ADMIN}/workspaces/scanResult/{{id}}": self.scan_result,
        }

    def groups(self, call: Call) -> Row:
        if "$top" not in call.query:
            raise refusal(400, "$top is required")
        return _listed(call, [self._render.admin_group(each) for each in self._world.workspaces.values()])

    def reports(self, call: Call) -> Row:
        return _listed(call, [self._render.admin_report(each) for each in self._world.reports.values()])

    def dashboards(self, call: Call) -> Row:
        return _listed(call, [self._render.admin_dashboard(each) for each in self._world.dashboards.values()])

    def subscriptions(self, call: Call, kind: str) -> Row:
        held: Mapping[str, Any] = self._world.reports if kind == "report" else self._world.dashboards
        if call.params["id"] not in held:
            raise refusal(404)
        found = [each for each in self._world.subscriptions.values() if each.artifact_id == call.params["id"]]
        return {"value": [self._render.subscription(each) for each in found]}

    def published(self, _: Call) -> Row:
        shared = [
            {
                "artifactId": id_,
                "displayName": self._world.reports[id_].name,
                "artifactType": "Report",
                "accessRight": "Read",
                "shareType": "PublishToWeb",
            }
            for id_ in sorted(self._world.published)
        ]
        return {"artifactAccessEntities": shared, "continuationUri": None, "continuationToken": None}

    def unused(self, call: Call) -> Row:
        """What nobody at all used in the 30 days before this moment, which is in no window of the log yet."""
        now = self._world.clock.now()
        used = {e.fields["ArtifactId"] for e in self._world.events if now - _UNUSED_FOR <= e.at < now}
        here = call.params["id"]
        reports = [each for each in self._world.reports.values() if not each.app_id]
        entities = [
            {"artifactId": each.id, "displayName": each.name, "artifactType": kind, "artifactSizeInMB": 0}
            for kind, items in (("Report", reports), ("Dashboard", list(self._world.dashboards.values())))
            for each in items
            if each.workspace_id == here and each.id not in used
        ]
        return {"unusedArtifactEntities": entities, "continuationUri": None, "continuationToken": None}

    def activity(self, call: Call) -> Row:
        """Events of one UTC day; a first page is empty whenever there are any, as real ones may be."""
        if not self._access.settings.log_readable:
            raise refusal(403)
        token = call.query.get("continuationToken")
        start, end, offset = _resumed(token) if token else (*_window(call), -1)
        if start.date() != end.date():
            raise refusal(400, "startDateTime and endDateTime must be within the same UTC day")
        if start < self._world.clock.now() - self.retention:
            raise refusal(400, "startDateTime is out of range")
        found = sorted((e for e in self._world.events if start <= e.at <= end), key=lambda e: (e.at, e.id))
        page = found[offset : offset + self.events_per_page] if offset >= 0 else []
        after = 0 if offset < 0 else offset + self.events_per_page
        answer: Row = {"activityEventEntities": [self._render.event(event) for event in page]}
        if after >= len(found):
            return {**answer, "continuationUri": None, "continuationToken": None, "lastResultSet": True}
        following = _token(start, end, after)
        uri = f"https://api.powerbi.com{ADMIN}/activityevents?continuationToken='{following}'"
        return {**answer, "continuationUri": uri, "continuationToken": following, "lastResultSet": False}

    def modified(self, call: Call) -> list[Row]:
        active_only = call.flag("excludeInActiveWorkspaces")
        held = self._world.workspaces.values()
        return [{"id": each.id} for each in held if each.state == "Active" or not active_only]

    def get_info(self, call: Call) -> Row:
        ids = call.json().get("workspaces") or []
        if not 1 <= len(ids) <= 100:
            raise refusal(400, "between 1 and 100 workspaces")
        id_ = self._world.new_id("scan")
        self._scans[id_] = _Scan(ids, dict(call.query))
        return self._scan_row(id_, "NotStarted")

    def scan_status(self, call: Call) -> Row:
        scan = self._found(call)
        scan.polls += 1
        return self._scan_row(call.params["id"], "Running" if scan.polls == 1 else "Succeeded")

    def scan_result(self, call: Call) -> Row:
        scan = self._found(call)
        if scan.polls < 2:
            raise refusal(404)
        found = [self._scanned(id_, scan) for id_ in scan.workspace_ids if id_ in self._world.workspaces]
        return {"workspaces": found, "datasourceInstances": [], "misconfiguredDatasourceInstances": []}

    def _scanned(self, id_: str, scan: _Scan) -> Row:
        world, workspace = self._world, self._world.workspaces[id_]
        head = {"id": id_, "name": workspace.name, "type": workspace.type, "state": workspace.state}
        if not workspace.is_scannable:
            return {**head, "dataRetrievalState": "Failed"}
        detailed = self._access.settings.detailed_metadata and scan.options.get("datasetSchema") == "True"
        return {
            **head,
            "reports": [
                self._render.scanned_report(r) for r in world.reports.values() if r.workspace_id == id_
            ],
            "dashboards": [
                self._render.scanned_dashboard(d) for d in world.dashboards.values() if d.workspace_id == id_
            ],
            "datasets": [
                self._render.scanned_dataset(d, is_detailed=detailed)
                for d in world.datasets.values()
                if d.workspace_id == id_
            ],
            "users": [
                self._render.user(name, groupUserAccessRight=role) for name, role in workspace.roles.items()
            ],
        }

    def _found(self, call: Call) -> _Scan:
        scan = self._scans.get(call.params["id"])
        if scan is None:
            raise refusal(404)
        return scan

    def _scan_row(self, id_: str, status: str) -> Row:
        return {"id": id_, "createdDateTime": written(self._world.clock.now()) + "Z", "status": status}


def _listed(call: Call, rows: Sequence[Row]) -> Row:
    """`value` alone: no total."""
    condition = call.query.get("$filter")
    if condition:
        parsed = _CONDITION.match(condition)
        if parsed is None:
            raise refusal(400, "the filter cannot be read")
        rows = [row for row in rows if str(row.get(parsed.group(1))).lower() == parsed.group(2).lower()]
    skip, top = call.int_of("$skip") or 0, call.int_of("$top")
    return {"value": list(rows[skip:] if top is None else rows[skip : skip + top])}


def _window(call: Call) -> tuple[datetime, datetime]:
    return _moment(call.query.get("startDateTime")), _moment(call.query.get("endDateTime"))


def _moment(text: str | None) -> datetime:
    if not text or text[0] != "'" or text[-1] != "'":
        raise refusal(400, "startDateTime and endDateTime must be in single quotes")
    return datetime.fromisoformat(text[1:-1]).astimezone(UTC)


def _token(start: datetime, end: datetime, offset: int) -> str:
    """Percent-encoded already, as real ones are."""
    inner = base64.b64encode(f"{start.isoformat()}|{end.isoformat()}|{offset}".encode()).decode()
    return quote(f"+RID:{inner}#RT:1", safe="")


def _resumed(token: str) -> tuple[datetime, datetime, int]:
    found = re.fullmatch(r"'\+RID:([^#]+)#RT:1'", token)
    if found is None:
        raise Refusal(
            400, {"error": {"code": "BadRequest", "message": "The continuation token is malformed."}}
        )
    start, end, offset = base64.b64decode(found.group(1)).decode().split("|")
    return datetime.fromisoformat(start), datetime.fromisoformat(end), int(offset)
