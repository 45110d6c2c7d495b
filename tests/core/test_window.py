"""When deletions may happen: weekends, holidays, and the days clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bi_governance.window import ActionWindow, local_day

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NEW_YORK = ZoneInfo("America/New_York")
WORKDAYS = frozenset({0, 1, 2, 3})
OFFICE = ActionWindow(AMSTERDAM, WORKDAYS, time(9), time(16))


def ams(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=AMSTERDAM)  # type: ignore[arg-type,misc]


def test_without_a_window_every_moment_is_open() -> None:
    for moment in (datetime(2026, 5, 30, tzinfo=UTC), datetime(2026, 12, 25, 23, 59, 59, 999999, tzinfo=UTC)):
        assert ActionWindow().is_open(moment)
        assert ActionWindow().next_open(moment) == moment


@pytest.mark.parametrize(
    ("clock", "is_open"), [((8, 59), False), ((9, 0), True), ((15, 59), True), ((16, 0), False)]
)
def test_the_window_opens_at_its_first_minute_and_closes_before_its_last(
    clock: tuple[int, int], is_open: bool
) -> None:
    assert OFFICE.is_open(ams(2026, 6, 1, *clock)) is is_open


@pytest.mark.parametrize(
    ("moment", "opening"),
    [
        (ams(2026, 6, 1, 6), ams(2026, 6, 1, 9)),  # Monday, before hours
        (ams(2026, 6, 1, 10, 30), ams(2026, 6, 1, 10, 30)),  # within
        (ams(2026, 6, 1, 16), ams(2026, 6, 2, 9)),  # after hours
        (ams(2026, 6, 4, 16), ams(2026, 6, 8, 9)),  # Thursday evening, over a long weekend
        (ams(2026, 6, 6, 10), ams(2026, 6, 8, 9)),  # Saturday
        (ams(2026, 12, 31, 17), ams(2027, 1, 4, 9)),  # year end, a Thursday
        (ams(2028, 2, 28, 17), ams(2028, 2, 29, 9)),  # leap day
    ],
)
def test_a_closed_moment_moves_to_the_next_opening(moment: datetime, opening: datetime) -> None:
    assert OFFICE.next_open(moment) == opening


def test_holidays_are_skipped() -> None:
    window = ActionWindow(
        AMSTERDAM, WORKDAYS, time(9), time(16), frozenset({date(2026, 6, 1), date(2026, 6, 2)})
    )
    assert not window.is_open(ams(2026, 6, 1, 10))
    assert window.next_open(ams(2026, 6, 1, 10)) == ams(2026, 6, 3, 9)


def test_the_opening_of_an_evening_that_is_tomorrow_in_utc_is_not_missed() -> None:
    evening = ActionWindow(NEW_YORK, frozenset(range(7)), time(22), time(23))
    moment = datetime(2026, 6, 2, 1, tzinfo=UTC)
    assert evening.next_open(moment) == datetime(2026, 6, 2, 2, tzinfo=UTC)


def test_the_local_day_decides_not_the_utc_day() -> None:
    sunday_in_utc = datetime(2026, 5, 31, 22, 30, tzinfo=UTC)
    assert local_day(sunday_in_utc, AMSTERDAM) == date(2026, 6, 1)
    assert ActionWindow(AMSTERDAM, WORKDAYS).is_open(sunday_in_utc)
    assert not ActionWindow(UTC, WORKDAYS).is_open(sunday_in_utc)


@pytest.mark.parametrize(
    ("before", "opening"),
    [
        (datetime(2026, 3, 27, 12, tzinfo=UTC), datetime(2026, 3, 30, 7, tzinfo=UTC)),  # summer time began
        (datetime(2026, 10, 23, 12, tzinfo=UTC), datetime(2026, 10, 26, 8, tzinfo=UTC)),  # and ended
    ],
)
def test_the_window_follows_the_wall_clock_over_a_clock_change(before: datetime, opening: datetime) -> None:
    assert OFFICE.next_open(before) == opening


def test_an_opening_that_the_clock_skips_happens_at_the_first_real_moment_after() -> None:
    window = ActionWindow(AMSTERDAM, frozenset(range(7)), time(2, 30), time(3, 15))
    assert window.next_open(datetime(2026, 3, 29, 0, tzinfo=UTC)) == datetime(2026, 3, 29, 1, tzinfo=UTC)


def test_an_hour_that_happens_twice_opens_twice() -> None:
    window = ActionWindow(AMSTERDAM, frozenset(range(7)), time(2, 30), time(2, 45))
    first, second = datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert window.next_open(datetime(2026, 10, 24, 23, tzinfo=UTC)) == first
    assert window.next_open(first + timedelta(minutes=20)) == second


@pytest.mark.parametrize(
    "window",
    [
        ActionWindow(days=frozenset()),
        ActionWindow(opens=time(16), closes=time(9)),
        ActionWindow(opens=time(9), closes=time(9)),
    ],
)
def test_a_window_that_never_opens_says_so(window: ActionWindow) -> None:
    with pytest.raises(ValueError, match=r"^the deletion window never opens$"):
        window.next_open(datetime(2026, 6, 1, tzinfo=UTC))


def test_the_horizon_reaches_over_a_year_of_holidays() -> None:
    start = date(2026, 6, 1)
    closed = frozenset(start + timedelta(days=n) for n in range(380))
    opening = ActionWindow(holidays=closed).next_open(datetime(2026, 6, 1, tzinfo=UTC))
    assert opening == datetime(2027, 6, 16, tzinfo=UTC)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([UTC, AMSTERDAM, NEW_YORK, ZoneInfo("Asia/Kathmandu"), timezone(timedelta(hours=14))]),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 47),
    st.integers(1, 12),
    st.datetimes(datetime(2026, 3, 1), datetime(2026, 11, 30), timezones=st.just(UTC)).map(
        lambda m: m.replace(minute=m.minute // 15 * 15, second=0, microsecond=0)
    ),
)
def test_next_open_is_the_first_open_quarter_of_an_hour(
    zone: timezone, weekdays: frozenset[int], half_hours: int, length: int, moment: datetime
) -> None:
    opens = time(half_hours // 2, half_hours % 2 * 30)
    end = half_hours + length
    closes = time(end // 2, end % 2 * 30) if end < 48 else time.max
    window = ActionWindow(zone, weekdays, opens, closes)
    steps = (moment + timedelta(minutes=15 * n) for n in range(4 * 24 * 9))
    assert window.next_open(moment) == next(step for step in steps if window.is_open(step))
