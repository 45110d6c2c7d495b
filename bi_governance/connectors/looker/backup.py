"""All that can be saved of a Looker visual: itself, its LookML, what it shows, who gets and who sees it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from looker_sdk.rtl import model, serialize
from looker_sdk.sdk.api40.models import Dashboard, DashboardElement, LookWithQuery, Query

from bi_governance.connectors.looker import belongings, folders, sighting
from bi_governance.connectors.looker.client import LookerClient
from bi_governance.connectors.looker.inventory import dashboard_url, is_lookml, look_url
from bi_governance.errors import SourceConflict, SourceError, SourceMissing
from bi_governance.model import VisualKey
from bi_governance.ports import BackupContent

DASHBOARD_FILE, LOOKML_FILE, LOOK_FILE, QUERY_FILE = (
    "dashboard.json",
    "dashboard.lookml",
    "look.json",
    "query.json",
)
# Favourites: Looker's API shows and sets those of the calling account alone, an administrator's too.
LOST_ON_REBUILD = (
    "its id and address",
    "who marked it as a favourite, which Looker lets people see and set for themselves only",
    "its usage history",
)
Files = Iterator[tuple[str, bytes]]


def backup(client: LookerClient, key: VisualKey) -> BackupContent:
    """Files and manifest of one visual; SourceConflict for LookML dashboards, which are kept as code."""
    refuse_lookml(client, key)
    visual = sighting.fetch(client, key)
    if isinstance(visual, Dashboard):
        elements = sighting.elements_of(client, key)
        own = _dashboard_files(client, key, visual, elements)
    else:
        elements, own = [], _look_files(visual)
    files = dict((*own, *belongings.files(client, key, visual, elements)))
    return BackupContent(files, _manifest(client, key, visual, elements))


def refuse_lookml(client: LookerClient, key: VisualKey) -> None:
    """SourceConflict for a dashboard that belongs to a model repository."""
    if key.type == "dashboard" and is_lookml(key.native_id):
        raise SourceConflict(
            f"{key} is a LookML dashboard: it is kept as code and cannot be changed here",
            source=client.source,
            hint="Remove it in the model repository.",
        )


def _manifest(
    client: LookerClient,
    key: VisualKey,
    visual: Dashboard | LookWithQuery,
    elements: Sequence[DashboardElement],
) -> dict[str, Any]:
    looks = sorted({str(element.look_id) for element in elements if element.look_id})
    address = dashboard_url if key.type == "dashboard" else look_url
    folder_id = visual.folder.id if visual.folder else visual.folder_id
    return {
        "key": str(key),
        "title": visual.title or "",
        "owner": {"id": str(visual.user_id or ""), "name": visual.user_name or ""},
        "folder": folders.path_now(client, folder_id),
        "folder_id": folder_id,
        "url": address(client, key.native_id),
        "children": [str(VisualKey(key.source, "look", look_id)) for look_id in looks],
        "lost": list(LOST_ON_REBUILD),
        "platform_version": _version(client),
    }


def _version(client: LookerClient) -> str | None:
    """Looker's release; no reason to go without a backup where it does not say."""
    try:
        return client.ask(lambda sdk: sdk.versions(fields="looker_release_version")).looker_release_version
    except SourceError:
        return None


def _dashboard_files(
    client: LookerClient, key: VisualKey, dashboard: Dashboard, elements: Sequence[DashboardElement]
) -> Files:
    yield DASHBOARD_FILE, _json(dashboard)
    lookml = client.ask(lambda sdk: sdk.dashboard_lookml(key.native_id))
    yield LOOKML_FILE, (lookml.lookml or "").encode()
    for look_id in sorted({str(element.look_id) for element in elements if element.look_id}):
        yield from _linked_look(client, look_id)
    for element in elements:
        if element.merge_result_id:
            yield from _merged(client, element.merge_result_id)


def _look_files(look: LookWithQuery) -> Files:
    yield LOOK_FILE, _json(look)
    if look.query is not None:
        yield QUERY_FILE, _json(look.query)


def _linked_look(client: LookerClient, look_id: str) -> Files:
    try:
        yield f"looks/{look_id}.json", _json(client.ask(lambda sdk: sdk.look(look_id)))
    except SourceMissing:  # the tile outlived its look
        return


def _merged(client: LookerClient, merge_id: str) -> Files:
    merged = client.ask(lambda sdk: sdk.merge_query(merge_id))
    yield f"merge_queries/{merge_id}.json", _json(merged)
    for query_id in sorted({str(q.query_id) for q in merged.source_queries or () if q.query_id}):
        yield f"queries/{query_id}.json", _json(_query(client, query_id))


def _query(client: LookerClient, query_id: str) -> Query:
    return client.ask(lambda sdk: sdk.query(query_id))


def _json(value: model.Model | Sequence[Any]) -> bytes:
    written: bytes = serialize.serialize40(api_model=value)
    return written
