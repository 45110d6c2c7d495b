"""What Domo can do, as data."""

from __future__ import annotations

from bi_governance.fidelity import Part
from bi_governance.model import RemovalRoute
from bi_governance.ports import Capabilities

# A copy made from the backup would prove a way back that nobody takes.
_NO_DRILL = (
    "in Domo a restore takes it out of the quarantine, where it lies whole, "
    "and builds nothing from the backup"
)

# Domo has no trash: our quarantine keeps content under its id and can be undone, so it is the trash.
# How long Domo keeps its audit log is not documented: the connector asks how far it reaches.
CAPABILITIES = Capabilities(
    groups="groups",
    history_days=None,
    routes={"page": RemovalRoute.TRASH, "card": RemovalRoute.TRASH},
    lost_on_restore={"page": (), "card": ()},
    backups_hold={
        "page": {
            Part.CONTENT: ("page.json", "stacks.json"),
            Part.OWNERS: ("owners",),
            Part.PERMISSIONS: ("visibility",),
            Part.SCHEDULES: ("schedules",),
            Part.PLACE: ("folder", "parent_id"),
            Part.LINKS: ("url",),
        },
        "card": {
            Part.CONTENT: ("card.json", "definition.json"),
            Part.OWNERS: ("owners",),
            Part.SCHEDULES: ("schedules",),
            Part.PLACE: ("pages",),
            Part.LINKS: ("url",),
            Part.LINEAGE: ("datasets",),
        },
    },
    why_no_drill=_NO_DRILL,
)

# Whether a scheduled report sends a page every Monday is only in the instance API, and so are cards:
# who cannot look there may remove nothing.
_SETTINGS = "set instance_url and developer_token"
WITHOUT_INSTANCE = Capabilities(
    history_days=None,
    routes={},
    why_no_route={"page": _SETTINGS, "card": _SETTINGS},
    why_no_drill=_NO_DRILL,
    groups="groups",
)
