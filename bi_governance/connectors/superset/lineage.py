"""Which tables the SQL of a virtual dataset reads, and what charts and dashboards read through datasets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import Scope, traverse_scope

from bi_governance.connectors.superset.client import Item
from bi_governance.connectors.superset.visuals import Row, text_or_none

# SQLAlchemy's names of engines whose SQL sqlglot reads under another name; the others bear the same one.
DIALECTS = {
    "ascend": "hive",
    "awsathena": "athena",
    "clickhousedb": "clickhouse",
    "cockroachdb": "postgres",
    "couchbase": "mysql",
    "datastore": "bigquery",
    "gsheets": "sqlite",
    "hana": "postgres",
    "impala": "hive",
    "mariadb": "mysql",
    "motherduck": "duckdb",
    "mssql": "tsql",
    "netezza": "postgres",
    "oceanbase": "mysql",
    "postgresql": "postgres",
    "pydoris": "doris",
    "shillelagh": "sqlite",
    "singlestoredb": "singlestore",
    "superset": "sqlite",
    "teradatasql": "teradata",
    "vertica": "postgres",
}
STAND_IN = "__jinja__"
VALUE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
STATEMENT = re.compile(r"\{%-?\s*(\w*).*?%\}", re.DOTALL)
COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
# Of what these enclose, only a part is ever sent; taken out of the text they would mix what never meets.
HIDING = frozenset({"else", "elif", "macro", "call", "filter", "include", "import", "from", "raw", "endset"})
MAKES_ROWS = (exp.GenerateSeries, exp.ExplodingGenerateSeries, exp.Unnest, exp.Values)


@dataclass(frozen=True, slots=True)
class Table:
    """A table as SQL names it; what it leaves out is empty."""

    name: str
    schema: str = ""
    catalog: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """The tables a query surely reads; unless `is_whole` it may read others."""

    tables: frozenset[Table]
    is_whole: bool


def read_sql(sql: str, backend: str) -> Reading:
    """The tables in one dataset's SQL, `backend` being what Superset calls the database's engine.

    Superset renders Jinja with the viewer's own parameters, so we do not: a value becomes a name that
    stands for it, statements and comments go. A table named by a value, a function read from, a branch
    that may hide a table and SQL that cannot be parsed make the reading a partial one.
    """
    hides = any(found.group(1) in HIDING for found in STATEMENT.finditer(sql))
    plain = VALUE.sub(STAND_IN, STATEMENT.sub(" ", COMMENT.sub(" ", sql)))
    try:
        statements = [each for each in sqlglot.parse(plain, dialect=_dialect(backend)) if each is not None]
        nodes = [node for statement in statements for node in _tables(statement)]
    except (SqlglotError, RecursionError):
        return Reading(frozenset(), is_whole=False)
    named = [
        Table(node.name, node.db, node.catalog) for node in nodes if isinstance(node.this, exp.Identifier)
    ]
    known = [table for table in named if STAND_IN not in table.name + table.schema + table.catalog]
    is_query = bool(statements) and all(isinstance(each, exp.Query) for each in statements)
    is_whole = is_query and not hides and len(known) == len(nodes)
    return Reading(frozenset(known), is_whole=is_whole)


def _dialect(backend: str) -> str | None:
    """sqlglot's name for the engine; None, its own tolerant dialect, for one it does not know."""
    name = DIALECTS.get(backend.lower(), backend.lower())
    return name if name and name in sqlglot.Dialect.classes else None


def _tables(statement: exp.Expr) -> Iterator[exp.Table]:
    """What a statement reads from: without the names its `with` clauses define and what only makes rows."""
    named_here = {
        id(node)
        for scope in traverse_scope(statement)
        for node, source in scope.selected_sources.values()
        if isinstance(source, Scope)
    }
    for node in statement.find_all(exp.Table):
        if id(node) not in named_here and not isinstance(node.this, MAKES_ROWS):
            yield node


def dependency_rows(
    visual_type: str, uuid: str, datasets: Iterable[Item], backends: Mapping[int, str]
) -> list[Row]:
    """The rows of `superset_dependency` of one visual: its datasets, and the tables these read.

    `backends` are the engines by the number of their database. A virtual dataset whose SQL does not say
    all it reads has a row of the kind `unknown` besides, under the dataset's name.
    """
    rows = []
    for dataset in datasets:
        identity = {
            "visual_type": visual_type,
            "visual_id": uuid,
            "database_name": text_or_none((dataset.get("database") or {}).get("database_name")),
        }
        rows += [{**identity, **read} for read in _reads(dataset, backends)]
    return rows


def _reads(dataset: Item, backends: Mapping[int, str]) -> Iterator[Row]:
    schema, catalog = text_or_none(dataset.get("schema")), text_or_none(dataset.get("catalog"))
    itself: Row = {
        "name": str(dataset.get("table_name") or ""),
        "schema_name": schema,
        "catalog_name": catalog,
    }
    yield {"kind": "dataset", **itself}
    if dataset.get("kind") == "physical":
        yield {"kind": "table", **itself}
        return
    number = (dataset.get("database") or {}).get("id")
    reading = read_sql(str(dataset.get("sql") or ""), backends.get(number, "") if number else "")
    for table in sorted(reading.tables, key=lambda each: (each.catalog, each.schema, each.name)):
        # What the SQL leaves out Superset takes from the dataset.
        yield {
            "kind": "table",
            "name": table.name,
            "schema_name": table.schema or schema,
            "catalog_name": table.catalog or catalog,
        }
    if not reading.is_whole:
        yield {"kind": "unknown", **itself}
