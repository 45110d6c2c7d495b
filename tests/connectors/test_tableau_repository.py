"""Tableau Server's own database as the history of use, in a real PostgreSQL."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from psycopg import sql

from bi_governance.connectors.tableau.database import RepositoryDatabase
from bi_governance.errors import (
    ConfigurationError,
    IncompleteFeed,
    SourceAuthFailed,
    SourceBroken,
    SourceError,
    SourceForbidden,
    SourceMissing,
    SourceUnreachable,
)
from bi_governance.model import Coverage, Interval, VisualKey
from bi_governance.ports import Reader
from bi_governance.sandbox.tableau_repository import OTHER_SITE, READER_PASSWORD, TABLES
from tests.connectors import test_contract_reading as reading
from tests.connectors import test_contract_visuals as visuals
from tests.connectors.harness import SOURCE, START, Connected
from tests.connectors.harness_tableau_repository import RepositoryHarness
from tests.servers.postgres import PostgresServer

HOURS = Interval(START - timedelta(hours=6), START)
LONG_AGO = START - timedelta(days=60)


@pytest.fixture
def harness(postgres_server: PostgresServer) -> Iterator[RepositoryHarness]:
    """Its database is dropped afterwards, which PostgreSQL refuses while a connection is left open."""
    name = f"workgroup_{uuid.uuid4().hex}"
    made = RepositoryHarness(postgres_server.create_database(name))
    yield made
    made.close()
    with postgres_server.connect() as connection:
        connection.execute(sql.SQL("drop database {}").format(sql.Identifier(name)))


@pytest.fixture
def connected(harness: RepositoryHarness) -> Iterator[Connected]:
    with harness.serve() as server:
        connection = Connected(harness, server)
        yield connection
        connection.close()


# --- what every connector owes, with this history

test_windows_that_touch_lose_and_double_nothing = reading.test_windows_that_touch_lose_and_double_nothing
test_the_same_window_gives_the_same_event_keys = reading.test_the_same_window_gives_the_same_event_keys
test_a_quiet_window_is_empty = reading.test_a_quiet_window_is_empty
test_history_is_not_claimed_to_begin_before_anything_is_recorded = (
    reading.test_history_is_not_claimed_to_begin_before_anything_is_recorded
)
test_history_that_is_wanted_late_starts_there = reading.test_history_that_is_wanted_late_starts_there
test_nothing_is_sent_before_it_is_needed = (
    reading.test_nothing_is_sent_before_it_is_needed_and_closing_twice_is_fine
)
test_look_sees_a_visual_as_the_inventory_does = visuals.test_look_sees_a_visual_as_the_inventory_does
test_look_sees_a_fresh_view = visuals.test_look_sees_a_fresh_view
test_look_takes_our_own_runs_for_no_use = visuals.test_look_takes_our_own_runs_for_no_use
test_our_own_traffic_can_be_told_apart = visuals.test_our_own_traffic_can_be_told_apart_in_the_history
test_a_visual_can_be_saved_removed_and_brought_back = (
    visuals.test_a_visual_can_be_saved_removed_and_brought_back
)


# --- events


def rows_of(reader: Reader, window: Interval = HOURS) -> list[dict[str, object]]:
    return [dict(row) for page in reader.read_history(window) for row in page]


def test_an_event_says_who_did_what_to_what(connected: Connected, harness: RepositoryHarness) -> None:
    key = harness.add_visual("Revenue")
    at = START - timedelta(hours=2)
    view = harness.access_id(key)
    harness.repository.record("Access View", at, by=harness.ada, view_id=view)
    harness.repository.record("Download Workbook", at, by=harness.ada, workbook_id=key.native_id)
    harness.repository.record("Export Underlying Data", at, by=harness.ada, view_id=view)
    rows = rows_of(connected.reader())
    assert [(r["event_name"], r["access_kind"], r["view_id"], r["workbook_id"]) for r in rows] == [
        ("Access View", "view", view, key.native_id),
        ("Download Workbook", "export", None, key.native_id),
        ("Export Underlying Data", "export", view, key.native_id),
    ]
    assert {(r["user_id"], r["accessed_at"], r["counter"]) for r in rows} == {(harness.ada, at, None)}


def test_what_is_no_use_is_left_out(connected: Connected, harness: RepositoryHarness) -> None:
    key = harness.add_visual("Revenue")
    at = START - timedelta(hours=2)
    harness.repository.record("Refresh Workbook Extract", at, by=harness.ada, workbook_id=key.native_id)
    harness.repository.record("Login", at, by=harness.ada)
    assert rows_of(connected.reader()) == []


def test_another_site_of_the_server_is_none_of_ours(connected: Connected, harness: RepositoryHarness) -> None:
    key = harness.add_visual("Revenue")
    harness.view(key, START - timedelta(hours=3))
    harness.repository.record(
        "Access View", START - timedelta(hours=2), by=harness.ada, view_id=None, site=OTHER_SITE
    )
    harness.repository.execute("insert into hist_views values (900, null, 'Elsewhere', '1.0')")
    harness.repository.execute("update historical_events set hist_view_id = 900 where hist_actor_site_id = 2")
    assert [row["workbook_id"] for row in rows_of(connected.reader())] == [key.native_id]


def test_use_of_what_is_gone_stays_on_record(connected: Connected, harness: RepositoryHarness) -> None:
    key = harness.add_visual("Revenue")
    harness.view(key, START - timedelta(hours=2))
    connected.remover().remove(key)
    del harness.sandbox.users[harness.ada]
    harness.repository.mirror()
    rows = rows_of(connected.reader())
    assert [(r["user_id"], r["view_id"], r["workbook_id"]) for r in rows] == [
        ("ada@acme.example", None, None)
    ]


def test_pages_are_streamed(connected: Connected, harness: RepositoryHarness) -> None:
    key = harness.add_visual("Revenue")
    for minute in range(45):
        harness.view(key, START - timedelta(minutes=minute + 1))
    pages = list(connected.reader().read_history(HOURS))
    assert [len(page) for page in pages] == [20, 20, 5]


def test_look_sees_a_view_of_a_second_ago(connected: Connected, harness: RepositoryHarness) -> None:
    key = harness.add_visual("Revenue")
    harness.view(key, START - timedelta(days=200))
    reader = connected.reader()
    assert reader.look(key, LONG_AGO).last_used_at is None
    harness.view(key, START - timedelta(seconds=1))
    assert reader.look(key, LONG_AGO).last_used_at == START - timedelta(seconds=1)
    view = VisualKey(SOURCE, "view", harness.access_id(key))
    assert reader.look(view, LONG_AGO).last_used_at == START - timedelta(seconds=1)


def test_a_robot_does_not_count_by_whatever_name(connected: Connected, harness: RepositoryHarness) -> None:
    key = harness.add_visual("Revenue")
    robot = harness.sandbox.add_person("Monitor@acme.example", "Monitor")
    view = harness.access_id(key)
    harness.repository.record("Access View", START - timedelta(hours=1), by=robot, view_id=view)
    assert connected.reader().look(key, LONG_AGO).last_used_at is not None
    for name in (robot, "monitor@acme.example"):
        assert connected.reader(robots=[name]).look(key, LONG_AGO).last_used_at is None


# --- what is proven


def start_of(reader: Reader, days: int) -> datetime:
    return reader.history_start(START - timedelta(days=days), START, Coverage())


def test_an_empty_repository_proves_nothing(connected: Connected) -> None:
    with pytest.raises(IncompleteFeed, match=r"nothing.*auditing\.enabled"):
        start_of(connected.reader(), 90)
    with pytest.raises(IncompleteFeed, match=r"nothing.*auditing\.enabled"):
        rows_of(connected.reader())


def test_recording_that_was_switched_off_proves_nothing(
    connected: Connected, harness: RepositoryHarness
) -> None:
    harness.repository.record("Login", START - timedelta(days=3, minutes=1), by=harness.ada)
    with pytest.raises(IncompleteFeed, match="nothing since"):
        rows_of(connected.reader())
    harness.repository.record("Login", START - timedelta(days=2), by=harness.ada)
    assert rows_of(connected.reader()) == []


def test_what_happened_before_a_long_silence_is_not_counted_on(
    connected: Connected, harness: RepositoryHarness
) -> None:
    harness.repository.sign_ins(START - timedelta(days=90), START - timedelta(days=40), by=harness.ada)
    harness.be_alive(START - timedelta(days=30))
    assert start_of(connected.reader(), 80) == START - timedelta(days=30)
    assert start_of(connected.reader(), 20) == START - timedelta(days=20)


def test_events_older_than_the_retention_are_not_counted_on(
    connected: Connected, harness: RepositoryHarness
) -> None:
    harness.be_alive(START - timedelta(days=200))
    assert start_of(connected.reader(), 365) == START - timedelta(days=183)
    assert start_of(connected.reader(history_days=190), 365) == START - timedelta(days=190)


# --- the connection


def probe_of(reader: Reader) -> tuple[bool, str, str]:
    found = next(probe for probe in reader.probe() if probe.name == "read use")
    return found.ok, found.detail, found.advice


def test_doctor_is_content_when_events_can_be_read(connected: Connected, harness: RepositoryHarness) -> None:
    harness.be_alive(START - timedelta(days=1))
    assert all(probe.ok for probe in connected.reader().probe())
    assert "newest is of 2026-03-01 06:00 UTC" in probe_of(connected.reader())[1]


def test_doctor_names_an_empty_repository(connected: Connected) -> None:
    ok, _, advice = probe_of(connected.reader())
    assert not ok
    assert "auditing.enabled" in advice


@pytest.mark.parametrize("table", TABLES)
def test_a_missing_grant_is_named_with_how_to_give_it(
    connected: Connected, harness: RepositoryHarness, table: str
) -> None:
    harness.be_alive(START - timedelta(days=1))
    reader = connected.reader()
    assert probe_of(reader)[0]
    harness.repository.execute(f"revoke select on {table} from readonly")
    ok, detail, advice = probe_of(reader)
    assert not ok
    assert re.search(rf"permission denied for table {table}\b", detail)
    assert "--repository-username readonly" in advice
    with pytest.raises(SourceForbidden):
        rows_of(reader)


@pytest.mark.parametrize("change", ["drop table historical_events", "alter table views drop column luid"])
def test_another_schema_is_not_an_empty_history(
    connected: Connected, harness: RepositoryHarness, change: str
) -> None:
    harness.be_alive(START - timedelta(days=1))
    harness.repository.execute(change)
    with pytest.raises(SourceMissing, match="workgroup"):
        rows_of(connected.reader())
    assert "usage_counters" in probe_of(connected.reader())[2]


def test_the_repository_of_another_server_is_refused(
    connected: Connected, harness: RepositoryHarness
) -> None:
    harness.be_alive(START - timedelta(days=1))
    harness.repository.execute("update sites set luid = cast('00000000-0000-0000-0000-000000000009' as uuid)")
    with pytest.raises(SourceMissing, match="knows no site"):
        rows_of(connected.reader())
    with pytest.raises(SourceMissing):
        connected.reader().look(harness.add_visual("Revenue"), LONG_AGO)


def changed(url: str, **parts: Any) -> str:
    return sa.make_url(url).set(**parts).render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("parts", "error", "advice"),
    [
        ({"password": "wrong"}, SourceAuthFailed, "repository-access enable"),
        ({"username": "nobody_at_all"}, SourceAuthFailed, "repository-access enable"),
        ({"database": "no_such_database"}, SourceMissing, "/workgroup"),
        ({"port": 9}, SourceUnreachable, "8060"),
    ],
    ids=["password", "user", "database", "port"],
)
def test_a_database_that_lets_nobody_in_says_why(
    connected: Connected,
    harness: RepositoryHarness,
    parts: dict[str, Any],
    error: type[SourceError],
    advice: str,
) -> None:
    reader = connected.reader(repository_url=changed(harness.repository.url, **parts))
    with pytest.raises(error) as raised:
        rows_of(reader)
    assert raised.value.source == SOURCE
    assert advice in raised.value.hint
    assert READER_PASSWORD not in str(raised.value)
    assert "wrong" not in str(raised.value)
    assert advice in probe_of(reader)[2]


def database_of(harness: RepositoryHarness, timeout: float = 120) -> RepositoryDatabase:
    return RepositoryDatabase(SOURCE, harness.repository.url, timeout)


def test_a_query_that_takes_too_long_is_no_answer(harness: RepositoryHarness) -> None:
    database = database_of(harness, timeout=0.05)
    with pytest.raises(SourceUnreachable, match="Raise `timeout`"):
        database.one(sa.text("select pg_sleep(20)"))
    database.close()


def test_nothing_can_be_changed_even_where_the_user_may(harness: RepositoryHarness) -> None:
    harness.repository.execute("grant all on all tables in schema public to readonly")
    database = database_of(harness)
    with pytest.raises(SourceBroken, match="read-only transaction"):
        database.one(sa.text("delete from sites returning id"))
    assert database.one(sa.text("select count(*) as sites from sites")) == {"sites": 2}
    database.close()


def test_a_connection_that_was_cut_is_made_again(harness: RepositoryHarness) -> None:
    database = database_of(harness)
    ours = sa.text("select pg_backend_pid() as pid")
    first = database.one(ours)
    assert first is not None
    harness.repository.execute("select pg_terminate_backend(:pid)", pid=first["pid"])
    assert database.one(ours) != first
    database.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "needs the address"),
        ("tableau.acme.example", "is no database URL"),
        ("mysql://a@b/c", "is one of mysql"),
    ],
)
def test_settings_that_lead_nowhere_are_refused(connected: Connected, url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"repository_url.*{words}"):
        connected.reader(repository_url=url)


def test_plain_names_of_the_driver_are_understood(harness: RepositoryHarness) -> None:
    plain = harness.repository.url.replace("postgresql+psycopg", "postgresql")
    database = RepositoryDatabase(SOURCE, plain, 10)
    assert database.one(sa.text("select 1 as one")) == {"one": 1}
    database.close()
