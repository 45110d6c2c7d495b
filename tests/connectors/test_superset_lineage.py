"""What a virtual dataset reads, told from its SQL: all of it, or that something may be missing."""

from __future__ import annotations

import pytest

from bi_governance.connectors.superset.lineage import Reading, Table, read_sql
from tests.connectors.harness import Connected

T = Table("t")


@pytest.mark.parametrize(
    ("sql", "backend", "tables"),
    [
        pytest.param("select 1", "mysql", [], id="no table at all"),
        pytest.param("(select * from t)", "mysql", [T], id="in brackets"),
        pytest.param(
            "with a as (select * from s.o join c.x.y using (id)) select * from a join b on true",
            "postgresql",
            [Table("o", "s"), Table("y", "x", "c"), Table("b")],
            id="joins within and without",
        ),
        pytest.param(
            "with t as (select * from t) select * from t", "postgresql", [T], id="a name that hides a table"
        ),
        pytest.param(
            "with recursive n as (select 1 i union all select i + 1 from n) select * from n, t",
            "postgresql",
            [T],
            id="recursion",
        ),
        pytest.param("select (select max(d) from z) from t", "oracle", [T, Table("z")], id="a subquery"),
        pytest.param("select * from a union select * from b", "hive", [Table("a"), Table("b")], id="a union"),
        pytest.param("select * from t cross join unnest(t.x) as u(y)", "trino", [T], id="unnested"),
        pytest.param("select * from t, generate_series(1, 3)", "postgresql", [T], id="made rows"),
        pytest.param("select * from `p.d.t`", "bigquery", [Table("t", "d", "p")], id="one quoted name"),
        pytest.param("select * from [dbo].[t] with (nolock)", "mssql", [Table("t", "dbo")], id="brackets"),
        pytest.param('select * from "A b".t', "no such engine", [Table("t", "A b")], id="unknown engine"),
        pytest.param(
            "{% set d = 1 %}select * from t where a = '{{ from_dttm }}' and b > {{ d }} {# {{ z }} #}",
            "trino",
            [T],
            id="Jinja beside the tables",
        ),
        pytest.param(
            "select * from t {% if x %} where a in (select a from u) {% endif %}",
            "trino",
            [T, Table("u")],
            id="a part that may be left out",
        ),
        pytest.param(
            "select * from t where b in {{ filter_values('x')|where_in }} limit {{ n }}",
            "mysql",
            [T],
            id="a list",
        ),
    ],
)
def test_what_is_surely_all(sql: str, backend: str, tables: list[Table]) -> None:
    assert read_sql(sql, backend) == Reading(frozenset(tables), is_whole=True)


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("select from where", [], id="no SQL"),
        pytest.param("select * from (((", [], id="cut off"),
        pytest.param("show tables", [], id="no query"),
        pytest.param("insert into a select * from b", [Table("a"), Table("b")], id="a change"),
        pytest.param("select * from {{ dataset(12) }}", [], id="a table named by a value"),
        pytest.param("select * from t join t_{{ env }} using (id)", [T], id="a part of a name"),
        pytest.param("select * from t join {{ schema }}.u using (id)", [T], id="a schema named by a value"),
        pytest.param("select * from {% if x %}t{% else %}u{% endif %}", [T], id="either this or that"),
        pytest.param("select * from t{% raw %} {{ x }} {% endraw %}", [T], id="raw"),
        pytest.param("select * from read_all('t')", [], id="a function"),
        pytest.param("select * from a.b.c.d", [], id="a name of four parts"),
    ],
)
def test_what_may_not_be_all(sql: str, tables: list[Table]) -> None:
    assert read_sql(sql, "mysql") == Reading(frozenset(tables), is_whole=False)


def test_a_query_too_deep_to_parse_is_unknown() -> None:
    assert read_sql("select " + "(" * 5000 + "1" + ")" * 5000, "mysql") == Reading(
        frozenset(), is_whole=False
    )


def reads_of(superset: Connected, chart: str) -> set[tuple[object, ...]]:
    names = ("kind", "name", "database_name", "schema_name", "catalog_name")
    pages = superset.reader().read_inventory("superset_dependency")
    return {tuple(row[n] for n in names) for page in pages for row in page if row["visual_id"] == chart}


def test_a_virtual_dataset_stands_for_the_tables_in_its_sql(superset: Connected) -> None:
    sandbox, ada = superset.harness.sandbox, superset.harness.ada
    sql = "select * from orders join raw.customers using (id)"
    dataset = sandbox.add_dataset("big orders", owner_id=ada, schema="marts", sql=sql)
    sandbox.datasets[dataset].catalog = "analytics"
    chart = sandbox.add_chart("Big orders", owner_id=ada, dataset_id=dataset)
    board = sandbox.add_dashboard("Weekly", owner_id=ada, charts=[chart])
    expected = {
        ("dataset", "big orders", "warehouse", "marts", "analytics"),
        ("table", "orders", "warehouse", "marts", "analytics"),
        ("table", "customers", "warehouse", "raw", "analytics"),
    }
    assert reads_of(superset, sandbox.charts[chart].uuid) == expected
    assert reads_of(superset, sandbox.dashboards[board].uuid) == expected


def test_the_engine_of_the_database_says_how_its_sql_is_read(superset: Connected) -> None:
    sandbox, ada = superset.harness.sandbox, superset.harness.ada
    sandbox.databases[1].backend = "bigquery"
    dataset = sandbox.add_dataset("quoted", owner_id=ada, sql="select * from `acme.sales.orders`")
    chart = sandbox.add_chart("Quoted", owner_id=ada, dataset_id=dataset)
    assert ("table", "orders", "warehouse", "sales", "acme") in reads_of(superset, sandbox.charts[chart].uuid)


def test_sql_that_cannot_be_read_is_an_unknown_dependency_and_never_none(superset: Connected) -> None:
    sandbox, ada = superset.harness.sandbox, superset.harness.ada
    dataset = sandbox.add_dataset("mystery", owner_id=ada, sql="select * from {{ dataset(3) }}")
    chart = sandbox.add_chart("Mystery", owner_id=ada, dataset_id=dataset)
    assert reads_of(superset, sandbox.charts[chart].uuid) == {
        ("dataset", "mystery", "warehouse", "marts", None),
        ("unknown", "mystery", "warehouse", "marts", None),
    }
