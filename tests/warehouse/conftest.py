"""Every way the warehouse stores things, behind one fixture: two engines, with and without bulk paths."""

import uuid
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from bi_governance.warehouse import SqlWarehouse

NOW = datetime(2026, 3, 1, 6, tzinfo=UTC)
ENGINES = ("duckdb", "duckdb-plain", "postgresql", "postgresql-plain")


@pytest.fixture
def duckdb_url(tmp_path):
    return f"duckdb:///{tmp_path}/new/folder/warehouse.duckdb"


@pytest.fixture
def postgres_url(postgres_server):
    return postgres_server.create_database(f"warehouse_{uuid.uuid4().hex}")


@pytest.fixture(params=ENGINES)
def warehouse(request):
    """A prepared, empty warehouse."""
    engine, _, plain = request.param.partition("-")
    url = request.getfixturevalue("duckdb_url" if engine == "duckdb" else "postgres_url")
    made = SqlWarehouse(url, raw_schema="bi_raw", schema="bi_governance", bulk=not plain)
    made.prepare()
    yield made
    made.close()


@pytest.fixture
def rows(warehouse):
    """Reads a raw table back as dicts, in the order of a column."""

    def read(table: str, order: str) -> list[dict[str, object]]:
        target = warehouse._raw.tables.get(table)
        target = warehouse._raw.robot if target is None else target
        with warehouse._database.reading() as connection:
            return [dict(row) for row in connection.execute(sa.select(target).order_by(order)).mappings()]

    return read


def replace(warehouse, source, run="run-1", at=NOW, **pages):
    """Stage one page per table and commit."""
    staging = warehouse.stage(source, run, list(pages))
    for table, page in pages.items():
        staging.write(table, page)
    staging.commit(at)
