"""Inventories are replaced per source, as a whole or not at all."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
import sqlalchemy as sa

from bi_governance.errors import StorageError
from tests.warehouse.conftest import NOW, replace


def test_a_commit_replaces_the_source_s_rows_and_no_other_s(warehouse, rows):
    replace(warehouse, "eu", looker_look=[{"look_id": "1", "title": "theirs"}])
    replace(warehouse, "us", looker_look=[{"look_id": "1", "title": "old"}, {"look_id": "2"}])
    replace(warehouse, "us", run="run-2", looker_look=[{"look_id": "3", "title": "new"}])
    assert [(r["source"], r["look_id"], r["title"], r["run_id"]) for r in rows("looker_look", "look_id")] == [
        ("eu", "1", "theirs", "run-1"),
        ("us", "3", "new", "run-2"),
    ]


def test_nothing_is_visible_before_the_commit_and_nothing_after_a_discard(warehouse, rows):
    replace(warehouse, "us", looker_look=[{"look_id": "1"}])
    staging = warehouse.stage("us", "run-2", ["looker_look"])
    staging.write("looker_look", [{"look_id": "2"}])
    assert [r["look_id"] for r in rows("looker_look", "look_id")] == ["1"]
    staging.discard()
    assert [r["look_id"] for r in rows("looker_look", "look_id")] == ["1"]


def test_a_table_without_pages_is_emptied(warehouse, rows):
    replace(warehouse, "us", looker_look=[{"look_id": "1"}])
    warehouse.stage("us", "run-2", ["looker_look"]).commit(NOW)
    assert rows("looker_look", "look_id") == []


def test_a_commit_that_fails_at_the_second_table_leaves_the_first_as_it_was(warehouse, rows):
    replace(warehouse, "us", looker_look=[{"look_id": "1"}])
    with warehouse._database.writing() as connection:
        connection.execute(sa.text("drop table bi_raw.looker_user"))
    with pytest.raises(StorageError):
        replace(warehouse, "us", looker_look=[{"look_id": "2"}], looker_user=[{"user_id": "1"}])
    assert [r["look_id"] for r in rows("looker_look", "look_id")] == ["1"]


def test_values_come_back_as_they_went_in(warehouse, rows):
    amsterdam = timezone(timedelta(hours=1))
    row = {
        "dashboard_id": 42,
        "title": 'O\'Brien, "quoted"\t\\N\nline é 漢',
        "view_count": 3.0,
        "favorite_count": 2**40,
        "deleted": False,
        "hidden": True,
        "created_at": datetime(2026, 1, 1, 1, 30, 0, 123456, tzinfo=amsterdam),
    }
    replace(warehouse, "us", looker_dashboard=[row])
    (stored,) = rows("looker_dashboard", "dashboard_id")
    expected = row | {"dashboard_id": "42", "view_count": 3, "source": "us", "collected_at": NOW}
    assert {name: stored[name] for name in expected} == expected
    assert stored["created_at"].tzinfo is UTC
    assert stored["slug"] is None
    assert stored["readonly"] is None


def test_text_no_database_can_store_is_mended(warehouse, rows):
    replace(warehouse, "us", looker_look=[{"look_id": "1", "title": "a\x00b\ud800c"}])
    assert rows("looker_look", "look_id")[0]["title"] == "ab?c"


@pytest.mark.parametrize(
    ("row", "error", "said"),
    [
        ({"look_id": "1", "titel": "x"}, ValueError, "looker_look has no column titel"),
        ({"title": "x"}, ValueError, "looker_look.look_id identifies a row"),
        ({"look_id": "1", "created_at": datetime(2026, 1, 1)}, ValueError, "created_at.*no time zone"),
        ({"look_id": "1", "created_at": "2026-01-01"}, TypeError, "created_at: expected a datetime, got str"),
        ({"look_id": "1", "title": True}, TypeError, "title: expected text, got bool"),
        ({"look_id": "1", "title": ["x"]}, TypeError, "title: expected text, got list"),
        ({"look_id": "1", "view_count": 1.5}, TypeError, "view_count: expected a whole number, got float"),
        ({"look_id": "1", "view_count": True}, TypeError, "view_count: expected a whole number, got bool"),
        ({"look_id": "1", "deleted": 1}, TypeError, "deleted: expected a boolean, got int"),
    ],
)
def test_a_row_that_breaks_the_contract_is_refused_by_name(warehouse, row, error, said):
    staging = warehouse.stage("us", "run-1", ["looker_look"])
    with pytest.raises(error, match=said):
        staging.write("looker_look", [{"look_id": "0"}, row])
    staging.discard()


@pytest.mark.parametrize("table", ["looker_historical_access", "collection", "looker_dashboards"])
def test_only_inventory_tables_are_staged(warehouse, table):
    with pytest.raises(KeyError, match=table):
        warehouse.stage("us", "run-1", [table])


def test_pages_are_streamed_to_disk(warehouse):
    staging = warehouse.stage("us", "run-1", ["looker_look"])
    page = [{"look_id": str(n), "title": "x" * 200} for n in range(1000)]
    staging.write("looker_look", page)
    before = pa.total_allocated_bytes()
    for _ in range(50):
        staging.write("looker_look", page)
    assert pa.total_allocated_bytes() - before < 1_000_000  # the pages hold 10 MB
    staging.discard()


def test_sources_are_collected_at_the_same_time(warehouse, rows):
    def collect(source: str) -> int:
        staging = warehouse.stage(source, "run-1", ["looker_look", "looker_user"])
        new = 0
        for page in range(5):
            staging.write("looker_look", [{"look_id": f"{page}-{n}"} for n in range(20)])
            staging.write("looker_user", [{"user_id": f"{page}-{n}"} for n in range(20)])
            events = [{"event_key": f"{page}-{n}"} for n in range(20)]
            new += warehouse.append_history("looker_historical_access", source, "run-1", NOW, events)
        staging.commit(NOW)
        return new

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(collect, [f"source-{n}" for n in range(8)])) == [100] * 8
    assert len(rows("looker_look", "look_id")) == 800
    assert len(rows("looker_user", "user_id")) == 800


def test_threads_that_write_the_same_rows_wait_for_each_other(warehouse, rows):
    def write(number: int) -> int:
        warehouse.prepare()
        replace(warehouse, "us", looker_look=[{"look_id": str(number)}])
        events = [{"event_key": str(n)} for n in range(500)]
        return warehouse.append_history("looker_historical_access", "us", "run-1", NOW, events)

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(write, range(16))) == 500
    assert len(rows("looker_look", "look_id")) == 1


@pytest.mark.parametrize("warehouse", ["duckdb"], indirect=True)
def test_many_rows_are_replaced_whatever_memory_that_takes(warehouse, rows, monkeypatch):
    """Where the little memory that DuckDB is given first does not do, it gets what it wants."""
    monkeypatch.setattr("bi_governance.warehouse.database.REPLACING", 2**20)
    many = [{"look_id": str(n), "title": f"look number {n} " * 20} for n in range(20_000)]
    replace(warehouse, "us", looker_look=many)
    assert len(rows("looker_look", "look_id")) == 20_000


@pytest.mark.parametrize("warehouse", ["duckdb"], indirect=True)
def test_after_a_replacement_the_database_may_take_what_it_could_before(warehouse):
    # The setting DuckDB shows is not always the one that holds; this is.
    limit = sa.text("select memory_limit, current_setting('threads') from pragma_database_size()")
    seen = []
    for _ in range(3):
        replace(warehouse, "us", looker_look=[{"look_id": "1"}])
        with warehouse._database.reading() as connection:
            seen.append(tuple(connection.execute(limit).one()))
    assert seen[0] == seen[1] == seen[2]
    assert "GiB" in seen[0][0]


@pytest.mark.parametrize("warehouse", ["duckdb"], indirect=True)
def test_of_two_replacements_at_once_the_second_has_as_little_memory_as_the_first(warehouse):
    database, asked = warehouse._database, threading.Semaphore(0)
    database._writing = Turn(asked)

    def limit() -> str:
        with database.replacing() as connection:
            asked.acquire()
            if others:
                done.append(pool.submit(others.pop()))
                asked.acquire()  # until the other one wants its turn, too
                asked.release()
            return connection.execute(sa.text("select memory_limit from pragma_database_size()")).scalar_one()

    others, done = [limit], []
    with ThreadPoolExecutor(1) as pool:
        first = limit()
        assert "MiB" in first
        assert "MiB" in done[0].result()


class Turn:
    """A lock that says when it is asked for."""

    def __init__(self, asked: threading.Semaphore) -> None:
        self._lock, self._asked = threading.Lock(), asked

    def __enter__(self) -> None:
        self._asked.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_what_the_driver_says_itself_is_told_in_our_words(warehouse):
    """Bulk paths talk to the driver without SQLAlchemy in between."""
    with warehouse._database.writing() as connection:
        connection.execute(sa.text("alter table bi_raw.looker_look alter column title set not null"))
    with pytest.raises(StorageError, match="title"):
        replace(warehouse, "us", looker_look=[{"look_id": "1"}])
