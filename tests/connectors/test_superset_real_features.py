"""A real Superset as it comes, with a role that lacks something, and with SQL to be read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bi_governance.connectors.superset import SupersetReader, probes
from bi_governance.model import RemovalRoute
from bi_governance.ports import Probe
from tests.connectors.superset_bench import NAMES, World, open_world
from tests.servers.superset import SupersetServer

pytestmark = [pytest.mark.superset, pytest.mark.xdist_group("superset")]


@pytest.fixture(scope="module")
def world(superset_server: SupersetServer) -> Iterator[World]:
    with open_world(superset_server) as opened:
        yield opened


# -- lineage ---------------------------------------------------------------------------------------


def virtual_chart(world: World, sql: str) -> set[tuple[object, ...]]:
    """What a chart on a dataset of this SQL reads."""
    name = f"virtual_{next(NAMES)}"
    dataset = world.own_dataset(name)
    world.server.call("PUT", f"/api/v1/dataset/{dataset}", {"sql": sql})
    _, key = world.chart(dataset)
    rows = world.feed("superset_dependency")
    found = [row for row in rows if row["visual_id"] == key.native_id]
    assert {row["database_name"] for row in found} == {world.table}  # the bench calls both alike
    return {(row["kind"], "itself" if row["name"] == name else row["name"]) for row in found}


def test_the_sql_of_a_virtual_dataset_tells_its_tables(world: World) -> None:
    sql = f"select o.day from orders o join {world.table} s on o.day = s.day where '{{{{ 1 }}}}' = '1'"
    assert virtual_chart(world, sql) == {
        ("dataset", "itself"),
        ("table", "orders"),
        ("table", world.table),
    }


def test_sql_that_may_read_more_says_so(world: World) -> None:
    sql = "select * from {{ 'orders' }}"
    assert virtual_chart(world, sql) == {("dataset", "itself"), ("unknown", "itself")}


# -- history over a restore ------------------------------------------------------------------------


def test_history_goes_on_under_a_new_number(world: World) -> None:
    start = datetime.now(UTC)
    board, key = world.dashboard()
    world.dashboard()  # SQLite would give the freed number away again
    world.server.view_dashboard_as("vera", board)
    world.reader.own_accounts()
    (before,) = world.history(start)
    saved = world.lose(key)
    world.remover.restore(key, RemovalRoute.HARD, saved)
    again = world.number_of(key)
    between = datetime.now(UTC)
    world.server.view_dashboard_as("vera", int(str(again)))
    world.reader.own_accounts()
    (after,) = world.history(between)
    assert (before["dashboard_id"], after["dashboard_id"]) == (str(board), str(again))
    assert again != board
    assert before["dashboard_uuid"] == after["dashboard_uuid"] == key.native_id


# -- what is missing is named ----------------------------------------------------------------------


class LimitedRole:
    """A role with all that Admin has but one permission, and an account that has it."""

    def __init__(self, world: World) -> None:
        self._server = world.server
        name = f"Keeper {next(NAMES)}"
        self._role = self._server.call("POST", "/api/v1/security/roles/", {"name": name})["id"]
        self._granted = self._all_permissions()
        user = f"keeper_{next(NAMES)}"
        self._server.create_user(user, f"{user}@example.com", role=name)
        password = self._server.passwords[user]
        self.options = {**world.options, "username": user, "password": password, "admin_role": name}

    def without(self, *missing: tuple[str, str]) -> dict[str, Probe]:
        """The probes that fail then, by name."""
        numbers = [number for number, permission in self._granted.items() if permission not in missing]
        path = f"/api/v1/security/roles/{self._role}/permissions"
        self._server.call("POST", path, {"permission_view_menu_ids": numbers})
        reader = SupersetReader("ss", self.options)
        failed = {probe.name: probe for probe in reader.probe() if not probe.ok}
        reader.close()
        return failed

    def _all_permissions(self) -> dict[int, tuple[str, str]]:
        admin = next(
            role["id"]
            for role in self._server.call("GET", "/api/v1/security/roles/?q=(page_size:100)")["result"]
            if role["name"] == "Admin"
        )
        listed: list[dict[str, Any]] = self._server.call(
            "GET", f"/api/v1/security/roles/{admin}/permissions/"
        )["result"]
        return {each["id"]: (each["permission_name"], each["view_menu_name"]) for each in listed}


def test_a_real_role_that_lacks_a_permission_is_told_which(world: World) -> None:
    role = LimitedRole(world)
    assert role.without() == {}
    tried = {
        ("can_read", "Log"): "read the access log",
        ("can_get", "User"): "read users",
        ("can_read", "ReportSchedule"): "read alerts and reports",
        ("can_read", "SecurityRestApi"): "prepare changes",
    }
    for (permission, view), probe in tried.items():
        words = f"{permission.replace('_', ' ')} on {view}"
        failed = role.without((permission, view))
        assert failed["permissions"].detail == f"missing: {words}"
        assert words in failed[probe].advice
        assert "Settings > List Roles" in failed[probe].advice
    assert set(role.without(("can_write", "Dashboard"))) == {"permissions"}
    missing = role.without(*probes.PERMISSIONS, probes.SCHEDULES)["permissions"].detail
    assert missing.count(" on ") == len(probes.PERMISSIONS) + 1


# -- Superset as it comes --------------------------------------------------------------------------


def test_a_superset_as_it_comes_is_read_whole(tmp_path: Path) -> None:
    """Without alerts and reports, embedding and tags, which have to be switched on."""
    with (
        SupersetServer(tmp_path, config={"FEATURE_FLAGS": {}}) as server,
        open_world(server) as world,
    ):
        board, key = world.dashboard()
        mark = server.mark()
        feeds = {feed: world.feed(feed) for feed in world.reader.inventory_feeds}
        assert feeds["superset_schedule"] == []
        row = {row["uuid"]: row for row in feeds["superset_dashboard"]}[key.native_id]
        assert row["is_embedded"] is False
        assert [call.path for call in server.calls(mark) if call.path.endswith("/embedded")] == []
        assert world.reader.look(key, datetime.now(UTC)).references == ()
        assert [probe for probe in world.reader.probe() if not probe.ok] == []
        saved = world.lose(key)
        world.remover.restore(key, RemovalRoute.HARD, saved)
        assert world.owners_of(key) == ("owen",)
        assert board
