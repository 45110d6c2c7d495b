"""dbt against both engines: warehouses, transformers for them, and marts read back row by row."""

import itertools
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from bi_governance.transform import DbtTransformer, project_dir
from bi_governance.warehouse import SqlWarehouse
from tests.dbt.estate import NOW

ENGINES = ("duckdb", "postgresql")


@dataclass
class Built:
    """One warehouse with its transformer."""

    url: str
    warehouse: SqlWarehouse
    transformer: DbtTransformer

    def read(self, mart: str) -> list[tuple]:
        """All rows of a mart, in an order both engines agree on."""
        with self.warehouse._database.reading() as connection:
            rows = connection.execute(sa.text(f"select * from bi_governance.{mart}"))
            return sorted((tuple(row) for row in rows), key=lambda row: [str(value) for value in row])

    def execute(self, statement: str) -> None:
        with self.warehouse._database.writing() as connection:
            connection.execute(sa.text(statement))


def built_for(url: str, target: Path, *, as_of=lambda: NOW, project: Path | None = None) -> Built:
    warehouse = SqlWarehouse(url, raw_schema="bi_raw", schema="bi_governance")
    warehouse.prepare()
    transformer = DbtTransformer(
        warehouse_url=url,
        raw_schema="bi_raw",
        schema="bi_governance",
        target_path=target,
        as_of=as_of,
        project=project or project_dir(),
        release=warehouse.close,
    )
    return Built(url, warehouse, transformer)


@pytest.fixture
def url_of(request, tmp_path):
    """The URL of a new, empty database of an engine.

    Their names are the same in every test: dbt's project is parsed once per name, and that takes seconds.
    """
    number = itertools.count(1)

    def make(engine: str) -> str:
        if engine == "duckdb":
            folder = tmp_path / f"duckdb-{next(number)}"
            folder.mkdir()
            return f"duckdb:///{folder}/warehouse.duckdb"
        return request.getfixturevalue("postgres_server").replace_database(f"dbt_{next(number)}")

    return make


@pytest.fixture(params=ENGINES)
def built(request, url_of, tmp_path):
    """A prepared warehouse nothing was built in yet."""
    made = built_for(url_of(request.param), tmp_path / "target")
    yield made
    made.warehouse.close()


@pytest.fixture
def duckdb_built(url_of, tmp_path):
    made = built_for(url_of("duckdb"), tmp_path / "target")
    yield made
    made.warehouse.close()
