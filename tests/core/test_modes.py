"""Modes and trials: who is live since when, and how long a dry-run has lasted."""

from __future__ import annotations

from datetime import timedelta

from bi_governance import events as ev
from bi_governance.cases import Case
from bi_governance.lifecycle import State, fold
from bi_governance.model import Mode
from tests.core.estate import KEY, ago, days, mode, notice, planned, visual

FACTS = visual()
DRY, LIVE = Mode.DRY_RUN, Mode.LIVE


def case(*history: ev.Event) -> Case:
    return fold(history).case(KEY)


def test_everything_starts_in_dry_run() -> None:
    assert State().mode_of("looker_prod") is DRY
    assert State().mode_since("looker_prod") is None


def test_going_live_starts_every_episode_anew() -> None:
    found = case(notice(FACTS, 9), mode(1, LIVE))
    assert (found.is_open, found.episode) == (False, 1)


def test_going_back_to_dry_run_starts_every_episode_anew() -> None:
    history = (mode(20, LIVE), notice(FACTS, 9, mode=LIVE), mode(1, DRY))
    assert not case(*history).is_open
    assert case(*history).episode == 1


def test_switching_to_the_mode_it_is_in_changes_nothing() -> None:
    state = fold([mode(20, LIVE), notice(FACTS, 9, mode=LIVE), mode(1, LIVE)])
    assert state.case(KEY).is_open
    assert state.mode_since("looker_prod") == ago(20)


def test_a_source_may_be_live_on_its_own() -> None:
    state = fold([notice(FACTS, 9), mode(1, LIVE, "tableau_eu")])
    assert (state.mode_of("tableau_eu"), state.mode_of("looker_prod")) == (LIVE, DRY)
    assert state.case(KEY).is_open
    assert (state.mode_since("tableau_eu"), state.mode_since("looker_prod")) == (ago(1), None)


def test_a_source_with_its_own_dry_run_stays_there_when_the_rest_goes_live() -> None:
    state = fold([mode(20, LIVE), mode(10, DRY, "looker_prod"), notice(FACTS, 9), mode(1, LIVE)])
    assert (state.mode_of("looker_prod"), state.mode_of("tableau_eu")) == (DRY, LIVE)
    assert state.case(KEY).is_open


def test_a_source_set_to_what_holds_anyway_keeps_since_when_it_holds() -> None:
    state = fold([mode(20, LIVE), mode(1, LIVE, "looker_prod")])
    assert state.mode_since("looker_prod") == ago(20)


def test_setting_a_source_to_the_mode_it_has_keeps_since_when() -> None:
    state = fold([mode(20, LIVE, "looker_prod"), mode(1, LIVE, "looker_prod")])
    assert state.mode_since("looker_prod") == ago(20)


def test_a_global_dry_run_stops_everything_whatever_its_own_mode() -> None:
    state = fold([mode(20, LIVE, "looker_prod"), notice(FACTS, 9, mode=LIVE), mode(1, DRY)])
    assert state.mode_of("looker_prod") is DRY
    assert not state.case(KEY).is_open
    assert fold([mode(0, LIVE)], state).mode_of("looker_prod") is LIVE


def test_a_source_stopped_globally_is_in_dry_run_since_the_stop() -> None:
    state = fold([mode(20, LIVE, "looker_prod"), mode(1, DRY)])
    assert state.mode_since("looker_prod") == ago(1)


def test_one_source_going_live_leaves_the_notices_of_the_others_alone() -> None:
    other = visual("9", source="tableau_eu")
    state = fold([notice(FACTS, 9), notice(other, 9), mode(1, LIVE, "tableau_eu")])
    assert state.case(KEY).is_open
    assert not state.case(other.key).is_open


def test_a_notice_of_the_trial_never_counts_in_live_even_after_switching_there_and_back() -> None:
    history = (mode(20, LIVE), notice(FACTS, 9, mode=LIVE), mode(8, DRY), mode(7, LIVE))
    assert not case(*history).is_open
    assert not case(*history, notice(FACTS, 6, mode=DRY, episode=2)).is_open


# --- trials


def test_a_trial_lasts_from_its_first_to_its_last_recorded_plan() -> None:
    state = fold([planned(30), planned(20), planned(9)])
    assert state.longest_trial("looker_prod") == days(21)
    assert state.longest_trial("tableau_eu") == timedelta(0)


def test_only_the_sources_a_plan_could_decide_on_make_progress() -> None:
    state = fold([planned(30, "looker_prod,tableau_eu"), planned(20, "tableau_eu"), planned(9, "")])
    assert state.longest_trial("tableau_eu") == days(10)
    assert state.longest_trial("looker_prod") == timedelta(0)
    assert set(state.trials) == {"looker_prod", "tableau_eu"}


def test_plans_made_in_live_are_no_trial() -> None:
    state = fold([planned(30), planned(28), mode(28, LIVE), planned(20), planned(2)])
    assert state.longest_trial("looker_prod") == days(2)


def test_plans_of_a_source_live_on_its_own_are_no_trial() -> None:
    state = fold([mode(30, LIVE, "looker_prod"), planned(20), planned(2)])
    assert state.longest_trial("looker_prod") == timedelta(0)


def test_a_plan_at_the_moment_of_the_switch_begins_the_new_trial() -> None:
    state = fold([mode(20, LIVE), mode(10, DRY), planned(10), planned(5)])
    assert state.longest_trial("looker_prod") == days(5)


def test_a_plan_made_at_the_moment_of_a_switch_but_before_it_is_no_part_of_the_new_trial() -> None:
    state = fold([planned(9), mode(9, LIVE), mode(9, DRY), planned(8), planned(6)])
    assert state.longest_trial("looker_prod") == days(2)


def test_a_trial_starts_over_after_live() -> None:
    state = fold([planned(30), planned(28), mode(28, LIVE), mode(20, DRY), planned(10), planned(5)])
    assert state.longest_trial("looker_prod") == days(5)


def test_time_spent_live_is_no_trial_when_a_global_stop_ends_it() -> None:
    history = [planned(30), planned(29), mode(28, LIVE, "looker_prod"), mode(1, DRY), planned(0)]
    assert fold(history).longest_trial("looker_prod") == days(1)


def test_a_completed_trial_is_not_forgotten() -> None:
    state = fold([planned(50), planned(20), mode(19, LIVE), mode(2, DRY), planned(1)])
    assert state.longest_trial("looker_prod") == days(30)
