"""Looker's history: its silent limits, its whole seconds, its retention."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

import pytest

from bi_governance.connectors.looker import history
from bi_governance.errors import (
    IncompleteFeed,
    SourceBroken,
    SourceForbidden,
)
from bi_governance.model import Coverage
from bi_governance.sandbox import looker_dates, looker_history
from bi_governance.sandbox.server import Fault
from tests.connectors.looker_bench import NOW, Bench, read

QUERIES = "POST /api/4.0/queries/run"


def busy_hour(bench: Bench, views: int) -> list[datetime]:
    """Views spread evenly over the hour before now."""
    key = bench.dashboard(tiles=("ecommerce.orders",))
    times = [NOW - timedelta(hours=1) + n * timedelta(hours=1) / views for n in range(views)]
    for at in times:
        bench.looker.view("dashboard", key.native_id, by=bench.ada, at=at)
    return times


@pytest.mark.parametrize("row_limit", [10, 9, 11, 100])
def test_a_window_at_the_limit_is_halved_until_it_fits(bench: Bench, row_limit: int) -> None:
    times = busy_hour(bench, 40)
    found = read(bench.reader(row_limit=row_limit), NOW - timedelta(hours=1), NOW)
    assert sorted(row["accessed_at"] for row in found) == times  # type: ignore[type-var]
    assert len({row["event_key"] for row in found}) == len(times)


def test_a_limit_of_lookers_own_is_noticed_too(bench: Bench) -> None:
    """The server cuts at 7 rows although asked for many: only the counted total gives it away."""
    bench.looker.row_cap = 7
    times = busy_hour(bench, 40)
    found = read(bench.reader(), NOW - timedelta(hours=1), NOW)
    assert sorted(row["accessed_at"] for row in found) == times  # type: ignore[type-var]


def test_a_result_as_long_as_the_limit_is_not_believed_whatever_the_total_says(bench: Bench) -> None:
    times = busy_hour(bench, 40)
    bench.server.faults.add(Fault(QUERIES, "status", status=200, body=[{"history.count": 0}], times=1))
    found = read(bench.reader(row_limit=10), NOW - timedelta(hours=1), NOW)
    assert sorted(row["accessed_at"] for row in found) == times


def test_it_does_not_matter_whether_looker_counts_the_edges_of_a_range(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Looker that leaves out the first moment of a range and takes in the last."""
    tick = timedelta(microseconds=1)

    def other_edges(text: str, now: datetime, zone: tzinfo) -> looker_dates.Window:
        window = looker_dates.parse_window(text, now, zone)
        assert window.start is not None
        assert window.end is not None
        return looker_dates.Window(window.start + tick, window.end + tick)

    times = busy_hour(bench, 4)
    monkeypatch.setattr(looker_history, "parse_window", other_edges)
    reader = bench.reader()
    first = read(reader, times[0], times[2])
    second = read(reader, times[2], NOW)
    assert [row["accessed_at"] for row in first] == times[:2]
    assert [row["accessed_at"] for row in second] == times[2:]


def test_a_minute_that_does_not_fit_is_incomplete(bench: Bench) -> None:
    key = bench.dashboard()
    for second in range(30):
        bench.looker.view("dashboard", key.native_id, by=bench.ada, at=NOW - timedelta(seconds=40 - second))
    with pytest.raises(IncompleteFeed, match="more runs than 10 rows within the minute"):
        read(bench.reader(row_limit=10), NOW - timedelta(hours=1), NOW)


def test_an_error_inside_a_200_is_an_error(bench: Bench) -> None:
    bench.server.faults.add(Fault(QUERIES, "status", status=200, body=[{"looker_error": "Query killed"}]))
    with pytest.raises(SourceBroken, match="Query killed"):
        read(bench.reader(), NOW - timedelta(hours=1), NOW)


@pytest.mark.parametrize("body", [{"error": "no"}, [1, 2], [{"history.count": 1}, {}]])
def test_an_answer_that_makes_no_sense_is_an_error(bench: Bench, body: object) -> None:
    bench.server.faults.add(Fault(QUERIES, "status", status=200, body=body, times=None))
    with pytest.raises(SourceBroken):
        read(bench.reader(), NOW - timedelta(hours=1), NOW)


def test_history_needs_a_permission_and_says_which(bench: Bench) -> None:
    bench.looker.revoke("see_system_activity")
    with pytest.raises(SourceForbidden, match="see_system_activity"):
        read(bench.reader(), NOW - timedelta(hours=1), NOW)


def test_history_is_asked_for_in_utc_whatever_zone_looker_is_in(bench: Bench) -> None:
    bench.looker.zone = "America/Los_Angeles"
    key = bench.dashboard()
    bench.looker.view("dashboard", key.native_id, by=bench.ada, at=NOW - timedelta(hours=2))
    (row,) = read(bench.reader(), NOW - timedelta(hours=3), NOW)
    assert row["accessed_at"] == NOW - timedelta(hours=2)


def test_a_view_in_a_fraction_of_the_first_second_is_not_lost(bench: Bench) -> None:
    """Looker tells whole seconds only; what happened just after the last reading began must be read again."""
    key = bench.dashboard()
    bench.looker.view(
        "dashboard", key.native_id, by=bench.ada, at=NOW - timedelta(seconds=10, milliseconds=-700)
    )
    start = NOW - timedelta(seconds=10, milliseconds=-500)
    assert len(read(bench.reader(), start, NOW)) == 1


def test_history_knows_person_source_and_visual(bench: Bench) -> None:
    dashboard, look = bench.dashboard(tiles=("a.b", "c.d")), bench.look()
    bench.looker.view("dashboard", dashboard.native_id, by=bench.ada, at=NOW - timedelta(hours=2))
    bench.looker.view("look", look.native_id, by=bench.ada, at=NOW - timedelta(hours=1))
    plan = bench.looker.add_schedule("look", look.native_id, owner_id=bench.ada)
    bench.looker.deliver(plan, at=NOW - timedelta(minutes=30))
    found = read(bench.reader(), NOW - timedelta(hours=3), NOW)
    assert [(r["dashboard_id"], r["look_id"], r["source_kind"], r["run_count"]) for r in found] == [
        (dashboard.native_id, None, "dashboard", 2),
        (None, look.native_id, "look", 1),
        (None, look.native_id, "scheduled_task", 1),
    ]
    assert {r["user_id"] for r in found} == {bench.ada}


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (None, NOW),
        (NOW - timedelta(days=200), NOW - timedelta(days=90)),
        (NOW - timedelta(days=30), datetime(2026, 2, 1, tzinfo=UTC)),
        (NOW - timedelta(hours=2), NOW),
    ],
    ids=["no history", "history longer than promised", "young instance", "began today"],
)
def test_proof_begins_the_day_after_the_oldest_row(first: datetime | None, expected: datetime) -> None:
    wanted = NOW - timedelta(days=365)
    assert history.start_of_proof(wanted, NOW, first, timedelta(days=90)) == expected


def test_history_reaches_as_far_as_looker_keeps_it(bench: Bench) -> None:
    key = bench.dashboard()
    for days in range(1, 120, 2):
        bench.looker.view("dashboard", key.native_id, by=bench.ada, at=NOW - timedelta(days=days))
    start = bench.reader().history_start(NOW - timedelta(days=365), NOW, Coverage())
    assert NOW - timedelta(days=90) <= start <= NOW - timedelta(days=88)
