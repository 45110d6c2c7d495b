"""What Tableau can do, as data."""

from __future__ import annotations

from bi_governance.fidelity import Part
from bi_governance.model import RemovalRoute
from bi_governance.ports import Capabilities

# Admin Insights keeps 90 days of events (with Advanced Management 365), Tableau Server 183; counters none.
CAPABILITIES = Capabilities(
    groups="groups",
    history_days=90,
    routes={"workbook": RemovalRoute.HARD},
    lost_on_restore={
        "workbook": (
            "its id and the ids of its views: links and embeddings that use them stop working",
            "its view counts, which begin again at nought",
            "subscriptions and data alerts on it",
            "who marked it or its views as a favourite",
            "custom views people saved in it",
            "extract refresh schedules",
            "passwords embedded in its connections, which somebody has to enter again",
            "earlier revisions, comments and permissions set on single views",
            "the dates of its creation and last change",
        )
    },
    backups_hold={
        "workbook": {
            Part.CONTENT: ("workbook.twbx", "workbook.twb"),
            Part.OWNERS: ("owner",),
            Part.PERMISSIONS: ("permissions",),
            Part.SCHEDULES: ("deliveries",),
            Part.ALERTS: ("deliveries",),
            Part.PLACE: ("folder", "project_id", "tags"),
            Part.LINKS: ("url",),
            Part.LINEAGE: ("workbook.twbx", "workbook.twb"),
        }
    },
    why_no_route={"view": "a view goes with its workbook"},
)
