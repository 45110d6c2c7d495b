"""Keys and coverage: what is the same visual, and what time is proven."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bi_governance.errors import ConfigurationError
from bi_governance.model import Coverage, Interval, Reason, VisualKey
from tests.core.estate import NOW, ago, covered, days


def test_a_key_reads_back_what_it_prints() -> None:
    key = VisualKey("looker_prod", "dashboard", "model::name")
    assert str(key) == "looker_prod:dashboard:model::name"
    assert VisualKey.parse(str(key)) == key


@pytest.mark.parametrize(
    "text", ["", "looker", "looker:dashboard", "looker:dashboard:", ":dashboard:1", "a::1"]
)
def test_an_incomplete_key_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigurationError, match="looker_prod:dashboard:42") as caught:
        VisualKey.parse(text)
    assert f"'{text}' is not a visual key" in str(caught.value)


def test_a_reason_reads_as_its_sentence() -> None:
    assert str(Reason("used", "used yesterday")) == "used yesterday"


def test_an_interval_that_ends_before_it_starts_has_no_length() -> None:
    assert Interval(ago(1), ago(3)).length == timedelta(0)
    assert Interval(ago(3), ago(1)).length == days(2)


@pytest.mark.parametrize(("moment", "left"), [(5, 2), (3, 2), (2, 1), (1, 0), (0, 0)])
def test_an_interval_counts_only_what_lies_after_a_moment(moment: int, left: int) -> None:
    assert Interval(ago(3), ago(1)).after(ago(moment)) == days(left)


def test_coverage_merges_what_touches_and_drops_what_is_empty() -> None:
    merged = Coverage.of(
        [
            Interval(ago(3), ago(2)),
            Interval(ago(9), ago(7)),
            Interval(ago(5), ago(3)),
            Interval(ago(8), ago(8)),
            Interval(ago(6), ago(8)),
            Interval(ago(9), ago(8)),
            Interval(ago(1), ago(1)),
        ]
    )
    assert merged.intervals == (Interval(ago(9), ago(7)), Interval(ago(5), ago(2)))


def test_coverage_knows_its_ends() -> None:
    coverage = Coverage.of([Interval(ago(9), ago(7)), Interval(ago(5), ago(2))])
    assert (coverage.start, coverage.through) == (ago(9), ago(2))
    assert (Coverage().start, Coverage().through) == (None, None)


def test_only_covered_time_counts_as_elapsed() -> None:
    coverage = Coverage.of([Interval(ago(9), ago(7)), Interval(ago(5), ago(2))])
    assert coverage.since(ago(20)) == days(5)
    assert coverage.since(ago(8)) == days(4)
    assert coverage.since(ago(6)) == days(3)
    assert coverage.since(ago(2)) == days(0)


def test_gaps_count_from_the_first_covered_moment_to_the_last() -> None:
    coverage = Coverage.of([Interval(ago(9), ago(7)), Interval(ago(5), ago(2))])
    assert coverage.gap_after(ago(20)) == days(2)
    assert coverage.gap_after(ago(6)) == days(1)
    assert coverage.gap_after(ago(4)) == days(0)
    assert coverage.gap_after(ago(1)) == days(0)
    assert Coverage().gap_after(ago(1)) == days(0)


def test_the_past_of_a_coverage_is_what_could_be_known_then() -> None:
    coverage = Coverage.of([Interval(ago(9), ago(7)), Interval(ago(5), ago(2))])
    assert coverage.until(ago(4)).intervals == (Interval(ago(9), ago(7)), Interval(ago(5), ago(4)))
    assert coverage.until(ago(6)).intervals == (Interval(ago(9), ago(7)),)


def test_a_moment_is_covered_from_the_start_up_to_but_not_at_the_end() -> None:
    coverage = covered(3, 1)
    assert [coverage.contains(ago(n)) for n in (4, 3, 2, 1)] == [False, True, True, False]


def test_a_witnessed_stretch_is_added_to_what_history_covers() -> None:
    assert covered(3, 1).with_interval(Interval(ago(9), ago(3))) == covered(9, 1)
    assert covered(3, 1).with_interval(None) == covered(3, 1)


moments = st.integers(0, 60).map(lambda hours: NOW + timedelta(hours=hours))
intervals = st.lists(st.builds(Interval, moments, moments), max_size=8)


@settings(max_examples=200, deadline=None)
@given(intervals, moments)
def test_coverage_agrees_with_counting_hour_by_hour(pieces: list[Interval], moment: object) -> None:
    coverage = Coverage.of(pieces)
    hours = [NOW + timedelta(hours=n) for n in range(60)]
    inside = [h for h in hours if any(p.start <= h < p.end for p in pieces)]
    assert [h for h in hours if coverage.contains(h)] == inside
    assert coverage.since(moment) == timedelta(hours=sum(1 for h in inside if h >= moment))  # type: ignore[operator,arg-type]
    assert list(coverage.intervals) == sorted(coverage.intervals)
    assert all(a.end < b.start for a, b in zip(coverage.intervals, coverage.intervals[1:], strict=False))


def test_a_length_is_reached_where_so_much_is_covered_gaps_left_out() -> None:
    coverage = Coverage.of([Interval(ago(9), ago(7)), Interval(ago(5), ago(2))])
    assert coverage.reaches(days(1)) == ago(8)
    assert coverage.reaches(days(2)) == ago(7)
    assert coverage.reaches(days(4)) == ago(3)
    assert coverage.reaches(days(5)) == ago(2)
    assert coverage.reaches(days(5.1)) is None
