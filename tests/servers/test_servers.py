"""The real servers do what tests rely on: use leaves a record, time can pass, writes are seen, stop stops."""

import json
import os
import select
import socket
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import distribution
from pathlib import Path

import psycopg
import pytest
import requests
from sqlalchemy import create_engine, text

from tests.servers import postgres
from tests.servers.postgres import PostgresServer
from tests.servers.process import LOOPBACK, ServerFailed, ServerProcess
from tests.servers.superset import SupersetServer
from tests.servers.superset_boot import TOKEN_HEADER
from tests.servers.superset_http import Refused

INSECURE_KEY = "CHANGE_ME_TO_A_COMPLEX_RANDOM_SECRET"  # Superset's own placeholder, which it refuses
STARTS_A_SERVER = """
import os, sys, time
from pathlib import Path
from tests.servers.process import ServerProcess
home, held = Path(sys.argv[1]), int(sys.argv[2])
ServerProcess(["sleep", "300"], log=home / "log", env=dict(os.environ), cwd=home, pass_fds=[held])
print("started", flush=True)
time.sleep(300)
"""
CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Content:
    """What the tests of this module find on the shared Superset."""

    bob: int
    dataset: int
    chart: int
    dashboard: int


@pytest.fixture(scope="module")
def content(superset_server: SupersetServer) -> Content:
    """Bob's dashboard with Bob's chart on it, made by the admin."""
    bob = superset_server.create_user("bob", "bob@example.com", role="Alpha")
    dataset = superset_server.create_dataset(superset_server.create_database())
    chart = superset_server.create_chart("Orders per day", dataset, [bob])
    dashboard = superset_server.create_dashboard("Orders", [bob], charts=[chart], slug="orders")
    return Content(bob=bob, dataset=dataset, chart=chart, dashboard=dashboard)


def test_the_server_that_answers_is_ours(superset_server: SupersetServer) -> None:
    since = superset_server.mark()
    answer = requests.get(f"{superset_server.url}/health", timeout=30)
    assert len(answer.headers[TOKEN_HEADER]) == 32
    assert [call.path for call in superset_server.calls(since)] == ["/health"]
    assert os.getpgid(superset_server.pid) == superset_server.pid != os.getpgid(0)


def test_content_is_stored_as_created(superset_server: SupersetServer, content: Content) -> None:
    dashboard = superset_server.dashboard(content.dashboard)
    assert dashboard is not None
    assert (dashboard.title, dashboard.owners) == ("Orders", ("bob",))
    assert superset_server.charts_on(content.dashboard) == [content.chart]
    assert {chart.title: chart.owners for chart in superset_server.charts()}["Orders per day"] == ("bob",)


def test_a_view_leaves_one_page_row_and_one_mount_event(
    superset_server: SupersetServer, content: Content
) -> None:
    before = len(superset_server.log_rows())
    superset_server.view_dashboard_as("bob", content.dashboard)
    rows = [row for row in superset_server.log_rows()[before:] if row.dashboard_id == content.dashboard]
    assert {row.username for row in rows} == {"bob"}
    events = [json.loads(row.json)["event_name"] for row in rows if row.action == "log"]
    assert Counter(row.action for row in rows)["dashboard"] == 1
    assert Counter(events) == {"mount_dashboard": 1, "load_chart": 1}
    assert Counter((row.action, row.slice_id) for row in rows)["ChartDataRestApi.data", content.chart] == 1


def test_a_chart_opened_by_itself_leaves_a_row_of_the_chart(
    superset_server: SupersetServer, content: Content
) -> None:
    before = len(superset_server.log_rows())
    superset_server.view_chart_as("bob", content.chart)
    rows = superset_server.log_rows()[before:]
    assert ("root", content.chart, "bob") in {(row.action, row.slice_id, row.username) for row in rows}


def test_time_passes_in_the_log_of_one_dashboard_only(
    superset_server: SupersetServer, content: Content
) -> None:
    other = superset_server.create_dashboard("Left alone")
    for dashboard in (content.dashboard, other):
        superset_server.view_dashboard_as("admin", dashboard)
    before = superset_server.log_rows()
    moved = superset_server.shift_log(30, content.dashboard)
    after = superset_server.log_rows()
    by = {old.id: old.dttm - new.dttm for old, new in zip(before, after, strict=True)}
    expected = {
        row.id: timedelta(days=30) if row.dashboard_id == content.dashboard else timedelta() for row in before
    }
    assert by == expected
    assert moved == len(superset_server.log_rows(content.dashboard)) > 0


def test_superset_itself_reads_the_shifted_times(superset_server: SupersetServer, content: Content) -> None:
    superset_server.view_dashboard_as("bob", content.dashboard)
    superset_server.shift_log(100, content.dashboard)
    stored = superset_server.log_rows(content.dashboard)
    query = (
        f"(filters:!((col:dashboard_id,opr:eq,value:{content.dashboard})),order_column:dttm,page_size:100)"
    )
    told = superset_server.call("GET", f"/api/v1/log/?q={query}")["result"]
    assert sorted(row.dttm.isoformat() for row in stored) == sorted(row["dttm"] for row in told)


def test_objects_age(superset_server: SupersetServer, content: Content) -> None:
    old = superset_server.dashboard(content.dashboard)
    superset_server.age_objects(90, dashboard_id=content.dashboard)
    new = superset_server.dashboard(content.dashboard)
    assert old is not None
    assert new is not None
    assert (old.created_on - new.created_on, old.changed_on - new.changed_on) == (
        timedelta(90),
        timedelta(90),
    )
    told = superset_server.call("GET", f"/api/v1/dashboard/{content.dashboard}")["result"]
    assert told["changed_on"] == new.changed_on.isoformat()


def test_ageing_one_object_leaves_the_others(superset_server: SupersetServer, content: Content) -> None:
    dashboards, charts = superset_server.dashboards(), superset_server.charts()
    superset_server.age_objects(5, chart_id=content.chart)
    assert superset_server.dashboards() == dashboards
    changed = [old.id for old, new in zip(charts, superset_server.charts(), strict=True) if old != new]
    assert changed == [content.chart]


def test_write_calls_sees_a_change_and_who_made_it(superset_server: SupersetServer, content: Content) -> None:
    path = f"/api/v1/dashboard/{content.dashboard}"
    superset_server.browser("bob")
    since = superset_server.mark()
    superset_server.call("GET", path, by="bob")
    assert superset_server.write_calls(since) == []
    superset_server.call("PUT", path, {"dashboard_title": "Orders"}, by="bob")
    assert [
        (call.method, call.path, call.status, call.user) for call in superset_server.write_calls(since)
    ] == [("PUT", path, 200, "bob")]
    assert superset_server.write_calls(since, by="admin") == []


def test_write_calls_sees_refused_changes_too_but_not_signing_in(
    superset_server: SupersetServer, content: Content
) -> None:
    since = superset_server.mark()
    credentials = {
        "username": "bob",
        "password": superset_server.passwords["bob"],
        "provider": "db",
        "refresh": True,
    }
    login = requests.post(f"{superset_server.url}/api/v1/security/login", json=credentials, timeout=30)
    token = {"Authorization": f"Bearer {login.json()['access_token']}"}
    url = f"{superset_server.url}/api/v1/dashboard/{content.dashboard}"
    without_csrf = requests.delete(url, headers=token, timeout=30, allow_redirects=False)
    assert without_csrf.status_code == 302
    assert [(call.method, call.status) for call in superset_server.write_calls(since)] == [("DELETE", 302)]
    assert superset_server.dashboard(content.dashboard) is not None


def test_a_deleted_dashboard_is_gone_from_the_store(superset_server: SupersetServer) -> None:
    doomed = superset_server.create_dashboard("Doomed")
    superset_server.call("DELETE", f"/api/v1/dashboard/{doomed}")
    assert superset_server.dashboard(doomed) is None


def test_what_holds_a_dashboard_can_be_made(superset_server: SupersetServer, content: Content) -> None:
    held = superset_server.create_dashboard("Held", [content.bob], certified_by="Finance")
    report = superset_server.create_report_schedule(held, [content.bob])
    superset_server.add_tag(held, "keep")
    embedded = superset_server.set_embedded(held)
    superset_server.favourite("bob", held)
    told = superset_server.call("GET", f"/api/v1/dashboard/{held}")["result"]
    assert told["certified_by"] == "Finance"
    assert "keep" in {tag["name"] for tag in told["tags"]}
    assert superset_server.call("GET", f"/api/v1/report/{report}")["result"]["dashboard"]["id"] == held
    assert superset_server.call("GET", f"/api/v1/dashboard/{held}/embedded")["result"]["uuid"] == embedded
    starred = superset_server.call("GET", f"/api/v1/dashboard/favorite_status/?q=!({held})", by="bob")
    assert starred["result"] == [{"id": held, "value": True}]


def test_a_refusal_says_what_superset_said(superset_server: SupersetServer) -> None:
    with pytest.raises(Refused, match="404"):
        superset_server.call("GET", "/api/v1/dashboard/987654")


@pytest.mark.superset
@pytest.mark.xdist_group("superset")
def test_stop_really_stops_and_start_continues_with_what_was_stored(tmp_path: Path) -> None:
    with SupersetServer(tmp_path / "home") as server:
        kept = server.create_dashboard("Kept")
        first = server.pid
        server.stop()
        assert not is_alive(first)
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{server.url}/health", timeout=5)
        server.start()
        assert server.pid != first
        assert server.call("GET", f"/api/v1/dashboard/{kept}")["result"]["dashboard_title"] == "Kept"
    assert not is_alive(server.pid)


@pytest.mark.superset
@pytest.mark.xdist_group("superset")
def test_a_failed_start_shows_the_log_and_leaves_nothing_running(tmp_path: Path) -> None:
    server = SupersetServer(tmp_path / "home", config={"SECRET_KEY": INSECURE_KEY})
    with pytest.raises(ServerFailed, match="Refusing to start due to insecure SECRET_KEY"):
        server.start()
    assert not is_alive(server.pid)


def test_postgres_round_trip(postgres_server: PostgresServer) -> None:
    engine = create_engine(postgres_server.create_database("round_trip"))
    with engine.begin() as connection:
        connection.execute(text("create table visual (title text)"))
        connection.execute(text("insert into visual values ('Ünïcode')"))
    with engine.connect() as connection:
        assert connection.execute(text("select title from visual")).scalar_one() == "Ünïcode"
    engine.dispose()


def test_postgres_databases_are_apart(postgres_server: PostgresServer) -> None:
    postgres_server.create_database("apart")
    with pytest.raises(psycopg.errors.DuplicateDatabase):
        postgres_server.create_database("apart")


def test_postgres_stops_with_its_context() -> None:
    with PostgresServer() as server:
        assert is_alive(server.pid)
    assert not is_alive(server.pid)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, server.port), timeout=5)


def test_postgres_runs_from_a_copy_where_its_user_cannot_reach_the_binaries() -> None:
    root = Path(str(distribution(postgres.PACKAGE).locate_file("")))
    with postgres._home() as home, postgres._binaries(home) as original:
        copy = postgres._copied(root, original, home)
        assert copy.is_relative_to(home)
        assert (copy / "initdb").stat().st_size == (original / "initdb").stat().st_size


def test_no_server_outlives_a_test_process_that_is_killed(tmp_path: Path) -> None:
    """The server holds the writing end of a pipe: reading comes to the end only when it is gone too."""
    reading, writing = os.pipe()
    command = [sys.executable, "-c", STARTS_A_SERVER, str(tmp_path), str(writing)]
    with (
        os.fdopen(reading, "rb") as pipe,
        subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, pass_fds=[writing]) as starter,
    ):
        os.close(writing)
        assert starter.stdout is not None
        assert starter.stdout.readline() == b"started\n"
        starter.kill()
        assert select.select([pipe], [], [], 90)[0], "the server is still there"
        assert pipe.read() == b""


def test_a_server_that_ends_by_itself_is_reported_with_its_log(tmp_path: Path) -> None:
    process = ServerProcess(
        ["sh", "-c", "echo out of luck"], log=tmp_path / "log", env=dict(os.environ), cwd=tmp_path
    )
    assert process.wait(10) == 0
    assert "out of luck" in str(process.failed("The server ended"))
    process.stop()


def is_alive(pid: int) -> bool:
    """Whether a process of ours with that id exists; one that was waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
