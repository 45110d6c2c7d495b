"""Opening, preparing, letting go: what happens when the database is older, locked, broken or not there."""

import importlib.util
import subprocess
import sys

import pytest
import sqlalchemy as sa

from bi_governance.errors import ConfigurationError, StorageBusy, StorageError
from bi_governance.warehouse import RAW_TABLES, SqlWarehouse
from tests.servers.process import free_port
from tests.warehouse.conftest import NOW, replace

HOLDER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def opened(url):
    return SqlWarehouse(url, raw_schema="bi_raw", schema="bi_governance")


def hold(path):
    """Another process that has the DuckDB file open until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


def test_preparing_twice_changes_nothing(warehouse, rows):
    replace(warehouse, "us", looker_look=[{"look_id": "1"}])
    warehouse.prepare()
    assert len(rows("looker_look", "look_id")) == 1


def test_every_declared_table_exists_and_is_empty(warehouse, rows):
    for name, table in RAW_TABLES.items():
        assert rows(name, table.key[0]) == []


def test_columns_an_earlier_version_did_not_have_are_added(warehouse, rows):
    with warehouse._database.writing() as connection:
        for table, column in (("looker_look", "is_public"), ("looker_historical_access", "run_count")):
            connection.execute(sa.text(f"alter table bi_raw.{table} drop column {column}"))
    warehouse.prepare()
    replace(warehouse, "us", looker_look=[{"look_id": "1", "is_public": True}])
    warehouse.append_history(
        "looker_historical_access", "us", "run-1", NOW, [{"event_key": "a", "run_count": 4}]
    )
    assert rows("looker_look", "look_id")[0]["is_public"] is True
    assert rows("looker_historical_access", "event_key")[0]["run_count"] == 4


def test_marts_are_asked_for_before_the_first_transform(warehouse):
    for ask in (warehouse.facts, warehouse.witnessed, warehouse.source_days):
        with pytest.raises(StorageError, match="start with: bi-governance run"):
            ask()


def test_a_file_somebody_else_holds_is_busy_and_free_again_later(duckdb_url):
    warehouse = opened(duckdb_url)
    warehouse.prepare()
    warehouse.close()
    path = duckdb_url.removeprefix("duckdb:///")
    with hold(path) as holder:
        with pytest.raises(StorageBusy, match=f"^The warehouse file {path} is open in another process; "):
            warehouse.feed_statuses()
        holder.stdin.close()
        assert holder.wait(30) == 0
    assert warehouse.feed_statuses() == []
    warehouse.close()


def test_an_open_file_is_not_a_database(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    path.write_text("this is no database, whatever its name may say" * 100)
    with pytest.raises(StorageError, match=r"warehouse\.duckdb") as caught:
        opened(f"duckdb:///{path}").prepare()
    assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=f"{tmp_path}/file/deeper"):
        opened(f"duckdb:///{tmp_path}/file/deeper/warehouse.duckdb").prepare()


def test_a_server_that_does_not_answer_is_named_without_its_password(unused_port):
    with pytest.raises(StorageError, match="cannot be reached") as caught:
        opened(f"postgresql://ann:s3cret@127.0.0.1:{unused_port}/db").prepare()
    assert str(unused_port) in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_password_is_not_repeated(postgres_server):
    url = sa.make_url(postgres_server.url()).set(password="s3cret").render_as_string(hide_password=False)
    with pytest.raises(StorageError, match="password authentication failed") as caught:
        opened(url).prepare()
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("url", ["warehouse.duckdb", "", "mssqlx://host/db"])
def test_what_is_no_url_or_has_no_driver_is_a_configuration_error(url):
    with pytest.raises(ConfigurationError, match=r"warehouse\.url"):
        opened(url).prepare()


@pytest.fixture
def unused_port():
    return free_port()


def test_duckdb_is_told_once_that_there_is_no_pandas(tmp_path, monkeypatch):
    """Else it has Python search all folders anew for every parameter of every statement."""
    assert importlib.util.find_spec("pandas") is None, "the locked environment has no pandas"
    monkeypatch.delitem(sys.modules, "pandas", raising=False)
    warehouse = SqlWarehouse(f"duckdb:///{tmp_path}/w.duckdb", raw_schema="bi_raw", schema="bi")
    warehouse.prepare()
    warehouse.close()
    assert sys.modules["pandas"] is None
