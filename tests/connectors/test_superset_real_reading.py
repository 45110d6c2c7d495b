"""Reading a real Superset: what is seen, what counts as use, and what reading leaves behind."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bi_governance.connectors.superset import SupersetReader
from bi_governance.errors import IncompleteFeed, SourceAuthFailed, SourceForbidden
from bi_governance.model import Coverage, Interval
from tests.connectors.superset_bench import World, open_world
from tests.servers.superset import SupersetServer

pytestmark = [pytest.mark.superset, pytest.mark.xdist_group("superset")]


@pytest.fixture(scope="module")
def world(superset_server: SupersetServer) -> Iterator[World]:
    with open_world(superset_server) as opened:
        yield opened


# -- reading ---------------------------------------------------------------------------------------


def test_every_feed_tells_what_is_there(world: World) -> None:
    chart, chart_key = world.chart()
    board, board_key = world.dashboard(chart, slug="whole")
    world.server.add_tag(board, "finance")
    world.server.set_embedded(board)
    schedule = world.server.create_report_schedule(board, [world.owner])

    found = {row["uuid"]: row for row in world.feed("superset_dashboard")}[board_key.native_id]
    assert (found["dashboard_id"], found["slug"], found["published"]) == (str(board), "whole", True)
    assert (found["owner_id"], found["is_embedded"]) == (str(world.owner), True)
    assert json.loads(found["tags"]) == ["finance"]
    assert found["changed_at"].tzinfo is not None
    assert found["url"] == f"{world.server.url}/superset/dashboard/whole/"
    charts = {row["uuid"]: row for row in world.feed("superset_chart")}
    assert charts[chart_key.native_id]["datasource_id"] == str(world.dataset)
    pair = {"dashboard_id": str(board), "chart_id": str(chart)}
    assert pair in world.feed("superset_dashboard_chart")
    users = {row["username"]: row for row in world.feed("superset_user")}
    assert (users["owen"]["email"], users["owen"]["active"]) == ("owen@example.com", True)
    schedules = {row["schedule_id"]: row for row in world.feed("superset_schedule")}
    assert schedules[str(schedule)]["dashboard_id"] == str(board)
    assert schedules[str(schedule)]["kind"] == "report"
    reads = {(row["visual_id"], row["kind"], row["name"]) for row in world.feed("superset_dependency")}
    for key in (chart_key, board_key):
        assert {(key.native_id, "dataset", world.table), (key.native_id, "table", world.table)} <= reads


def test_roles_and_groups_are_read_by_name_where_a_rule_asks(world: World) -> None:
    """A role of one's own, a group, and a role that only the group gives."""

    def number_of(role: str) -> int:
        listed = world.server.call("GET", "/api/v1/security/roles/?q=(page_size:100)")["result"]
        return next(int(found["id"]) for found in listed if found["name"] == role)

    member = world.server.create_user("grouped", "grouped@example.com", "Alpha")
    auditors = world.server.call("POST", "/api/v1/security/roles/", {"name": "Auditors"})["id"]
    world.server.call(
        "POST",
        "/api/v1/security/groups/",
        {
            "name": "Finance EMEA",
            "label": "Finance",
            "description": "",
            "roles": [auditors, number_of("Gamma")],
            "users": [member],
        },
    )
    reader = SupersetReader("ss", {**world.options, "groups": True})
    rows = {row["username"]: row for page in reader.read_inventory("superset_user") for row in page}
    assert json.loads(rows["grouped"]["group_names"]) == ["Alpha", "Auditors", "Finance EMEA", "Gamma"]
    assert json.loads(rows["owen"]["group_names"]) == ["Alpha"]
    assert {probe.ok for probe in reader.probe() if "groups" in probe.name} == {True}
    assert {row["group_names"] for row in world.feed("superset_user")} == {None}
    reader.close()


def test_lists_longer_than_a_page_are_read_to_the_end(world: World) -> None:
    made = {world.dashboard()[1].native_id for _ in range(9)}
    reader = SupersetReader("ss", {**world.options, "page_size": 4})
    rows = [row for page in reader.read_inventory("superset_dashboard") for row in page]
    assert made <= {row["uuid"] for row in rows}
    assert max(Counter(row["uuid"] for row in rows).values()) == 1
    assert len(rows) == len(world.server.dashboards())
    users = [row["user_id"] for page in reader.read_inventory("superset_user") for row in page]
    assert len(users) == len(set(users)) == len(world.feed("superset_user")) > 3
    reader.close()


def test_one_view_in_a_browser_is_one_access(world: World) -> None:
    chart, _ = world.chart()
    board, _ = world.dashboard(chart)
    start = datetime.now(UTC)
    world.server.view_dashboard_as("vera", board)
    world.server.view_chart_as("vera", chart)
    seen = [(row["dashboard_id"], row["chart_id"], row["access_kind"]) for row in world.history(start)]
    assert seen == [(str(board), None, "view"), (None, str(chart), "view")]
    again = [row["event_key"] for row in world.history(start)]
    assert again == [row["event_key"] for row in world.history(start)]


def test_two_views_are_two_accesses(world: World) -> None:
    board, _ = world.dashboard()
    start = datetime.now(UTC)
    for _ in range(2):
        world.server.view_dashboard_as("vera", board)
    assert [row["dashboard_id"] for row in world.history(start)] == [str(board)] * 2


def test_an_api_reader_is_no_viewer(world: World) -> None:
    board, _ = world.dashboard()
    start = datetime.now(UTC)
    world.server.call("GET", f"/api/v1/dashboard/{board}", by="vera")
    world.server.call("GET", f"/api/v1/dashboard/{board}/charts", by="vera")
    assert world.history(start) == []


def test_a_report_worker_delivers_and_does_not_view(world: World) -> None:
    board, _ = world.dashboard()
    start = datetime.now(UTC)
    world.server.open_page("owen", f"/superset/dashboard/{board}/?force=false&standalone=3")
    world.server.open_page("owen", f"/superset/dashboard/{board}/?standalone=3")
    assert [row["access_kind"] for row in world.history(start)] == ["delivery", "view"]


def test_windows_that_meet_miss_nothing_and_repeat_nothing(world: World) -> None:
    board, _ = world.dashboard()
    start = datetime.now(UTC)
    for _ in range(3):
        world.server.view_dashboard_as("vera", board)
    whole = world.history(start)
    middle = whole[1]["accessed_at"]
    halves = world.history(start, middle) + world.history(middle)
    assert [row["event_key"] for row in halves] == [row["event_key"] for row in whole]
    assert len(whole) == 3


def test_log_pages_full_of_reports_are_all_read(world: World) -> None:
    board, _ = world.dashboard()
    start = datetime.now(UTC)
    fields = {"event_name": "mount_dashboard", "source": "dashboard", "source_id": board}
    events = [{**fields, "impression_id": f"impression-{i // 2}"} for i in range(460)]
    world.server._beacon("vera", f"dashboard_id={board}", events)
    assert len(world.history(start)) == 230


def test_history_begins_with_the_oldest_row_left(world: World) -> None:
    now = datetime.now(UTC)
    oldest = min(row.dttm for row in world.server.log_rows()).replace(tzinfo=UTC)
    assert world.reader.history_start(now - timedelta(days=900), now, Coverage()) == oldest
    assert world.reader.history_start(now - timedelta(seconds=1), now, Coverage()) == now - timedelta(
        seconds=1
    )


def test_reading_changes_nothing_and_counts_for_nothing(world: World) -> None:
    chart, _ = world.chart()
    _, key = world.dashboard(chart)
    start, mark = datetime.now(UTC), world.server.mark()
    for feed in world.reader.inventory_feeds:
        world.feed(feed)
    world.history(start)
    world.reader.backup(key)
    world.reader.fingerprint()
    assert all(probe.ok for probe in world.reader.probe())
    assert world.reader.look(key, start).last_used_at is None
    assert world.server.write_calls(mark, by="gov") == []
    assert len([call for call in world.server.calls(mark) if call.user == "gov"]) > 10
    ours = world.reader.own_accounts()[0].id
    assert {row["user_id"] for row in world.history(start)} <= {ours}


def test_a_look_sees_the_newest_use_by_others(world: World) -> None:
    chart, chart_key = world.chart()
    board, key = world.dashboard(chart)
    start = datetime.now(UTC)
    world.server.view_dashboard_as("gov", board)
    assert world.reader.look(key, start).last_used_at is None
    world.server.view_dashboard_as("vera", board)
    seen = world.reader.look(key, start)
    assert seen.last_used_at is not None
    assert seen.last_used_at > start
    assert (seen.owner_id, seen.references) == (str(world.owner), ())
    on_chart = world.reader.look(chart_key, start)
    assert on_chart.references == (f"dashboard '{seen.title}'",)
    assert on_chart.last_used_at is not None


@pytest.mark.parametrize("robot", ["vera", "VERA@example.com"])
def test_configured_robots_are_not_seen(world: World, robot: str) -> None:
    board, key = world.dashboard()
    start = datetime.now(UTC)
    world.server.view_dashboard_as("vera", board)
    reader = SupersetReader("ss", {**world.options, "robots": (robot,)})
    assert reader.look(key, start).last_used_at is None
    reader.close()


def test_an_export_by_a_person_is_a_use(world: World) -> None:
    board, key = world.dashboard()
    start = datetime.now(UTC)
    world.server.browser("owen").get(f"{world.server.url}/api/v1/dashboard/export/?q=!({board})", timeout=60)
    assert [row["access_kind"] for row in world.history(start)] == ["export"]
    assert world.reader.look(key, start).last_used_at is not None


def test_data_asked_for_by_a_program_is_a_use_of_the_chart(world: World) -> None:
    chart, key = world.chart()
    start = datetime.now(UTC)
    world.server.call("GET", f"/api/v1/chart/{chart}/data/", by="owen")
    assert [(row["chart_id"], row["access_kind"]) for row in world.history(start)] == [(str(chart), "api")]
    assert world.reader.look(key, start).last_used_at is not None


def test_an_embedded_page_is_a_use_by_nobody_in_particular(world: World) -> None:
    board, key = world.dashboard()
    embedded = world.server.set_embedded(board)
    start = datetime.now(UTC)
    world.server.browser("vera")  # signed in elsewhere; the embedded page itself knows no user
    world.server.open_page("vera", f"/embedded/{embedded}")
    rows = world.history(start)
    assert [(row["dashboard_id"], row["access_kind"]) for row in rows] == [(str(board), "embed")]
    seen = world.reader.look(key, start)
    assert seen.last_used_at is not None
    assert seen.references == ("embedding into any site",)


# -- who we are ------------------------------------------------------------------------------------


def test_an_account_that_sees_only_a_part_says_so(world: World) -> None:
    options = {**world.options, "username": "vera", "password": world.server.passwords["vera"]}
    reader = SupersetReader("ss", options)
    for feed in reader.inventory_feeds:
        with pytest.raises(IncompleteFeed, match="Alpha"):
            list(reader.read_inventory(feed))
    with pytest.raises(SourceForbidden):
        list(reader.read_history(Interval(datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC))))
    failed = {probe.name for probe in reader.probe() if not probe.ok}
    assert {"see everything", "read the access log"} <= failed
    reader.close()


def test_a_wrong_password_is_an_authentication_failure(world: World) -> None:
    reader = SupersetReader("ss", {**world.options, "password": "wrong"})
    with pytest.raises(SourceAuthFailed):
        reader.own_accounts()
    assert [probe.ok for probe in reader.probe()] == [False]
    reader.close()


def test_a_token_superset_no_longer_accepts_is_renewed(world: World) -> None:
    reader = SupersetReader("ss", world.options)
    reader.own_accounts()
    reader._client._token = "no.longer.valid"
    assert reader.own_accounts()[0].name == "gov"
    reader.close()


def test_probes_name_a_robot_nobody_knows_and_a_clock_that_is_wrong(world: World) -> None:
    options = {**world.options, "robots": ("vera", "nobody@example.com")}
    reader = SupersetReader("ss", options, wall_clock=lambda: 0.0)
    failed = {probe.name: probe.advice for probe in reader.probe() if not probe.ok}
    assert set(failed) == {"robot nobody@example.com", "clock"}
    assert all(failed.values())
    reader.close()


def test_the_fingerprint_is_that_of_the_instance(world: World) -> None:
    other = SupersetReader("another name", world.options)
    assert other.fingerprint() == world.reader.fingerprint()
    other.close()
