"""The activity log: who used which report or dashboard, by UTC day, through empty pages to the last."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from bi_governance.connectors.powerbi.client import ADMIN, Item, PowerBIClient
from bi_governance.connectors.powerbi.people import moment, text_or_none
from bi_governance.model import Interval

EVENTS = f"{ADMIN}/activityevents"
ROWS = "activityEventEntities"
DAY = timedelta(days=1)
# Events show up half an hour to an hour late, sometimes later; a day that ended this long ago is settled.
SETTLED_AFTER = timedelta(days=1)
_TICK = timedelta(milliseconds=1)
_DELIVERED = ("run", "send", "deliver")
_EDITED = ("create", "edit", "update", "rename", "publish", "import", "rebind", "clone", "copy")
_REMOVED = ("delete",)


@dataclass(frozen=True, slots=True)
class Use:
    """One event that names a report or a dashboard; `report_id` is as the event has it, copy or not."""

    key: str
    at: datetime
    user_id: str
    report_id: str | None
    dashboard_id: str | None
    workspace_id: str | None
    activity: str
    consumption_method: str | None
    kind: str

    def as_row(self, originals: Mapping[str, str]) -> dict[str, object]:
        """A row of `powerbi_historical_access`; a use of an app's copy is credited to the original."""
        return {
            "event_key": self.key,
            "accessed_at": self.at,
            "user_id": self.user_id,
            "report_id": originals.get(self.report_id or "", self.report_id),
            "dashboard_id": originals.get(self.dashboard_id or "", self.dashboard_id),
            "workspace_id": self.workspace_id,
            "activity": self.activity,
            "consumption_method": self.consumption_method,
            "access_kind": self.kind,
        }


def use_in(event: Item) -> Use | None:
    """The use an event tells of; None for one about neither report nor dashboard, or about a deletion."""
    at = moment(event.get("CreationTime"))
    activity = str(event.get("Activity") or event.get("Operation") or "")
    report, dashboard = _subject(event)
    if at is None or not (report or dashboard) or activity.lower().startswith(_REMOVED):
        return None
    return Use(
        key=str(event["Id"]),
        at=at,
        user_id=str(event.get("UserId") or event.get("UserKey") or "").lower(),
        report_id=report,
        dashboard_id=dashboard,
        workspace_id=text_or_none(event.get("WorkspaceId")),
        activity=activity,
        consumption_method=text_or_none(event.get("ConsumptionMethod")),
        kind=_kind_of(activity, event),
    )


def _subject(event: Item) -> tuple[str | None, str | None]:
    artifact, kind = text_or_none(event.get("ArtifactId")), str(event.get("ArtifactKind") or "").lower()
    report = text_or_none(event.get("ReportId")) or (artifact if kind.endswith("report") else None)
    dashboard = text_or_none(event.get("DashboardId")) or (artifact if kind == "dashboard" else None)
    return report, dashboard


def _kind_of(activity: str, event: Item) -> str:
    """How it was used; Microsoft's list of activities is open, and what is not known is a view."""
    name = activity.lower()
    if "subscription" in name:
        return "delivery" if name.startswith(_DELIVERED) else "edit"
    if name.startswith("export"):
        return "export"
    if name.startswith(_EDITED):
        return "edit"
    how = f"{event.get('ConsumptionMethod') or ''} {event.get('DistributionMethod') or ''}".lower()
    return "embed" if "embed" in how else "view"


@dataclass(slots=True)
class LastUses:
    """The newest use of every report and dashboard on one day, by whether it was a person's viewing."""

    counted: dict[str, datetime] = field(default_factory=dict)
    any: dict[str, datetime] = field(default_factory=dict)

    def add(self, use: Use, not_by: Collection[str]) -> None:
        """Take in one use; deliveries and accounts in `not_by` are no viewers."""
        for id_ in (use.report_id, use.dashboard_id):
            if id_:
                self.any[id_] = max(use.at, self.any.get(id_, use.at))
                if use.user_id not in not_by and use.kind != "delivery":
                    self.counted[id_] = max(use.at, self.counted.get(id_, use.at))


class ActivityLog:
    """The log of one tenant; days that can no longer change are read once. For several threads."""

    def __init__(self, client: PowerBIClient) -> None:
        self._client = client
        self._days: dict[datetime, LastUses] = {}
        self._lock = threading.RLock()

    def uses(self, window: Interval) -> Iterator[list[Use]]:
        """Uses in [start, end), page by page, each event once; the window lies within one UTC day."""
        seen: set[str] = set()
        asked = {"startDateTime": _quoted(window.start), "endDateTime": _quoted(window.end - _TICK)}
        for page in self._client.continued(EVENTS, ROWS, asked):
            uses = [use for event in page if (use := use_in(event)) is not None]
            fresh = {
                use.key: use for use in uses if use.key not in seen and window.start <= use.at < window.end
            }
            seen.update(fresh)
            yield list(fresh.values())

    def last_uses(self, start: datetime, now: datetime, not_by: Collection[str]) -> list[LastUses]:
        """Who used what since `start`, a day at a time; one call or more per day not read before."""
        with self._lock:
            return [self._day(day, now, not_by) for day in _days(start, now)]

    def _day(self, day: Interval, now: datetime, not_by: Collection[str]) -> LastUses:
        if day.start in self._days:
            return self._days[day.start]
        found = LastUses()
        for uses in self.uses(day):
            for use in uses:
                found.add(use, not_by)
        if day.end - day.start == DAY and day.end + SETTLED_AFTER <= now:
            self._days[day.start] = found
        return found


def _days(start: datetime, end: datetime) -> Iterator[Interval]:
    while start < end:
        midnight = datetime.combine(start.date(), time.min, UTC) + DAY
        yield Interval(start, min(midnight, end))
        start = midnight


def _quoted(at: datetime) -> str:
    """The operation wants its moments in single quotes, in UTC, to the millisecond."""
    text = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f"'{text}'"
