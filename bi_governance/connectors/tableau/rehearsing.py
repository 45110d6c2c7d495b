"""Rehearsing a restore on the same site: a copy in a project set aside, read back, compared, deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tableauserverclient as tsc

from bi_governance.connectors.tableau.backup import checked, download
from bi_governance.connectors.tableau.client import TableauClient
from bi_governance.connectors.tableau.comparing import Unreadable, WorkbookFile, differences
from bi_governance.connectors.tableau.inventory import project_of
from bi_governance.connectors.tableau.publishing import file_of, publish
from bi_governance.connectors.tableau.sighting import views_of, workbook_at, workbooks_where
from bi_governance.errors import (
    BackupUnreadable,
    ConfigurationError,
    SourceBroken,
    SourceConflict,
    SourceError,
    SourceMissing,
)
from bi_governance.model import VisualKey
from bi_governance.ports import BackupContent

NO_PROJECT = (
    "drill_project is not set: give the source the id of a project that only admins see, for copies that "
    "live for seconds"
)

# Tableau's own words; any other 404 is a wrong address.
NO_SUCH_PROJECT = "404005"


class TableauRehearser:
    """Publishes and deletes copies in `drill_project` alone; takes the same options as TableauReader."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self._client = TableauClient(name, options)
        self._project = str(options.get("drill_project") or "")

    def refusal(self, key: VisualKey) -> str:  # noqa: ARG002
        """Without a project set aside for it, a copy would turn up where people work."""
        return "" if self._project else NO_PROJECT

    def rehearse(self, key: VisualKey, saved: BackupContent, mark: str) -> tuple[str, ...]:
        """Publish a copy as a restore would, read it back, compare; the copy is deleted.

        SourceConflict when the project is not there. A site with a recycle bin keeps the copy in it.
        """
        before = _saved_file(key, saved)
        made: tsc.WorkbookItem | None = None
        try:
            made = self._publish(key, saved, mark)
            found = tuple(self._compared(str(made.id), before, saved.manifest))
        except SourceError:
            self._try_to_clean_up(made, mark)
            raise
        self._delete(str(made.id))
        return found

    def clean_up(self, key: VisualKey, saved: BackupContent, mark: str) -> None:  # noqa: ARG002
        """Delete what has this rehearsal's name in the project set aside.

        SourceConflict when something has the name elsewhere: it was moved there, or the setting was
        changed, and only what is in the project is ours to delete. ConfigurationError without the setting.
        """
        if not self._project:
            raise ConfigurationError(f"The copy of drill {mark} cannot be looked for: {NO_PROJECT}.")
        self._delete_named(_title(mark))

    def close(self) -> None:
        """Sign out and close connections."""
        self._client.close()

    def _publish(self, key: VisualKey, saved: BackupContent, mark: str) -> tsc.WorkbookItem:
        try:
            return publish(self._client, key, saved, title=_title(mark), project_id=self._project)
        except SourceMissing as error:
            if not error.message.startswith(NO_SUCH_PROJECT):
                raise
            raise SourceConflict(
                f"there is no project {self._project} to make the copy in",
                source=error.source,
                status=error.status,
                request=error.request,
                hint="Set drill_project to the id of a project that our account can publish to.",
            ) from error

    def _compared(self, copy_id: str, before: WorkbookFile, saved: Mapping[str, Any]) -> Iterator[str]:
        copy = workbook_at(self._client, copy_id)
        if copy is None:
            raise SourceBroken(
                f"Tableau does not find the copy {copy_id} it just made", source=self._client.source
            )
        if (copy.description or "") != (saved.get("description") or ""):
            yield "its description"
        if bool(copy.show_tabs) != bool(saved["show_tabs"]):
            yield "whether its views are shown as tabs"
        yield from _views(saved["views"], [view.name or "" for view in views_of(self._client, copy)])
        content = download(self._client, copy_id)
        checked(content, self._client.source, has_extracts=False)
        try:
            yield from differences(before, WorkbookFile.opened(content))
        except Unreadable as error:
            raise SourceBroken(
                f"the copy's file cannot be read: {error}", source=self._client.source
            ) from error

    def _try_to_clean_up(self, made: tsc.WorkbookItem | None, mark: str) -> None:
        """Publishing can have failed after it was done: what has the name is looked for as well."""
        try:
            if made is not None:
                self._delete(str(made.id))
            self._delete_named(_title(mark))
        except SourceError:
            return  # the intent in the ledger stays open, and the next run removes it

    def _delete_named(self, title: str) -> None:
        found = workbooks_where(self._client, tsc.RequestOptions.Field.Name, title)
        elsewhere = []
        for copy in found:
            if copy.name == title and project_of(copy) == self._project:
                self._delete(str(copy.id))
            elif copy.name == title:
                elsewhere.append(str(copy.id))
        if elsewhere:
            raise SourceConflict(
                f"the workbook {elsewhere[0]}, named '{title}', is not in drill_project and was left alone",
                source=self._client.source,
                hint="Delete it by hand, or set drill_project to the project it is in.",
            )

    def _delete(self, workbook_id: str) -> None:
        """Gone already is fine, but only if Tableau itself says that there is no such workbook."""
        try:
            self._client.ask(lambda server: server.workbooks.delete(workbook_id))
        except SourceMissing:
            if workbook_at(self._client, workbook_id) is not None:
                raise


def _title(mark: str) -> str:
    return f"bi-governance drill {mark}"


def _saved_file(key: VisualKey, saved: BackupContent) -> WorkbookFile:
    try:
        return WorkbookFile.opened(file_of(key, saved))
    except Unreadable as error:
        raise BackupUnreadable(f"The workbook in the backup of {key} cannot be read: {error}.") from error


def _views(saved: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Iterator[str]:
    """The sheets people can open, by name; their tags are put back by a restore and are not tried."""
    before = {str(view["name"]) for view in saved}
    yield from (f"view '{name}' did not come back" for name in sorted(before.difference(names)))
    yield from (f"view '{name}', which was not saved" for name in sorted(set(names) - before))
