"""Saving a report: its file, and beside it what the file does not hold."""

from __future__ import annotations

from typing import Any

from bi_governance.connectors.powerbi.capabilities import CAPABILITIES
from bi_governance.connectors.powerbi.client import PowerBIClient
from bi_governance.connectors.powerbi.export import PAGINATED, PBIX, RDL, export
from bi_governance.connectors.powerbi.sighting import Found, found_or_missing, subscriptions
from bi_governance.errors import SourceConflict
from bi_governance.model import VisualKey
from bi_governance.ports import BackupContent


def back_up(admin: PowerBIClient, member: PowerBIClient, key: VisualKey) -> BackupContent:
    """Export one report as the workspace member; SourceConflict for what Power BI lets nobody export."""
    if key.type != "report":
        raise SourceConflict(
            "a dashboard cannot be exported", source=admin.source, hint="Remove it by hand, if at all."
        )
    found = found_or_missing(admin, key)
    is_paginated = found.listed.get("reportType") == PAGINATED
    content = export(member, str(found.listed["workspaceId"]), key.native_id, is_paginated=is_paginated)
    return BackupContent(
        files={RDL if is_paginated else PBIX: content}, manifest=_manifest(admin, found, is_paginated)
    )


def _manifest(admin: PowerBIClient, found: Found, is_paginated: bool) -> dict[str, Any]:  # noqa: FBT001
    key, item = found.key, found.item
    return {
        "key": str(key),
        "title": found.title,
        "owner": found.owner,
        "folder": found.folder,
        "url": str(found.listed.get("webUrl") or ""),
        "children": [],
        "lost": list(CAPABILITIES.lost_on_restore[key.type]),
        "workspace_id": str(found.listed["workspaceId"]),
        "dataset_id": found.listed.get("datasetId"),
        "is_paginated": is_paginated,
        "description": found.listed.get("description"),
        "created_by": item.get("createdBy"),
        "created_at": item.get("createdDateTime"),
        "endorsement": item.get("endorsementDetails"),
        "sensitivity_label": item.get("sensitivityLabel"),
        "users": [dict(user) for user in item.get("users") or ()],
        "subscriptions": [dict(each) for each in subscriptions(admin, key.type, key.native_id)],
        "dashboards": [
            {"id": each["id"], "title": each.get("displayName"), "tiles": each.get("tiles")}
            for each in found.dashboards()
        ],
        "apps": sorted(str(copy.get("appId")) for copy in found.copies().values()),
    }
