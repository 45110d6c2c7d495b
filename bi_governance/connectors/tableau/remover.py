"""Taking a workbook away from one site, and publishing it again from its file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import tableauserverclient as tsc
from tableauserverclient.models.reference_item import ResourceReference

from bi_governance.connectors.tableau.backup import permissions_of
from bi_governance.connectors.tableau.client import TableauClient
from bi_governance.connectors.tableau.publishing import publish
from bi_governance.connectors.tableau.sighting import views_of, workbook_at, workbooks_where
from bi_governance.errors import SourceConflict, SourceForbidden, SourceMissing
from bi_governance.model import RemovalRoute, VisualKey
from bi_governance.ports import BackupContent, RestoreOutcome

Saved = Mapping[str, Any]


class TableauRemover:
    """Deletes and publishes workbooks; takes the same options as TableauReader."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self.name = name
        self._client = TableauClient(name, options)

    def remove(self, key: VisualKey) -> None:
        """Delete the workbook with its views; a site with a recycle bin keeps it there for a while.

        SourceConflict for a view: deleting the last one would take the workbook along. SourceMissing when
        it is gone.
        """
        if key.type != "workbook":
            raise SourceConflict(f"a {key.type} is never removed by itself", source=self.name)
        self._client.ask(lambda server: server.workbooks.delete(key.native_id))

    def restore(self, key: VisualKey, route: RemovalRoute, saved: BackupContent) -> RestoreOutcome:  # noqa: ARG002
        """Publish the file again and put back description, tags, permissions and owner.

        The tag `restored-<old id>` tells a restore that was made already. One that was interrupted before it
        got the tag still belongs to us and is finished. SourceConflict when another workbook has its name
        now or its project is gone.
        """
        workbook = self._restored(key, saved.manifest) or self._publish(key, saved)
        losses = [str(words) for words in saved.manifest.get("lost") or ()]
        losses += self._put_back(workbook, saved.manifest)
        return RestoreOutcome(native_id=str(workbook.id), lost=tuple(dict.fromkeys(losses)))

    def close(self) -> None:
        """Sign out and close connections."""
        self._client.close()

    def _restored(self, key: VisualKey, saved: Saved) -> tsc.WorkbookItem | None:
        there = workbook_at(self._client, key.native_id)
        if there is not None:
            return there
        marked = workbooks_where(self._client, tsc.RequestOptions.Field.Tags, _mark(saved))
        if marked:
            return marked[0]
        namesakes = [
            item
            for item in workbooks_where(self._client, tsc.RequestOptions.Field.Name, str(saved["title"]))
            if item.project_id == saved["project_id"]
        ]
        if not namesakes:
            return None
        if namesakes[0].owner_id != self._client.user_id:
            raise SourceConflict(
                f"another workbook named '{saved['title']}' is in {saved['folder'] or 'its place'} now",
                source=self.name,
                hint="Rename or move that one, then restore again.",
            )
        return namesakes[0]

    def _publish(self, key: VisualKey, saved: BackupContent) -> tsc.WorkbookItem:
        manifest = saved.manifest
        title, project_id = str(manifest["title"]), str(manifest["project_id"])
        try:
            return publish(self._client, key, saved, title=title, project_id=project_id)
        except SourceMissing as error:
            raise SourceConflict(
                f"its project {manifest['folder']} is gone",
                source=self.name,
                status=error.status,
                request=error.request,
                hint="Make the project again and publish the file of the backup there by hand.",
            ) from error

    def _put_back(self, workbook: tsc.WorkbookItem, saved: Saved) -> list[str]:
        """Everything but the file; the owner last, since until then the workbook is known as ours."""
        id_ = str(workbook.id)
        losses: list[str] = []
        tags = {*saved["tags"], *([_mark(saved)] if id_ != _old_id(saved) else [])}
        self._try(lambda server: server.workbooks.add_tags(id_, tags), "tags", losses)
        losses += self._view_tags(workbook, saved)
        losses += self._permissions(workbook, saved)

        def give_back(server: tsc.Server) -> None:
            fresh = server.workbooks.get_by_id(id_)
            fresh.owner_id = saved["owner"]
            server.workbooks.update(fresh)

        self._try(give_back, f"the owner {saved['owner']}", losses)
        return losses

    def _view_tags(self, workbook: tsc.WorkbookItem, saved: Saved) -> list[str]:
        losses: list[str] = []
        tagged = {view["name"]: set(view["tags"]) for view in saved["views"] if view["tags"]}
        for view in views_of(self._client, workbook) if tagged else ():
            if tags := tagged.pop(view.name, None):
                id_ = str(view.id)
                self._try(
                    lambda server, id_=id_, tags=tags: server.views.add_tags(id_, tags),  # type: ignore[misc]
                    f"tags of the view '{view.name}'",
                    losses,
                )
        return losses + [f"tags of the view '{name}'" for name in tagged]

    def _permissions(self, workbook: tsc.WorkbookItem, saved: Saved) -> list[str]:
        """The saved rules, and none that publishing added; each by itself, for grantees may be gone."""
        losses: list[str] = []
        wanted = {(rule["type"], rule["id"]): dict(rule["capabilities"]) for rule in saved["permissions"]}
        for rule in permissions_of(self._client, workbook):
            kept = wanted.get((rule.grantee.tag_name, str(rule.grantee.id)), {})
            surplus = {name: mode for name, mode in rule.capabilities.items() if kept.get(name) != mode}
            if surplus:
                extra = tsc.PermissionsRule(rule.grantee, surplus)
                self._try(
                    lambda server, extra=extra: server.workbooks.delete_permission(workbook, extra),  # type: ignore[misc]
                    f"permissions: {rule.grantee.tag_name} {rule.grantee.id} has more than before",
                    losses,
                )
        for (kind, id_), capabilities in wanted.items():
            rules = [tsc.PermissionsRule(ResourceReference(id_, kind), capabilities)]
            self._try(
                lambda server, rules=rules: server.workbooks.update_permissions(workbook, rules),  # type: ignore[misc]
                f"permissions of the {kind} {id_}",
                losses,
            )
        return losses

    def _try(self, request: Callable[[tsc.Server], object], what: str, losses: list[str]) -> None:
        """Do it; what Tableau refuses for good is a loss, anything else an error (restore again then)."""
        try:
            self._client.ask(request)
        except (SourceMissing, SourceForbidden, SourceConflict) as error:
            losses.append(f"{what} ({error.message})")


def _old_id(saved: Saved) -> str:
    return VisualKey.parse(str(saved["key"])).native_id


def _mark(saved: Saved) -> str:
    return f"restored-{_old_id(saved)}"
