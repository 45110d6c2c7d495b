"""Which data sources and tables a workbook reads, from the Metadata API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bi_governance.connectors.tableau.client import METADATA, TableauClient
from bi_governance.errors import IncompleteFeed, SourceBroken
from bi_governance.ports import Page

METADATA_HINT = "An administrator enables the Metadata API (tsm maintenance metadata-services enable)."
_PAGE = 50
_QUERY = """
query lineage($first: Int, $after: String) {
  workbooksConnection(first: $first, after: $after, orderBy: {field: NAME, direction: ASC}) {
    totalCount
    pageInfo { hasNextPage endCursor }
    nodes {
      luid
      upstreamDatasources { name }
      upstreamTables { name schema database { name } }
    }
  }
}
"""


def dependencies(client: TableauClient) -> Iterator[Page]:
    """One row per workbook and what it reads.

    IncompleteFeed for every error inside an answer: a limit reached (NODE_LIMIT_EXCEEDED) or an index that is
    being built (BACKFILL_RUNNING) arrive with status 200 and part of the data.
    """
    after: str | None = None
    seen: set[str] = set()
    while True:
        part = ask(client, {"first": _PAGE, "after": after})
        rows = [row for node in part["nodes"] for row in _rows(node)]
        if rows:
            yield rows
        before = len(seen)
        seen |= {str(node["luid"]) for node in part["nodes"]}
        if not part["pageInfo"]["hasNextPage"]:
            break
        if len(seen) == before:
            raise _incomplete(client, "the list of workbooks does not go on")
        after = part["pageInfo"]["endCursor"]
    if len(seen) != part["totalCount"]:
        raise _incomplete(client, f"lineage of {len(seen)} of {part['totalCount']} workbooks")


def ask(client: TableauClient, variables: dict[str, Any]) -> dict[str, Any]:
    """One page of workbooks with what they read."""
    answer = client.post_json(METADATA, {"query": _QUERY, "variables": variables}, METADATA_HINT)
    errors = answer.get("errors") if isinstance(answer, dict) else None
    if errors:
        raise _incomplete(client, "; ".join(_words(error) for error in errors))
    try:
        connection: dict[str, Any] = answer["data"]["workbooksConnection"]
        _ = connection["nodes"], connection["pageInfo"]["hasNextPage"], connection["totalCount"]
    except (KeyError, TypeError) as error:
        raise SourceBroken(
            "a lineage of another shape than expected", source=client.source, request=f"POST {METADATA}"
        ) from error
    return connection


def _words(error: dict[str, Any]) -> str:
    code = (error.get("extensions") or {}).get("code", "")
    return f"{code} {error.get('message', '')}".strip()


def _incomplete(client: TableauClient, words: str) -> IncompleteFeed:
    return IncompleteFeed(
        words,
        source=client.source,
        status=200,
        request=f"POST {METADATA}",
        hint="The lineage is not whole; wait until Tableau's index is built, then run again.",
    )


def _rows(node: dict[str, Any]) -> Iterator[dict[str, object]]:
    named: dict[tuple[str, str], dict[str, object]] = {}
    for source in node.get("upstreamDatasources") or ():
        named["data source", source["name"]] = _row(node, "data source", source["name"])
    for table in node.get("upstreamTables") or ():
        database = (table.get("database") or {}).get("name")
        row = _row(node, "table", table["name"]) | {
            "database_name": database,
            "schema_name": table.get("schema"),
        }
        named.setdefault(("table", table["name"]), row)
    yield from named.values()


def _row(node: dict[str, Any], kind: str, name: str) -> dict[str, object]:
    return {"visual_type": "workbook", "visual_id": str(node["luid"]), "kind": kind, "name": name}
