"""What a row of Superset's action log tells - whose visit, to what, how - and which rows are one visit."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bi_governance.connectors.superset.rison import utc_moment

# What Superset writes when a page is opened, when the page reports back, and when it asks for data.
PAGES = ("dashboard", "embedded", "explore", "root")  # opening a chart is `root` in 6.1, `explore` before
BEACONS = ("log",)
DATA = ("ChartDataRestApi.data", "explore_json")
EXPORTS = ("DashboardRestApi.export", "ChartRestApi.export")
GROUPS = (PAGES, BEACONS, DATA, EXPORTS)

PAGE_TO_BEACON = timedelta(minutes=10)  # a slow browser on a heavy dashboard
CLOCK_JITTER = timedelta(seconds=5)
SCREENSHOT_MODES = {"3", "true"}
CHART_DATA_PATH = re.compile(r"/api/v1/chart/(\d+)/data/?$")


@dataclass(frozen=True, slots=True)
class LogRow:
    """One row of Superset's log; `detail` is its parsed JSON, empty when that is unreadable."""

    id: int
    action: str
    at: datetime
    user_id: str | None
    dashboard_id: int | None
    chart_id: int | None
    detail: Mapping[str, Any]
    page_query: Mapping[str, list[str]]
    page_path: str

    @property
    def event_name(self) -> str | None:
        name = self.detail.get("event_name")
        return str(name) if name else None


@dataclass(frozen=True, slots=True)
class Access:
    """One use of one visual by its number; `type` is `dashboard` or `chart`."""

    row: LogRow
    type: str
    number: int
    kind: str

    def as_row(self, uuid_of: Callable[[str, int], str | None]) -> dict[str, object]:
        """The access as a row of `superset_historical_access`, with the uuids its numbers stand for now.

        Kept with the row, they let it count for the visual whatever number that has later.
        """
        number = str(self.number)
        uuid = uuid_of(self.type, self.number)
        return {
            "event_key": str(self.row.id) if self.kind != "export" else f"{self.row.id}-{number}",
            "accessed_at": self.row.at,
            "user_id": self.row.user_id,
            "dashboard_id": number if self.type == "dashboard" else None,
            "chart_id": number if self.type == "chart" else None,
            "dashboard_uuid": uuid if self.type == "dashboard" else None,
            "chart_uuid": uuid if self.type == "chart" else None,
            "action": self.row.action,
            "event_name": self.row.event_name,
            "access_kind": self.kind,
        }


# Who, whether it was a machine delivering for them, and what: the party to a visit.
Party = tuple[str | None, bool, str, int]


@dataclass(slots=True)
class Visits:
    """Which rows belong to a visit already counted.

    A page load and the report its script sends are one visit; so are all reports of one impression,
    and data asked for by somebody whose visit is known. Page loads must be shown first, then reports.
    """

    _loads: dict[Party, list[datetime]] = field(default_factory=lambda: defaultdict(list))
    _impressions: set[tuple[str, Party]] = field(default_factory=set)
    _visited: set[Party] = field(default_factory=set)

    def is_new(self, access: Access) -> bool:
        """Whether this access is a visit of its own; remembers it."""
        if access.kind in ("export", "api"):
            return True
        row = access.row
        party = (row.user_id, access.kind == "delivery", access.type, access.number)
        is_known = party in self._visited
        self._visited.add(party)
        if row.action in PAGES:
            self._loads[party].append(row.at)
            return True
        impression = str(row.detail.get("impression_id") or "")
        if row.action in BEACONS and impression:
            return self._is_new_impression((impression, party), row.at)
        return not is_known

    def _is_new_impression(self, impression: tuple[str, Party], at: datetime) -> bool:
        if impression in self._impressions:
            return False
        self._impressions.add(impression)
        loads = self._loads[impression[1]]
        load = max((t for t in loads if t - CLOCK_JITTER <= at <= t + PAGE_TO_BEACON), default=None)
        if load is not None:
            loads.remove(load)
        return load is None


def kind_of(row: LogRow) -> str:
    """How it was used; a page rendered for a report or screenshot is a delivery."""
    asked = row.detail if row.action in PAGES else {key: values[-1] for key, values in row.page_query.items()}
    if str(asked.get("standalone", "")).lower() in SCREENSHOT_MODES and "force" in asked:
        return "delivery"
    if row.action in DATA:
        return _kind_of_data(row)
    if row.detail.get("edit_mode") is True:
        return "edit"
    is_embedded = row.action == "embedded" or (row.user_id is None and "/embedded/" in row.page_path)
    return "embed" if is_embedded else "view"


def _kind_of_data(row: LogRow) -> str:
    if CHART_DATA_PATH.search(str(row.detail.get("path") or "")):
        is_report = row.detail.get("type") == "post_processed" and "force" in row.detail
        return "delivery" if is_report else "api"
    if str(row.detail.get("result_format", "json")).lower() in ("csv", "xlsx"):
        return "export"
    return "embed" if row.user_id is None and "/embedded/" in row.page_path else "view"


def read_row(number: int, item: Mapping[str, Any]) -> LogRow | None:
    """The log row as a value; None for one without a time, which cannot lie in any window."""
    at = utc_moment(item.get("dttm"))
    if at is None:
        return None
    page = urlsplit(str(item.get("referrer") or ""))
    user = item.get("user_id")
    return LogRow(
        id=number,
        action=str(item.get("action") or ""),
        at=at,
        user_id=None if user is None else str(user),
        dashboard_id=number_in(item.get("dashboard_id")),
        chart_id=number_in(item.get("slice_id")),
        detail=_parsed(item.get("json")),
        page_query=parse_qs(page.query),
        page_path=page.path,
    )


def _parsed(text: object) -> Mapping[str, Any]:
    try:
        content = json.loads(text) if isinstance(text, str) else {}
    except json.JSONDecodeError:
        return {}
    return content if isinstance(content, Mapping) else {}


def number_in(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isdigit() and text != "0" else None


def numbers_in(value: object) -> list[int]:
    values = value if isinstance(value, list) else [value]
    return [number for each in values if (number := number_in(each)) is not None]
