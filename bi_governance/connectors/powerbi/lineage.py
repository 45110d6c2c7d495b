"""What a report reads, from scan results; what a scan does not tell is unknown, never nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bi_governance.connectors.powerbi.client import Item

Dependency = tuple[str, str, str | None, str | None]  # kind, name, database, schema

# Navigation steps of M: Source{[Schema="dbo",Item="orders"]}, or one step by kind (Snowflake, Databricks).
_SCHEMA_ITEM = re.compile(r'\[\s*Schema\s*=\s*"([^"]+)"\s*,\s*Item\s*=\s*"([^"]+)"')
_BY_KIND = re.compile(r'\[\s*Name\s*=\s*"([^"]+)"\s*,\s*Kind\s*=\s*"(Database|Schema|Table|View)"')
_SERVER_DATABASE = re.compile(r'\w+\.Databases?\(\s*"[^"]*"\s*,\s*"([^"]+)"')


def dataset_facts(dataset: Item) -> list[Dependency]:
    """The dataset itself and the tables it reads; `unknown` for every part that is not told.

    Without the tenant setting for detailed metadata a dataset simply comes without `tables`.
    """
    name = str(dataset.get("name") or dataset.get("id") or "")
    facts: list[Dependency] = [("dataset", name, None, None)]
    tables = dataset.get("tables")
    if not tables or dataset.get("schemaRetrievalError"):
        return [*facts, ("unknown", name, None, None)]
    for table in tables:
        facts.extend(_tables_in(table))
    return list(dict.fromkeys(facts))


def _tables_in(table: Item) -> Iterator[Dependency]:
    found = [
        fact for source in table.get("source") or () for fact in _read(str(source.get("expression") or ""))
    ]
    yield from found or [("unknown", str(table.get("name") or ""), None, None)]


def _read(expression: str) -> Iterator[Dependency]:
    opened = _SERVER_DATABASE.search(expression)
    database = opened.group(1) if opened else None
    for schema, item in _SCHEMA_ITEM.findall(expression):
        yield ("table", item, database, schema)
    steps = {kind: name for name, kind in _BY_KIND.findall(expression)}
    item = steps.get("Table") or steps.get("View")
    if item:
        yield ("table", item, steps.get("Database", database), steps.get("Schema"))


def report_rows(
    report_id: str, dataset_id: object, datasets: Mapping[str, list[Dependency]]
) -> list[dict[str, object]]:
    """The rows of `powerbi_dependency` of one report; a paginated report reads sources nobody tells us of."""
    unknown: list[Dependency] = [("unknown", str(dataset_id or "the report's own data sources"), None, None)]
    facts = datasets.get(str(dataset_id or ""), unknown)
    return [
        {
            "visual_type": "report",
            "visual_id": report_id,
            "kind": kind,
            "name": name,
            "database_name": database,
            "schema_name": schema,
        }
        for kind, name, database, schema in facts
    ]
