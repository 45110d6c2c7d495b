"""Power BI's records as its APIs write them: camel case, times without a zone, lists of people left empty."""

from __future__ import annotations

from datetime import datetime

from bi_governance.sandbox.powerbi_world import (
    PowerBIDashboard,
    PowerBIDataset,
    PowerBIEvent,
    PowerBIReport,
    PowerBISubscription,
    PowerBIWorkspace,
    PowerBIWorld,
)
from bi_governance.sandbox.rest import Row

_APP = "https://app.powerbi.com"


def written(at: datetime) -> str:
    """A moment with up to seven decimals and without a zone."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".")


def without_nothing(row: Row) -> Row:
    """Fields without a value are left out."""
    return {key: value for key, value in row.items() if value is not None}


class PowerBIRenderer:
    """Writes one tenant's records."""

    def __init__(self, world: PowerBIWorld) -> None:
        self._world = world

    def user(self, name: str, **right: str) -> Row:
        """A principal; an app is known by the object id of its service principal."""
        if "@" not in name:
            who = {"displayName": "app", "identifier": name, "graphId": name, "principalType": "App"}
            return {**right, **who}
        return {
            **right,
            "displayName": self._world.people.get(name, name),
            "emailAddress": name,
            "identifier": name,
            "principalType": "User",
        }

    def group(self, workspace: PowerBIWorkspace) -> Row:
        """What a member is told of a workspace."""
        about = {"id": workspace.id, "name": workspace.name}
        return {**about, "isReadOnly": False, "isOnDedicatedCapacity": False}

    def admin_group(self, workspace: PowerBIWorkspace) -> Row:
        return {**self.group(workspace), "type": workspace.type, "state": workspace.state}

    def report(self, report: PowerBIReport) -> Row:
        """What the ordinary API tells a member."""
        row: Row = {
            "id": report.id,
            "reportType": report.report_type,
            "name": report.name,
            "webUrl": f"{_APP}/groups/{report.workspace_id}/reports/{report.id}",
            "embedUrl": f"{_APP}/reportEmbed?reportId={report.id}",
            "datasetId": report.dataset_id,
            "appId": report.app_id,
            "users": [],
            "subscriptions": [],
        }
        return without_nothing(row)

    def admin_report(self, report: PowerBIReport) -> Row:
        return {**self.report(report), **_dates(report), "workspaceId": report.workspace_id}

    def scanned_report(self, report: PowerBIReport) -> Row:
        rights = self._world.rights(report)
        endorsed = report.endorsement and {
            "endorsement": report.endorsement,
            "certifiedBy": report.created_by,
        }
        row: Row = {
            "id": report.id,
            "name": report.name,
            "datasetId": report.dataset_id,
            "appId": report.app_id,
            "originalReportObjectId": report.original_id,
            "reportType": report.report_type,
            **_dates(report),
            "endorsementDetails": endorsed,
            "sensitivityLabel": report.label and {"labelId": report.label},
            "users": [self.user(name, reportUserAccessRight=right) for name, right in rights.items()],
        }
        return without_nothing(row)

    def admin_dashboard(self, dashboard: PowerBIDashboard) -> Row:
        return {
            "id": dashboard.id,
            "displayName": dashboard.name,
            "isReadOnly": False,
            "embedUrl": f"{_APP}/dashboardEmbed?dashboardId={dashboard.id}",
            "workspaceId": dashboard.workspace_id,
        }

    def scanned_dashboard(self, dashboard: PowerBIDashboard) -> Row:
        rights = self._world.rights(dashboard)
        tiles = [
            without_nothing(
                {"id": tile.id, "title": tile.title, "reportId": tile.report_id, "datasetId": tile.dataset_id}
            )
            for tile in dashboard.tiles
        ]
        return {
            "id": dashboard.id,
            "displayName": dashboard.name,
            "isReadOnly": False,
            "tiles": tiles,
            "users": [self.user(name, dashboardUserAccessRight=right) for name, right in rights.items()],
        }

    def scanned_dataset(self, dataset: PowerBIDataset, *, is_detailed: bool) -> Row:
        row: Row = {"id": dataset.id, "name": dataset.name, "configuredBy": "ada@acme.example"}
        if is_detailed:
            columns = [{"name": "amount", "dataType": "Double"}]
            source = [{"expression": dataset.expression}]
            row["tables"] = [{"name": dataset.table, "columns": columns, "measures": [], "source": source}]
        return row

    def subscription(self, each: PowerBISubscription) -> Row:
        held = self._world.reports if each.kind == "report" else self._world.dashboards
        return {
            "id": each.id,
            "title": each.title,
            "artifactId": each.artifact_id,
            "artifactDisplayName": held[each.artifact_id].name,
            "artifactType": each.kind.title(),
            "isEnabled": each.is_enabled,
            "frequency": "Weekly",
            "startDate": "10/13/2025 12:00:00 AM",
            "endDate": "10/13/2027 12:00:00 AM",
            "linkToContent": True,
            "previewImage": False,
            "users": [self.user(each.user)],
        }

    def event(self, event: PowerBIEvent) -> Row:
        return {
            "Id": event.id,
            "RecordType": 20,
            "CreationTime": event.at.strftime("%Y-%m-%dT%H:%M:%S"),
            "Operation": event.activity,
            "Activity": event.activity,
            "OrganizationId": self._world.tenant_id,
            "UserType": 0,
            "UserKey": event.user,
            "UserId": event.user,
            "ClientIP": "127.0.0.1",
            "Workload": "PowerBI",
            **event.fields,
        }


def _dates(report: PowerBIReport) -> Row:
    return {
        "createdBy": report.created_by,
        "modifiedBy": report.created_by,
        "createdDateTime": written(report.created_at),
        "modifiedDateTime": written(report.modified_at),
    }
