"""One Looker visual: what is seen of it now, what is saved of it, how it goes and comes back."""

from __future__ import annotations

import inspect
import json
import pkgutil
from datetime import timedelta
from importlib import import_module

import pytest

from bi_governance.connectors.looker import history
from bi_governance.errors import (
    BackupUnreadable,
    IncompleteFeed,
    SourceConflict,
)
from bi_governance.model import RemovalRoute, VisualKey
from bi_governance.ports import BackupContent
from bi_governance.sandbox.server import Fault
from tests.connectors.looker_bench import LONG_AGO, NOW, Bench


def test_robots_named_by_address_or_id_are_no_viewers(bench: Bench) -> None:
    robot = bench.looker.add_person("robot@acme.example", "Monitoring")
    other = bench.looker.add_person("other@acme.example", "Other Robot")
    key = bench.dashboard()
    for who in (robot, other):
        bench.looker.view("dashboard", key.native_id, by=who, at=NOW - timedelta(hours=1))
    assert bench.reader().look(key, LONG_AGO).last_used_at == NOW - timedelta(hours=1)
    assert bench.reader(robots=["robot@acme.example", other]).look(key, LONG_AGO).last_used_at is None


def test_an_access_that_no_run_of_ours_explains_is_a_use(bench: Bench) -> None:
    key = bench.dashboard()
    visual = bench.looker.visual("dashboard", key.native_id)
    visual.last_accessed_at = NOW - timedelta(minutes=5)
    assert bench.reader().look(key, LONG_AGO).last_used_at == NOW - timedelta(minutes=5)
    assert bench.reader().look(key, NOW).last_used_at is None
    me = bench.looker.credentials.user_id
    bench.looker.machine_run("dashboard", key.native_id, by=me, at=NOW - timedelta(minutes=5))
    assert bench.reader().look(key, LONG_AGO).last_used_at is None


def test_too_many_runs_to_tell_are_not_taken_for_none(bench: Bench) -> None:
    key = bench.dashboard()
    for minute in range(1, 8):
        bench.looker.view("dashboard", key.native_id, by=bench.ada, at=NOW - timedelta(minutes=minute))
    with pytest.raises(IncompleteFeed):
        history.uses(bench.reader()._client, key, LONG_AGO, row_limit=5)
    bench.looker.row_cap = 5  # the limit is Looker's own this time
    with pytest.raises(IncompleteFeed):
        bench.reader().look(key, LONG_AGO)


def test_an_id_with_wildcards_in_it_matches_itself_only(bench: Bench) -> None:
    wanted = bench.looker.add_lookml_dashboard("e_commerce", "a_b", "Wanted")
    similar = bench.looker.add_lookml_dashboard("eXcommerce", "aXb", "Similar")
    bench.looker.view("dashboard", similar, by=bench.ada, at=NOW - timedelta(hours=1))
    key = VisualKey("acme", "dashboard", wanted)
    assert bench.reader().look(key, LONG_AGO).last_used_at is None
    bench.looker.view("dashboard", wanted, by=bench.ada, at=NOW - timedelta(hours=2))
    assert bench.reader().look(key, LONG_AGO).last_used_at == NOW - timedelta(hours=2)


def test_everything_that_uses_a_dashboard_is_named(bench: Bench) -> None:
    key = bench.dashboard(tiles=())
    tile = bench.looker.add_tile(key.native_id)
    bench.looker.add_alert(tile, owner_id=bench.ada, disabled=True)
    bench.looker.add_schedule("dashboard", key.native_id, owner_id=bench.ada, enabled=False)
    assert bench.reader().look(key, LONG_AGO).references == ()
    bench.looker.add_alert(tile, owner_id=bench.ada)
    bench.looker.add_schedule("dashboard", key.native_id, owner_id=bench.ada)
    words = " / ".join(bench.reader().look(key, LONG_AGO).references)
    assert "schedule 'Delivery of Revenue'" in words
    assert "alert" in words


def test_everything_that_uses_a_look_is_named(bench: Bench) -> None:
    look, shown, trashed = bench.look(), bench.dashboard("Shows it"), bench.dashboard("Trashed")
    for dashboard in (shown, trashed):
        bench.looker.add_tile(dashboard.native_id, look_id=look.native_id)
    bench.remover().remove(trashed)
    bench.looker.visual("look", look.native_id).public = True
    assert bench.reader().look(look, LONG_AGO).references == (
        "dashboard 'Shows it' shows it",
        "it has a public link",
    )


def test_a_dashboard_in_the_trash_or_gone_is_no_user_of_a_look(bench: Bench) -> None:
    """Even where Looker's search for tiles still lists theirs."""
    look, trashed = bench.look(), bench.dashboard("Trashed")
    bench.remover().remove(trashed)
    tiles = [{"id": "8", "dashboard_id": trashed.native_id}, {"id": "9", "dashboard_id": "999"}]
    bench.server.faults.add(Fault("GET .*/dashboard_elements/search", "status", status=200, body=tiles))
    assert bench.reader().look(look, LONG_AGO).references == ()


def test_moving_to_another_folder_is_seen(bench: Bench) -> None:
    key = bench.dashboard()
    reader = bench.reader()
    assert reader.look(key, LONG_AGO).folder == ""
    bench.looker.move("dashboard", key.native_id, folder_id=bench.looker.add_folder("Executive"))
    assert reader.look(key, LONG_AGO).folder == "Executive"


def test_the_trash_is_not_absence(bench: Bench) -> None:
    key = bench.dashboard()
    bench.remover().remove(key)
    seen = bench.reader().look(key, LONG_AGO)
    assert (seen.exists, seen.is_trashed, seen.title) == (True, True, "Revenue")


def test_a_backup_holds_what_a_dashboard_is_made_of(bench: Bench) -> None:
    look = bench.look()
    folder = bench.looker.add_folder("Marketing")
    key = bench.dashboard(folder_id=folder)
    tile = bench.looker.add_tile(key.native_id, look_id=look.native_id)
    bench.looker.add_alert(tile, owner_id=bench.ada)
    bench.looker.add_schedule("dashboard", key.native_id, owner_id=bench.ada, emails=["grace@acme.example"])
    saved = bench.reader().backup(key)
    assert json.loads(saved.files["dashboard.json"])["title"] == "Revenue"
    assert b"title: Revenue" in saved.files["dashboard.lookml"]
    assert json.loads(saved.files[f"looks/{look.native_id}.json"])["title"] == "Orders"
    assert len(json.loads(saved.files["alerts.json"])) == 1
    (plan,) = json.loads(saved.files["schedules.json"])
    assert plan["scheduled_plan_destination"][0]["address"] == "grace@acme.example"
    assert json.loads(saved.files["access.json"])
    assert saved.manifest["children"] == [str(look)]
    assert saved.manifest["folder"] == "Marketing"
    json.dumps(saved.manifest)


@pytest.mark.parametrize("kind", ["dashboard", "look"])
def test_the_trash_gives_back_the_same_id_with_its_schedules(bench: Bench, kind: str) -> None:
    key = bench.dashboard() if kind == "dashboard" else bench.look()
    bench.looker.add_schedule(kind, key.native_id, owner_id=bench.ada)  # type: ignore[arg-type]
    saved = bench.reader().backup(key)
    remover = bench.remover()
    remover.remove(key)
    back = remover.restore(key, RemovalRoute.TRASH, saved)
    assert (back.native_id, back.lost) == (key.native_id, ())
    assert len(bench.looker.plans) == 1


@pytest.mark.parametrize("kind", ["dashboard", "look"])
def test_an_emptied_trash_is_rebuilt_from_the_backup(bench: Bench, kind: str) -> None:
    folder = bench.looker.add_folder("Marketing")
    key = bench.dashboard(folder_id=folder) if kind == "dashboard" else bench.look(folder_id=folder)
    saved = bench.reader().backup(key)
    bench.looker.remove(bench.looker.visual(key.type, key.native_id))  # type: ignore[arg-type]
    back = bench.remover().restore(key, RemovalRoute.TRASH, saved)
    assert back.native_id != key.native_id
    assert "its id and address" in back.lost
    seen = bench.reader().look(VisualKey("acme", kind, back.native_id), LONG_AGO)
    assert (seen.title, seen.folder, seen.owner_id) == (
        saved.manifest["title"],
        "Marketing",
        bench.ada,
    )


def test_a_rebuilt_visual_whose_owner_left_says_so(bench: Bench) -> None:
    key = bench.dashboard()
    saved = bench.reader().backup(key)
    bench.looker.remove(bench.looker.visual("dashboard", key.native_id))
    del bench.looker.users[bench.ada]
    assert "its owner" in bench.remover().restore(key, RemovalRoute.TRASH, saved).lost


def test_rebuilding_never_overwrites_another_dashboard(bench: Bench) -> None:
    key, other = bench.dashboard(), bench.dashboard("Somebody else's")
    saved = bench.reader().backup(key)
    slug = bench.looker.visual("dashboard", key.native_id).slug
    bench.looker.remove(bench.looker.visual("dashboard", key.native_id))
    bench.looker.visual("dashboard", other.native_id).slug = slug
    with pytest.raises(SourceConflict, match="Somebody else's"):
        bench.remover().restore(key, RemovalRoute.TRASH, saved)
    assert bench.looker.visual("dashboard", other.native_id).title == "Somebody else's"


def test_a_backup_without_its_files_cannot_be_rebuilt_from(bench: Bench) -> None:
    key = VisualKey("acme", "dashboard", "999")
    for files in ({}, {"dashboard.json": b"no json"}, {"dashboard.json": b"[]"}):
        with pytest.raises(BackupUnreadable):
            bench.remover().restore(key, RemovalRoute.TRASH, BackupContent(files, {"folder_id": "1"}))


def test_dashboards_kept_as_code_are_refused_before_anything_is_sent(bench: Bench) -> None:
    key = VisualKey(
        "acme", "dashboard", bench.looker.add_lookml_dashboard("ecommerce", "overview", "Overview")
    )
    with pytest.raises(SourceConflict, match="kept as code"):
        bench.remover().remove(key)
    with pytest.raises(SourceConflict, match="kept as code"):
        bench.remover().restore(key, RemovalRoute.TRASH, BackupContent({}, {}))
    with pytest.raises(SourceConflict, match="kept as code"):
        bench.reader().backup(key)
    assert len(bench.server.requests) == 0


def test_removing_sends_one_write_and_it_is_no_delete(bench: Bench) -> None:
    dashboard, look = bench.dashboard(), bench.look()
    remover = bench.remover()
    remover.remove(dashboard)
    remover.remove(look)
    assert [(r.method, r.path) for r in bench.server.requests.writes()] == [
        ("PATCH", f"/api/4.0/dashboards/{dashboard.native_id}"),
        ("PATCH", f"/api/4.0/looks/{look.native_id}"),
    ]


def test_no_source_file_can_delete_for_good() -> None:
    package = import_module("bi_governance.connectors.looker")
    for module in pkgutil.iter_modules(package.__path__, "bi_governance.connectors.looker."):
        source = inspect.getsource(import_module(module.name))
        assert "delete_dashboard" not in source
        assert "delete_look" not in source
        assert "delete_folder" not in source
