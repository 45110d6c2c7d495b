"""One suite, two engines: every test that takes `ledger` or `url` runs on SQLite and on a real PostgreSQL."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from psycopg import sql

from bi_governance.ledger import SqlLedger
from tests.servers.postgres import PostgresServer


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty SQLite file, or an empty schema in PostgreSQL, for each test."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    schema = f"ledger_{uuid.uuid4().hex}"
    with server.connect() as connection:
        connection.execute(sql.SQL("create schema {}").format(sql.Identifier(schema)))
    return f"{server.url()}?options=-csearch_path%3D{schema}"


@pytest.fixture
def ledger(url: str) -> Iterator[SqlLedger]:
    """A prepared, empty ledger."""
    ledger = SqlLedger(url)
    ledger.prepare()
    yield ledger
    ledger.close()


@pytest.fixture
def raw(url: str, ledger: SqlLedger) -> Iterator[sa.Engine]:
    """The ledger's database as somebody sees it who goes around the program."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    yield engine
    engine.dispose()
