"""The project keeps its own rules: layers, documentation, unit tests for everything that decides."""

import re

import pytest
from dbt.cli.main import dbtRunner

from bi_governance.transform import project_dir
from bi_governance.warehouse import RAW_TABLES
from tests.dbt import estate
from tests.dbt.conftest import built_for

SQL = sorted(project_dir().glob("models/**/*.sql"))
ENGINE_WORDS = r"target\.type|adapter\.dispatch|::|\bqualify\b|date_trunc|date_diff|arg_max|filter\s*\("


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    built = built_for(f"duckdb:///{folder}/warehouse.duckdb", folder / "target")
    built.transformer.build()
    built.warehouse.close()
    return built.transformer._manifest


@pytest.fixture
def models(manifest):
    return {node.name: node for node in manifest.nodes.values() if node.resource_type == "model"}


def test_every_unit_test_passes(built):
    estate.load(built.warehouse)
    built.transformer.build()
    built.warehouse.close()
    with built.transformer._environment():
        arguments = built.transformer._arguments({})
        outcome = dbtRunner().invoke(["test", "--select", "test_type:unit", *arguments])
    results = outcome.result.results
    assert {result.node.name: result.message for result in results if result.status != "pass"} == {}
    assert len(results) >= 45


def test_names_of_unit_tests_fit_into_an_identifier_of_postgresql(manifest):
    assert [test.name for test in manifest.unit_tests.values() if len(test.name) > 63] == []


def test_everything_that_decides_something_has_a_unit_test(manifest, models):
    tested = {test.model for test in manifest.unit_tests.values()}
    deciding = {name for name, model in models.items() if "staging" not in model.path}
    assert deciding - tested == set()


def test_every_model_and_every_column_of_a_mart_is_described(models):
    assert [name for name, model in models.items() if not model.description] == []
    marts = [model for model in models.values() if model.path.startswith("marts/")]
    assert len(marts) == 10
    for mart in marts:
        assert mart.contract.enforced, mart.name
        assert [name for name, column in mart.columns.items() if not column.description] == []


def test_no_view_reads_a_table_that_a_build_replaces(models):
    """PostgreSQL would drop such a view with the old table, while a later build makes no views anew."""
    tables = {model.unique_id for model in models.values() if model.config.materialized != "view"}
    views = [model for model in models.values() if model.config.materialized == "view"]
    assert len(tables) >= 8
    assert len(views) > 50
    assert [view.name for view in views if tables & set(view.depends_on.nodes)] == []


def test_only_staging_reads_sources_and_marts_read_no_staging_of_facts(models):
    for model in models.values():
        is_staging = model.path.startswith("staging/")
        assert bool(model.sources) == is_staging, model.name
        assert not (is_staging and model.refs), model.name
        assert (model.config.materialized == "view") or not is_staging, model.name


def test_every_source_is_a_table_the_warehouse_creates(manifest):
    names = {source.name for source in manifest.sources.values()}
    assert names - set(RAW_TABLES) == {"collection", "robot"}
    for platform in ("looker", "superset"):
        assert {name for name in RAW_TABLES if name.startswith(platform)} <= names


@pytest.mark.parametrize("path", SQL, ids=lambda path: path.stem)
def test_facts_know_no_clock_and_no_engine(path):
    text = re.sub(r"\{#.*?#\}|--[^\n]*|'[^']*'", "", path.read_text(), flags=re.DOTALL)
    assert not re.search(r"current_|now\s*\(|getdate|sysdate", text, re.IGNORECASE)
    assert not re.search(ENGINE_WORDS, text, re.IGNORECASE)
