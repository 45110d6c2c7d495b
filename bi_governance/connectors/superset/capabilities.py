"""What Superset can do, as data."""

from __future__ import annotations

from bi_governance.fidelity import Part
from bi_governance.model import RemovalRoute
from bi_governance.ports import Capabilities

_ALWAYS_LOST = (
    "its number: links and bookmarks that use the number instead of the short name stop working",
    "who marked it as a favourite",
    "alerts and reports, which have to be gone before it can be deleted",
    "its access history in Superset itself, which stays under its old number",
    "who made it, who changed it last, and when: our account, at the restore",
)

_HELD = {
    Part.CONTENT: ("export.zip",),
    Part.OWNERS: ("owners", "editors"),
    Part.PERMISSIONS: ("roles", "viewers"),
    Part.SCHEDULES: ("schedules",),
    Part.ALERTS: ("schedules",),
    Part.PLACE: ("charts", "dashboards", "tags"),
    Part.LINKS: ("url", "slug", "embedding"),
    Part.LINEAGE: ("export.zip",),
}

CAPABILITIES = Capabilities(
    groups="roles and groups",
    history_days=None,
    routes={"dashboard": RemovalRoute.HARD, "chart": RemovalRoute.HARD},
    lost_on_restore={
        "dashboard": (
            *_ALWAYS_LOST,
            "its embedding into other sites, if any: it has to be set up again under a new id",
            "charts on it whose dataset is gone, if they are deleted too",
        ),
        "chart": (*_ALWAYS_LOST, "annotations taken from other charts or annotation layers"),
    },
    backups_hold={"dashboard": _HELD, "chart": _HELD},
)
