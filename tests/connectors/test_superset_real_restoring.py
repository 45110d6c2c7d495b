"""Removing from a real Superset and putting back: what returns, what is refused, and what is left alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from bi_governance.connectors.superset import CAPABILITIES
from bi_governance.connectors.superset.backup import ARCHIVE
from bi_governance.connectors.superset.export import Archive
from bi_governance.connectors.superset.importing import import_safely
from bi_governance.errors import SourceConflict, SourceMissing
from bi_governance.model import RemovalRoute, VisualKey
from bi_governance.ports import BackupContent
from tests.connectors.superset_bench import NAMES, World, open_world
from tests.servers.superset import SupersetServer

pytestmark = [pytest.mark.superset, pytest.mark.xdist_group("superset")]
HARD = RemovalRoute.HARD


@pytest.fixture(scope="module")
def world(superset_server: SupersetServer) -> Iterator[World]:
    with open_world(superset_server) as opened:
        yield opened


# -- removing and restoring ------------------------------------------------------------------------


def test_a_dashboard_comes_back_with_owners_charts_and_address(world: World) -> None:
    chart, chart_key = world.chart()
    board, key = world.dashboard(chart, slug="back")
    world.server.add_tag(board, "finance")
    world.server.call("PUT", f"/api/v1/dashboard/{board}", {"roles": [3], "certified_by": "QA"})
    saved = world.lose(key)
    assert not world.reader.look(key, datetime.now(UTC)).exists

    outcome = world.remover.restore(key, HARD, saved)

    number = world.number_of(key)
    assert outcome.native_id == key.native_id
    assert number is not None
    assert world.owners_of(key) == ("owen",)
    assert world.owners_of(chart_key) == ("owen",)
    assert world.server.charts_on(number) == [chart]
    row = {r["uuid"]: r for r in world.feed("superset_dashboard")}[key.native_id]
    assert (row["slug"], row["published"], row["certified_by"]) == ("back", True, "QA")
    assert json.loads(row["tags"]) == ["finance"]
    roles = world.server.call("GET", f"/api/v1/dashboard/{number}")["result"]["roles"]
    assert [role["id"] for role in roles] == [3]
    assert outcome.lost == CAPABILITIES.lost_on_restore["dashboard"]
    assert saved.manifest["children"] == [str(chart_key)]


def test_restoring_again_changes_nothing(world: World) -> None:
    chart, _ = world.chart()
    _, key = world.dashboard(chart)
    saved = world.lose(key)
    world.remover.restore(key, HARD, saved)
    number = world.number_of(key)
    world.remover.restore(key, HARD, saved)
    assert world.number_of(key) == number
    assert world.server.charts_on(number) == [chart]


def test_an_interrupted_restore_is_finished_by_the_next(world: World) -> None:
    _, chart_key = world.chart()
    _, key = world.dashboard(world.number_of(chart_key))
    saved = world.lose(key)
    world.remover.remove(chart_key)
    archive = Archive.opened(saved.files[ARCHIVE])
    import_safely(world.remover._client, key, saved.manifest, archive)
    assert world.owners_of(key) == world.owners_of(chart_key) == ("gov",)
    world.remover.restore(key, HARD, saved)
    assert world.owners_of(key) == world.owners_of(chart_key) == ("owen",)


def test_what_has_a_new_owner_since_keeps_it(world: World) -> None:
    _, key = world.dashboard()
    saved = world.lose(key)
    world.remover.restore(key, HARD, saved)
    world.server.call("PUT", f"/api/v1/dashboard/{world.number_of(key)}", {"owners": [1]})
    world.remover.restore(key, HARD, saved)
    assert world.owners_of(key) == ("admin",)


def test_what_belonged_to_nobody_belongs_to_nobody(world: World) -> None:
    number, key = world.dashboard()
    world.server.call("PUT", f"/api/v1/dashboard/{number}", {"owners": []})
    saved = world.lose(key)
    outcome = world.remover.restore(key, HARD, saved)
    assert world.owners_of(key) == ()
    assert outcome.lost == CAPABILITIES.lost_on_restore["dashboard"]


def test_charts_that_went_too_come_back_with_their_owners(world: World) -> None:
    chart, chart_key = world.chart()
    _, key = world.dashboard(chart)
    saved = world.lose(key)
    world.remover.remove(chart_key)
    world.remover.restore(key, HARD, saved)
    assert world.owners_of(chart_key) == ("owen",)
    assert world.server.charts_on(world.number_of(key)) == [world.number_of(chart_key)]


def test_a_living_chart_is_left_as_it_is(world: World) -> None:
    chart, chart_key = world.chart()
    _, key = world.dashboard(chart)
    saved = world.lose(key)
    world.server.call("PUT", f"/api/v1/chart/{chart}", {"slice_name": "Improved", "owners": [1]})
    world.remover.restore(key, HARD, saved)
    assert world.owners_of(chart_key) == ("admin",)
    assert next(c.title for c in world.server.charts() if c.uuid == chart_key.native_id) == "Improved"


def test_a_chart_returns_to_its_place_on_the_dashboard(world: World) -> None:
    chart, key = world.chart()
    board, _ = world.dashboard(chart)
    saved = world.lose(key)
    world.chart()  # takes the freed number, where the database hands those out again
    outcome = world.remover.restore(key, HARD, saved)
    number = world.number_of(key)
    assert outcome.native_id == key.native_id
    assert world.owners_of(key) == ("owen",)
    assert world.server.charts_on(board) == [number]
    layout = json.loads(world.server.call("GET", f"/api/v1/dashboard/{board}")["result"]["position_json"])
    assert [layout[f"CHART-{chart}"]["meta"]["chartId"]] == [number]


def test_what_is_scheduled_cannot_be_removed(world: World) -> None:
    board, key = world.dashboard()
    world.server.create_report_schedule(board)
    assert world.reader.look(key, datetime.now(UTC)).references == (f"report 'Weekly {board}'",)
    with pytest.raises(SourceConflict, match=f"Weekly {board}"):
        world.remover.remove(key)
    assert world.number_of(key) == board


@pytest.mark.parametrize("kind", ["dashboard", "chart"])
def test_what_is_gone_is_missing(world: World, kind: str) -> None:
    key = VisualKey("ss", kind, "00000000-0000-4000-8000-000000000000")
    for attempt in (world.remover.remove, world.reader.backup):
        with pytest.raises(SourceMissing):
            attempt(key)
    assert not world.reader.look(key, datetime.now(UTC)).exists


def test_a_dashboard_with_the_same_address_is_not_overwritten(world: World) -> None:
    _, key = world.dashboard(slug="contested")
    saved = world.lose(key)
    heir, heir_key = world.dashboard(slug="contested")
    outcome = world.remover.restore(key, HARD, saved)
    assert "its short name 'contested', which another dashboard has now" in outcome.lost
    assert world.number_of(heir_key) == heir
    assert world.number_of(key) not in (None, heir)


def test_a_dataset_made_anew_is_read_and_not_overwritten(world: World) -> None:
    name = f"renewed_{next(NAMES)}"
    old = world.own_dataset(name)
    chart, chart_key = world.chart(old)
    _, key = world.dashboard(chart)
    saved = world.lose(key)
    world.remover.remove(chart_key)
    world.server.call("DELETE", f"/api/v1/dataset/{old}")
    new = world.own_dataset(name)
    before = world.server.call("GET", f"/api/v1/dataset/{new}")["result"]
    outcome = world.remover.restore(key, HARD, saved)
    after = world.server.call("GET", f"/api/v1/dataset/{new}")["result"]
    assert (before["uuid"], before["changed_on"]) == (after["uuid"], after["changed_on"])
    row = {r["uuid"]: r for r in world.feed("superset_chart")}[chart_key.native_id]
    assert row["datasource_id"] == str(new)
    assert any("made anew" in words for words in outcome.lost)


def test_a_chart_without_its_dataset_does_not_keep_the_dashboard_away(world: World) -> None:
    dataset = world.own_dataset()
    bad, bad_key = world.chart(dataset)
    good, _ = world.chart()
    _, key = world.dashboard(good, bad)
    world.server.call("DELETE", f"/api/v1/dataset/{dataset}")
    saved = world.lose(key)
    world.remover.restore(key, HARD, saved)
    assert world.server.charts_on(world.number_of(key)) == sorted([good, bad])
    with pytest.raises(SourceConflict, match="dataset"):
        world.reader.backup(bad_key)


def test_an_owner_who_left_is_named_as_lost(world: World) -> None:
    leaver = world.server.create_user("lena", "lena@example.com", role="Alpha")
    number = world.server.create_dashboard("Two owners", [world.owner, leaver])
    key = world.dashboard_key(number)
    saved = world.lose(key)
    world.server.call("DELETE", f"/api/v1/security/users/{leaver}")
    outcome = world.remover.restore(key, HARD, saved)
    assert world.owners_of(key) == ("owen",)
    assert any("lena@example.com" in words for words in outcome.lost)


def test_a_database_that_needs_its_password_is_asked_for(world: World) -> None:
    database = world.server.create_database("secret")
    body = {"database": database, "schema": "main", "table_name": "secrets", "sql": "select * from orders"}
    dataset = int(world.server.call("POST", "/api/v1/dataset/", body)["id"])
    chart, chart_key = world.chart(dataset)
    _, key = world.dashboard(chart)
    saved = world.lose(key)
    world.remover.remove(chart_key)
    for path in (f"dataset/{dataset}", f"database/{database}"):
        world.server.call("DELETE", f"/api/v1/{path}")
    guarded = BackupContent(
        {name: _with_password(content) for name, content in saved.files.items()}, saved.manifest
    )
    with pytest.raises(SourceConflict) as refused:
        world.remover.restore(key, HARD, guarded)
    assert "connect the database again" in str(refused.value)
    assert world.number_of(key) is None


def _with_password(archive: bytes) -> bytes:
    opened = Archive.opened(archive)
    for name in opened.of("databases"):
        opened._texts[name] = opened._texts[name].replace(
            "sqlite:////", "postgresql://reader:XXXXXXXXXX@db.example/"
        )
    return Archive(opened._texts).content()
