"""Rehearsing a restore in the same Superset: a copy under uuids of its own, compared and removed again."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from bi_governance.connectors.superset.backup import FOLDERS
from bi_governance.connectors.superset.client import SupersetWriter
from bi_governance.connectors.superset.export import Archive, Document, Unreadable
from bi_governance.connectors.superset.importing import send, substitutes
from bi_governance.connectors.superset.places import Places
from bi_governance.connectors.superset.restoring import owners_gone, read_archive
from bi_governance.errors import SourceBroken, SourceConflict, SourceError
from bi_governance.model import VisualKey
from bi_governance.ports import BackupContent

TITLES = {"dashboards": "dashboard_title", "charts": "slice_name"}
# A copy has its own; a restore's are told by the tests of restoring.
OF_THE_COPY = frozenset({"uuid", "slug", "published", "tags"})
# Where a dashboard's layout and settings name charts by number.
NUMBERED = frozenset({"chartId", "excluded", "id", "immune", "charts", "timed_refresh_immune_slices"})
# Computed by the browser whenever somebody opens the dashboard; an import leaves the old numbers in it.
COMPUTED = frozenset({"chartsInScope"})
# What says nothing, and what an import adds and drops.
EMPTY: tuple[object, ...] = (None, "", "{}", [], {})
# Chart numbers, which an import gives anew, by the uuid of the original.
Numbers = Mapping[int, str]


class SupersetRehearser:
    """Imports, exports and deletes copies of its own making; takes the same options as SupersetReader."""

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self.name = name
        self._client = SupersetWriter(name, options)
        self._places = Places(self._client)

    def refusal(self, key: VisualKey) -> str:  # noqa: ARG002
        """Superset can always try: what is in the way is found out with the backup."""
        return ""

    def rehearse(self, key: VisualKey, saved: BackupContent, mark: str) -> tuple[str, ...]:
        """Import a copy nobody but admins and us is shown, export it, compare; the copy never outlives this.

        SourceConflict when that would leave something behind, as a dataset made anew would be.
        """
        archive = read_archive(key, saved)
        archive = archive.without(archive.charts_without_data())
        self._refuse_leftovers(archive)
        copy = _Copy(key, archive, mark)
        try:
            send(self._client, copy.key, copy.archive)
            differences = [*self._compared(copy, saved), *owners_gone(self._client, self._places, key, saved)]
        except Exception:
            # Whatever went wrong, first the copy has to go; a failure of that is the lesser news.
            self._try_to_remove(copy)
            raise
        self._remove(copy)
        return tuple(differences)

    def clean_up(self, key: VisualKey, saved: BackupContent, mark: str) -> None:
        """Remove what an interrupted rehearsal left; nothing there is fine."""
        self._remove(_Copy(key, read_archive(key, saved), mark))

    def close(self) -> None:
        """Forget the tokens and close connections."""
        self._client.close()

    def _refuse_leftovers(self, archive: Archive) -> None:
        for words, _, _ in substitutes(self._client, archive):
            raise SourceConflict(
                f"not rehearsed: a restore would bring it back without {words}", source=self._client.source
            )

    def _compared(self, copy: _Copy, saved: BackupContent) -> Iterator[str]:
        found = self._places.get(copy.key)
        path, query = f"/api/v1/{copy.key.type}/export/", {"q": f"!({found.number})"}
        content = self._client.send("GET", path, params=query).content
        try:
            exported = Archive.opened(content)
        except Unreadable as error:
            raise SourceBroken(
                f"the copy's export cannot be read: {error}", source=self._client.source
            ) from error
        saved_numbers = _numbers(copy.original_key, saved.manifest)
        copied = ((self._places.find(each), old) for each, old in copy.charts())
        numbers = {chart.number: old for chart, old in copied if chart is not None}
        for folder in TITLES:
            yield from copy.differences(folder, exported, saved_numbers, numbers)

    def _try_to_remove(self, copy: _Copy) -> None:
        try:
            self._remove(copy)
        except SourceError:
            return  # the intent in the ledger stays open, and the next run removes it

    def _remove(self, copy: _Copy) -> None:
        """Only what has a uuid that this rehearsal made up: nothing of anybody else's can be meant."""
        for key in copy.keys:
            found = self._places.find(key)
            if found is not None:
                self._client.write("DELETE", f"/api/v1/{key.type}/{found.number}")


class _Copy:
    """The archive of a copy, and the way back from its uuids and titles to those of the original."""

    def __init__(self, key: VisualKey, original: Archive, mark: str) -> None:
        self._original, self._mark, self.original_key = original, mark, key
        self._new = {
            old: str(uuid.uuid5(uuid.NAMESPACE_URL, f"bi-governance drill {mark} {old}"))
            for folder in TITLES
            for old in sorted(original.uuids(folder))
        }
        self.key = VisualKey(key.source, key.type, self._new[key.native_id])
        kinds = {FOLDERS[kind]: kind for kind in FOLDERS}
        # The dashboard first: Superset refuses nothing then.
        self.keys = tuple(
            VisualKey(key.source, kinds[folder], self._new[old])
            for folder in TITLES
            for old in sorted(original.uuids(folder))
        )
        self.archive = self._disguised()

    def charts(self) -> list[tuple[VisualKey, str]]:
        """The copied charts, each with the uuid of its original."""
        old = {new: old for old, new in self._new.items()}
        return [(key, old[key.native_id]) for key in self.keys if key.type == "chart"]

    def _disguised(self) -> Archive:
        archive = self._original
        for old, new in self._new.items():
            archive = archive.with_uuid_replaced(old, new)
        for folder, title in TITLES.items():
            for name, document in archive.of(folder).items():
                changed = {**document, title: f"bi-governance drill {self._mark}: {document.get(title)}"}
                if folder == "dashboards":
                    # No address of its own, shown to nobody, and no tag that would have to be made.
                    changed |= {"slug": None, "published": False, "tags": []}
                archive = archive.with_document(name, yaml.safe_dump(changed, sort_keys=False))
        return archive

    def differences(
        self, folder: str, exported: Archive, saved_numbers: Numbers, numbers: Numbers
    ) -> Iterator[str]:
        """What the copy's export says otherwise than the backup, by name of the setting."""
        back = {new: old for old, new in self._new.items()}
        came = {back.get(str(d.get("uuid"))): d for d in exported.of(folder).values()}
        for saved in self._original.of(folder).values():
            title = str(saved.get(TITLES[folder]))
            copy = came.get(str(saved.get("uuid")))
            if copy is None:
                yield f"'{title}' did not come back"
                continue
            before, after = self._comparable(saved, saved_numbers), self._comparable(copy, numbers)
            for name in sorted(before.keys() | after.keys()):
                if before.get(name) != after.get(name):
                    yield f"{name} of '{title}'"

    def _comparable(self, document: Document, numbers: Numbers) -> dict[str, Any]:
        """The settings under the original's uuids and titles, with charts named by uuid, not by number."""
        text = json.dumps({n: v for n, v in document.items() if n not in OF_THE_COPY}, default=str)
        for old, new in self._new.items():
            text = text.replace(new, old)
        found: dict[str, Any] = json.loads(text.replace(f"bi-governance drill {self._mark}: ", ""))
        # Only a dashboard names charts by number; what a chart calls an id is something else.
        known = numbers if "position" in found else {}
        compared: dict[str, Any] = _plain(found, _tiles(found.get("position")), known)
        return compared


def _numbers(key: VisualKey, manifest: Mapping[str, Any]) -> dict[int, str]:
    charts = {int(chart["number"]): str(chart["uuid"]) for chart in manifest.get("charts") or ()}
    return charts | ({int(manifest["number"]): key.native_id} if key.type == "chart" else {})


def _tiles(position: object) -> dict[str, str]:
    """A layout's names of chart tiles, which may hold numbers, by the uuid of the chart they show."""
    found = {}
    for name, tile in position.items() if isinstance(position, Mapping) else ():
        meta = tile.get("meta") if isinstance(tile, Mapping) and tile.get("type") == "CHART" else None
        if isinstance(meta, Mapping) and meta.get("uuid"):
            found[str(name)] = f"CHART-{meta['uuid']}"
    return found


def _plain(value: Any, tiles: Mapping[str, str], numbers: Numbers, name: str = "") -> Any:
    """Without empty settings, which say nothing, and with uuids in place of numbers of charts."""
    if isinstance(value, Mapping):
        kept = {
            tiles.get(n, _chart(n, numbers)): _plain(each, tiles, numbers, n)
            for n, each in value.items()
            if n not in COMPUTED
        }
        return {n: each for n, each in kept.items() if each not in EMPTY}
    if isinstance(value, list):
        return [_plain(each, tiles, numbers, name) for each in value]
    if isinstance(value, str):
        return tiles.get(value, value)
    return numbers.get(value, value) if name in NUMBERED and isinstance(value, int) else value


def _chart(name: str, numbers: Numbers) -> str:
    return numbers.get(int(name), name) if name.isdigit() else name
