"""What inventories are expected to hold after our own removals, and the guard that relies on it."""

from __future__ import annotations

from typing import Any

import pytest

from bi_governance.guards import Limits, SourceEvidence, source_vetoes
from bi_governance.lifecycle import State
from bi_governance.model import FeedStatus
from bi_governance.shrinkage import OwnRemoval, usual_rows
from tests.core.estate import NOW, ago, healthy, sizes


def feed(name: str = "looker_dashboard", **known: Any) -> FeedStatus:
    plain = {"rows": 100, "finished_at": NOW, "earlier": sizes(100, 101, 99)}
    return FeedStatus("looker_prod", name, "complete", **{**plain, **known})


def reasons(evidence: SourceEvidence) -> list[str]:
    found = source_vetoes(evidence, State(), Limits(trial_days=0), NOW)
    assert {veto.guard for veto in found} <= {"inventory_plausible"}
    return [veto.reason for veto in found]


def removed(count: int, days_ago: float = 0.5, feed: str = "looker_dashboard") -> tuple[OwnRemoval, ...]:
    return (OwnRemoval(ago(days_ago), feed),) * count


@pytest.mark.parametrize(
    ("gone", "rows", "stops"),
    [(0, 79, True), (30, 56, False), (30, 55, True), (95, 0, True), (100, 0, False), (101, 0, False)],
)
def test_what_we_removed_ourselves_is_expected_to_be_missing(gone: int, rows: int, stops: bool) -> None:
    assert bool(reasons(healthy(feeds=(feed(rows=rows),), removals=removed(gone)))) is stops


@pytest.mark.parametrize("gone", [1, 2])
def test_an_empty_inventory_is_no_excuse_for_itself(gone: int) -> None:
    evidence = healthy(feeds=(feed(rows=0),), removals=removed(gone))
    assert len(reasons(evidence)) == 1


def usually(feed: FeedStatus, *removals: OwnRemoval, beside: tuple[FeedStatus, ...] = ()) -> float | None:
    return usual_rows(feed, (feed, *beside), removals)


@pytest.mark.parametrize(("days_ago", "expected"), [(0, 100), (0.5, 90), (1, 100), (1.5, 100)])
def test_only_what_went_between_two_readings_is_missing(days_ago: float, expected: int) -> None:
    assert usually(feed(earlier=sizes(100)), *removed(10, days_ago)) == expected


def test_each_earlier_run_is_corrected_by_itself() -> None:
    shrinking = feed(earlier=sizes(70, 80, 110))
    assert usually(shrinking, *removed(10, 0.5)) == 70
    assert usually(shrinking, *removed(10, 1.5)) == 70
    assert usually(shrinking, *removed(40, 1.5)) == 70
    assert usually(shrinking, *removed(5, 2.5)) == 80
    assert usually(shrinking, *removed(50, 2.5)) == 70
    assert usually(feed(earlier=())) is None


@pytest.mark.parametrize(
    ("name", "rows", "expected"),
    [
        ("looker_dashboard_element", 400, 360),
        ("looker_schedule", 50, 40),
        ("looker_look", 100, 90),
        ("looker_dashboard_user", 400, 360),
        ("looker_user", 400, 400),
        ("looker_folder", 400, 400),
        ("tableau_project", 400, 400),
        ("powerbi_workspace", 400, 400),
    ],
)
def test_a_visual_takes_along_what_hangs_on_it_and_nobody_else(name: str, rows: int, expected: int) -> None:
    hangs = feed(name, earlier=sizes(rows))
    boards = feed(earlier=sizes(100))
    assert usually(hangs, *removed(10), beside=(boards,)) == expected


def test_how_much_hangs_on_a_visual_is_told_by_those_of_its_kind() -> None:
    views = feed("tableau_view", earlier=sizes(200))
    books = feed("tableau_workbook", earlier=sizes(50, 40, 60))
    gone = (*removed(2, feed="tableau_workbook"), *removed(3, feed="tableau_view"))
    assert usually(views, *gone, beside=(books,)) == 200 - 2 * 4 - 3
    assert usually(views, *gone) == 200 - 5
    assert usually(views, *gone, beside=(feed("tableau_workbook", earlier=()),)) == 200 - 5


def test_an_inventory_that_collapsed_today_excuses_no_other() -> None:
    """What a visual takes along is told by how many there were, not by the two that are left."""
    boards, tiles = (
        feed(rows=2, earlier=sizes(100)),
        feed("looker_dashboard_element", rows=2, earlier=sizes(200)),
    )
    assert reasons(healthy(feeds=(boards, tiles), removals=removed(2))) == [
        "looker_dashboard has 2 rows, usually 98",
        "looker_dashboard_element has 2 rows, usually 196",
    ]
