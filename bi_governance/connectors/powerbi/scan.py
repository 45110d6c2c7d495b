"""Metadata scans: everything in up to a hundred workspaces by one request, complete or refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bi_governance.connectors.http import json_of
from bi_governance.connectors.powerbi.client import ADMIN, Item, PowerBIClient
from bi_governance.errors import SourceBroken

WORKSPACES_PER_SCAN = 100
_GET_INFO = f"{ADMIN}/workspaces/getInfo"
_WANTED = {
    "lineage": "True",
    "datasourceDetails": "True",
    "datasetSchema": "True",
    "datasetExpressions": "True",
    "getArtifactUsers": "True",
}


def scan(client: PowerBIClient, workspace_ids: Sequence[str]) -> Iterator[Item]:
    """The scan results of these workspaces, a hundred at a time.

    IncompleteFeed when a workspace is missing or was not read; SourceBroken when a scan fails.
    """
    for start in range(0, len(workspace_ids), WORKSPACES_PER_SCAN):
        yield _scanned(client, workspace_ids[start : start + WORKSPACES_PER_SCAN])


def _scanned(client: PowerBIClient, workspace_ids: Sequence[str]) -> Item:
    answer = client.send("POST", _GET_INFO, params=_WANTED, json={"workspaces": list(workspace_ids)})
    started: Any = json_of(answer, client.source)
    if not isinstance(started, dict) or not started.get("id"):
        raise SourceBroken("a scan without an id", source=client.source, request=f"POST {_GET_INFO}")
    state = client.until(
        lambda found: found.get("status") in ("Succeeded", "Failed"),
        f"{ADMIN}/workspaces/scanStatus/{started['id']}",
    )
    path = f"{ADMIN}/workspaces/scanResult/{started['id']}"
    if state.get("status") != "Succeeded":
        detail = state.get("error") or "no reason given"
        raise SourceBroken(
            f"a metadata scan failed: {detail}",
            source=client.source,
            request=f"GET {path}",
            hint="Run again.",
        )
    result = client.item(path)
    _require_all(client, result, workspace_ids, path)
    return result


def _require_all(client: PowerBIClient, result: Item, wanted: Sequence[str], path: str) -> None:
    workspaces = client.rows_in(result, path, "workspaces")
    missing = {id_.lower() for id_ in wanted} - {str(each["id"]).lower() for each in workspaces}
    if missing:
        raise client.incomplete(f"a scan left out {len(missing)} workspaces", path)
    for workspace in workspaces:
        # Absent when all is well; Deleted workspaces hold nothing any more.
        retrieved = workspace.get("dataRetrievalState") or "Succeeded"
        if retrieved != "Succeeded" and workspace.get("state") != "Deleted":
            raise client.incomplete(
                f"the workspace '{workspace.get('name')}' could not be scanned ({retrieved})", path
            )
