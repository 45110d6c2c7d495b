"""What Looker visuals are built on: the explores behind their queries, and the tables behind the explores."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from looker_sdk.sdk.api40.methods import Looker40SDK
from looker_sdk.sdk.api40.models import DashboardElement, Look, Query

from bi_governance.connectors.looker.client import LookerClient
from bi_governance.errors import SourceMissing
from bi_governance.ports import Page, Row

_QUERY = "query(model,view)"
_ELEMENT_FIELDS = (
    f"id,dashboard_id,look_id,{_QUERY},look(query_id,{_QUERY}),result_maker({_QUERY},filterables(model,view))"
)
_EXPLORE_FIELDS = "id,sql_table_name,joins"
# One to three plain or quoted names; a subselect, a derived table or Liquid is not a table.
_TABLE = re.compile(r'^[`"\[]?[\w$-]+[`"\]]?(\.[`"\[]?[\w$-]+[`"\]]?){0,2}$')


@dataclass(frozen=True, slots=True, order=True)
class Explore:
    """A Looker explore, by model and name."""

    model: str
    name: str


def dependencies(client: LookerClient) -> Iterator[Page]:
    """One row per visual and explore, and one per visual and table; what Looker does not say is left out."""
    book = _ExploreBook(client)
    rows: list[Row] = []
    for visual_type, visual_id, explore in sorted({*_of_elements(client, book), *_of_looks(client, book)}):
        rows.extend(_rows(visual_type, visual_id, explore, book.tables(explore)))
    unique = {(row["visual_type"], row["visual_id"], row["kind"], row["name"]): row for row in rows}
    rows = list(unique.values())
    for start in range(0, len(rows), client.page_size):
        yield rows[start : start + client.page_size]


class _ExploreBook:
    """Explores of queries and tables of explores, each asked for once."""

    def __init__(self, client: LookerClient) -> None:
        self._client = client
        self._explores: dict[str, Explore | None] = {}
        self._tables: dict[Explore, tuple[str, ...]] = {}

    def remember(self, query_id: str | None, query: Query | None) -> None:
        if query_id:
            self._explores.setdefault(query_id, _explore(query))

    def of_query(self, query_id: str) -> Explore | None:
        """A saved query never changes, so one look at it is enough."""
        if query_id not in self._explores:
            self._explores[query_id] = self._read_query(query_id)
        return self._explores[query_id]

    def tables(self, explore: Explore) -> tuple[str, ...]:
        if explore not in self._tables:
            self._tables[explore] = self._read_tables(explore)
        return self._tables[explore]

    def _read_query(self, query_id: str) -> Explore | None:
        try:
            return _explore(self._client.ask(lambda sdk: sdk.query(query_id, fields="id,model,view")))
        except SourceMissing:
            return None

    def _read_tables(self, explore: Explore) -> tuple[str, ...]:
        try:
            found = self._client.ask(
                lambda sdk: sdk.lookml_model_explore(explore.model, explore.name, fields=_EXPLORE_FIELDS)
            )
        except SourceMissing:
            return ()
        names = [found.sql_table_name, *(join.sql_table_name for join in found.joins or ())]
        return tuple(dict.fromkeys(name.strip() for name in names if name and _TABLE.match(name.strip())))


def _of_elements(client: LookerClient, book: _ExploreBook) -> Iterator[tuple[str, str, Explore]]:
    elements = client.ask(lambda sdk: sdk.search_dashboard_elements(fields=_ELEMENT_FIELDS, sorts="id"))
    for element in elements:
        if element.look is not None:
            book.remember(element.look.query_id, element.look.query)
        for explore in _explores_of(element):
            yield "dashboard", str(element.dashboard_id), explore


def _explores_of(element: DashboardElement) -> Iterable[Explore]:
    maker = element.result_maker
    queries = (element.query, element.look.query if element.look else None, maker.query if maker else None)
    yield from (explore for query in queries if (explore := _explore(query)))
    for source in (maker.filterables if maker else None) or ():
        if source.model and source.view:
            yield Explore(source.model, source.view)


def _of_looks(client: LookerClient, book: _ExploreBook) -> Iterator[tuple[str, str, Explore]]:
    def search(sdk: Looker40SDK, limit: int, offset: int) -> Sequence[Look]:
        return sdk.search_looks(fields="id,query_id", limit=limit, offset=offset, sorts="id")

    for page in client.pages(search):
        for look in page:
            explore = book.of_query(str(look.query_id)) if look.query_id else None
            if explore:
                yield "look", str(look.id), explore


def _explore(query: Query | None) -> Explore | None:
    return Explore(query.model, query.view) if query is not None and query.model and query.view else None


def _rows(visual_type: str, visual_id: str, explore: Explore, tables: Iterable[str]) -> Iterator[Row]:
    visual = {"visual_type": visual_type, "visual_id": visual_id}
    nowhere = {"database_name": None, "schema_name": None}
    yield {**visual, "kind": "explore", "name": f"{explore.model}.{explore.name}", **nowhere}
    for table in tables:
        *above, name = (part.strip('`"[]') for part in table.split("."))
        database, schema = ([None, None, *above])[-2:]
        yield {**visual, "kind": "table", "name": name, "database_name": database, "schema_name": schema}
