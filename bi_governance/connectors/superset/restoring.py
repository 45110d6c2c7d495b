"""Putting back what a plain import forgets: owners, roles, places on dashboards - and saying what is lost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bi_governance.connectors.superset.backup import ARCHIVE
from bi_governance.connectors.superset.client import Item, SupersetWriter
from bi_governance.connectors.superset.export import Archive, Unreadable
from bi_governance.connectors.superset.importing import import_safely
from bi_governance.connectors.superset.places import Found, Places
from bi_governance.connectors.superset.rison import Filter
from bi_governance.connectors.superset.visuals import owners_of, tags_of
from bi_governance.errors import BackupUnreadable, SourceBroken
from bi_governance.model import VisualKey
from bi_governance.ports import BackupContent, RestoreOutcome

Saved = Mapping[str, Any]


def put_back(client: SupersetWriter, places: Places, key: VisualKey, saved: BackupContent) -> RestoreOutcome:
    """Import the visual unless it is there already, then put back the rest; says what was lost.

    Whatever is ours alone was left so by an import, so this also finishes an interrupted restore. What
    has been given to others since is left as it is.
    """
    archive, losses = _archive(key, saved), [str(words) for words in saved.manifest.get("lost") or ()]
    found = places.find(key)
    if found is None:
        losses += import_safely(client, key, saved.manifest, archive)
        found = places.find(key)
    if found is None:
        raise SourceBroken(f"Superset accepted the import, but {key} is not there", source=client.source)
    restoring = _Restoring(client, places, key, saved.manifest)
    if key.type == "dashboard":
        restoring.put_back_dashboard(found)
    else:
        restoring.put_back_chart(found)
    losses += [*restoring.losses, *_tags_lost(saved.manifest, places.get(key).item)]
    return RestoreOutcome(native_id=key.native_id, lost=tuple(dict.fromkeys(losses)))


def _archive(key: VisualKey, saved: BackupContent) -> Archive:
    if ARCHIVE not in saved.files:
        raise BackupUnreadable(f"The backup of {key} holds no {ARCHIVE}.")
    try:
        return Archive.opened(saved.files[ARCHIVE])
    except Unreadable as error:
        raise BackupUnreadable(f"The backup of {key} cannot be read: {error}") from error


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
        body = self._owners(found, self._saved.get("owners") or (), "it")
        if self._saved.get("roles") and not found.item.get("roles"):
            body["roles"] = self._living_roles(self._saved["roles"])
        self._change(found, body)
        on = {str(chart["uuid"]) for chart in self._places.charts_on(found.number)}
        for chart in self._saved.get("charts") or ():
            self._put_on_dashboard(chart, found.number, is_on=chart["uuid"] in on)

    def put_back_chart(self, found: Found) -> None:
        """Owners, and its place on the dashboards that live."""
        body = self._owners(found, self._saved.get("owners") or (), "it")
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

    def _put_on_dashboard(self, saved: Saved, dashboard: int, *, is_on: bool) -> None:
        """A chart that came back with its dashboard, or lived on without it."""
        chart = self._places.find(VisualKey(self._key.source, "chart", saved["uuid"]))
        if chart is None:
            self.losses.append(f"the chart '{saved['title']}'")
            return
        body = self._owners(chart, saved.get("owners") or (), f"the chart '{saved['title']}'")
        if not is_on:
            body["dashboards"] = [*_dashboards_of(chart), dashboard]
        self._change(chart, body)

    def _change(self, found: Found, body: Mapping[str, Any]) -> None:
        if body:
            self._client.write("PUT", f"/api/v1/{found.type}/{found.number}", json=body)

    def _owners(self, found: Found, saved: Iterable[Saved], whose: str) -> dict[str, Any]:
        """The change that gives it back to its owners; none where it is not ours alone."""
        if {int(owner["id"]) for owner in owners_of(found.item)} - {self._me}:
            return {}
        wanted = list(saved)
        living = [int(owner["id"]) for owner in wanted if self._has_account(owner, whose)]
        if not living and wanted:
            self.losses.append(f"the owners of {whose}: our account owns {whose} now")
            return {}
        return {"owners": living}

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
