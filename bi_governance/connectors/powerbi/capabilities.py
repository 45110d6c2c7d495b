"""What Power BI can do, as data: its capabilities, and the rate limits Microsoft publishes."""

from __future__ import annotations

from bi_governance.connectors.budget import MINUTE, Allowance
from bi_governance.fidelity import Part
from bi_governance.model import RemovalRoute
from bi_governance.ports import Capabilities

# The activity events operation describes 28 days; Microsoft's page on the activity log says up to 30.
HISTORY_DAYS = 28

# A dashboard cannot be exported, hence not brought back: it has no route and is only reported.
CAPABILITIES = Capabilities(
    history_days=HISTORY_DAYS,
    routes={"report": RemovalRoute.HARD},
    lost_on_restore={
        "report": (
            "its id: links, bookmarks and embeddings that use it stop working",
            "e-mail subscriptions to it",
            "its tiles on dashboards",
            "its place in apps, until somebody publishes the app again",
            "who marked it as a favourite",
            "access given to people directly or by a link; access by workspace role remains",
            "its endorsement",
            "its sensitivity label",
            "its publish-to-web link",
            "who created it and when: our service principal made it anew",
            "the access history kept under its old id",
        ),
    },
    backups_hold={
        "report": {
            Part.CONTENT: ("report.pbix", "report.rdl"),
            Part.OWNERS: ("owner", "created_by"),
            Part.PERMISSIONS: ("users",),
            Part.SCHEDULES: ("subscriptions",),
            Part.PLACE: ("folder", "workspace_id", "dashboards", "apps"),
            Part.LINKS: ("url",),
            Part.LINEAGE: ("dataset_id",),
        }
    },
    why_no_route={"dashboard": "Power BI exports none, so none could be brought back"},
    why_no_drill=(
        "in Power BI importing a file can make a semantic model beside the report, which could not be taken "
        "away again safely, and a copy that has to be bound anew is not exported, so it could not be compared"
    ),
)

# Per tenant; from the operations' descriptions in the published API description.
ALLOWANCES = (
    Allowance("workspace lists", r"^GET /v1\.0/myorg/admin/groups$", 50),
    Allowance("workspace lists a minute", r"^GET /v1\.0/myorg/admin/groups$", 15, MINUTE),
    Allowance("report lists", r"^GET /v1\.0/myorg/admin/reports$", 50),
    Allowance("report lists a minute", r"^GET /v1\.0/myorg/admin/reports$", 5, MINUTE),
    Allowance("dashboard lists", r"^GET /v1\.0/myorg/admin/dashboards$", 50),
    Allowance("dashboard lists a minute", r"^GET /v1\.0/myorg/admin/dashboards$", 5, MINUTE),
    Allowance("modified workspaces", r"^GET /v1\.0/myorg/admin/workspaces/modified$", 30),
    Allowance("scans", r"^POST /v1\.0/myorg/admin/workspaces/getInfo$", 500),
    Allowance("scan results", r"^GET /v1\.0/myorg/admin/workspaces/scanResult/", 500),
    Allowance("scan states", r"^GET /v1\.0/myorg/admin/workspaces/scanStatus/", 10_000),
    Allowance("activity events", r"^GET /v1\.0/myorg/admin/activityevents$", 200),
    Allowance("report subscriptions", r"^GET /v1\.0/myorg/admin/reports/[^/]+/subscriptions$", 200),
    Allowance("dashboard subscriptions", r"^GET /v1\.0/myorg/admin/dashboards/[^/]+/subscriptions$", 200),
    Allowance("links published to the web", r"^GET /v1\.0/myorg/admin/widelySharedArtifacts/", 200),
    Allowance("unused artifacts", r"^GET /v1\.0/myorg/admin/groups/[^/]+/unused$", 200),
)

# Subscriptions are told one report or dashboard at a time. A collection asks for all or none of a kind:
# for some only, the rest would look as if nobody had subscribed. Half the hour's calls stay for removals,
# which need three each.
MOST_ASKED_FOR_SUBSCRIPTIONS = 100
