"""Publishing the file of a backup: always as a workbook of its own, never over another."""

from __future__ import annotations

import io

import tableauserverclient as tsc

from bi_governance.connectors.tableau.backup import PACKAGED, PLAIN
from bi_governance.connectors.tableau.client import TableauClient
from bi_governance.errors import BackupUnreadable
from bi_governance.model import VisualKey
from bi_governance.ports import BackupContent


def file_of(key: VisualKey, saved: BackupContent) -> bytes:
    """The workbook's file; BackupUnreadable when the backup holds none."""
    name = next((name for name in (PACKAGED, PLAIN) if name in saved.files), None)
    if name is None:
        raise BackupUnreadable(f"The backup of {key} holds no workbook.")
    return saved.files[name]


def publish(
    client: TableauClient, key: VisualKey, saved: BackupContent, *, title: str, project_id: str
) -> tsc.WorkbookItem:
    """A new workbook of our account from the saved file, with its description and tabs.

    SourceMissing when there is no such project, SourceConflict when the title is taken in it: Tableau
    overwrites nothing in this mode. Passwords are not in the file, so connections are not checked.
    """
    content, manifest = file_of(key, saved), saved.manifest
    item = tsc.WorkbookItem(project_id, title, show_tabs=bool(manifest["show_tabs"]))
    if manifest.get("description"):
        item.description = str(manifest["description"])

    def send(server: tsc.Server) -> tsc.WorkbookItem:
        published: tsc.WorkbookItem = server.workbooks.publish(
            item,
            io.BytesIO(content),
            tsc.Server.PublishMode.CreateNew,
            connections=None,
            as_job=False,
            skip_connection_check=True,
        )
        return published

    return client.ask(send)
