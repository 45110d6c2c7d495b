"""The event store answers slices in time order, however its rows came in."""

from datetime import UTC, datetime, timedelta

from bi_governance.sandbox.timeline import Timeline, from_micros, to_micros

START = datetime(2026, 3, 2, tzinfo=UTC)


def hours(*numbers):
    timeline = Timeline()
    for number in numbers:
        timeline.append(START + timedelta(hours=number), f"s{number % 2}", "me", "view")
    return timeline


def seen(timeline, positions):
    return [(timeline.row(p).at - START) // timedelta(hours=1) for p in positions]


def test_a_slice_holds_its_start_and_not_its_end():
    timeline = hours(1, 2, 3, 4)
    assert seen(timeline, timeline.between(START + timedelta(hours=2), START + timedelta(hours=4))) == [2, 3]


def test_late_rows_are_put_in_their_place():
    timeline = hours(5, 1, 3)
    assert seen(timeline, timeline.between(None, None)) == [1, 3, 5]
    assert [timeline.row(p).id for p in timeline.between(None, None)] == [2, 3, 1]


def test_one_subject_inside_a_slice():
    timeline = hours(6, 1, 2, 3, 4, 5)
    inside = timeline.between(START + timedelta(hours=2), START + timedelta(hours=6))
    assert seen(timeline, timeline.of_subject("s1", inside)) == [3, 5]
    assert timeline.of_subject("unknown", inside) == []


def test_microseconds_survive():
    moment = START + timedelta(microseconds=123457)
    assert from_micros(to_micros(moment)) == moment
