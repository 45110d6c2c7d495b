"""What Looker visuals are built on: the explores behind their queries, and the tables behind the explores."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from sys import intern
from typing import Any
from urllib.parse import quote

from looker_sdk.sdk.api40.methods import Looker40SDK
from looker_sdk.sdk.api40.models import Look

from bi_governance.connectors.looker import inventory
from bi_governance.connectors.looker.client import LookerClient
from bi_governance.errors import SourceMissing
from bi_governance.ports import Page, Row

_TILES_AT_ONCE = 1000
_QUERY = "query(model,view)"
_ELEMENT_FIELDS = (
    f"id,dashboard_id,look_id,merge_result_id,{_QUERY},look(query_id,{_QUERY}),"
    f"result_maker({_QUERY},filterables(model,view))"
)
_EXPLORE_FIELDS = "id,sql_table_name,joins"
# One to three plain or quoted names; a subselect, a derived table or Liquid is not a table.
_TABLE = re.compile(r'^[`"\[]?[\w$-]+[`"\]]?(\.[`"\[]?[\w$-]+[`"\]]?){0,2}$')


@dataclass(frozen=True, slots=True)
class Explore:
    """A Looker explore, by model and name."""

    model: str
    name: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something a visual reads of which Looker does not say what it is."""

    name: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The tables an explore reads as Looker names them; whether these are provably all of them."""

    tables: tuple[str, ...]
    is_whole: bool


# What a visual reads, as far as its queries tell.
Read = Explore | Unknown


def dependencies(client: LookerClient) -> Iterator[Page]:
    """One row per visual and explore, and one per visual and table of the explore.

    Where Looker does not say what is read (a derived table, a model or query that is gone) there is a row of
    the kind `unknown`: nothing known is not nothing read.
    """
    yield from inventory.in_pages(client, _all_rows(client))


def _all_rows(client: LookerClient) -> Iterator[Row]:
    book = _Book(client)
    for visual_type, batches in (
        ("dashboard", _of_tiles(client, book)),
        ("dashboard", _of_lookml(client, book)),
        ("look", _of_looks(client, book)),
    ):
        seen: set[tuple[str, Read]] = set()
        for batch in batches:
            book.read_explores(read for _, read in batch)
            for use in batch:
                if use not in seen:
                    seen.add(use)
                    yield from _rows({"visual_type": visual_type, "visual_id": use[0]}, use[1], book)


class _Book:
    """Explores of saved and merged queries, and the tables of explores, each asked for once."""

    def __init__(self, client: LookerClient) -> None:
        self._client = client
        self._of_query: dict[str, Read] = {}
        self._readings: dict[Explore, Reading] = {}

    def remember(self, query_id: str, query: Mapping[str, Any] | None) -> None:
        """The query of a look on a tile, which spares asking for it."""
        self._of_query.setdefault(query_id, _explore(query) or Unknown(f"query {query_id}"))

    def queries(self, ids: Iterable[str]) -> Mapping[str, Read]:
        """What each saved query reads; a query never changes, so one look at it is enough."""
        wanted = dict.fromkeys(ids)
        new = [id_ for id_ in wanted if id_ not in self._of_query]
        found = dict(zip(new, self._client.ask_each(self._read_query, new), strict=True))
        return {id_: found[id_] if id_ in found else self._of_query[id_] for id_ in wanted}

    def merged(self, ids: Iterable[str]) -> Mapping[str, Sequence[str] | None]:
        """The saved queries behind each merged result, None where it is gone."""
        wanted = list(dict.fromkeys(ids))
        return dict(zip(wanted, self._client.ask_each(self._read_merge, wanted), strict=True))

    def read_explores(self, reads: Iterable[Read]) -> None:
        new = dict.fromkeys(r for r in reads if isinstance(r, Explore) and r not in self._readings)
        self._readings.update(zip(new, self._client.ask_each(self._read_explore, new), strict=True))

    def reading(self, explore: Explore) -> Reading:
        return self._readings[explore]

    def _read_query(self, query_id: str) -> Read:
        try:
            query = self._client.ask(lambda sdk: sdk.query(query_id, fields="id,model,view"))
        except SourceMissing:
            return Unknown(f"query {query_id}")
        return _explore({"model": query.model, "view": query.view}) or Unknown(f"query {query_id}")

    def _read_merge(self, merge_id: str) -> Sequence[str] | None:
        try:
            found = self._client.ask(lambda sdk: sdk.merge_query(merge_id, fields="id,source_queries"))
        except SourceMissing:
            return None
        return [str(source.query_id) for source in found.source_queries or () if source.query_id]

    def _read_explore(self, explore: Explore) -> Reading:
        try:
            found = self._client.ask(
                lambda sdk: sdk.lookml_model_explore(explore.model, explore.name, fields=_EXPLORE_FIELDS)
            )
        except SourceMissing:
            return Reading((), is_whole=False)
        names = [found.sql_table_name, *(join.sql_table_name for join in found.joins or ())]
        tables = [name.strip() for name in names if name and _TABLE.match(name.strip())]
        return Reading(tuple(dict.fromkeys(tables)), is_whole=len(tables) == len(names))


Uses = Sequence[tuple[str, Read]]


def _of_tiles(client: LookerClient, book: _Book) -> Iterator[Uses]:
    tiles = client.listed(inventory.ELEMENTS, fields=_ELEMENT_FIELDS, sorts="id")
    for some in _batches(tile for tile in tiles if tile.get("dashboard_id")):
        yield list(_uses(((str(tile["dashboard_id"]), tile) for tile in some), book))


def _of_lookml(client: LookerClient, book: _Book) -> Iterator[Uses]:
    """LookML dashboards: no list holds their tiles, so they are asked for one by one."""

    def tiles_of(id_: str) -> Sequence[Mapping[str, Any]] | None:
        path = f"/dashboards/{quote(id_, safe='')}"
        fields = f"dashboard_elements({_ELEMENT_FIELDS})"
        try:
            body = client.ask(lambda sdk: sdk.get(path, structure=str, query_params={"fields": fields}))
            return list(json.loads(str(body)).get("dashboard_elements") or ())
        except (SourceMissing, ValueError, AttributeError):
            return None

    listed = (str(row["id"]) for row in client.listed("/dashboards", fields="id"))
    ids = [id_ for id_ in listed if inventory.is_lookml(id_)]
    for id_, tiles in zip(ids, client.ask_each(tiles_of, ids), strict=True):
        found = list(_uses(((id_, tile) for tile in tiles or ()), book))
        yield found or [(id_, Unknown(id_))]


def _uses(tiles: Iterable[tuple[str, Mapping[str, Any]]], book: _Book) -> Iterator[tuple[str, Read]]:
    """What the tiles of dashboards read; a tile of text reads nothing."""
    merges: list[tuple[str, str]] = []
    for dashboard_id, tile in tiles:
        look = tile.get("look") or {}
        if look.get("query_id"):
            book.remember(str(look["query_id"]), look.get("query"))
        yield from ((dashboard_id, explore) for explore in _explores_of(tile))
        if tile.get("merge_result_id"):
            merges.append((dashboard_id, str(tile["merge_result_id"])))
    sources = book.merged(merge_id for _, merge_id in merges)
    reads = book.queries(query_id for ids in sources.values() for query_id in ids or ())
    for dashboard_id, merge_id in merges:
        found = [reads[query_id] for query_id in sources[merge_id] or ()]
        yield from ((dashboard_id, read) for read in found or [Unknown(f"merged query {merge_id}")])


def _explores_of(tile: Mapping[str, Any]) -> Iterable[Explore]:
    maker, look = tile.get("result_maker") or {}, tile.get("look") or {}
    queries = (tile.get("query"), look.get("query"), maker.get("query"), *(maker.get("filterables") or ()))
    yield from (explore for query in queries if (explore := _explore(query)))


def _of_looks(client: LookerClient, book: _Book) -> Iterator[Uses]:
    def search(sdk: Looker40SDK, limit: int, offset: int) -> Sequence[Look]:
        return sdk.search_looks(fields="id,query_id", limit=limit, offset=offset, sorts="id")

    for page in client.pages(search):
        reads = book.queries(str(look.query_id) for look in page if look.query_id)
        yield [
            (str(look.id), reads[str(look.query_id)] if look.query_id else Unknown(f"look {look.id}"))
            for look in page
        ]


def _batches(tiles: Iterable[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    waiting = iter(tiles)
    while some := list(islice(waiting, _TILES_AT_ONCE)):
        yield some


def _explore(query: Mapping[str, Any] | None) -> Explore | None:
    model, view = (query or {}).get("model"), (query or {}).get("view")
    return Explore(intern(str(model)), intern(str(view))) if model and view else None


def _rows(visual: Mapping[str, str], read: Read, book: _Book) -> Iterator[Row]:
    nowhere = {"database_name": None, "schema_name": None}
    if isinstance(read, Unknown):
        yield {**visual, "kind": "unknown", "name": read.name, **nowhere}
        return
    found, name = book.reading(read), f"{read.model}.{read.name}"
    yield {**visual, "kind": "explore", "name": name, **nowhere}
    if not found.is_whole:
        yield {**visual, "kind": "unknown", "name": name, **nowhere}
    for table in found.tables:
        *above, last = (part.strip('`"[]') for part in table.split("."))
        database, schema = ([None, None, *above])[-2:]
        yield {**visual, "kind": "table", "name": last, "database_name": database, "schema_name": schema}
