"""What is special about Tableau: proofs of completeness, two kinds of history, and what a restore loses."""

from __future__ import annotations

import importlib
import io
import pkgutil
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import tableauserverclient

from bi_governance.connectors.http import Exchange
from bi_governance.connectors.tableau import CAPABILITIES, TableauReader, usage
from bi_governance.connectors.tableau.backup import PACKAGED, PLAIN, checked
from bi_governance.connectors.tableau.client import VENDOR_ERRORS
from bi_governance.errors import (
    BackupUnreadable,
    ConfigurationError,
    IncompleteFeed,
    SourceBroken,
    SourceConflict,
    SourceError,
    SourceForbidden,
)
from bi_governance.model import Coverage, Interval, RemovalRoute, VisualKey
from bi_governance.ports import BackupContent
from bi_governance.sandbox.server import Fault
from bi_governance.sandbox.tableau_xml import answer, element, refusal
from tests.connectors.harness import SOURCE, START
from tests.connectors.tableau_bench import Bench, furnished, serving, state_of

ROUTE = RemovalRoute.HARD


@pytest.fixture
def bench() -> Iterator[Bench]:
    with serving() as made:
        yield made


def counters_of(reader: TableauReader, window: Interval) -> dict[str, int]:
    return {str(r["view_id"]): int(str(r["counter"])) for p in reader.read_history(window) for r in p}


# --- complete or said not to be


def test_a_page_said_to_lie_beyond_the_end_is_no_end(bench: Bench) -> None:
    for number in range(25):
        bench.harness.add_visual(f"Revenue {number}")
    body = bytes(refusal(400006, "Invalid page number", "out of range").body.body).decode()  # type: ignore[attr-defined]
    bench.sandbox.faults.add(Fault("GET /api/.*/workbooks$", "status", status=400, body=body, after=1))
    with pytest.raises(IncompleteFeed):
        bench.rows("tableau_workbook")


@pytest.mark.parametrize("feed", ["workbook", "view", "user", "project", "subscription"])
def test_fewer_rows_than_advertised_are_not_everything(bench: Bench, feed: str) -> None:
    key = bench.harness.add_visual("Revenue")
    bench.harness.add_visual("Costs")
    bench.harness.schedule(key)
    bench.harness.schedule(key)
    path = {"subscription": "subscriptions"}.get(feed, f"{feed}s")
    bench.sandbox.faults.add(Fault(f"GET /api/.*/{path}$", "truncate", times=None))
    with pytest.raises(IncompleteFeed):
        bench.rows(f"tableau_{feed}")


def test_a_list_without_a_total_is_no_list(bench: Bench) -> None:
    body = bytes(answer(element("workbooks")).body).decode()
    bench.sandbox.faults.add(Fault("GET /api/.*/workbooks$", "status", status=200, body=body, times=None))
    with pytest.raises(SourceBroken, match="without a total"):
        bench.rows("tableau_workbook")


@pytest.mark.parametrize("code", ["NODE_LIMIT_EXCEEDED", "BACKFILL_RUNNING"])
def test_lineage_with_an_error_inside_is_not_whole(bench: Bench, code: str) -> None:
    bench.harness.add_visual("Revenue")
    bench.sandbox.metadata_errors = [
        {"message": "partial", "extensions": {"code": code, "severity": "WARNING"}}
    ]
    with pytest.raises(IncompleteFeed, match=code):
        bench.rows("tableau_dependency")


def test_lineage_names_the_tables(bench: Bench) -> None:
    for number in range(51):  # one more than a page
        key = bench.harness.add_visual(f"Revenue {number}")
        bench.sandbox.workbooks[key.native_id].tables = ["orders"]
    rows = bench.rows("tableau_dependency")
    assert len(rows) == 51
    assert {(r["kind"], r["name"], r["database_name"], r["schema_name"]) for r in rows} == {
        ("table", "orders", "sales", "public")
    }


def test_an_account_that_is_shown_a_part_reads_nothing(bench: Bench) -> None:
    bench.harness.add_visual("Revenue")
    bench.sandbox.users[bench.sandbox.me].role = "Explorer"
    with pytest.raises(IncompleteFeed, match="Explorer"):
        bench.rows("tableau_workbook")
    with pytest.raises(IncompleteFeed):
        list(bench.reader().read_history(Interval(START - timedelta(hours=1), START)))


# --- inventory


def test_people_without_a_licence_are_told_apart(bench: Bench) -> None:
    gone = bench.sandbox.add_person("gone@acme.example", "Gone Girl", "Unlicensed")
    rows = {row["user_id"]: row for row in bench.rows("tableau_user")}
    assert (rows[gone]["is_licensed"], rows[gone]["email"]) == (False, "gone@acme.example")
    assert rows[bench.harness.ada]["is_licensed"] is True


def test_projects_have_their_path_and_admin_insights_is_the_platforms_own(bench: Bench) -> None:
    bench.sandbox.add_project("Admin Insights")
    rows = {row["path"]: row["is_system"] for row in bench.rows("tableau_project")}
    assert rows == {"Sales": False, "Sales/Europe": False, "Admin Insights": True}


def test_a_project_whose_parent_is_not_shown_makes_the_list_incomplete(bench: Bench) -> None:
    bench.sandbox.add_project("Orphan", "nowhere")
    with pytest.raises(IncompleteFeed, match="nowhere"):
        bench.rows("tableau_project")


def test_a_personal_space_is_no_project(bench: Bench) -> None:
    id_ = bench.sandbox.add_workbook(
        "Mine", owner_id=bench.harness.ada, project_id=None, created_at=START - timedelta(days=400)
    )
    rows = {row["workbook_id"]: row for row in bench.rows("tableau_workbook")}
    assert (rows[id_]["is_personal"], rows[id_]["project_id"]) == (True, None)
    key = VisualKey(SOURCE, "workbook", id_)
    assert bench.reader().look(key, START).folder == ""
    with pytest.raises(SourceConflict, match="personal space"):
        bench.reader().backup(key)


def test_alerts_and_subscriptions_are_deliveries(bench: Bench) -> None:
    key = bench.harness.add_visual("Revenue")
    view = bench.harness.access_id(key)
    bench.harness.schedule(key)
    bench.sandbox.deliver("alert", "Low", user_id=bench.harness.ada, target=("View", view))
    asleep = bench.sandbox.deliver("subscription", "Old", user_id=bench.harness.ada, target=("View", view))
    bench.sandbox.deliveries[asleep].suspended = True
    rows = bench.rows("tableau_subscription")
    assert [(r["kind"], r["name"], r["workbook_id"], r["view_id"], r["enabled"]) for r in rows] == [
        ("subscription", "Weekly", key.native_id, None, True),
        ("subscription", "Old", None, view, False),
        ("data alert", "Low", key.native_id, view, True),
    ]
    assert bench.reader().look(key, START).references == ("subscription 'Weekly'", "data alert 'Low'")
    seen = bench.reader().look(VisualKey(SOURCE, "view", view), START)
    assert (seen.exists, seen.title, seen.folder) == (True, "Overview", "Sales/Europe")
    assert len(seen.references) == 2


# --- counters


def test_counters_prove_nothing_before_their_first_reading(bench: Bench) -> None:
    reader = bench.reader(history="usage_counters")
    assert reader.history_start(START - timedelta(days=90), START, Coverage()) == START - timedelta(seconds=1)
    proven = Coverage.of([Interval(START - timedelta(days=9), START - timedelta(days=8))])
    assert reader.history_start(START - timedelta(days=90), START, proven) == START - timedelta(days=9)
    wanted = START - timedelta(days=3)
    assert reader.history_start(wanted, START, proven) == wanted


def test_counters_are_read_in_the_newest_window_alone(bench: Bench) -> None:
    key = bench.harness.add_visual("Revenue")
    bench.harness.view(key, START)
    reader = bench.reader(history="usage_counters")
    reader.history_start(START, START, Coverage())
    midnight = START.replace(hour=0)
    assert counters_of(reader, Interval(midnight - timedelta(days=1), midnight)) == {}
    window = Interval(midnight, START)
    assert counters_of(reader, window) == {bench.harness.access_id(key): 1}
    rows = [row for page in reader.read_history(window) for row in page]
    assert all(window.start <= row["accessed_at"] < window.end for row in rows)  # type: ignore[operator]
    assert {row["event_name"] for row in rows} == {"counter"}


def test_a_counter_that_moved_since_the_reading_is_a_use_now(bench: Bench) -> None:
    key = bench.harness.add_visual("Revenue")
    reader = bench.reader(history="usage_counters")
    counters_of(reader, Interval(START - timedelta(hours=1), START))
    assert reader.look(key, START - timedelta(days=60)).last_used_at is None
    bench.harness.view(key, START)
    assert reader.look(key, START - timedelta(days=60)).last_used_at == START


def test_counters_that_were_not_read_rule_out_no_use(bench: Bench) -> None:
    key = bench.harness.add_visual("Revenue")
    assert bench.reader(history="usage_counters").look(key, START - timedelta(days=60)).last_used_at == START


def test_reading_does_not_move_the_counters(bench: Bench) -> None:
    key = bench.harness.add_visual("Revenue")
    reader = bench.reader(history="usage_counters")
    window = Interval(START - timedelta(hours=1), START)
    before = counters_of(reader, window)
    reader.backup(key)
    reader.look(key, START)
    assert counters_of(reader, window) == before


def test_an_unknown_kind_of_history_is_refused(bench: Bench) -> None:
    with pytest.raises(ConfigurationError, match="usage_counters, admin_insights, repository"):
        bench.reader(history="crystal_ball")


# --- events


def test_events_that_are_not_written_down_yet_are_not_none(bench: Bench) -> None:
    bench.harness.view(bench.harness.add_visual("Revenue"), START - timedelta(days=5))
    bench.sandbox.insights_refreshed_at = START - timedelta(days=3)
    with pytest.raises(IncompleteFeed, match="refreshed"):
        list(bench.reader().read_history(Interval(START - timedelta(hours=6), START)))


def test_as_many_rows_as_can_be_are_too_many(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    key = bench.harness.add_visual("Revenue")
    for minute in range(3):
        bench.harness.view(key, START - timedelta(minutes=minute + 1))
    monkeypatch.setattr(usage, "ROW_LIMIT", 3)
    with pytest.raises(IncompleteFeed, match="3 rows"):
        list(bench.reader().read_history(Interval(START - timedelta(hours=6), START)))


def test_events_older_than_the_retention_are_not_counted_on(bench: Bench) -> None:
    bench.harness.view(bench.harness.add_visual("Revenue"), START - timedelta(days=200))
    reader = bench.reader(history_days=90)
    assert reader.history_start(START - timedelta(days=365), START, Coverage()) == START - timedelta(days=90)


def test_no_event_at_all_proves_nothing(bench: Bench) -> None:
    assert bench.reader().history_start(START - timedelta(days=9), START, Coverage()) == START


def test_a_robot_does_not_count_by_whatever_name(bench: Bench) -> None:
    key = bench.harness.add_visual("Revenue")
    robot = bench.sandbox.add_person("Monitor@acme.example", "Monitor")
    bench.sandbox.view(bench.harness.access_id(key), by=robot, at=START - timedelta(hours=1))
    since = START - timedelta(days=60)
    assert bench.reader().look(key, since).last_used_at is not None
    for name in (robot, "monitor@acme.example"):
        assert bench.reader(robots=[name]).look(key, since).last_used_at is None


# --- the connection


def vendor_exceptions() -> list[type[Exception]]:
    """Every exception class the library defines."""
    found: set[type[Exception]] = set()
    for module in pkgutil.walk_packages(tableauserverclient.__path__, "tableauserverclient."):
        if ".bin" not in module.name:
            for value in vars(importlib.import_module(module.name)).values():
                is_exception = isinstance(value, type) and issubclass(value, Exception)
                if is_exception and value.__module__.startswith("tableauserverclient"):
                    found.add(value)
    return sorted(found, key=lambda kind: kind.__name__)


def test_every_exception_of_the_library_is_translated(bench: Bench) -> None:
    kinds = vendor_exceptions()
    assert len(kinds) > 15
    for kind in kinds:
        error = kind.__new__(kind)
        error.__dict__.update(code="", summary="", detail="")
        assert isinstance(error, VENDOR_ERRORS), kind
        for status in (None, 200, 401, 403, 404, 429, 500):
            seen = bench.client().translated(error, Exchange("GET", "/api/x", status))
            assert isinstance(seen, SourceError)
            assert seen.status == status


def without_role(bench: Bench) -> None:
    bench.sandbox.users[bench.sandbox.me].role = "Viewer"


def without_metadata(bench: Bench) -> None:
    bench.sandbox.metadata_enabled = False


def without_project(bench: Bench) -> None:
    bench.sandbox.insights_visible = False


def without_api_access(bench: Bench) -> None:
    bench.sandbox.api_access = False


def without_token(bench: Bench) -> None:
    bench.sandbox.access.revoke(bench.sandbox.token)


@pytest.mark.parametrize(
    ("take", "name", "advice"),
    [
        (without_role, "site administrator", "Site Administrator Explorer, under Users"),
        (without_metadata, "read lineage", "tsm maintenance metadata-services enable"),
        (without_project, "read use", "on the data sources of the project Admin Insights"),
        (without_api_access, "read use", "'API Access' on the data sources of the project Admin Insights"),
        (without_token, "sign in", "token_value"),
    ],
)
def test_what_is_missing_is_named_with_where_to_set_it(
    bench: Bench, take: Callable[[Bench], None], name: str, advice: str
) -> None:
    assert all(probe.ok for probe in bench.reader().probe())
    take(bench)
    failed = {probe.name: probe.advice for probe in bench.reader().probe() if not probe.ok}
    assert advice in failed[name]


def test_a_robot_nobody_knows_is_named(bench: Bench) -> None:
    failed = [probe for probe in bench.reader(robots=["hal"]).probe() if not probe.ok]
    assert [probe.name for probe in failed] == ["robots"]
    assert "hal" in failed[0].detail


def test_reader_and_remover_take_turns_with_one_token(bench: Bench) -> None:
    """A token holds one session, so each of them finds its own ended by the other."""
    key = bench.harness.add_visual("Revenue")
    reader, remover = bench.reader(), bench.remover()
    saved = reader.backup(key)
    remover.remove(key)
    assert not reader.look(key, START).exists
    assert remover.restore(key, ROUTE, saved).native_id != key.native_id


# --- removing and restoring


# What changes in the sandbox, and the words in which its loss is declared.
LOST = {
    "id": "its id",
    "view ids": "ids of its views",
    "view counts": "view counts",
    "deliveries": "subscriptions and data alerts",
    "favourites": "favourite",
    "dates": "the dates",
}


def test_exactly_what_is_declared_is_lost(bench: Bench) -> None:
    key = furnished(bench)
    before = state_of(bench, key.native_id)
    saved, remover = bench.reader().backup(key), bench.remover()
    remover.remove(key)
    bench.harness.clock.advance(timedelta(days=1))
    back = remover.restore(key, ROUTE, saved)
    after = state_of(bench, back.native_id)
    assert {name for name in before if before[name] != after[name]} == set(LOST)
    declared = " / ".join(CAPABILITIES.lost_on_restore["workbook"])
    assert all(words in declared for words in LOST.values())
    assert back.lost == CAPABILITIES.lost_on_restore["workbook"]
    assert [d["name"] for d in saved.manifest["deliveries"]] == ["Weekly"]


def test_a_restore_that_was_not_recorded_is_found_again(bench: Bench) -> None:
    key = furnished(bench)
    saved, remover = bench.reader().backup(key), bench.remover()
    remover.remove(key)
    first = remover.restore(key, ROUTE, saved)
    assert remover.restore(key, ROUTE, saved).native_id == first.native_id
    assert len(bench.sandbox.workbooks) == 1


def test_a_restore_that_was_interrupted_is_finished(bench: Bench) -> None:
    key = furnished(bench)
    saved = bench.reader().backup(key)
    bench.remover().remove(key)
    bench.sandbox.faults.add(Fault("PUT .*/tags$", "status", status=500, times=None))
    with pytest.raises(SourceBroken):
        bench.remover().restore(key, ROUTE, saved)
    assert len(bench.sandbox.workbooks) == 1
    bench.sandbox.faults.clear()
    back = bench.remover().restore(key, ROUTE, saved)
    assert len(bench.sandbox.workbooks) == 1
    assert bench.sandbox.workbooks[back.native_id].owner_id == bench.harness.ada


def test_what_has_the_name_now_is_left_alone(bench: Bench) -> None:
    key = furnished(bench)
    saved = bench.reader().backup(key)
    bench.remover().remove(key)
    other = bench.harness.add_visual("Revenue")
    before = state_of(bench, other.native_id)
    with pytest.raises(SourceConflict, match="named 'Revenue'"):
        bench.remover().restore(key, ROUTE, saved)
    assert state_of(bench, other.native_id) == before


def test_a_project_that_is_gone_is_named(bench: Bench) -> None:
    key = furnished(bench)
    saved = bench.reader().backup(key)
    bench.remover().remove(key)
    del bench.sandbox.projects[bench.harness.project]
    with pytest.raises(SourceConflict, match="Sales/Europe"):
        bench.remover().restore(key, ROUTE, saved)


def test_an_owner_who_is_gone_is_a_loss(bench: Bench) -> None:
    key = furnished(bench)
    saved = bench.reader().backup(key)
    bench.remover().remove(key)
    del bench.sandbox.users[bench.harness.ada]
    lost = bench.remover().restore(key, ROUTE, saved).lost
    assert any("the owner" in words for words in lost)
    assert any("permissions of the user" in words for words in lost)


def test_a_view_is_never_removed_or_saved_by_itself(bench: Bench) -> None:
    view = VisualKey(SOURCE, "view", bench.harness.access_id(bench.harness.add_visual("Revenue")))
    with pytest.raises(SourceConflict):
        bench.remover().remove(view)
    with pytest.raises(SourceConflict):
        bench.reader().backup(view)
    assert "view" not in CAPABILITIES.routes
    assert bench.sandbox.requests.writes() == []


def package(**files: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "."), content)
    return held.getvalue()


@pytest.mark.parametrize(
    ("content", "has_extracts"),
    [
        (b"", False),
        (b"<html/>", False),
        (b"<workbook/>", True),
        (package(a_txt=b"x"), False),
        (package(a_twb=b"<html/>"), False),
        (package(a_twb=b"<workbook/>"), True),
        (package(a_twb=b"<workbook/>", b_hyper=b"HyPe")[:-30], True),
    ],
    ids=["empty", "page", "no extract", "no workbook", "page inside", "packaged without extract", "cut"],
)
def test_a_file_that_is_not_the_whole_workbook_is_no_backup(content: bytes, has_extracts: bool) -> None:
    with pytest.raises(SourceBroken):
        checked(content, SOURCE, has_extracts=has_extracts)


def test_a_file_that_is_the_whole_workbook_is_one() -> None:
    assert checked(b"<workbook/>", SOURCE, has_extracts=False) == PLAIN
    whole = package(a_twb=b"<workbook/>", b_hyper=b"HyPe")
    assert checked(whole, SOURCE, has_extracts=True) == PACKAGED


def test_a_download_that_is_refused_says_which_capability_is_missing(bench: Bench) -> None:
    key = bench.harness.add_visual("Revenue")
    bench.sandbox.faults.add(Fault("/content$", "status", status=403, times=None))
    with pytest.raises(SourceForbidden, match="Download/Save a Copy"):
        bench.reader().backup(key)


def test_a_backup_without_its_file_cannot_be_restored(bench: Bench) -> None:
    key = bench.harness.add_visual("Revenue")
    saved = bench.reader().backup(key)
    bench.remover().remove(key)
    with pytest.raises(BackupUnreadable):
        bench.remover().restore(key, ROUTE, BackupContent({}, saved.manifest))
