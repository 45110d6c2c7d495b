"""Tableau's two newer services in JSON: the Metadata API and the VizQL Data Service."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from bi_governance.sandbox.rest import Call, Handler, Refusal
from bi_governance.sandbox.tableau_access import TableauAccess
from bi_governance.sandbox.tableau_world import TableauEvent, TableauWorld

METADATA = "/api/metadata/graphql"
QUERY = "/api/v1/vizql-data-service/query-datasource"


class TableauServices:
    """Lineage of workbooks, and queries of the data sources of Admin Insights."""

    def __init__(self, world: TableauWorld, access: TableauAccess) -> None:
        self._world, self._access = world, access

    def handlers(self) -> dict[str, Handler]:
        return {f"POST {METADATA}": self.metadata, f"POST {QUERY}": self.query}

    def metadata(self, call: Call) -> object:
        """Workbooks with what they read, paged by cursor; errors come along with status 200."""
        if not self._world.metadata_enabled:
            raise Refusal(404, {"message": "Metadata API is not enabled"})
        asked = call.json()["variables"]
        first, after = int(asked["first"]), int(asked.get("after") or 0)
        every = list(self._world.workbooks.values())
        page = every[after : after + first]
        connection = {
            "totalCount": len(every),
            "pageInfo": {"hasNextPage": after + first < len(every), "endCursor": str(after + first)},
            "nodes": [
                {
                    "luid": item.id,
                    "upstreamDatasources": [],
                    "upstreamTables": [
                        {"name": name, "schema": "public", "database": {"name": "sales"}}
                        for name in item.tables
                    ],
                }
                for item in page
            ],
        }
        answer: dict[str, object] = {"data": {"workbooksConnection": connection}}
        return answer | ({"errors": self._world.metadata_errors} if self._world.metadata_errors else {})

    def query(self, call: Call) -> object:
        """Rows of one data source, grouped by the fields asked for, or one row of an aggregate."""
        if not (self._world.api_access and self._access.is_administrator(call)):
            raise Refusal(403, {"errorCode": "403157", "message": "The user lacks API access"})
        body = call.json()
        names = {id_: name for name, id_ in self._world.insights.items()}
        name = names.get(body["datasource"]["datasourceLuid"])
        if name is None:
            raise Refusal(404, {"errorCode": "404950", "message": "Data source not found"})
        rows = self._events() if name == "TS Events" else self._content()
        query = body["query"]
        for condition in query.get("filters", ()):
            rows = [row for row in rows if _passes(row, condition)]
        return {"data": _selected(rows, query["fields"])}

    def _events(self) -> list[dict[str, Any]]:
        limit = self._world.insights_refreshed_at or self._world.clock.now()
        return [_event(event) for event in self._world.events if event.at <= limit]

    def _content(self) -> list[dict[str, Any]]:
        items = [("Workbook", w.number, w.id) for w in self._world.workbooks.values()]
        items += [("View", v.number, v.id) for v in self._world.views.values()]
        return [{"Item Type": kind, "Item ID": number, "Item LUID": id_} for kind, number, id_ in items]


def _event(event: TableauEvent) -> dict[str, Any]:
    return {
        "Event Id": event.id,
        "Event Date": event.at.replace(tzinfo=None).isoformat(),
        "Event Type": "Access",
        "Event Name": "Access View",
        "Item Type": event.item_type,
        "Item Id": event.item_number,
        "Actor User Name": event.actor_name,
    }


def _passes(row: dict[str, Any], condition: dict[str, Any]) -> bool:
    value = row[condition["field"]["fieldCaption"]]
    if condition["filterType"] == "SET":
        return (value in condition["values"]) is not condition.get("exclude", False)
    day = datetime.fromisoformat(value).date()
    low, high = condition.get("minDate"), condition.get("maxDate")
    return (low is None or day >= date.fromisoformat(low)) and (
        high is None or day <= date.fromisoformat(high)
    )


def _selected(rows: list[dict[str, Any]], fields: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """An aggregate over nothing is one row of null."""
    function = {"MIN": min, "MAX": max}.get(fields[0].get("function", ""))
    if function is not None:
        values = [row[fields[0]["fieldCaption"]] for row in rows]
        return [{fields[0]["fieldAlias"]: function(values, default=None)}]
    names = [field["fieldCaption"] for field in fields]
    grouped = dict.fromkeys(tuple(row[name] for name in names) for row in rows)
    return [dict(zip(names, values, strict=True)) for values in grouped]
