"""Guards: for each, what trips it and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from bi_governance import events as ev
from bi_governance import guards
from bi_governance.guards import (
    ADVICE,
    Canary,
    Limits,
    SourceEvidence,
    Veto,
    collapsed_days,
    source_vetoes,
    trusted_coverage,
)
from bi_governance.lifecycle import State, fold
from bi_governance.model import Coverage, FeedStatus, Interval, Mode, SourceDay
from tests.core.estate import LIVE, NOW, ago, busy_days, days, healthy, key, sizes, source_day

MIDNIGHT = NOW.replace(hour=0)
NO_TRIAL = Limits(trial_days=0)


def feed(name: str = "looker_dashboard", status: str = "complete", **known: Any) -> FeedStatus:
    plain = {"rows": 100, "finished_at": NOW, "detail": "", "earlier": sizes(100, 101, 99)}
    return FeedStatus("looker_prod", name, status, **{**plain, **known})


def vetoes(evidence: SourceEvidence, limits: Limits = NO_TRIAL, state: State | None = None) -> list[Veto]:
    return list(source_vetoes(evidence, state or State(), limits, NOW))


def advice_of(guard: str) -> str:
    return Veto("looker_prod", guard, "").advice


def only(evidence: SourceEvidence, limits: Limits = NO_TRIAL, state: State | None = None) -> tuple[str, str]:
    (veto,) = vetoes(evidence, limits, state)
    assert veto.source == "looker_prod"
    return veto.guard, veto.reason


def volume(*events: int) -> tuple[SourceDay, ...]:
    """Whole days with these volumes, the last one yesterday."""
    count = len(events)
    return tuple(source_day(MIDNIGHT - days(count - i), n) for i, n in enumerate(events))


def test_healthy_evidence_meets_no_objection() -> None:
    assert vetoes(healthy()) == []


# --- collection complete


@pytest.mark.parametrize("status", ["partial", "failed", "", "Complete"])
def test_a_feed_that_is_not_complete_stops_its_source(status: str) -> None:
    evidence = healthy(feeds=(feed(), feed("looker_user", status, detail="403")))
    assert only(evidence) == ("collection_complete", f"feed looker_user is {status}: 403")


def test_a_reason_without_detail_ends_there() -> None:
    assert only(healthy(feeds=(feed(status="failed"),)))[1] == "feed looker_dashboard is failed"


def test_a_feed_that_was_never_collected_stops_its_source() -> None:
    evidence = healthy(expected_feeds=("looker_user", "looker_dashboard", "looker_access"))
    assert vetoes(evidence) == [
        Veto("looker_prod", "collection_complete", "feed looker_access was never collected"),
        Veto("looker_prod", "collection_complete", "feed looker_user was never collected"),
    ]


def test_nothing_collected_stops_its_source() -> None:
    evidence = healthy(feeds=(), expected_feeds=())
    assert only(evidence) == ("collection_complete", "nothing was ever collected")


# --- feed fresh


@pytest.mark.parametrize(("age", "stale"), [(days(2), False), (days(2) + days(1e-6), True)])
def test_history_must_reach_close_to_now(age: Any, stale: bool) -> None:
    through = NOW - age
    evidence = healthy(days=(*busy_days(30)[:-2], SourceDay("looker_prod", ago(3), ago(3), through, 100)))
    found = [v.guard for v in vetoes(evidence)]
    assert found == (["feed_fresh"] if stale else [])


def test_stale_history_says_where_it_ends() -> None:
    evidence = healthy(days=busy_days(30)[:-3])
    assert only(evidence) == ("feed_fresh", "access history ends 2026-05-29 00:00 UTC")


def test_no_proven_history_stops_its_source() -> None:
    assert only(healthy(days=())) == ("feed_fresh", "no access history is proven complete for any day")


@pytest.mark.parametrize(("age", "stale"), [(days(2), False), (days(2.1), True)])
def test_every_feed_must_have_been_read_lately(age: Any, stale: bool) -> None:
    found = vetoes(healthy(feeds=(feed(), feed("looker_user", finished_at=NOW - age))))
    expected = [Veto("looker_prod", "feed_fresh", "feed looker_user was last read 2026-05-30")]
    assert found == (expected if stale else [])


def test_how_old_a_feed_may_be_is_a_setting() -> None:
    evidence = healthy(feeds=(feed(finished_at=ago(5)),))
    assert vetoes(evidence, Limits(trial_days=0, feed_max_age=days(6))) == []


# --- transform current


@pytest.mark.parametrize(
    ("built", "stops"), [(NOW, False), (NOW + days(1), False), (ago(0.1), True), (None, True)]
)
def test_the_marts_must_be_newer_than_the_newest_collection(built: Any, stops: bool) -> None:
    evidence = healthy(feeds=(feed(finished_at=ago(1)), feed("looker_user")), transformed_at=built)
    expected = [Veto("looker_prod", "transform_current", "the marts are older than the newest collection")]
    assert vetoes(evidence) == (expected if stops else [])


# --- volume


@pytest.mark.parametrize(("events", "stops"), [(20, False), (19, True), (0, True)])
def test_a_day_far_below_its_own_weekdays_stops_its_source(events: int, stops: bool) -> None:
    evidence = healthy(days=volume(*[100] * 20, events))
    assert [v.guard for v in vetoes(evidence)] == (["volume_plausible"] if stops else [])


def test_a_collapse_is_told_with_its_day() -> None:
    evidence = healthy(days=volume(*[100] * 20, 3, 4))
    assert only(evidence) == ("volume_plausible", "only 3 access events on 2026-05-30")


@pytest.mark.parametrize(("days_ago", "stops"), [(3, True), (4, False)])
def test_only_a_collapse_of_the_last_days_stops_its_source(days_ago: int, stops: bool) -> None:
    events = [100] * 30
    events[-days_ago] = 0
    found = vetoes(healthy(days=volume(*events)))
    assert [v.guard for v in found] == (["volume_plausible"] if stops else [])


def test_a_collapse_exactly_four_days_ago_still_counts() -> None:
    events = [100] * 30
    events[-4] = 0
    evidence = healthy(days=volume(*events), feeds=(feed(finished_at=MIDNIGHT),))
    (veto,) = source_vetoes(evidence, State(), NO_TRIAL, MIDNIGHT)
    assert veto.reason == "only 0 access events on 2026-05-28"


def test_weekends_are_compared_with_weekends() -> None:
    week = [100, 100, 100, 100, 100, 2, 3]
    assert vetoes(healthy(days=volume(*week * 4))) == []
    assert collapsed_days(volume(*week * 4), NO_TRIAL) == ()


@pytest.mark.parametrize(("weeks", "flagged"), [(1, 0), (2, 1)])
def test_one_earlier_weekday_is_not_enough_to_compare_with(weeks: int, flagged: int) -> None:
    assert len(collapsed_days(volume(*[100] * 7 * weeks, 0), NO_TRIAL)) == flagged


@pytest.mark.parametrize(("usual", "flagged"), [(9, 0), (10, 1)])
def test_a_source_with_few_events_is_not_judged_by_single_days(usual: int, flagged: int) -> None:
    assert len(collapsed_days(volume(*[usual] * 14, 0), NO_TRIAL)) == flagged


def test_the_usual_volume_is_the_median_of_the_last_eight_same_weekdays() -> None:
    busy, quieter = [1000] * 70, [250] * 28
    assert collapsed_days(volume(*busy, *quieter, *quieter, 60), NO_TRIAL) == ()
    assert collapsed_days(volume(*busy, *quieter[:-7], 60), NO_TRIAL) == volume(60)


def test_the_ninth_weekday_back_is_forgotten() -> None:
    assert collapsed_days(volume(*[1000] * 35, *[250] * 28, 150), NO_TRIAL) == ()


def test_collapsed_days_do_not_become_the_new_normal() -> None:
    assert len(collapsed_days(volume(*[100] * 21, *[0] * 100), NO_TRIAL)) == 100


def test_a_day_not_yet_whole_is_not_judged() -> None:
    today = SourceDay("looker_prod", MIDNIGHT, MIDNIGHT, NOW, 0)
    assert vetoes(healthy(days=(*busy_days(), today))) == []


def test_a_small_source_silent_for_a_week_is_suspicious() -> None:
    whole = volume(*[2] * 28, *[0] * 7)
    assert collapsed_days(whole, NO_TRIAL) == whole[-7:]
    assert only(healthy(days=whole))[0] == "volume_plausible"
    assert collapsed_days(volume(*[2] * 28, *[0] * 6), NO_TRIAL) == ()
    assert collapsed_days(volume(*[2] * 28, 0, 0, 0, 1, 0, 0, 0), NO_TRIAL) == ()


def test_a_source_hardly_ever_used_may_be_silent_for_a_week() -> None:
    assert collapsed_days(volume(*[0] * 20, 9, *[0] * 14), NO_TRIAL) == ()
    assert collapsed_days(volume(*[0] * 20, 10, *[0] * 7), NO_TRIAL) != ()


def test_a_small_source_stays_suspicious_as_long_as_it_stays_silent() -> None:
    whole = volume(*[2] * 30, *[0] * 120)
    assert collapsed_days(whole, NO_TRIAL) == whole[-120:]
    assert trusted_coverage(whole, NO_TRIAL).through == MIDNIGHT - days(120)


def test_a_silent_week_is_compared_with_the_28_days_before_it() -> None:
    every_third = [1 if n % 3 == 0 else 0 for n in range(28)]
    assert collapsed_days(volume(*every_third, *[0] * 7), NO_TRIAL) != ()
    every_third[0] = 0
    assert collapsed_days(volume(5, *every_third, *[0] * 7), NO_TRIAL) == ()


def test_a_silent_week_must_be_a_week_of_known_days() -> None:
    holed = tuple(d for d in volume(*[2] * 28, *[0] * 7) if d.day != MIDNIGHT - days(3))
    assert collapsed_days(holed, NO_TRIAL) == ()


def test_a_feed_that_never_showed_a_single_event_proves_nothing() -> None:
    evidence = healthy(days=volume(*[0] * 90))
    assert only(evidence) == ("volume_plausible", "its access history holds no event at all")
    assert vetoes(healthy(days=volume(*[0] * 89, 1))) == []


# --- trusted coverage


def test_coverage_leaves_out_collapsed_days() -> None:
    whole = volume(*[100] * 20, 0, 100)
    assert trusted_coverage(whole, NO_TRIAL) == Coverage(
        (Interval(MIDNIGHT - days(22), MIDNIGHT - days(2)), Interval(MIDNIGHT - days(1), MIDNIGHT))
    )


def test_coverage_takes_part_days_as_far_as_they_are_proven() -> None:
    today = SourceDay("looker_prod", MIDNIGHT, MIDNIGHT, NOW, 0)
    assert trusted_coverage((*busy_days(3), today), NO_TRIAL) == Coverage(
        (Interval(MIDNIGHT - days(3), NOW),)
    )


# --- inventory


@pytest.mark.parametrize(("rows", "stops"), [(80, False), (79, True), (0, True), (500, False)])
def test_an_inventory_that_shrank_stops_its_source(rows: int, stops: bool) -> None:
    found = vetoes(healthy(feeds=(feed(rows=rows),)))
    assert [v.guard for v in found] == (["inventory_plausible"] if stops else [])
    if stops:
        assert found[0].reason == f"looker_dashboard has {rows} rows, usually 100"


@pytest.mark.parametrize(
    ("earlier", "rows", "reason"),
    [
        ((9, 9, 9), 1, None),
        ((9, 9, 9), 0, "looker_dashboard is empty, usually 9 rows"),
        ((10, 10), 7, "looker_dashboard has 7 rows, usually 10"),
        ((1, 2), 0, "looker_dashboard is empty, usually 1.5 rows"),
        ((1, 1), 0, "looker_dashboard is empty, usually 1 rows"),
        ((0, 0), 0, None),
        ((), 0, None),
        ((100, 100, 5), 79, "looker_dashboard has 79 rows, usually 100"),
    ],
)
def test_small_inventories_may_change_but_not_vanish(
    earlier: tuple[int, ...], rows: int, reason: str | None
) -> None:
    found = vetoes(healthy(feeds=(feed(rows=rows, earlier=sizes(*earlier)),)))
    assert found == ([Veto("looker_prod", "inventory_plausible", reason)] if reason else [])


def test_every_feed_is_looked_at() -> None:
    feeds = (feed("a", earlier=()), feed("b", rows=1), feed("c", rows=0))
    found = vetoes(healthy(feeds=feeds, expected_feeds=()))
    assert [v.reason.split()[0] for v in found] == ["b", "c"]


# --- dbt tests, instance, trial


def test_a_failed_dbt_test_stops_its_source() -> None:
    assert only(healthy(failed_tests=("unique_key: 3 rows",))) == ("tests_passed", "dbt: unique_key: 3 rows")


@pytest.mark.parametrize(("found", "said"), [("g", "found g"), (None, "found nothing readable")])
def test_another_instance_under_the_same_name_stops_its_source(found: str | None, said: str) -> None:
    guard, reason = only(healthy(fingerprint=found))
    assert guard == "same_instance"
    assert reason == f"this is not the instance that was pinned (pinned f, {said})"
    assert "bi-governance mode dry-run --source looker_prod" in advice_of(guard)


def test_an_instance_not_yet_pinned_is_no_objection() -> None:
    assert vetoes(healthy(pinned=None)) == []
    assert vetoes(healthy(pinned=None, fingerprint=None)) == []


def trial(length: float) -> list[ev.Event]:
    ends = (length + 1, 1.0)
    return [ev.PlanRecorded(at=ago(n), digest="d", sources="looker_prod") for n in ends]


@pytest.mark.parametrize(("length", "stops"), [(20.9, True), (21, False)])
def test_going_live_needs_a_whole_trial_first(length: float, stops: bool) -> None:
    live = ev.ModeChanged(at=ago(0.5), mode=Mode.LIVE, reason="go")
    found = vetoes(healthy(), Limits(), fold([*trial(length), live]))
    assert [v.guard for v in found] == (["trial_completed"] if stops else [])
    if stops:
        assert found[0].reason == "its dry-run trial lasted 20 of 21 days"
        assert "mode dry-run --source looker_prod" in found[0].advice


def test_the_trial_itself_is_not_stopped_for_being_short() -> None:
    assert vetoes(healthy(), Limits(), State()) == []


def test_no_trial_is_needed_where_none_is_asked_for() -> None:
    assert vetoes(healthy(), NO_TRIAL, fold([LIVE])) == []


# --- canaries


def canary(seen: Any, *, there: bool = True) -> Canary:
    return Canary(key("1"), there, seen)


@pytest.mark.parametrize(("days_ago", "stops"), [(0, False), (14, False), (15, True)])
def test_a_canary_not_seen_in_use_lately_stops_its_source(days_ago: int, stops: bool) -> None:
    seen = (NOW - days(days_ago)).date()
    found = vetoes(healthy(canaries=(canary(NOW.date()), canary(seen))))
    text = f"looker_prod:dashboard:1 was last seen to be used on {seen}"
    assert found == ([Veto("looker_prod", "canaries", text)] if stops else [])


def test_how_long_a_canary_may_be_silent_is_a_setting() -> None:
    evidence = healthy(canaries=(canary(NOW.date() - days(15)),))
    assert vetoes(evidence, Limits(trial_days=0, canary_days=15)) == []


@pytest.mark.parametrize("seen", [None, NOW.date()])
def test_a_canary_that_is_not_in_the_inventory_stops_its_source(seen: Any) -> None:
    evidence = healthy(canaries=(canary(seen, there=False),))
    assert only(evidence) == ("canaries", "looker_prod:dashboard:1 is not in the inventory")


def test_a_canary_never_seen_in_use_stops_its_source() -> None:
    evidence = healthy(canaries=(canary(None),))
    assert only(evidence) == ("canaries", "looker_prod:dashboard:1 was never seen to be used")


# --- what to do


def test_every_guard_says_what_to_do() -> None:
    assert all(callable(getattr(guards, name)) for name in ADVICE)
    assert all(advice_of(name).endswith((".", "...")) and "{" not in advice_of(name) for name in ADVICE)
