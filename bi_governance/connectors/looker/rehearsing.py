"""Rehearsing a rebuild in the same Looker: a copy in a folder set aside, compared, then in the trash."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from looker_sdk.sdk.api40.methods import Looker40SDK
from looker_sdk.sdk.api40.models import (
    WriteDashboard,
    WriteDashboardLookml,
    WriteLookWithQuery,
    WriteQuery,
)

from bi_governance.connectors.looker.backup import LOOK_FILE, LOOKML_FILE, QUERY_FILE
from bi_governance.connectors.looker.client import LookerClient
from bi_governance.connectors.looker.remover import file_of, known, read_object
from bi_governance.errors import SourceBroken, SourceConflict, SourceError
from bi_governance.model import VisualKey
from bi_governance.ports import BackupContent

NO_FOLDER = (
    "drill_folder is not set: give the source the id of a folder that only admins see, for copies that "
    "live for seconds"
)
TITLE = re.compile(r"^(?P<head>\s+title:).*$", re.MULTILINE)
SLUG = re.compile(r"^\s+preferred_slug:.*$\n?", re.MULTILINE)
# A copy has its own.
OF_THE_COPY = frozenset({"dashboard", "title", "preferred_slug"})


class LookerRehearser:
    """Makes and deletes copies in `drill_folder` alone; takes the same options as LookerReader."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self._client = LookerClient(name, options)
        self._folder = str(options.get("drill_folder") or "")

    def refusal(self, key: VisualKey) -> str:  # noqa: ARG002
        """Without a folder set aside for it, a copy would turn up where people work."""
        return "" if self._folder else NO_FOLDER

    def rehearse(self, key: VisualKey, saved: BackupContent, mark: str) -> tuple[str, ...]:
        """Rebuild a copy as a restore would, read it back, compare; the copy goes to the trash."""
        rehearsal = self._dashboard if key.type == "dashboard" else self._look
        try:
            differences = tuple(rehearsal(key, saved, _title(mark)))
        except SourceError:
            self._try_to_clean_up(key, saved, mark)
            raise
        self.clean_up(key, saved, mark)
        return differences

    def clean_up(self, key: VisualKey, saved: BackupContent, mark: str) -> None:  # noqa: ARG002
        """Put into the trash what has this rehearsal's title in the folder set aside.

        SourceConflict while something of that title lies elsewhere: the folder was changed, or is not set.
        """
        elsewhere = []
        for id_, folder_id in self._copies(key.type, _title(mark)):
            if self._folder and folder_id == self._folder:
                self._client.ask(lambda sdk, id_=id_: _trash(sdk, key.type, id_))  # type: ignore[misc]
            else:
                elsewhere.append(id_)
        if elsewhere:
            raise SourceConflict(
                f"the {key.type} {elsewhere[0]}, named '{_title(mark)}', is not in drill_folder and was left "
                "alone",
                source=self._client.source,
                hint="Delete it by hand, or set drill_folder to the folder it is in.",
            )

    def close(self) -> None:
        """Log out and release connections."""
        self._client.close()

    def _try_to_clean_up(self, key: VisualKey, saved: BackupContent, mark: str) -> None:
        try:
            self.clean_up(key, saved, mark)
        except SourceError:
            return  # the intent in the ledger stays open, and the next run removes it

    def _copies(self, type_: str, title: str) -> list[tuple[str, str]]:
        """What lives under this title, wherever it lies: its id and that of its folder."""

        def search(sdk: Looker40SDK) -> Any:
            find = sdk.search_dashboards if type_ == "dashboard" else sdk.search_looks
            return find(title=title, fields="id,title,folder(id,name),deleted")

        return [
            (str(found.id), str(found.folder.id) if found.folder else "")
            for found in self._client.ask(search)
            if found.title == title and not found.deleted
        ]

    def _dashboard(self, key: VisualKey, saved: BackupContent, title: str) -> Iterator[str]:
        lookml = file_of(key, saved, LOOKML_FILE).decode()
        # The first title is the dashboard's own; tiles follow with theirs.
        copy = TITLE.sub(lambda found: f"{found['head']} '{title}'", SLUG.sub("", lookml), count=1)
        if self._parsed(copy).get("title") != title:
            raise SourceConflict(
                f"not rehearsed: the title of {key} cannot be told from its LookML",
                source=self._client.source,
            )
        body = WriteDashboardLookml(folder_id=self._folder, lookml=copy)
        made = str(self._client.ask(lambda sdk: sdk.import_dashboard_from_lookml(body)).id)
        back = self._client.ask(lambda sdk: sdk.dashboard_lookml(made)).lookml or ""
        before, after = self._parsed(lookml), self._parsed(back)
        for name in sorted((before.keys() | after.keys()) - OF_THE_COPY):
            if before.get(name) != after.get(name):
                yield f"its {name}"

    def _parsed(self, lookml: str) -> Mapping[str, Any]:
        """The one dashboard LookML describes; SourceBroken when it is no such thing."""
        try:
            documents = yaml.safe_load(lookml)
        except yaml.YAMLError as error:
            raise SourceBroken(f"the LookML cannot be read: {error}", source=self._client.source) from error
        if not (isinstance(documents, list) and documents and isinstance(documents[0], dict)):
            raise SourceBroken("the LookML holds no dashboard", source=self._client.source)
        return documents[0]

    def _look(self, key: VisualKey, saved: BackupContent, title: str) -> Iterator[str]:
        query, old = (
            known(WriteQuery, read_object(key, saved, QUERY_FILE)),
            read_object(key, saved, LOOK_FILE),
        )
        query_id = self._client.ask(lambda sdk: sdk.create_query(WriteQuery(**query))).id
        body = WriteLookWithQuery(
            title=title, description=old.get("description"), query_id=query_id, folder_id=self._folder
        )
        made = self._client.ask(lambda sdk: sdk.create_look(body))
        back = self._client.ask(lambda sdk: sdk.look(str(made.id)))
        if (back.description or "") != (old.get("description") or ""):
            yield "its description"
        for name in sorted(query):
            if getattr(back.query, name, None) != query[name]:
                yield f"{name} of its query"


def _title(mark: str) -> str:
    return f"bi-governance drill {mark}"


def _trash(sdk: Looker40SDK, type_: str, id_: str) -> Any:
    if type_ == "dashboard":
        return sdk.update_dashboard(id_, WriteDashboard(deleted=True))
    return sdk.update_look(id_, WriteLookWithQuery(deleted=True), fields="id,deleted")
