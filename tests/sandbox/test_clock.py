"""The clock moves when told to, forwards only."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from bi_governance.sandbox.clock import SimulatedClock

START = datetime(2026, 3, 2, 6, tzinfo=UTC)


def test_it_stands_still_until_advanced():
    clock = SimulatedClock(START)
    assert (clock.now(), clock.now()) == (START, START)
    assert clock.advance(timedelta(hours=5)) == clock.now() == START + timedelta(hours=5)


def test_it_hands_out_utc():
    clock = SimulatedClock(datetime(2026, 3, 2, 7, tzinfo=timezone(timedelta(hours=1))))
    assert clock.now() == START
    assert clock.now().tzinfo is UTC


@pytest.mark.parametrize("step", [timedelta(seconds=-1), timedelta(days=-3)])
def test_it_never_goes_back(step):
    clock = SimulatedClock(START)
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance(step)
    with pytest.raises(ValueError, match="cannot go back"):
        clock.set(START + step)
    assert clock.now() == START


def test_it_wants_a_time_zone():
    with pytest.raises(ValueError, match="no time zone"):
        SimulatedClock(datetime(2026, 3, 2))
