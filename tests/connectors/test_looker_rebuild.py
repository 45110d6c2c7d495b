"""A Looker visual whose trash was emptied: what comes back from the backup, and exactly what does not."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bi_governance.connectors.looker.backup import LOST_ON_REBUILD
from bi_governance.model import RemovalRoute, VisualKey
from bi_governance.ports import BackupContent, RestoreOutcome
from bi_governance.sandbox.looker import LookerSandbox
from bi_governance.sandbox.looker_records import Kind
from bi_governance.sandbox.server import Fault
from tests.connectors.looker_bench import NOW, Bench


def state(looker: LookerSandbox, key: VisualKey) -> Mapping[str, object]:
    """What the sandbox itself knows of a visual, under the words of the list of losses."""
    kind: Kind = "look" if key.type == "look" else "dashboard"
    visual = looker.visual(kind, key.native_id)
    tiles = looker.tiles_of(visual.id) if kind == "dashboard" else []
    plans = (p for p in looker.plans.values() if (p.kind, p.visual_id) == (kind, visual.id))
    alerts = (a for a in looker.alerts.values() if a.tile_id in {tile.id for tile in tiles})
    return {
        "its id and address": visual.id,
        "who marked it as a favourite, which Looker lets people see and set for themselves only": (
            visual.favorite_count
        ),
        "its usage history": (visual.view_count, visual.last_viewed_at),
        "title": visual.title,
        "description": visual.description or "",
        "folder": visual.folder_id,
        "owner": visual.owner_id,
        "tiles": [(tile.title, tile.query_id is None) for tile in tiles],
        "schedules": sorted((p.name, p.user_id, p.crontab, p.emails, p.enabled) for p in plans),
        "alerts": sorted((a.owner_id, a.emails, a.disabled) for a in alerts),
        "boards": sorted(b.id for b in looker.boards.values() if (kind, visual.id) in b.items),
        "access": (visual.inherits_access, sorted(visual.access, key=str)),
    }


def furnished(bench: Bench, kind: str) -> VisualKey:
    """A visual with everything that can hang on one."""
    looker, folder = bench.looker, bench.looker.add_folder("Marketing")
    if kind == "look":
        key = bench.look(folder_id=folder)
    else:
        key = bench.dashboard(folder_id=folder, tiles=())
        for title in ("Orders", "Returns"):
            tile = looker.add_tile(key.native_id, title=title)
            looker.add_alert(tile, owner_id=bench.ada, emails=[f"{title}@acme.example"])
    visual = looker.visual(kind, key.native_id)  # type: ignore[arg-type]
    visual.favorite_count, visual.inherits_access = 2, False
    visual.access = [("view", "1", None), ("edit", None, bench.ada)]
    looker.view(visual.kind, visual.id, by=bench.ada, at=NOW)
    looker.add_schedule(visual.kind, visual.id, owner_id=bench.ada, emails=["grace@acme.example"])
    looker.add_schedule(visual.kind, visual.id, owner_id=bench.ada, crontab="0 7 * * *", enabled=False)
    looker.add_board("Start here", user_id=bench.ada, items=[(visual.kind, visual.id)])
    return key


def emptied(bench: Bench, key: VisualKey) -> BackupContent:
    """The backup of a visual that is then gone for good."""
    saved = bench.reader().backup(key)
    bench.looker.remove(bench.looker.visual(key.type, key.native_id))  # type: ignore[arg-type]
    return saved


def rebuilt(bench: Bench, key: VisualKey, saved: BackupContent) -> tuple[VisualKey, RestoreOutcome]:
    back = bench.remover().restore(key, RemovalRoute.TRASH, saved)
    return VisualKey(key.source, key.type, back.native_id), back


@pytest.mark.parametrize("kind", ["dashboard", "look"])
def test_exactly_what_is_declared_is_lost_by_rebuilding(bench: Bench, kind: str) -> None:
    key = furnished(bench, kind)
    before = state(bench.looker, key)
    saved = emptied(bench, key)
    new, back = rebuilt(bench, key, saved)
    after = state(bench.looker, new)
    different = {what for what in before if before[what] != after[what]}
    assert different == set(back.lost) == set(LOST_ON_REBUILD) == set(saved.manifest["lost"])


@pytest.mark.parametrize("kind", ["dashboard", "look"])
def test_nothing_is_lost_by_way_of_the_trash(bench: Bench, kind: str) -> None:
    key = furnished(bench, kind)
    before = state(bench.looker, key)
    saved = bench.reader().backup(key)
    bench.remover().remove(key)
    assert bench.remover().restore(key, RemovalRoute.TRASH, saved).lost == ()
    assert state(bench.looker, key) == before


@pytest.mark.parametrize(
    ("request_", "lost"),
    [
        ("POST .*/scheduled_plans$", "schedule 'Delivery of Revenue'"),
        ("POST .*/alerts$", "alert '1' on tile 'Orders'"),
        ("POST .*/board_items$", "its place on board 'Start here'"),
        ("PATCH .*/content_metadata/", "access settings of its own"),
        ("POST .*/content_metadata_access$", "access settings of its own"),
    ],
)
def test_what_looker_refuses_to_make_again_is_named(bench: Bench, request_: str, lost: str) -> None:
    key = furnished(bench, "dashboard")
    saved = emptied(bench, key)
    bench.server.faults.add(Fault(request_, "status", status=422, times=None))
    new, back = rebuilt(bench, key, saved)
    assert lost in back.lost
    assert bench.looker.visual("dashboard", new.native_id).owner_id == bench.ada


def test_alerts_on_tiles_that_cannot_be_told_apart_are_named(bench: Bench) -> None:
    key = bench.dashboard(tiles=())
    for _ in range(2):
        bench.looker.add_alert(bench.looker.add_tile(key.native_id, title="Twin"), owner_id=bench.ada)
    _, back = rebuilt(bench, key, emptied(bench, key))
    assert {"alert '1' on tile 'Twin'", "alert '2' on tile 'Twin'"} < set(back.lost)
    assert bench.looker.alerts == {}


def test_a_schedule_that_needs_a_password_comes_back_switched_off(bench: Bench) -> None:
    key = bench.dashboard()
    plan = bench.looker.add_schedule(
        "dashboard", key.native_id, owner_id=bench.ada, emails=["sftp://acme.example"]
    )
    bench.looker.plans[plan].kinds = ("sftp",)
    _, back = rebuilt(bench, key, emptied(bench, key))
    name = "the password of schedule 'Delivery of Revenue', which is back but switched off"
    assert name in back.lost
    (again,) = bench.looker.plans.values()
    assert (again.enabled, again.kinds) == (False, ("sftp",))


def test_access_that_came_from_the_folder_still_does(bench: Bench) -> None:
    key = bench.dashboard()
    new, _ = rebuilt(bench, key, emptied(bench, key))
    visual = bench.looker.visual("dashboard", new.native_id)
    assert (visual.inherits_access, visual.access) == (True, [])


def test_a_backup_from_before_boards_were_saved_can_still_be_used(bench: Bench) -> None:
    key = furnished(bench, "dashboard")
    saved = emptied(bench, key)
    old = {n: c for n, c in saved.files.items() if n not in ("boards.json", "content_metadata.json")}
    new, back = rebuilt(bench, key, BackupContent(old, saved.manifest))
    assert back.lost == LOST_ON_REBUILD
    assert state(bench.looker, new)["boards"] == []
