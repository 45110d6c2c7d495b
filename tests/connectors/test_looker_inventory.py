"""Looker's inventory: two lists that must agree, the trash, dashboards kept as code, tiles, alerts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bi_governance.connectors.looker import LookerReader
from bi_governance.errors import (
    ConfigurationError,
    IncompleteFeed,
    SourceForbidden,
)
from bi_governance.model import VisualKey
from bi_governance.sandbox.looker_records import Kind
from bi_governance.sandbox.server import Fault
from tests.connectors.looker_bench import LONG_AGO, NOW, Bench, rows

SEARCH = "GET /api/4.0/dashboards/search"


def test_dashboards_hold_the_trash_and_those_kept_as_code(bench: Bench) -> None:
    live, trashed = bench.dashboard("Live"), bench.dashboard("Trashed")
    bench.remover().remove(trashed)
    code = bench.looker.add_lookml_dashboard("ecommerce", "overview", "Overview")
    found = {row["dashboard_id"]: row for row in rows(bench.reader(), "looker_dashboard")}
    assert {id_: (row["deleted"], row["is_lookml"]) for id_, row in found.items()} == {
        live.native_id: (False, False),
        trashed.native_id: (True, False),
        code: (False, True),
    }
    assert found[trashed.native_id]["deleted_at"] == NOW


def test_every_row_of_a_feed_has_the_same_columns(bench: Bench) -> None:
    bench.dashboard()
    bench.looker.add_lookml_dashboard("ecommerce", "overview", "Overview")
    key = bench.dashboard("With an alert")
    tile = bench.looker.add_tile(key.native_id)
    bench.looker.add_alert(tile, owner_id=bench.ada)
    bench.looker.add_schedule("dashboard", key.native_id, owner_id=bench.ada)
    reader = bench.reader()
    for feed in reader.inventory_feeds:
        assert len({frozenset(row) for row in rows(reader, feed)}) <= 1, feed


def test_details_are_read(bench: Bench) -> None:
    key = bench.dashboard(created_at=LONG_AGO)
    bench.looker.view("dashboard", key.native_id, by=bench.ada, at=NOW - timedelta(hours=3))
    bench.looker.certify("dashboard", key.native_id, by=bench.ada)
    (row,) = rows(bench.reader(), "looker_dashboard")
    assert row["created_at"] == LONG_AGO
    assert row["last_viewed_at"] == row["last_accessed_at"] == NOW - timedelta(hours=3)
    assert (row["view_count"], row["is_certified"], row["user_id"]) == (1, True, bench.ada)
    assert row["url"] == f"{bench.server.url}/dashboards/{key.native_id}"


def test_the_old_api_port_is_not_where_people_open_looker() -> None:
    reader = LookerReader(
        "acme", {"base_url": "https://acme.looker.com:19999/", "client_id": "", "client_secret": ""}
    )
    assert reader._client.web_url == "https://acme.looker.com"


def test_a_list_that_differs_once_is_read_again(bench: Bench) -> None:
    keys = [bench.dashboard(f"D{n}") for n in range(5)]
    bench.server.faults.add(Fault("GET /api/4.0/dashboards$", "truncate", times=1))
    found = [row["dashboard_id"] for row in rows(bench.reader(), "looker_dashboard")]
    assert sorted(found) == sorted(key.native_id for key in keys)  # each once, although read twice


@pytest.mark.parametrize("feed", ["dashboards", "looks"])
@pytest.mark.parametrize("path", ["{}$", "{}/search"])
def test_lists_that_keep_differing_are_incomplete(bench: Bench, feed: str, path: str) -> None:
    for number in range(5):
        (bench.dashboard if feed == "dashboards" else bench.look)(f"V{number}")
    bench.server.faults.add(Fault(f"GET /api/4.0/{path.format(feed)}", "empty", times=None))
    with pytest.raises(IncompleteFeed, match=r"5 .* are in one of two lists only"):
        rows(bench.reader(), f"looker_{feed.removesuffix('s')}")


def test_a_server_that_cuts_pages_short_is_read_to_the_end(bench: Bench) -> None:
    keys = [bench.dashboard(f"D{n}") for n in range(7)]
    bench.server.faults.add(Fault(SEARCH, "truncate", times=2))
    assert len(rows(bench.reader(), "looker_dashboard")) == len(keys)
    once_for_the_proof_once_for_those_kept_as_code = 2
    listed = bench.server.requests.matching("GET /api/4.0/dashboards$")
    assert len(listed) == once_for_the_proof_once_for_those_kept_as_code


@pytest.mark.parametrize(
    ("feed", "path"),
    [("looker_dashboard", SEARCH), ("looker_user", "users/search"), ("looker_schedule", "alerts/search")],
)
def test_a_server_that_repeats_a_page_for_ever_is_noticed(bench: Bench, feed: str, path: str) -> None:
    bench.server.faults.add(Fault(path, "status", status=200, body=[{"id": "1"}, {"id": "2"}], times=None))
    with pytest.raises(IncompleteFeed, match="repeats a page"):
        rows(bench.reader(), feed)


def test_paths_lead_from_the_root_and_personal_folders_are_known(bench: Bench) -> None:
    marketing = bench.looker.add_folder("Marketing")
    weekly = bench.looker.add_folder("Weekly", parent_id=marketing)
    drafts = bench.looker.add_folder("Drafts", parent_id=bench.looker.personal_folder(bench.ada))
    found = {row["folder_id"]: row for row in rows(bench.reader(), "looker_folder")}
    assert (found[weekly]["path"], found[weekly]["is_personal"]) == ("Marketing/Weekly", False)
    assert (found[drafts]["path"], found[drafts]["is_personal"]) == ("Users/Ada Byron/Drafts", True)
    key = bench.dashboard(folder_id=drafts)
    assert bench.reader().look(key, LONG_AGO).folder == "Users/Ada Byron/Drafts"


def test_folders_without_their_parents_are_incomplete(bench: Bench) -> None:
    newest = bench.looker.add_folder("Marketing")
    bench.looker.folders["2"].parent_id = newest
    bench.server.faults.add(
        Fault("GET /api/4.0/folders$", "truncate", times=None),
        Fault("GET /api/4.0/folders/search", "empty", times=None),
    )
    with pytest.raises(IncompleteFeed, match=f"parent folders are missing .*{newest}"):
        rows(bench.reader(), "looker_folder")


def test_a_folder_list_cut_short_once_is_made_up_for(bench: Bench) -> None:
    made = {bench.looker.add_folder(f"F{n}") for n in range(6)}
    bench.server.faults.add(Fault("GET /api/4.0/folders$", "truncate", times=None))
    assert made <= {row["folder_id"] for row in rows(bench.reader(), "looker_folder")}


def test_schedules_of_everybody_and_alerts_through_their_tiles(bench: Bench) -> None:
    first, second = bench.dashboard("First"), bench.look("Second")
    weekly = bench.looker.add_schedule("dashboard", first.native_id, owner_id=bench.ada)
    off = bench.looker.add_schedule("look", second.native_id, owner_id=bench.ada, enabled=False)
    alerts = [
        bench.looker.add_alert(bench.looker.add_tile(first.native_id), owner_id=bench.ada, disabled=disabled)
        for disabled in (False, True, False, False)
    ]
    found = {row["schedule_id"]: row for row in rows(bench.reader(), "looker_schedule")}
    assert {id_: (row["kind"], row["enabled"]) for id_, row in found.items()} == {
        weekly: ("schedule", True),
        off: ("schedule", False),
        f"alert:{alerts[0]}": ("alert", True),
        f"alert:{alerts[1]}": ("alert", False),
        f"alert:{alerts[2]}": ("alert", True),
        f"alert:{alerts[3]}": ("alert", True),
    }
    assert all(found[f"alert:{alert}"]["dashboard_id"] == first.native_id for alert in alerts)
    assert found[off]["look_id"] == second.native_id


def test_what_is_on_a_board_is_read_and_named_unless_the_board_is_gone(bench: Bench) -> None:
    first, second, code = bench.dashboard("First"), bench.look("Second"), "ecommerce::overview"
    bench.looker.add_lookml_dashboard("ecommerce", "overview", "Overview")
    items: list[tuple[Kind, str]] = [
        ("dashboard", first.native_id),
        ("look", second.native_id),
        ("dashboard", code),
    ]
    start = bench.looker.add_board("Start here", user_id=bench.ada, items=items)
    other = bench.looker.add_board("Also here", user_id=bench.ada, items=items[:1])
    gone = bench.looker.add_board("Gone", user_id=bench.ada, items=items)
    bench.looker.boards[gone].deleted_at = NOW
    reader = bench.reader()
    found = rows(reader, "looker_board_item")
    assert sorted((r["board_id"], r["dashboard_id"] or "", r["look_id"] or "") for r in found) == [
        (start, "", second.native_id),
        (start, first.native_id, ""),
        (start, code, ""),
        (other, first.native_id, ""),
    ]
    assert len({row["item_id"] for row in found}) == 4
    assert reader.look(first, LONG_AGO).references == (
        "it is on board 'Also here'",
        "it is on board 'Start here'",
    )
    assert reader.look(second, LONG_AGO).references == ("it is on board 'Start here'",)


def test_a_favourite_alone_holds_nothing_back(bench: Bench) -> None:
    key = bench.dashboard()
    bench.looker.visual("dashboard", key.native_id).favorite_count = 3
    (row,) = rows(bench.reader(), "looker_dashboard")
    assert row["favorite_count"] == 3
    assert bench.reader().look(key, LONG_AGO).references == ()


def test_a_lookml_dashboard_that_a_search_calls_trashed_is_kept_as_code(bench: Bench) -> None:
    """System Activity and some lists show LookML dashboards as moved to the trash, which they cannot be."""
    code = bench.looker.add_lookml_dashboard("ecommerce", "overview", "Overview")
    trashed = [{"id": code, "title": "Overview", "deleted": True}]
    bench.server.faults.add(Fault(SEARCH, "status", status=200, body=trashed, times=1, after=1))
    found = rows(bench.reader(), "looker_dashboard")
    assert [(row["dashboard_id"], row["deleted"], row["is_lookml"]) for row in found] == [(code, False, True)]
    seen = bench.reader().look(VisualKey("acme", "dashboard", code), LONG_AGO)
    assert (seen.exists, seen.is_trashed) == (True, False)


def test_alerts_that_may_not_be_seen_are_not_taken_for_none(bench: Bench) -> None:
    bench.looker.revoke("see_alerts")
    bench.looker.revoke("administer")
    with pytest.raises(SourceForbidden, match="Admin role"):
        rows(bench.reader(), "looker_schedule")


def test_dependencies_reach_through_tiles_and_looks_to_tables(bench: Bench) -> None:
    bench.looker.explores["sales.deals"] = "warehouse.crm.deals"
    bench.looker.explores["sales.derived"] = "(SELECT 1)"
    dashboard = bench.dashboard(tiles=("sales.deals", "sales.derived"))
    look = bench.look(explore="sales.deals")
    alone = bench.look("Gone", explore="sales.retired")
    del bench.looker.explores["sales.retired"]
    found = {
        (r["visual_type"], r["visual_id"], r["kind"], r["name"], r["database_name"], r["schema_name"])
        for r in rows(bench.reader(), "looker_dependency")
    }
    assert found == {
        ("dashboard", dashboard.native_id, "explore", "sales.deals", None, None),
        ("dashboard", dashboard.native_id, "explore", "sales.derived", None, None),
        ("dashboard", dashboard.native_id, "unknown", "sales.derived", None, None),
        ("dashboard", dashboard.native_id, "table", "deals", "warehouse", "crm"),
        ("look", look.native_id, "explore", "sales.deals", None, None),
        ("look", look.native_id, "table", "deals", "warehouse", "crm"),
        ("look", alone.native_id, "explore", "sales.retired", None, None),
        ("look", alone.native_id, "unknown", "sales.retired", None, None),
    }


def test_lineage_looker_does_not_tell_is_unknown_not_none(bench: Bench) -> None:
    merged, code = bench.dashboard(tiles=()), "ecommerce::overview"
    bench.looker.add_lookml_dashboard("ecommerce", "overview", "Overview")
    bench.looker.add_lookml_dashboard("ecommerce", "told", "Told")
    bench.looker.add_tile("ecommerce::told", explore="sales.deals")
    text = bench.dashboard("Text only", tiles=())
    for dashboard in (merged, text):
        bench.looker.tiles[bench.looker.add_tile(dashboard.native_id)].query_id = None
    bench.looker.tiles_of(merged.native_id)[0].merge_id = bench.looker.add_merge(["sales.deals"])
    bench.looker.add_tile(merged.native_id, explore="sales.deals")
    lost = bench.look()
    del bench.looker.queries[str(bench.looker.visual("look", lost.native_id).query_id)]
    broken = bench.dashboard("Broken", tiles=())
    bench.looker.tiles[bench.looker.add_tile(broken.native_id)].query_id = None
    bench.looker.tiles_of(broken.native_id)[0].merge_id = "999"
    found = {(r["visual_id"], r["kind"]) for r in rows(bench.reader(), "looker_dependency")}
    assert found == {
        (merged.native_id, "explore"),
        (merged.native_id, "table"),
        ("ecommerce::told", "explore"),
        ("ecommerce::told", "table"),
        (code, "unknown"),
        (lost.native_id, "unknown"),
        (broken.native_id, "unknown"),
    }


def test_a_linked_look_counts_for_its_dashboard(bench: Bench) -> None:
    look = bench.look(explore="sales.deals")
    dashboard = bench.dashboard(tiles=())
    bench.looker.add_tile(dashboard.native_id, look_id=look.native_id)
    reader = bench.reader()
    (element,) = rows(reader, "looker_dashboard_element")
    assert (element["dashboard_id"], element["look_id"]) == (dashboard.native_id, look.native_id)
    explores = [r["name"] for r in rows(reader, "looker_dependency") if r["visual_id"] == dashboard.native_id]
    assert "sales.deals" in explores


def test_an_unknown_feed_is_a_mistake_of_ours(bench: Bench) -> None:
    with pytest.raises(ConfigurationError, match="looker_dashboard"):
        bench.reader().read_inventory("looker_everything")
