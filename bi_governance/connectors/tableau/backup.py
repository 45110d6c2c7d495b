"""Everything that is saved of a workbook, and the proof that it can be read."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import tableauserverclient as tsc
from defusedxml.ElementTree import ParseError, fromstring  # type: ignore[import-untyped]

from bi_governance.connectors.tableau import schedules
from bi_governance.connectors.tableau.capabilities import CAPABILITIES
from bi_governance.connectors.tableau.client import TableauClient
from bi_governance.connectors.tableau.comparing import EXTRACTS
from bi_governance.connectors.tableau.inventory import is_personal
from bi_governance.connectors.tableau.sighting import folder, views_of, workbook_at
from bi_governance.errors import SourceBroken, SourceConflict, SourceMissing
from bi_governance.model import VisualKey
from bi_governance.ports import BackupContent

PACKAGED, PLAIN = "workbook.twbx", "workbook.twb"
_DOWNLOAD_HINT = "Give our account the capability Download/Save a Copy on the workbook."


def back_up(client: TableauClient, key: VisualKey) -> BackupContent:
    """The workbook's file with its extracts, checked, and what publishing it again would not bring back.

    SourceMissing when it is gone; SourceConflict for a view, which lives and dies with its workbook, and in
    a personal space; SourceBroken when the file is not a whole workbook.
    """
    if key.type != "workbook":
        raise SourceConflict(f"a {key.type} cannot be saved by itself", source=client.source)
    workbook = workbook_at(client, key.native_id)
    if workbook is None:
        raise SourceMissing(f"there is no workbook {key.native_id}", source=client.source, status=404)
    if is_personal(workbook):
        raise SourceConflict(
            "a workbook in a personal space cannot be published there again by anybody else",
            source=client.source,
            hint="Ask its owner to delete it.",
        )
    content = download(client, key.native_id)
    name = checked(content, client.source, has_extracts=bool(workbook.has_extracts))
    return BackupContent(files={name: content}, manifest=_manifest(client, key, workbook))


def download(client: TableauClient, workbook_id: str) -> bytes:
    """The workbook's file with its extracts, as Tableau hands it out."""

    def fetch(server: tsc.Server) -> bytes:
        held = io.BytesIO()
        server.workbooks.download(workbook_id, filepath=held, include_extract=True)
        return held.getvalue()

    return client.ask(fetch, _DOWNLOAD_HINT)


def checked(content: bytes, source: str, *, has_extracts: bool) -> str:
    """The file name that fits the content; SourceBroken when it is damaged, no workbook or lacks extracts."""
    if not zipfile.is_zipfile(io.BytesIO(content)):
        if not _is_workbook(content) or has_extracts:
            raise SourceBroken("the downloaded file is not a whole workbook", source=source)
        return PLAIN
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        damaged, names = archive.testzip(), archive.namelist()
        inside = [name for name in names if name.lower().endswith(".twb")]
        if damaged or not inside or not _is_workbook(archive.read(inside[0])):
            raise SourceBroken("the downloaded package holds no whole workbook", source=source)
    if has_extracts and not any(name.lower().endswith(EXTRACTS) for name in names):
        raise SourceBroken("the downloaded package lacks the workbook's extract", source=source)
    return PACKAGED


def permissions_of(client: TableauClient, workbook: tsc.WorkbookItem) -> list[tsc.PermissionsRule]:
    """The explicit rules of the workbook."""

    def populate(server: tsc.Server) -> list[tsc.PermissionsRule]:
        server.workbooks.populate_permissions(workbook)
        return list(workbook.permissions)

    return client.ask(populate)


def _is_workbook(text: bytes) -> bool:
    try:
        return bool(fromstring(text).tag == "workbook")
    except (ParseError, ValueError):
        return False


def _manifest(client: TableauClient, key: VisualKey, workbook: tsc.WorkbookItem) -> dict[str, Any]:
    views = views_of(client, workbook)
    ids = {str(view.id) for view in views}
    return {
        "key": str(key),
        "title": workbook.name or "",
        "owner": workbook.owner_id or "",
        "folder": folder(client, workbook.project_id),
        "url": workbook.webpage_url or "",
        "children": [str(VisualKey(key.source, "view", id_)) for id_ in sorted(ids)],
        "lost": list(CAPABILITIES.lost_on_restore["workbook"]),
        "platform_version": client.version(),
        "project_id": workbook.project_id,
        "description": workbook.description,
        "show_tabs": workbook.show_tabs,
        "tags": sorted(workbook.tags),
        "views": [{"name": view.name, "tags": sorted(view.tags)} for view in views],
        "permissions": [
            {"type": rule.grantee.tag_name, "id": rule.grantee.id, "capabilities": dict(rule.capabilities)}
            for rule in permissions_of(client, workbook)
        ],
        "deliveries": [
            _plain(row)
            for page in schedules.schedules(client)
            for row in page
            if row["workbook_id"] == key.native_id or row["view_id"] in ids
        ],
    }


def _plain(row: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if isinstance(value, str | bool | None)}
