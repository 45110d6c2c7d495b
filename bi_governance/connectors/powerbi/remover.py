"""Deleting Power BI reports for good, and importing them again from their file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bi_governance.connectors.http import json_of
from bi_governance.connectors.powerbi.client import ORG, Identity, Item, PowerBIClient
from bi_governance.connectors.powerbi.export import PBIX, RDL, flaw_in
from bi_governance.connectors.powerbi.sighting import listed_now
from bi_governance.errors import (
    BackupUnreadable,
    SourceBroken,
    SourceConflict,
    SourceError,
    SourceForbidden,
    SourceMissing,
)
from bi_governance.model import RemovalRoute, VisualKey
from bi_governance.ports import BackupContent, RestoreOutcome

NOT_A_MEMBER = "Give our service principal the role Contributor in this workspace (Manage access)."


class PowerBIRemover:
    """Deletes and imports reports as a workspace member; takes the same options as PowerBIReader."""

    def __init__(
        self,
        name: str,
        options: Mapping[str, Any],
        wall_clock: Callable[[], float] | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self.name = name
        self._admin = PowerBIClient(name, options, Identity.of_reader(options), wall_clock, sleep)
        self._member = PowerBIClient(name, options, Identity.of_remover(options), wall_clock, sleep)

    def remove(self, key: VisualKey) -> None:
        """Delete the report; SourceMissing when it is gone, SourceConflict for dashboards.

        Power BI answers 404 to strangers as well: a report that the admin API still lists is not gone.
        """
        if key.type != "report":
            raise SourceConflict("a dashboard cannot be brought back and is not deleted", source=self.name)
        workspace_id = self._listed(key)["workspaceId"]
        try:
            self._member.send("DELETE", f"{ORG}/groups/{workspace_id}/reports/{key.native_id}")
        except SourceMissing as error:
            if listed_now(self._admin, key) is None:
                raise
            raise _not_a_member(error) from error

    def restore(self, key: VisualKey, route: RemovalRoute, saved: BackupContent) -> RestoreOutcome:  # noqa: ARG002
        """Import the file into the workspace it was in, under the name it had; there is no trash.

        A report that was never deleted is left as it is. SourceConflict when its name is taken, or its
        semantic model is gone; nothing is ever overwritten.
        """
        if listed_now(self._admin, key) is not None:
            return RestoreOutcome(key.native_id)
        workspace_id, title = str(saved.manifest["workspace_id"]), str(saved.manifest["title"])
        self._refuse_taken(workspace_id, title)
        made = self._imported(workspace_id, title, saved)
        return RestoreOutcome(str(made["id"]), self._bound(workspace_id, made, saved))

    def close(self) -> None:
        """Forget the tokens and close connections."""
        self._admin.close()
        self._member.close()

    def _listed(self, key: VisualKey) -> Item:
        found = listed_now(self._admin, key)
        if found is None:
            raise SourceMissing(f"{key} does not exist", source=self.name)
        return found

    def _refuse_taken(self, workspace_id: str, title: str) -> None:
        try:
            there = self._member.rows(f"{ORG}/groups/{workspace_id}/reports")
        except (SourceForbidden, SourceMissing) as error:
            raise _not_a_member(error) from error
        taken = next((each for each in there if each.get("name") == title), None)
        if taken is not None:
            raise SourceConflict(
                f"the workspace has a report '{title}' already ({taken['id']})",
                source=self.name,
                hint="It may have been restored before; otherwise rename that report.",
            )

    def _imported(self, workspace_id: str, title: str, saved: BackupContent) -> Item:
        """The report an import made, once Power BI has finished it."""
        name = RDL if saved.manifest.get("is_paginated") else PBIX
        content = saved.files.get(name, b"")
        flaw = flaw_in(content, is_paginated=name == RDL)
        if flaw:
            raise BackupUnreadable(f"The backup of {saved.manifest['key']} cannot be imported: {flaw}.")
        path = f"{ORG}/groups/{workspace_id}/imports"
        file_name = f"{title}.{name.rpartition('.')[2]}"
        answer = self._member.send(
            "POST",
            path,
            params={"datasetDisplayName": file_name, "nameConflict": "Abort"},
            files={"file": (file_name, content, "application/octet-stream")},
        )
        started: Item = json_of(answer, self.name)
        done = self._member.until(
            lambda found: found.get("importState") in ("Succeeded", "Failed"), f"{path}/{started['id']}"
        )
        reports = done.get("reports") or ()
        if done.get("importState") != "Succeeded" or not reports:
            raise SourceConflict(
                f"Power BI could not import the report: {done.get('error') or done.get('importState')}",
                source=self.name,
                hint="Check that its semantic model still exists; the file is in the backup.",
            )
        found: Item = reports[0]
        return found

    def _bound(self, workspace_id: str, made: Item, saved: BackupContent) -> tuple[str, ...]:
        """Bind the report to the semantic model it had, where the import did not; returns what was lost.

        A live connection that was rebound cannot be exported any more, so it is only done where needed.
        """
        wanted = saved.manifest.get("dataset_id")
        if saved.manifest.get("is_paginated") or not wanted or made.get("datasetId") == wanted:
            return ()
        try:
            self._member.send(
                "POST",
                f"{ORG}/groups/{workspace_id}/reports/{made['id']}/Rebind",
                json={"datasetId": wanted},
            )
        except (SourceMissing, SourceConflict, SourceForbidden, SourceBroken):
            return ("its connection to its semantic model, which is gone or not ours to use",)
        return ("its download: Power BI exports no report that was bound anew",)


def _not_a_member(error: SourceError) -> SourceForbidden:
    return SourceForbidden(
        error.message, source=error.source, status=error.status, request=error.request, hint=NOT_A_MEMBER
    )
