"""Saving a dashboard or chart: Superset's own export, checked, and beside it what an import forgets."""

from __future__ import annotations

from typing import Any

from bi_governance.connectors.superset.capabilities import CAPABILITIES
from bi_governance.connectors.superset.client import Item, SupersetClient
from bi_governance.connectors.superset.export import Archive, Unreadable
from bi_governance.connectors.superset.places import Found, Places
from bi_governance.connectors.superset.visuals import main_owner, owners_of, schedule_row, tags_of, title_of
from bi_governance.errors import SourceBroken, SourceConflict, SourceError
from bi_governance.model import VisualKey
from bi_governance.ports import BackupContent

ARCHIVE = "export.zip"
FOLDERS = {"dashboard": "dashboards", "chart": "charts"}


def back_up(client: SupersetClient, places: Places, key: VisualKey) -> BackupContent:
    """Export one visual and check that the archive can be imported again.

    SourceMissing when it is gone; SourceConflict when Superset cannot export what an import needs;
    SourceBroken when the answer is not an export of this visual.
    """
    found = places.get(key)
    content = client.send("GET", f"/api/v1/{key.type}/export/", params={"q": f"!({found.number})"}).content
    charts = places.charts_on(found.number) if key.type == "dashboard" else []
    broken = _check(_opened(content, client.source), key, charts, client.source)
    manifest = _manifest(client, places, key, found, charts)
    manifest["lost"] += [f"the chart '{title}', whose dataset is gone" for title in broken]
    return BackupContent(files={ARCHIVE: content}, manifest=manifest)


def _opened(content: bytes, source: str) -> Archive:
    try:
        return Archive.opened(content)
    except Unreadable as error:
        hint = "Check base_url: a log-in page or a proxy may be answering in Superset's place."
        raise SourceBroken(f"the export cannot be read: {error}", source=source, hint=hint) from error


def _check(archive: Archive, key: VisualKey, charts: list[Item], source: str) -> list[str]:
    """Raise unless the visual and its charts are in the archive; returns charts that have no data left."""
    if key.native_id not in archive.uuids(FOLDERS[key.type]):
        raise SourceBroken(f"the export does not hold the {key.type} {key.native_id}", source=source)
    missing = {str(chart["uuid"]) for chart in charts} - archive.uuids("charts")
    if missing:
        raise SourceBroken(f"the export lacks the charts {', '.join(sorted(missing))}", source=source)
    broken = [str(chart.get("slice_name")) for chart in archive.charts_without_data().values()]
    if broken and key.type == "chart":
        raise SourceConflict(
            "the dataset of this chart is gone, and Superset imports no chart without one",
            source=source,
            hint="Delete it by hand, or give it a dataset.",
        )
    return broken


def _manifest(
    client: SupersetClient, places: Places, key: VisualKey, found: Found, charts: list[Item]
) -> dict[str, Any]:
    item = found.item
    return {
        "key": str(key),
        "title": title_of(item),
        "owner": main_owner(item, ()) or "",
        "folder": "",
        "url": client.base_url + str(item.get("url") or ""),
        "children": [str(VisualKey(key.source, "chart", str(chart["uuid"]))) for chart in charts],
        "lost": list(CAPABILITIES.lost_on_restore[key.type]),
        "platform_version": _version(client),
        "number": found.number,
        "slug": item.get("slug"),
        "published": item.get("published"),
        "certified_by": item.get("certified_by"),
        "owners": _people(item),
        "editors": _subjects(item, "editors"),
        "viewers": _subjects(item, "viewers"),
        "roles": [{"id": role["id"], "name": role["name"]} for role in item.get("roles") or ()],
        "tags": tags_of(item),
        "schedules": [_plain(schedule_row(each, ())) for each in places.schedules_of(found)],
        "embedding": places.embedding_of(found.number) if key.type == "dashboard" else None,
        "charts": [_chart(chart) for chart in charts],
        "dashboards": _dashboards(client, item) if key.type == "chart" else [],
    }


def _version(client: SupersetClient) -> str | None:
    """What Superset calls itself; no reason to go without a backup where it does not say."""
    try:
        answer = client.get("/version")
    except SourceError:
        return None
    told = answer.get("version_string") if isinstance(answer, dict) else None
    return str(told) if told else None


def _people(item: Item) -> list[dict[str, Any]]:
    return [
        {
            "id": int(owner["id"]),
            "name": f"{owner.get('first_name', '')} {owner.get('last_name', '')}".strip(),
            "email": owner.get("email"),
        }
        for owner in owners_of(item)
    ]


def _subjects(item: Item, name: str) -> list[dict[str, Any]]:
    """People, roles and groups as versions after 6.1 number them; none before."""
    return [{"id": int(each["id"]), "name": str(each.get("label") or "")} for each in item.get(name) or ()]


def _chart(item: Item) -> dict[str, Any]:
    return {
        "uuid": str(item["uuid"]),
        "number": item["id"],
        "title": title_of(item),
        "owners": _people(item),
        "editors": _subjects(item, "editors"),
        "dashboards": [each["id"] for each in item.get("dashboards") or ()],
    }


def _dashboards(client: SupersetClient, chart: Item) -> list[dict[str, Any]]:
    """The dashboards a chart is on, by uuid: their numbers may change before it is restored."""
    on = {int(each["id"]) for each in chart.get("dashboards") or ()}
    pages = client.scan("dashboard", ("uuid", "dashboard_title")) if on else ()
    return [
        {"uuid": str(item["uuid"]), "number": item["id"], "title": title_of(item)}
        for page in pages
        for item in page
        if int(item["id"]) in on
    ]


def _plain(row: dict[str, object]) -> dict[str, object]:
    """The row with times as text, as JSON wants them."""
    return {key: value.isoformat() if hasattr(value, "isoformat") else value for key, value in row.items()}
