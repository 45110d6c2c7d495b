"""When content was used: counters of views, or the events of Admin Insights."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from tableauserverclient.models.exceptions import UnpopulatedPropertyError

from bi_governance.connectors.tableau import inventory
from bi_governance.connectors.tableau.client import QUERY_DATA, TableauClient
from bi_governance.errors import IncompleteFeed, SourceBroken, SourceForbidden
from bi_governance.model import Coverage, Interval
from bi_governance.ports import Page

INSIGHTS_HINT = (
    "Give our account 'View', 'Connect' and 'API Access' on the data sources of the project Admin Insights, "
    "under the project's Permissions."
)
_EVENTS = "TS Events"
_CONTENT = "Site Content"
# Admin Insights is refreshed about once a day; the latest days are read again by the next runs.
_MOST_DELAY = timedelta(days=2)
# No number of rows above this is believed to be everything the service would give.
ROW_LIMIT = 100_000
_EVENT_FIELDS = (
    "Event Id",
    "Event Date",
    "Event Type",
    "Event Name",
    "Item Type",
    "Item Id",
    "Actor User Name",
)


class Usage(Protocol):
    """One way to learn about use."""

    def start(self, wanted: datetime, now: datetime, proven: Coverage) -> datetime: ...

    def read(self, window: Interval) -> Iterator[Page]: ...

    def last_use(
        self, workbook_id: str, views: dict[str, int], since: datetime, now: datetime
    ) -> datetime | None:
        """The newest use after `since` by anybody but us and robots of the workbook or any of `views`

        (id and counter now); `now` where a use cannot be ruled out.
        """
        ...

    def check(self) -> str:
        """Prove that it can be read; says how."""
        ...


class Counters:
    """Cumulative counts, read once per run: when a view was used is only known between two readings.

    A rise is interpreted by the models. The window of a run that ends last holds the reading.
    """

    def __init__(self, client: TableauClient) -> None:
        self._client = client
        self._ends: datetime | None = None
        self._read: dict[str, int] = {}

    def start(self, wanted: datetime, now: datetime, proven: Coverage) -> datetime:
        """As old as our first reading, which at the first time is now."""
        self._ends = now
        oldest = proven.intervals[0].start if proven.intervals else now - timedelta(seconds=1)
        return min(max(wanted, oldest), now)

    def read(self, window: Interval) -> Iterator[Page]:
        """The counters of this moment, in the newest window; earlier ones hold nothing."""
        if self._ends is not None and window.end < self._ends:
            return
        at = window.end - timedelta(microseconds=1)
        for page in inventory.all_views(self._client):
            counts = {str(view.id): (view.workbook_id, self._count(view)) for view in page}
            self._read |= {id_: count for id_, (_, count) in counts.items()}
            yield [
                {
                    "event_key": f"counter {id_} {at:%Y-%m-%dT%H:%M:%S.%fZ}",
                    "accessed_at": at,
                    "user_id": None,
                    "workbook_id": workbook,
                    "view_id": id_,
                    "event_name": "counter",
                    "access_kind": "view",
                    "counter": count,
                }
                for id_, (workbook, count) in counts.items()
            ]

    def last_use(
        self,
        workbook_id: str,  # noqa: ARG002
        views: dict[str, int],
        since: datetime,  # noqa: ARG002
        now: datetime,
    ) -> datetime | None:
        """Now, when a counter differs from what this process read, or was not read: it bears no date.

        So `delete` on its own, without the collection of the same run, removes nothing here.
        """
        moved = any(self._read.get(id_) != count for id_, count in views.items())
        return now if moved else None

    def check(self) -> str:
        page = next(inventory.all_views(self._client), [])
        return f"counters can be read: {sum(map(self._count, page))} uses of the first {len(page)} views"

    def _count(self, view: Any) -> int:
        try:
            return int(view.total_views)
        except UnpopulatedPropertyError as error:
            raise SourceBroken(
                "a view without its counter", source=self._client.source, hint="Use a site administrator."
            ) from error


class AdminInsights:
    """Events on Tableau Cloud, asked for with the VizQL Data Service from the project Admin Insights."""

    def __init__(self, client: TableauClient, retention: timedelta, robots: Collection[str]) -> None:
        self._client = client
        self._retention = retention
        self._robots = frozenset(robot.lower() for robot in robots)
        self._datasources: dict[str, tuple[str, datetime | None]] = {}
        self._luids: dict[tuple[str, str], str] = {}
        self._people: dict[str, str] = {}

    def start(self, wanted: datetime, now: datetime, proven: Coverage) -> datetime:  # noqa: ARG002
        """Within retention and not before the oldest event there is; no event at all proves nothing."""
        field = {"fieldCaption": "Event Date", "function": "MIN", "fieldAlias": "first"}
        rows = self._query(_EVENTS, [field], [])
        first = _moment(rows[0].get("first")) if rows else None
        return now if first is None else min(max(wanted, first, now - self._retention), now)

    def read(self, window: Interval) -> Iterator[Page]:
        """Accesses within the window; IncompleteFeed when Tableau has not written them down yet."""
        self._require_fresh(window.end)
        rows = [row for row in self._events(window.start, window.end) if _within(row, window)]
        self._learn(rows)
        if rows:
            yield [self._access(row) for row in rows]

    def last_use(
        self,
        workbook_id: str,
        views: dict[str, int],
        since: datetime,
        now: datetime,  # noqa: ARG002
    ) -> datetime | None:
        rows = self._events(since, None)
        self._learn(rows)
        ours = self._robots | {self._client.user_id}
        uses = [
            access["accessed_at"]
            for row in rows
            if ((access := self._access(row))["view_id"] in views or access["workbook_id"] == workbook_id)
            and not {str(access["user_id"]), str(row.get("Actor User Name")).lower()} & ours
            and access["accessed_at"] > since
        ]
        return max(uses, default=None)

    def check(self) -> str:
        _, updated = self._datasource(_EVENTS)
        self._query(_EVENTS, [{"fieldCaption": "Event Date", "function": "MAX", "fieldAlias": "last"}], [])
        return f"{_EVENTS} can be queried; refreshed {updated:%Y-%m-%d %H:%M} UTC" if updated else _EVENTS

    def _events(self, start: datetime, end: datetime | None) -> list[dict[str, Any]]:
        """Accesses of whole days, as the service filters dates; without an end all since the start."""
        dates: dict[str, object] = {
            "field": {"fieldCaption": "Event Date"},
            "filterType": "QUANTITATIVE_DATE",
            "quantitativeFilterType": "MIN" if end is None else "RANGE",
            "minDate": start.date().isoformat(),
        }
        if end is not None:
            dates["maxDate"] = end.date().isoformat()
        access = {
            "field": {"fieldCaption": "Event Type"},
            "filterType": "SET",
            "values": ["Access"],
            "exclude": False,
        }
        rows = self._query(_EVENTS, [{"fieldCaption": name} for name in _EVENT_FIELDS], [dates, access])
        if any(row.get("Event Id") is None or _moment(row.get("Event Date")) is None for row in rows):
            raise SourceBroken("an event without number or date", source=self._client.source)
        return rows

    def _access(self, row: dict[str, Any]) -> dict[str, Any]:
        kind, number = str(row.get("Item Type")).lower(), str(row.get("Item Id"))
        luid, actor = self._luids.get((kind, number)), str(row.get("Actor User Name") or "")
        return {
            "event_key": str(row["Event Id"]),
            "accessed_at": _moment(row["Event Date"]),
            "user_id": self._people.get(actor.lower(), actor),
            "workbook_id": luid if kind == "workbook" else None,
            "view_id": luid if kind == "view" else None,
            "event_name": row.get("Event Name"),
            "access_kind": "view",
            "counter": None,
        }

    def _learn(self, rows: list[dict[str, Any]]) -> None:
        """Look up numbers and names that are new; numbers of deleted content stay unknown."""
        wanted = {(str(row.get("Item Type")).lower(), str(row.get("Item Id"))) for row in rows}
        if wanted - self._luids.keys():
            fields = [{"fieldCaption": name} for name in ("Item ID", "Item LUID", "Item Type")]
            for row in self._query(_CONTENT, fields, []):
                self._luids[str(row["Item Type"]).lower(), str(row["Item ID"])] = str(row["Item LUID"])
        if {str(row.get("Actor User Name") or "").lower() for row in rows} - self._people.keys():
            for page in inventory.users(self._client):
                self._people |= {str(user["name"]).lower(): str(user["user_id"]) for user in page}

    def _require_fresh(self, end: datetime) -> None:
        self._datasources.clear()
        _, updated = self._datasource(_EVENTS)
        if updated is None or updated + _MOST_DELAY < end:
            raise IncompleteFeed(
                f"{_EVENTS} was last refreshed {updated}, too long before {end:%Y-%m-%d %H:%M}",
                source=self._client.source,
                hint="See the refresh of the data sources in the project Admin Insights.",
            )

    def _datasource(self, name: str) -> tuple[str, datetime | None]:
        if name not in self._datasources:
            found = [
                item
                for page in self._client.pages(lambda server, options: server.datasources.get(options))
                for item in page
                if item.name == name and item.project_name == inventory.ADMIN_PROJECT
            ]
            if len(found) != 1:
                raise SourceForbidden(
                    f"the data source {name} cannot be seen in the project {inventory.ADMIN_PROJECT}",
                    source=self._client.source,
                    hint=INSIGHTS_HINT,
                )
            self._datasources[name] = (str(found[0].id), found[0].updated_at)
        return self._datasources[name]

    def _query(
        self, name: str, fields: list[dict[str, Any]], filters: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        luid, _ = self._datasource(name)
        body = {
            "datasource": {"datasourceLuid": luid},
            "query": {"fields": fields, "filters": filters},
            "options": {"returnFormat": "OBJECTS", "disaggregate": False},
        }
        answer = self._client.post_json(QUERY_DATA, body, INSIGHTS_HINT)
        rows = answer.get("data") if isinstance(answer, dict) and not answer.get("error") else None
        if not isinstance(rows, list):
            raise SourceBroken(
                f"{name} gave no rows", source=self._client.source, request=f"POST {QUERY_DATA}"
            )
        if len(rows) >= ROW_LIMIT:
            raise IncompleteFeed(
                f"{name} gave {len(rows)} rows, there may be more", source=self._client.source
            )
        return rows


def _moment(text: object) -> datetime | None:
    """Admin Insights writes times in UTC, with or without saying so."""
    if not text:
        return None
    moment = datetime.fromisoformat(str(text))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _within(row: dict[str, Any], window: Interval) -> bool:
    at = _moment(row["Event Date"])
    return at is not None and window.start <= at < window.end
