"""Taking Looker visuals away and putting them back: always by the trash, never by a final delete."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from looker_sdk.sdk.api40.methods import Looker40SDK
from looker_sdk.sdk.api40.models import (
    WriteDashboard,
    WriteDashboardLookml,
    WriteLookWithQuery,
    WriteQuery,
)

from bi_governance.connectors.looker import belongings, sighting
from bi_governance.connectors.looker.backup import (
    DASHBOARD_FILE,
    LOOK_FILE,
    LOOKML_FILE,
    LOST_ON_REBUILD,
    QUERY_FILE,
    refuse_lookml,
)
from bi_governance.connectors.looker.client import LookerClient
from bi_governance.errors import BackupUnreadable, SourceConflict, SourceError, SourceMissing
from bi_governance.model import RemovalRoute, VisualKey
from bi_governance.ports import BackupContent, RestoreOutcome

_NEEDS_EDIT = "Give our account the Admin role, or the right to manage the folder it is in."


class LookerRemover:
    """Moves visuals to Looker's trash and brings them back."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self._client = LookerClient(name, options)

    def remove(self, key: VisualKey) -> None:
        """Move to the trash.

        SourceMissing when it is gone or in the trash already, SourceConflict for LookML dashboards.
        """
        refuse_lookml(self._client, key)
        if self._in_trash(key):
            raise SourceMissing(f"{key} is in the trash already", source=self._client.source)
        self._set_deleted(key, deleted=True)

    def restore(self, key: VisualKey, route: RemovalRoute, saved: BackupContent) -> RestoreOutcome:  # noqa: ARG002
        """Bring back from the trash under the same id, or rebuild from the backup when the trash was emptied.

        A visual that is not deleted at all is left as it is. SourceConflict when its title or folder
        is in the way of it coming back.
        """
        refuse_lookml(self._client, key)
        try:
            trashed = self._in_trash(key)
        except SourceMissing:
            return self._rebuild(key, saved)
        if trashed:
            self._set_deleted(key, deleted=False)
        return RestoreOutcome(key.native_id)

    def close(self) -> None:
        """Log out and release connections."""
        self._client.close()

    def _in_trash(self, key: VisualKey) -> bool:
        return bool(sighting.fetch(self._client, key, "id,deleted").deleted)

    def _set_deleted(self, key: VisualKey, *, deleted: bool) -> None:
        def change(sdk: Looker40SDK) -> object:
            if key.type == "dashboard":
                return sdk.update_dashboard(key.native_id, WriteDashboard(deleted=deleted))
            return sdk.update_look(key.native_id, WriteLookWithQuery(deleted=deleted), fields="id,deleted")

        self._client.ask(change, hint=_NEEDS_EDIT)

    def _rebuild(self, key: VisualKey, saved: BackupContent) -> RestoreOutcome:
        rebuild = self._rebuild_dashboard if key.type == "dashboard" else self._rebuild_look
        native_id = rebuild(key, saved, str(saved.manifest.get("folder_id") or ""))
        rebuilt = VisualKey(key.source, key.type, native_id)
        owner_is_back = self._give_to(rebuilt, saved)
        tiles = sighting.elements_of(self._client, rebuilt) if key.type == "dashboard" else []
        not_back = belongings.put_back(self._client, rebuilt, saved.files, tiles)
        lost = (*LOST_ON_REBUILD, *(() if owner_is_back else ("its owner",)), *not_back)
        return RestoreOutcome(native_id, lost)

    def _rebuild_dashboard(self, key: VisualKey, saved: BackupContent, folder_id: str) -> str:
        slug = read_object(key, saved, DASHBOARD_FILE).get("slug")
        self._refuse_overwriting(key, str(slug or ""))
        lookml = file_of(key, saved, LOOKML_FILE).decode()
        body = WriteDashboardLookml(folder_id=folder_id, lookml=lookml)
        return str(self._client.ask(lambda sdk: sdk.import_dashboard_from_lookml(body)).id)

    def _refuse_overwriting(self, key: VisualKey, slug: str) -> None:
        """Importing LookML whose slug is in use overwrites the dashboard that has it."""
        found = (
            self._client.ask(lambda sdk: sdk.search_dashboards(slug=slug, fields="id,title")) if slug else ()
        )
        if found:
            raise SourceConflict(
                f"{key} cannot be rebuilt: dashboard {found[0].id} ({found[0].title}) has its slug '{slug}'",
                source=self._client.source,
                hint="It may have been restored before; otherwise give that dashboard another slug.",
            )

    def _rebuild_look(self, key: VisualKey, saved: BackupContent, folder_id: str) -> str:
        query = WriteQuery(**known(WriteQuery, read_object(key, saved, QUERY_FILE)))
        query_id = self._client.ask(lambda sdk: sdk.create_query(query)).id
        old = read_object(key, saved, LOOK_FILE)
        look = WriteLookWithQuery(
            title=old.get("title"), description=old.get("description"), query_id=query_id, folder_id=folder_id
        )
        return str(self._client.ask(lambda sdk: sdk.create_look(look)).id)

    def _give_to(self, key: VisualKey, saved: BackupContent) -> bool:
        """Make the former owner the owner again; False where that person is no longer there."""
        owner_id = str(saved.manifest.get("owner", {}).get("id") or "")

        def change(sdk: Looker40SDK) -> object:
            if key.type == "dashboard":
                return sdk.update_dashboard(key.native_id, WriteDashboard(user_id=owner_id))
            return sdk.update_look(key.native_id, WriteLookWithQuery(user_id=owner_id), fields="id")

        try:
            self._client.ask(change)
        except SourceError:
            return False
        return True


def known(model: type[WriteQuery], values: Mapping[str, Any]) -> dict[str, Any]:
    """Only what the API lets us write."""
    return {
        name: values[name] for name in values.keys() & model.__annotations__.keys() if name != "client_id"
    }


def read_object(key: VisualKey, saved: BackupContent, name: str) -> Mapping[str, Any]:
    """The JSON object in a file of a backup; BackupUnreadable when there is none."""
    try:
        content = json.loads(file_of(key, saved, name))
    except ValueError as error:
        raise BackupUnreadable(f"{name} in the backup of {key} is not JSON.") from error
    if not isinstance(content, dict):
        raise BackupUnreadable(f"{name} in the backup of {key} holds no object.")
    return content


def file_of(key: VisualKey, saved: BackupContent, name: str) -> bytes:
    """A file of a backup; BackupUnreadable when it is not there."""
    if name not in saved.files:
        raise BackupUnreadable(f"The backup of {key} has no {name}.")
    return saved.files[name]
