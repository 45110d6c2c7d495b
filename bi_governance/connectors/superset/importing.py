"""Importing an export without overwriting anything that lives.

Superset's import updates in place whatever has the same uuid or the same unique name: a dashboard with
the same short name, a dataset on the same table, a database of the same name - connection included. So
everything in an archive is first made to mean what lives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bi_governance.connectors.superset.backup import ARCHIVE
from bi_governance.connectors.superset.client import Item, SupersetWriter, with_hint
from bi_governance.connectors.superset.export import Archive, Document
from bi_governance.connectors.superset.rison import Filter
from bi_governance.errors import SourceConflict
from bi_governance.model import VisualKey

HINTS = {
    "password": "Superset exports no passwords: connect the database again under its old name, "
    "then restore again.",
    "already exists": "This Superset still has it, perhaps in its own trash: look for it there.",
}


def import_safely(
    client: SupersetWriter, key: VisualKey, manifest: Mapping[str, Any], archive: Archive
) -> list[str]:
    """Import one visual that is gone; returns what could not come along, in words.

    SourceConflict when Superset refuses the archive, for instance for want of a database's password.
    """
    archive = archive.without(archive.charts_without_data())
    losses: list[str] = []
    slug = str(manifest.get("slug") or "")
    if slug and client.page("dashboard", ("id",), [Filter("slug", "eq", slug)]).count:
        losses.append(f"its short name '{slug}', which another dashboard has now")
        archive = archive.without_slug()
    for words, saved, living in substitutes(client, archive):
        losses.append(words)
        if living is not None:
            archive = archive.with_uuid_replaced(str(saved["uuid"]), str(living["uuid"]))
    send(client, key, archive)
    return losses


def send(client: SupersetWriter, key: VisualKey, archive: Archive) -> None:
    """Not overwriting: should the visual have come back meanwhile, Superset refuses."""
    files = {"formData": (ARCHIVE, archive.content(), "application/zip")}
    try:
        client.write("POST", f"/api/v1/{key.type}/import/", files=files, data={"overwrite": "false"})
    except SourceConflict as error:
        hints = [hint for words, hint in HINTS.items() if words in error.message.lower()]
        raise with_hint(error, hints[0] if hints else error.hint) from error


def substitutes(client: SupersetWriter, archive: Archive) -> Iterator[tuple[str, Document, Item | None]]:
    """Databases and datasets gone under their uuid: what that costs, and what lives in their place."""
    numbers: dict[str, int] = {}
    for database in archive.of("databases").values():
        same_name = (Filter("database_name", "eq", str(database.get("database_name"))),)
        living, is_same = _living(client, "database", database, same_name)
        if living is not None:
            numbers[str(database["uuid"])] = int(living["id"])
        if not is_same:
            yield _loss("database", str(database.get("database_name")), living), database, living
    for dataset in archive.of("datasets").values():
        number = numbers.get(str(dataset.get("database_uuid")), 0)
        same_table = (
            Filter("table_name", "eq", str(dataset.get("table_name"))),
            Filter("database", "rel_o_m", number),
        )
        living, is_same = _living(client, "dataset", dataset, same_table if number else ())
        if not is_same:
            yield _loss("dataset", str(dataset.get("table_name")), living), dataset, living


def _loss(what: str, name: str, living: Item | None) -> str:
    if living is None:
        return f"the {what} '{name}' as it was: it is made anew from the backup and belongs to our account"
    return f"the {what} '{name}' it read, which was made anew meanwhile: it reads the new one"


def _living(
    client: SupersetWriter, resource: str, document: Document, alike: tuple[Filter, ...]
) -> tuple[Item | None, bool]:
    """What lives under the document's uuid, else what lives under its name; and whether it is the former."""
    same = client.page(resource, ("id", "uuid"), [Filter("uuid", "eq", str(document["uuid"]))]).items
    if same:
        return same[0], True
    others = client.page(resource, ("id", "uuid", "schema"), alike).items if alike else ()
    fitting = [
        each for each in others if resource != "dataset" or each.get("schema") == document.get("schema")
    ]
    return (fitting[0] if fitting else None), False
