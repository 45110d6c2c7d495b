"""Deleting from a real Superset and restoring: what is lost, column by column, is what is declared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from bi_governance.connectors.superset import CAPABILITIES
from bi_governance.model import RemovalRoute, VisualKey
from tests.connectors.superset_bench import World, open_world
from tests.servers.superset import SupersetServer

pytestmark = [pytest.mark.superset, pytest.mark.xdist_group("superset")]

WORDS = {
    "number": "its number: links and bookmarks that use the number instead of the short name stop working",
    "favourites": "who marked it as a favourite",
    "schedules": "alerts and reports, which have to be gone before it can be deleted",
    "history": "its access history in Superset itself, which stays under its old number",
    "made": "who made it, who changed it last, and when: our account, at the restore",
    "embedding": "its embedding into other sites, if any: it has to be set up again under a new id",
    "charts": "charts on it whose dataset is gone, if they are deleted too",
    "annotations": "annotations taken from other charts or annotation layers",
}
MADE = (
    "created_on",
    "created_by_fk",
    "changed_on",
    "changed_by_fk",
    "last_saved_at",
    "last_saved_by_fk",
)
# Superset's copy of the dataset's name; what it shows is looked up.
COPIES = ("datasource_name",)
TABLES = {"dashboard": "dashboards", "chart": "slices"}


@pytest.fixture(scope="module")
def world(superset_server: SupersetServer) -> Iterator[World]:
    with open_world(superset_server) as opened:
        yield opened


def state(world: World, key: VisualKey) -> dict[str, Any]:
    """All that Superset's tables hold about a visual; each name is lost when its value differs."""
    server = world.server
    row = next(r for r in server.rows(TABLES[key.type]) if r["uuid"] == UUID(key.native_id).bytes)
    number, column = row.pop("id"), "dashboard_id" if key.type == "dashboard" else "slice_id"
    owned, target = ("dashboard_user", "dashboard_id") if key.type == "dashboard" else ("slice_user", column)
    starred = "Dashboard" if key.type == "dashboard" else "slice"
    known = {chart.id: chart.uuid for chart in server.charts()}
    tags = {tag["id"]: tag["name"] for tag in server.rows("tag") if tag["type"] == "custom"}
    about = {
        "number": number,
        "made": [row.pop(name, None) for name in MADE],
        "owners": sorted(r["user_id"] for r in server.rows(owned) if r[target] == number),
        "tags": sorted(
            tags[r["tag_id"]]
            for r in server.rows("tagged_object")
            if (r["object_type"], r["object_id"]) == (key.type, number) and r["tag_id"] in tags
        ),
        "favourites": [
            r["user_id"]
            for r in server.rows("favstar")
            if (r["class_name"], r["obj_id"]) == (starred, number)
        ],
        "schedules": [r["name"] for r in server.rows("report_schedule") if r[f"{key.type}_id"] == number],
        "history": len(
            [r for r in server.rows("logs") if r[column] == number and r["user_id"] == world.owner]
        ),
    }
    placed = server.rows("dashboard_slices")
    if key.type == "dashboard":
        about["embedding"] = [r["uuid"] for r in server.rows("embedded_dashboards") if r[column] == number]
        about["charts"] = sorted(known[r["slice_id"]] for r in placed if r["dashboard_id"] == number)
        about["roles"] = [r["role_id"] for r in server.rows("dashboard_roles") if r["dashboard_id"] == number]
        layout = json.loads(row.pop("position_json"))
        about["tiles"] = sorted(name for name in layout if _is_tile_of(layout[name], about["charts"]))
    else:
        about["places"] = sorted(r["dashboard_id"] for r in placed if r["slice_id"] == number)
        parameters = json.loads(row.pop("params"))
        about["annotations"] = parameters.pop("annotation_layers")
        about["parameters"] = parameters
    return about | {name: _parsed(value) for name, value in row.items() if name not in COPIES}


def _is_tile_of(tile: object, charts: list[str]) -> bool:
    """Whether a part of the layout is a chart's; the tiles of charts that are lost go with them."""
    return isinstance(tile, dict) and tile.get("meta", {}).get("uuid") in charts


def _parsed(value: object) -> object:
    """JSON as what it says; an import adds and drops empty settings, which say nothing."""
    if not (isinstance(value, str) and value.startswith("{")):
        return value
    told = json.loads(value)
    return {name: each for name, each in told.items() if each not in ("{}", "", [], {})}


def lost(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return sorted(name for name in before if before[name] != after[name])


def use_everything(world: World, key: VisualKey, number: int) -> None:
    """Let people leave on it what they can."""
    server = world.server
    server.call("POST", f"/api/v1/{key.type}/{number}/favorites/", by="vera")
    if key.type == "dashboard":
        server.view_dashboard_as("owen", number)
    else:
        server.view_chart_as("owen", number)
        server.call("POST", f"/api/v1/tag/2/{number}/", {"properties": {"tags": ["quarterly"]}})


def test_what_a_dashboard_loses_is_what_is_declared(world: World) -> None:
    server = world.server
    doomed_dataset = world.own_dataset()
    kept, _ = world.chart()
    broken, broken_key = world.chart(doomed_dataset)
    number, key = world.dashboard(kept, broken, slug="everything")
    body = {"roles": [3], "certified_by": "QA", "certification_details": "twice", "css": ".x {}"}
    server.call("PUT", f"/api/v1/dashboard/{number}", body)
    server.add_tag(number, "finance")
    server.set_embedded(number)
    use_everything(world, key, number)
    schedule = server.create_report_schedule(number)
    world.dashboard()  # SQLite would give the freed number away again
    before = state(world, key)

    server.call("DELETE", f"/api/v1/report/{schedule}")
    server.call("DELETE", f"/api/v1/dataset/{doomed_dataset}")
    saved = world.lose(key)
    world.remover.remove(broken_key)
    outcome = world.remover.restore(key, RemovalRoute.HARD, saved)

    found = lost(before, state(world, key) | {"tiles": before["tiles"]})
    assert sorted(before["tiles"]) == sorted([f"CHART-{kept}", f"CHART-{broken}"])
    assert state(world, key)["tiles"] == [f"CHART-{kept}"]
    declared = CAPABILITIES.lost_on_restore["dashboard"]
    assert sorted(WORDS.get(name, name) for name in found) == sorted(declared)
    assert set(declared) <= set(outcome.lost)


def test_what_a_chart_loses_is_what_is_declared(world: World) -> None:
    server = world.server
    other, _ = world.chart()
    number, key = world.chart()
    board, _ = world.dashboard(number)
    layers = [
        {"name": "event", "annotationType": "EVENT", "sourceType": "table", "value": other, "show": True},
        {"name": "line", "annotationType": "FORMULA", "sourceType": "", "value": "1", "show": True},
    ]
    parameters = {
        "viz_type": "table",
        "datasource": f"{world.dataset}__table",
        "all_columns": ["day"],
        "annotation_layers": layers,
    }
    body = {
        "description": "Days",
        "certified_by": "QA",
        "cache_timeout": 33,
        "params": json.dumps(parameters),
    }
    server.call("PUT", f"/api/v1/chart/{number}", body)
    use_everything(world, key, number)
    report = {
        "type": "Report",
        "name": f"Daily {number}",
        "chart": number,
        "crontab": "0 8 * * *",
        "recipients": [{"type": "Email", "recipient_config_json": {"target": "team@example.com"}}],
    }
    schedule = server.call("POST", "/api/v1/report/", report)["id"]
    world.chart()  # SQLite would give the freed number away again
    before = state(world, key)

    server.call("DELETE", f"/api/v1/report/{schedule}")
    outcome = world.remover.restore(key, RemovalRoute.HARD, world.lose(key))

    after = state(world, key)
    declared = CAPABILITIES.lost_on_restore["chart"]
    assert sorted(WORDS.get(name, name) for name in lost(before, after)) == sorted(declared)
    assert [layer["name"] for layer in after["annotations"]] == ["line"]
    assert after["places"] == [board]
    assert outcome.lost == declared
