"""Outlook: the date, what it waits for, and the gaps - each said only while it is so."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from bi_governance.guards import Limits, SourceEvidence, source_vetoes, trusted_coverage
from bi_governance.lifecycle import State, fold
from bi_governance.model import Coverage, Facts, Interval, Mode, SourceDay
from bi_governance.outlook import Gap, Outlook, outlook
from bi_governance.rules import Match, Policy, Rule
from bi_governance.window import ActionWindow, YearPart
from tests.core.estate import KEY, LIVE, NOW, ago, busy_days, days, healthy, mode, notice, planned, visual

MIDNIGHT = NOW.replace(hour=0)
LIMITS = Limits(trial_days=0)
LIVE_STATE = fold([LIVE])


def look(
    evidence: SourceEvidence | None = None,
    *facts: Facts,
    state: State = LIVE_STATE,
    policy: Policy | None = None,
    limits: Limits = LIMITS,
    **more: Any,
) -> Outlook:
    evidence = evidence or healthy(days=busy_days(90))
    coverage = trusted_coverage(evidence.days, limits)
    covered = [replace(f, coverage=coverage) if f.coverage == Coverage() else f for f in facts]
    vetoes = source_vetoes(evidence, state, limits, NOW)
    return outlook(evidence, covered, vetoes, state, policy or Policy(), limits, NOW, **more)


def held(found: Outlook) -> dict[str, datetime | None]:
    return {hold.code: hold.until for hold in found.holds}


def warned_state(days_ago: float) -> State:
    return fold([LIVE, notice(visual(), days_ago, mode=Mode.LIVE)])


def test_with_enough_history_and_a_warning_that_ran_out_nothing_is_waited_for() -> None:
    found = look(state=warned_state(8))
    assert (found.holds, found.gaps) == ((), ())
    assert found.possible_from == MIDNIGHT - days(30)
    assert list(found.lines()) == []


def test_a_threshold_longer_than_the_history_says_from_when() -> None:
    found = look(healthy(days=busy_days(20)), state=warned_state(8), kept_days=28)
    assert held(found) == {"history": MIDNIGHT + days(40)}
    assert found.possible_from == MIDNIGHT + days(40)
    assert found.holds[0].why == (
        "60 days without use must be proven; access history begins on 2026-05-12; "
        "its platform keeps 28 days, so it has to be collected for longer than that"
    )
    assert next(found.lines()) == "looker_prod: deletions become possible on 2026-07-11 at the earliest"
    for enough in (60, 90):
        assert "keeps" not in look(healthy(days=busy_days(20)), kept_days=enough).holds[0].why


def test_without_any_history_nobody_can_tell() -> None:
    found = look(healthy(days=()))
    assert found.possible_from is None
    assert held(found)["history"] is None
    assert "on a day nobody can tell yet" in next(found.lines())


def test_gaps_postpone_and_are_listed_with_their_reason() -> None:
    history = [d for d in busy_days(70) if d.day not in (MIDNIGHT - days(40), MIDNIGHT - days(41))]
    silent = MIDNIGHT - days(20)
    history = [replace(d, events=0) if d.day == silent else d for d in history]
    full = look(healthy(days=busy_days(70)), state=warned_state(8))
    found = look(healthy(days=tuple(history)), state=warned_state(8))
    assert found.gaps == (
        Gap(MIDNIGHT - days(41), MIDNIGHT - days(39), "not proven complete"),
        Gap(silent, silent + days(1), "so few events that it is not believed"),
    )
    assert found.possible_from == full.possible_from + days(3)  # type: ignore[operator]
    assert next(found.lines()) == (
        "looker_prod: gap 2026-04-21 00:00 .. 2026-04-23 00:00 UTC: not proven complete"
    )
    short = look(healthy(days=tuple(history)[-50:]))
    assert "3.0 days of gaps do not count" in next(h.why for h in short.holds if h.code == "history")


def test_an_outage_moves_the_date_day_by_day_and_is_a_gap() -> None:
    outage = busy_days(50)[:-9]
    found = look(healthy(days=outage), state=warned_state(8))
    assert held(found)["history"] == NOW + days(60 - 41)
    assert found.gaps == (Gap(MIDNIGHT - days(9), NOW, "not read since, or not believed"),)
    assert held(found)["veto"] is None
    assert "it ends on 2026-05-23 and its clocks stand still" in found.holds[1].why


def test_in_dry_run_the_trial_and_the_switch_are_waited_for() -> None:
    found = look(state=fold([planned(10), planned(0)]), limits=Limits(trial_days=21))
    assert held(found) == {"trial": NOW + days(11), "mode": None, "notice": NOW + days(18)}
    assert found.possible_from == NOW + days(18)
    done = look(state=fold([planned(30), planned(0)]), limits=Limits(trial_days=21))
    assert held(done) == {"mode": None, "notice": NOW + days(7)}


def test_owners_are_warned_first() -> None:
    assert held(look()) == {"notice": NOW + days(7)}
    assert held(look(state=warned_state(3))) == {"notice": NOW + days(4)}
    assert held(look(state=warned_state(7))) == {}


def test_another_source_s_warnings_are_none_of_this_one_s() -> None:
    other = fold([LIVE, notice(visual(source="tableau_eu"), 8, mode=Mode.LIVE)])
    assert held(look(state=other)) == {"notice": NOW + days(7)}


def test_a_veto_is_among_what_is_waited_for() -> None:
    found = look(healthy(days=busy_days(90), fingerprint="other"), state=warned_state(8))
    assert [h.why.split(":")[0] for h in found.holds] == ["stopped by same_instance"]


@pytest.mark.parametrize("limits", [{"delete_per_run": 0}, {"delete_percent": 0.0}])
def test_a_limit_of_zero_is_said(limits: dict[str, Any]) -> None:
    found = look(state=warned_state(8), limits=Limits(trial_days=0, **limits))
    assert held(found) == {"cap": None}
    assert found.possible_from == NOW


def test_a_closed_window_is_said() -> None:
    weekdays = ActionWindow(UTC, frozenset({2}), time(9), time(16))
    found = look(state=warned_state(8), policy=Policy(window=weekdays))
    wednesday = datetime(2026, 6, 3, 9, tzinfo=UTC)
    assert (held(found), found.possible_from) == ({"window": wednesday}, wednesday)


def test_the_shortest_threshold_that_fits_a_visual_counts() -> None:
    policy = Policy(rules=(Rule(name="drafts", match=Match(folder="Drafts"), idle_days=30),))
    bare = {"coverage": Coverage()}
    found = look(healthy(days=busy_days(20)), visual(**bare), policy=policy)
    assert held(found)["history"] == MIDNIGHT + days(40)
    found = look(
        healthy(days=busy_days(20)), visual(**bare), visual("43", folder="Drafts", **bare), policy=policy
    )
    assert held(found)["history"] == MIDNIGHT + days(10)


def test_what_the_platform_s_own_field_proves_of_a_visual_counts() -> None:
    witnessed = Coverage.of([Interval(ago(80), NOW)])
    evidence = healthy(days=busy_days(20))
    assert "history" not in held(look(evidence, visual(coverage=witnessed)))
    assert "history" in held(look(evidence, visual(coverage=witnessed, is_trashed=True)))


def test_what_is_proven_at_this_very_moment_is_not_waited_for() -> None:
    proven = visual(coverage=Coverage.of([Interval(ago(60), NOW)]))
    assert held(look(healthy(days=busy_days(20)), proven, state=warned_state(8))) == {}


def test_what_was_proven_before_a_gap_stays_proven() -> None:
    proven = visual(coverage=Coverage.of([Interval(ago(80), ago(15)), Interval(ago(10), NOW)]))
    assert look(None, proven, state=warned_state(8)).possible_from == ago(20)


def test_of_a_source_without_history_only_the_platform_s_own_field_is_spoken_of() -> None:
    short = visual(coverage=Coverage.of([Interval(ago(30), NOW)]))
    found = look(healthy(days=()), short)
    assert next(h.why for h in found.holds if h.code == "history") == "60 days without use must be proven"


def test_a_rule_for_a_part_of_the_year_counts_while_it_holds() -> None:
    half_year = Rule(name="half-year", idle_days=30, between=YearPart((5, 20), (6, 10)))
    found = look(healthy(days=busy_days(20)), visual(coverage=Coverage()), policy=Policy(rules=(half_year,)))
    assert held(found)["history"] == MIDNIGHT + days(10)


def test_a_source_that_alone_is_live_waits_for_no_trial() -> None:
    found = look(state=fold([mode(5, Mode.LIVE, "looker_prod")]))
    assert held(found) == {"notice": NOW + days(7)}
    assert found.holds[0].why == "nobody is warned yet, and owners are warned 7 days ahead"


def test_the_trial_s_length_is_its_source_s_own() -> None:
    found = look(state=fold([planned(10), planned(0)]), limits=Limits(trial_days=21))
    assert found.holds[0].why == "its trial has lasted 10 of 21 days"


def test_history_that_ends_two_days_ago_to_the_minute_goes_on_in_time() -> None:
    *earlier, last = busy_days(20)[:-1]
    last = replace(last, covered_through=NOW - LIMITS.feed_max_age)
    found = look(healthy(days=(*earlier, last)))
    assert found.gaps == ()
    (history,) = (hold for hold in found.holds if hold.code == "history")
    assert history.until == last.day - days(18) + days(60)
    assert "stand still" not in history.why


def test_days_still_on_their_way_are_no_gap() -> None:
    assert look(healthy(days=busy_days(90)[:-1])).gaps == ()


def test_a_part_of_a_day_can_be_a_gap() -> None:
    first, *rest = busy_days(3)
    early = SourceDay("looker_prod", first.day, first.day, first.day + timedelta(hours=6), 100)
    found = look(healthy(days=(early, *rest)))
    assert found.gaps == (Gap(first.day + timedelta(hours=6), first.day + days(1), "not proven complete"),)


def test_only_the_newest_gaps_are_printed() -> None:
    holed = tuple(day for n, day in enumerate(busy_days(90)) if n % 5)
    found = look(healthy(days=holed))
    printed = [line for line in found.lines() if ": gap " in line]
    assert len(printed) == 10 < len(found.gaps)
    assert f"and {len(found.gaps) - 10} earlier gaps" in list(found.lines())[-1]
    assert len(list(replace(found, holds=(), gaps=found.gaps[:10]).lines())) == 10


def test_everything_is_in_the_json() -> None:
    found = look(healthy(days=busy_days(20)[:-9]))
    value = found.to_json()
    assert value["possible_from"] == found.possible_from.isoformat()  # type: ignore[union-attr]
    assert [w["what"] for w in value["waits_for"]] == ["veto", "history", "notice"]
    assert value["waits_for"][0]["until"] is None
    assert value["gaps"][0]["to"] == NOW.isoformat()
    assert KEY.source == value["source"]


def test_a_trial_too_old_to_count_is_waited_for_like_none() -> None:
    limits = Limits(trial_days=21, trial_valid_days=60)
    state = fold([planned(120), planned(90)])
    found = look(state=state, limits=limits)
    assert held(found)["trial"] == NOW + days(21)
    assert found.holds[0].why == "its trial has lasted 0 of 21 days"
    fresh = look(state=fold([planned(90), planned(50), planned(1, "tableau_eu")]), limits=limits)
    assert "trial" not in held(fresh)
    assert [h.why for h in fresh.holds] == [
        "it is in dry-run, and somebody has to switch it to live",
        "going live, owners are warned 7 days ahead",
    ]


def test_each_thing_waited_for_is_said_in_whole() -> None:
    closed = Policy(window=ActionWindow(opens=time(23), closes=time(23, 30)))
    found = look(state=LIVE_STATE, policy=closed, limits=replace(LIMITS, delete_percent=0.5))
    assert [(h.code, h.why) for h in found.holds] == [
        ("notice", "nobody is warned yet, and owners are warned 7 days ahead"),
        ("window", "the deletion window is closed until then"),
    ]
    lines = list(found.lines())
    assert (
        lines[1]
        == f"  until {NOW + days(7):%Y-%m-%d}: nobody is warned yet, and owners are warned 7 days ahead"
    )
    none = look(state=warned_state(8), limits=replace(LIMITS, delete_per_run=0))
    assert list(none.lines())[1:] == [
        "  waits: limits.delete_per_run or limits.delete_percent is 0, which means none"
    ]
    unproven = look(healthy(days=()))
    assert "no day of access history is proven complete yet" in [h.why for h in unproven.holds]
    assert (
        next(unproven.lines())
        == "looker_prod: deletions become possible on a day nobody can tell yet at the earliest"
    )


def test_as_json_it_says_the_same() -> None:
    broken = [d for d in busy_days(90) if d.day != MIDNIGHT - days(40)]
    found = look(healthy(days=tuple(broken)), state=LIVE_STATE)
    assert found.to_json() == {
        "source": "looker_prod",
        "possible_from": found.possible_from.isoformat(),
        "waits_for": [{"what": h.code, "until": h.until.isoformat(), "why": h.why} for h in found.holds],
        "gaps": [
            {
                "from": (MIDNIGHT - days(40)).isoformat(),
                "to": (MIDNIGHT - days(39)).isoformat(),
                "why": "not proven complete",
            }
        ],
    }
    nobody_knows = look(healthy(days=())).to_json()
    assert nobody_knows["possible_from"] is None
    history = next(h for h in nobody_knows["waits_for"] if h["what"] == "history")
    assert history["until"] is None
