"""Putting back what a plain import forgets: owners, roles, places on dashboards - and saying what is lost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bi_governance.connectors.superset.backup import ARCHIVE
from bi_governance.connectors.superset.client import Item, SupersetWriter, with_hint
from bi_governance.connectors.superset.export import Archive, Unreadable
from bi_governance.connectors.superset.importing import import_safely
from bi_governance.connectors.superset.places import Found, Places
from bi_governance.connectors.superset.rison import Filter
from bi_governance.connectors.superset.visuals import owners_of, tags_of
from bi_governance.errors import BackupUnreadable, SourceBroken, SourceConflict
from bi_governance.model import VisualKey
from bi_governance.ports import BackupContent, RestoreOutcome

Saved = Mapping[str, Any]
TRASH_HINT = (
    "It is in Superset's own trash; where another dashboard has its short name now, give that one another."
)


def put_back(client: SupersetWriter, places: Places, key: VisualKey, saved: BackupContent) -> RestoreOutcome:
    """Bring the visual back unless it is there already, then put back the rest; says what was lost.

    Out of Superset's own trash it comes as it was, otherwise by importing the archive. Whatever is ours
    alone was left so by an import, so this also finishes an interrupted restore. What has been given to
    others since is left as it is.
    """
    archive, losses = read_archive(key, saved), [str(words) for words in saved.manifest.get("lost") or ()]
    found = places.find(key)
    if found is None and take_out_of_trash(client, places, key):
        losses, found = [], places.find(key)
    if found is None:
        losses += import_safely(client, key, saved.manifest, archive)
        found = places.find(key)
    elif found.number == saved.manifest.get("number") and places.features.has_trash(key.type):
        losses = []  # it was never gone for good: an import would have given it another number
    if found is None:
        raise SourceBroken(f"Superset accepted the import, but {key} is not there", source=client.source)
    restoring = _Restoring(client, places, key, saved.manifest)
    if key.type == "dashboard":
        restoring.put_back_dashboard(found)
    else:
        restoring.put_back_chart(found)
    losses += [*restoring.losses, *_tags_lost(saved.manifest, places.get(key).item)]
    return RestoreOutcome(native_id=key.native_id, lost=tuple(dict.fromkeys(losses)))


def take_out_of_trash(client: SupersetWriter, places: Places, key: VisualKey) -> bool:
    """Whether the visual was in Superset's own trash and lives again, under the number it had.

    SourceConflict when another dashboard took its short name meanwhile.
    """
    if places.find_trashed(key) is None:
        return False
    try:
        client.write("POST", f"/api/v1/{key.type}/{key.native_id}/restore")
    except SourceConflict as error:
        raise with_hint(error, TRASH_HINT) from error
    return True


def read_archive(key: VisualKey, saved: BackupContent) -> Archive:
    """Superset's export inside a backup; BackupUnreadable when it holds none."""
    if ARCHIVE not in saved.files:
        raise BackupUnreadable(f"The backup of {key} holds no {ARCHIVE}.")
    try:
        return Archive.opened(saved.files[ARCHIVE])
    except Unreadable as error:
        raise BackupUnreadable(f"The backup of {key} cannot be read: {error}") from error


def owners_gone(
    client: SupersetWriter, places: Places, key: VisualKey, saved: BackupContent
) -> tuple[str, ...]:
    """The owners a restore could not give it back to; asks only, changes nothing."""
    restoring = _Restoring(client, places, key, saved.manifest)
    return restoring.owners_gone()


def _tags_lost(saved: Saved, item: Item) -> list[str]:
    return [f"the tag '{tag}'" for tag in sorted(set(saved.get("tags") or ()) - set(tags_of(item)))]


class _Restoring:
    """What is done after the import, and what turns out to be lost on the way."""

    def __init__(self, client: SupersetWriter, places: Places, key: VisualKey, saved: Saved) -> None:
        self._client, self._places, self._key, self._saved = client, places, key, saved
        self._me = int(client.result("/api/v1/me/")["id"])
        self.losses: list[str] = []

    def put_back_dashboard(self, found: Found) -> None:
        """Owners, roles, and the charts that were on it."""
        body = {**self._owners(found, self._saved, "it"), **self._audience(found)}
        self._change(found, body)
        for chart in self._saved.get("charts") or ():
            self._put_on_dashboard(chart, found.number)

    def owners_gone(self) -> tuple[str, ...]:
        """What there is to say of owners without an account, without giving anything to anybody."""
        for owner in self._saved.get("owners") or ():
            self._has_account(owner, "it")
        return tuple(self.losses)

    def put_back_chart(self, found: Found) -> None:
        """Owners, and its place on the dashboards that live."""
        body = self._owners(found, self._saved, "it")
        numbers = _dashboards_of(found)
        for saved in self._saved.get("dashboards") or ():
            dashboard = self._places.find(VisualKey(self._key.source, "dashboard", saved["uuid"]))
            if dashboard is None:
                self.losses.append(f"its place on the dashboard '{saved['title']}', which is gone")
            elif dashboard.number not in numbers:
                numbers.append(dashboard.number)
                self._renumber_tile(dashboard, found.number)
        if numbers != _dashboards_of(found):
            body["dashboards"] = numbers
        self._change(found, body)

    def _put_on_dashboard(self, saved: Saved, dashboard: int) -> None:
        """A chart that came back with its dashboard, or lived on without it."""
        key = VisualKey(self._key.source, "chart", saved["uuid"])
        chart = self._places.find(key)
        if chart is None and take_out_of_trash(self._client, self._places, key):
            chart = self._places.find(key)
        if chart is None:
            self.losses.append(f"the chart '{saved['title']}'")
            return
        body = self._owners(chart, saved, f"the chart '{saved['title']}'")
        numbers = _dashboards_of(chart)
        if dashboard not in numbers:
            body["dashboards"] = [*numbers, dashboard]
        self._change(chart, body)

    def _change(self, found: Found, body: Mapping[str, Any]) -> None:
        if body:
            self._client.write("PUT", f"/api/v1/{found.type}/{found.number}", json=body)

    def _audience(self, found: Found) -> dict[str, Any]:
        """Who may see it, where it was not for everybody: roles, or viewers in newer versions."""
        viewers, roles = self._saved.get("viewers"), self._saved.get("roles")
        if viewers and not found.item.get("viewers"):
            return {"viewers": self._living_subjects(viewers, "viewer of it")}
        if roles and not found.item.get("roles"):
            return {"roles": self._living_roles(roles)}
        return {}

    def _owners(self, found: Found, saved: Saved, whose: str) -> dict[str, Any]:
        """The change that gives it back to its owners; none where it is not ours alone."""
        if found.item.get("editors") is not None:
            return self._editors(found, saved, whose)
        if {int(owner["id"]) for owner in owners_of(found.item)} - {self._me}:
            return {}
        wanted = list(saved.get("owners") or ())
        living = [int(owner["id"]) for owner in wanted if self._has_account(owner, whose)]
        return self._change_of("owners", living, wanted, whose)

    def _editors(self, found: Found, saved: Saved, whose: str) -> dict[str, Any]:
        """The same in newer versions; a backup made before the upgrade names people only."""
        editors = self._places.editors
        if {int(each["id"]) for each in found.item["editors"]} - set(editors.of_people([self._me])):
            return {}
        wanted = list(saved.get("editors") or ())
        people = [] if wanted else list(saved.get("owners") or ())
        known = [owner for owner in people if self._has_account(owner, whose)]
        living = editors.of_people(int(owner["id"]) for owner in known)
        living += self._living_subjects(wanted, f"editor of {whose}")
        return self._change_of("editors", living, wanted or people, whose)

    def _change_of(self, name: str, living: list[int], wanted: Sequence[Saved], whose: str) -> dict[str, Any]:
        if not living and wanted:
            self.losses.append(f"the owners of {whose}: our account owns {whose} now")
            return {}
        return {name: living}

    def _living_subjects(self, subjects: Iterable[Saved], as_what: str) -> list[int]:
        living = []
        for subject in subjects:
            if int(subject["id"]) in self._places.editors.by_number:
                living.append(int(subject["id"]))
            else:
                self.losses.append(f"'{subject['name']}' as {as_what}, who is gone")
        return living

    def _has_account(self, owner: Saved, whose: str) -> bool:
        """Superset refuses a list of owners with anybody in it whose account is gone."""
        is_there = self._exists("security/users", int(owner["id"]))
        if not is_there:
            who = owner.get("email") or owner.get("name") or owner["id"]
            self.losses.append(f"{who} as owner of {whose}, whose account is gone")
        return is_there

    def _living_roles(self, roles: Iterable[Saved]) -> list[int]:
        living = []
        for role in roles:
            if self._exists("security/roles", int(role["id"])):
                living.append(int(role["id"]))
            else:
                self.losses.append(f"access for the role '{role['name']}', which is gone")
        return living

    def _exists(self, resource: str, number: int) -> bool:
        return self._client.page(resource, ("id",), [Filter("id", "eq", number)]).count > 0

    def _renumber_tile(self, dashboard: Found, number: int) -> None:
        """Let the tile that showed the chart under its old number show it under the new one."""
        path = f"/api/v1/dashboard/{dashboard.number}"
        text = self._client.result(path).get("position_json")
        layout = json.loads(text) if isinstance(text, str) and text else {}
        tiles = [tile["meta"] for tile in layout.values() if self._shows_chart(tile)]
        if any(tile["chartId"] != number for tile in tiles):
            for tile in tiles:
                tile["chartId"] = number
            self._change(dashboard, {"position_json": json.dumps(layout)})

    def _shows_chart(self, tile: object) -> bool:
        """Whether a part of a dashboard's layout is our chart's tile, by uuid where the layout has it."""
        meta = tile.get("meta") if isinstance(tile, dict) and tile.get("type") == "CHART" else None
        if not isinstance(meta, dict) or "chartId" not in meta:
            return False
        if meta.get("uuid"):
            return bool(meta["uuid"] == self._key.native_id)
        return bool(meta["chartId"] == self._saved.get("number"))


def _dashboards_of(chart: Found) -> list[int]:
    return [int(dashboard["id"]) for dashboard in chart.item.get("dashboards") or ()]
