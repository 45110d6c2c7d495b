"""What live rests on: the regret budget, renewal, and how long a trial is good for."""

from __future__ import annotations

from typing import Any

import pytest

from bi_governance import events as ev
from bi_governance.guards import (
    Limits,
    SourceEvidence,
    live_renewed,
    live_until,
    regret_within_budget,
    source_vetoes,
    trial_completed,
    trial_lasted,
)
from bi_governance.lifecycle import State, fold
from bi_governance.model import Mode, VisualKey
from bi_governance.standing import RegretBudget
from tests.core.estate import LIVE, NOW, ago, days, healthy, key, mode, planned, removed

SOURCE = "looker_prod"
EVIDENCE = SourceEvidence(SOURCE)


def wanted(which: VisualKey, days_ago: float, how: str = "restored") -> ev.Regretted:
    return ev.Regretted(at=ago(days_ago), key=which, how=how, mode=Mode.LIVE)


def deleted(count: int, days_ago: float = 10) -> list[ev.Event]:
    return [removed(key(str(n)), ago(days_ago)) for n in range(count)]


def verdict(history: list[ev.Event], **limits: Any) -> list[str]:
    budget = limits.pop("regret", RegretBudget(2, 5, 30))
    return [
        veto.guard
        for veto in regret_within_budget(EVIDENCE, fold(history), Limits(regret=budget, **limits), NOW)
    ]


# --- the budget


@pytest.mark.parametrize(
    ("removals", "missed", "budget", "is_too_much"),
    [
        (20, 2, RegretBudget(2, 5, 30), False),  # the count is borne, whatever the percent
        (20, 3, RegretBudget(2, 5, 30), True),
        (60, 3, RegretBudget(2, 5, 30), False),  # three of sixty are exactly 5%
        (59, 3, RegretBudget(2, 5, 30), True),
        (20, 1, RegretBudget(0, 0, 30), True),  # zero means none
        (20, 0, RegretBudget(0, 0, 30), False),
        (20, 20, None, False),
    ],
)
def test_more_than_both_count_and_percent_is_too_much(
    removals: int, missed: int, budget: RegretBudget | None, is_too_much: bool
) -> None:
    history = [LIVE, *deleted(removals), *(wanted(key(str(n)), 1) for n in range(missed))]
    assert bool(verdict(history, regret=budget)) is is_too_much


def test_a_removal_is_regretted_once_whoever_misses_it() -> None:
    once = [wanted(key("0"), n, how) for n, how in ((3, "opened"), (2, "opened"), (1, "restored"))]
    assert verdict([LIVE, *deleted(3), *once], regret=RegretBudget(1, 0, 30)) == []
    assert verdict([LIVE, *deleted(3), *once, wanted(key("1"), 1)], regret=RegretBudget(1, 0, 30))


@pytest.mark.parametrize(
    "event",
    [
        ev.Restored(at=ago(1), key=key("0"), immune_until=NOW),
        ev.KeptUntil(at=ago(1), key=key("0"), until=NOW),
        ev.Exempted(at=ago(1), key=key("0"), reason="needed"),
        ev.ExemptionRequested(at=ago(1), key=key("0"), reason="needed"),
        ev.AnswerRefused(at=ago(1), key=key("0"), answer="keep", episode=0, outcome="stale", said="gone"),
    ],
    ids=lambda e: e.kind,
)
def test_whatever_shows_that_somebody_wants_it_back_counts(event: ev.VisualEvent) -> None:
    assert verdict([LIVE, *deleted(3), event], regret=RegretBudget(0, 0, 30))
    assert verdict([LIVE, event], regret=RegretBudget(0, 0, 30)) == [], "nothing was deleted"


@pytest.mark.parametrize(
    ("answer", "outcome"), [("why", "stale"), ("delete", "stale"), ("keep", "unauthorised"), ("keep", "busy")]
)
def test_other_refused_answers_are_no_regret(answer: str, outcome: str) -> None:
    event = ev.AnswerRefused(at=ago(1), key=key("0"), answer=answer, episode=0, outcome=outcome, said="no")
    assert verdict([LIVE, *deleted(3), event], regret=RegretBudget(0, 0, 30)) == []


def test_the_regrets_of_a_trial_are_not_those_of_deletions() -> None:
    trial = [ev.Regretted(at=ago(2), key=key(str(n)), how="used", mode=Mode.DRY_RUN) for n in range(9)]
    assert verdict([*trial, mode(1, Mode.LIVE)]) == []


@pytest.mark.parametrize(("days_ago", "counts"), [(30, True), (30.01, False)])
def test_only_the_last_days_count(days_ago: float, counts: bool) -> None:
    history = [LIVE, *deleted(9, 40), *(wanted(key(str(n)), days_ago) for n in range(9))]
    assert bool(verdict(history)) is counts


def test_another_sources_regrets_are_its_own() -> None:
    others = [removed(key(str(n), "tableau_eu"), ago(9)) for n in range(9)]
    history = [LIVE, *others, *(wanted(e.key, 1) for e in others)]
    assert verdict(history) == []


def fallen(days_ago: float) -> ev.ModeChanged:
    return ev.ModeChanged(at=ago(days_ago), mode=Mode.DRY_RUN, reason="r", source=SOURCE, cause="regret")


def test_in_dry_run_there_is_nothing_to_stop() -> None:
    history = [LIVE, *deleted(9), *(wanted(key(str(n)), 1) for n in range(9))]
    assert verdict(history)
    assert verdict([*history, mode(0.5, Mode.DRY_RUN)]) == []


def test_going_live_again_forgives_nothing_that_did_not_make_it_fall_back() -> None:
    history = [LIVE, *deleted(9), *(wanted(key(str(n)), 3) for n in range(9))]
    assert verdict([*history, mode(2, Mode.DRY_RUN), mode(1, Mode.LIVE)])


def test_what_was_deleted_before_it_fell_back_is_accounted_for() -> None:
    history = [LIVE, *deleted(9), *(wanted(key(str(n)), 3) for n in range(4)), fallen(3)]
    later = [*(wanted(key(str(n)), 2) for n in range(4, 9)), mode(1, Mode.LIVE, SOURCE)]
    assert verdict([*history, *later]) == []


def test_what_was_deleted_the_very_moment_it_fell_back_is_accounted_for_too() -> None:
    history = [LIVE, *deleted(5, 3), fallen(3), *(wanted(key(str(n)), 2) for n in range(5))]
    assert overspent(history, RegretBudget(2, 5, 30)) == ""
    again = [removed(key(f"new{n}"), ago(1)) for n in range(3)]
    later = [*history, *again, *(wanted(e.key, 0.5) for e in again)]
    assert overspent(later, RegretBudget(2, 5, 30)).startswith("3 of 3 visuals")


def test_falling_back_for_regret_ends_what_earlier_trials_were_worth() -> None:
    history = [planned(60), planned(30), mode(29, Mode.LIVE, SOURCE)]
    assert fold([*history, mode(9, Mode.DRY_RUN, SOURCE)]).longest_trial(SOURCE) == days(30)
    state = fold([*history, fallen(9), planned(9), planned(2)])
    assert state.longest_trial(SOURCE) == days(7)


# --- how long a trial is good for


def lasted(state: State, valid: int | None) -> float:
    return trial_lasted(SOURCE, state, Limits(trial_valid_days=valid), NOW).days


def test_a_trial_whose_newest_plan_is_too_old_counts_no_more() -> None:
    state = fold([planned(90), planned(60)])
    assert [lasted(state, valid) for valid in (59, 60, None, 0)] == [0, 30, 30, 0]


def test_a_dry_run_that_goes_on_stays_good() -> None:
    state = fold([planned(400), planned(200), planned(0)])
    assert lasted(state, 0) == 400


def test_in_live_it_must_have_been_good_when_it_went_live() -> None:
    fresh = fold([planned(99), planned(70), mode(69, Mode.LIVE)])
    stale = fold([planned(130), planned(101), mode(40, Mode.LIVE)])
    assert list(trial_completed(EVIDENCE, fresh, Limits(), NOW)) == []
    assert [v.guard for v in trial_completed(EVIDENCE, stale, Limits(), NOW)] == ["trial_completed"]


# --- renewing


def renewed(history: list[ev.Event], renew: int | None = 30) -> list[str]:
    limits = Limits(live_renew_days=renew)
    return [veto.guard for veto in live_renewed(EVIDENCE, fold(history), limits, NOW)]


@pytest.mark.parametrize(("days_ago", "holds"), [(29.99, True), (30, False)])
def test_live_holds_so_many_days_from_its_last_confirmation(days_ago: float, holds: bool) -> None:
    assert bool(renewed([mode(days_ago, Mode.LIVE)])) is not holds
    assert bool(renewed([mode(99, Mode.LIVE), mode(days_ago, Mode.LIVE)])) is not holds
    assert bool(renewed([mode(99, Mode.LIVE), mode(days_ago, Mode.LIVE, SOURCE)])) is not holds


def test_another_source_confirmed_says_nothing_about_this_one() -> None:
    assert renewed([mode(99, Mode.LIVE), mode(1, Mode.LIVE, "tableau_eu")]) == ["live_renewed"]


def test_without_the_setting_or_in_dry_run_nothing_ends() -> None:
    assert renewed([mode(999, Mode.LIVE)], None) == []
    assert renewed([mode(999, Mode.LIVE), mode(99, Mode.DRY_RUN)]) == []
    assert live_until(SOURCE, fold([mode(3, Mode.LIVE)]), Limits(live_renew_days=30)) == ago(-27)


# --- both are asked with every plan, also one that only looks ahead


@pytest.mark.parametrize(
    ("history", "limits", "guard"),
    [
        (
            [LIVE, *deleted(3), *(wanted(key(str(n)), 1) for n in range(3))],
            Limits(trial_days=0),
            "regret_within_budget",
        ),
        ([mode(31, Mode.LIVE)], Limits(trial_days=0, live_renew_days=30), "live_renewed"),
    ],
)
def test_a_plan_made_before_it_fell_back_deletes_and_warns_of_nothing(
    history: list[ev.Event], limits: Limits, guard: str
) -> None:
    assert [v.guard for v in source_vetoes(healthy(), fold(history), limits, NOW)] == [guard]


# --- asking another admin


def asked(days_ago: float, source: str | None = None) -> ev.LiveRequested:
    return ev.LiveRequested(at=ago(days_ago), actor="ann", reason="r", source=source)


def test_a_request_is_open_until_the_mode_it_is_about_is_switched() -> None:
    assert set(fold([asked(1)]).standing.requests) == {None}
    assert fold([asked(2), mode(1, Mode.LIVE)]).standing.requests == {}
    assert fold([asked(2, SOURCE), mode(1, Mode.DRY_RUN, SOURCE)]).standing.requests == {}
    assert fold([asked(2, SOURCE), asked(2), mode(1, Mode.DRY_RUN)]).standing.requests == {}
    assert set(fold([asked(2, SOURCE), mode(1, Mode.LIVE, "tableau_eu")]).standing.requests) == {SOURCE}


# --- what is counted, and what is said


def overspent(history: list[ev.Event], budget: RegretBudget) -> str:
    state = fold(history)
    return state.standing.overspent(SOURCE, state.removals, budget, NOW)


def test_neither_other_sources_deletions_nor_old_ones_make_the_share_smaller() -> None:
    budget, mine = RegretBudget(0, 10, 30), [LIVE, *deleted(9), wanted(key("0"), 1)]
    others = [removed(key(str(n), "tableau_eu"), ago(5)) for n in range(90)]
    old = [removed(key(f"old{n}"), ago(30.01)) for n in range(90)]
    last = [removed(key("30"), ago(30))]
    assert overspent(mine, budget)
    assert overspent([*mine, *others, *old], budget)
    assert not overspent([*mine, *last], budget), "one of ten is 10%"


def test_what_was_deleted_long_ago_and_is_missed_now_is_all_of_it() -> None:
    history = [LIVE, removed(key("0"), ago(60)), removed(key("1"), ago(60)), wanted(key("0"), 1)]
    assert "1 of 0 visuals" in overspent(history, RegretBudget(0, 99, 30))
    assert "(100%)" in overspent([*history, wanted(key("1"), 1)], RegretBudget(0, 99, 30))


def test_the_five_that_were_missed_last_are_named() -> None:
    history = [LIVE, *deleted(7), *(wanted(key(str(n)), 7 - n) for n in range(7))]
    said = overspent(history, RegretBudget(2, 5, 30))
    named = ", ".join(f"looker_prod:dashboard:{n}" for n in range(2, 7))
    assert f"wanted back (100%), such as {named}; limits.regret allows 2 and 5%" in said


def test_vetoes_name_their_source_and_their_reason() -> None:
    (late,) = live_renewed(EVIDENCE, fold([mode(30, Mode.LIVE)]), Limits(live_renew_days=30), NOW)
    assert (late.source, late.reason) == (SOURCE, f"live was to be renewed by {NOW:%Y-%m-%d}")
    history = [LIVE, *deleted(3), *(wanted(key(str(n)), 1) for n in range(3))]
    (much,) = regret_within_budget(EVIDENCE, fold(history), Limits(), NOW)
    assert (much.source, much.reason) == (SOURCE, overspent(history, RegretBudget()))


def test_a_source_is_judged_by_its_own_mode() -> None:
    """The others went live after its trial was too old; it did before."""
    own = fold([planned(99), planned(70), mode(69, Mode.LIVE, SOURCE), mode(1, Mode.LIVE)])
    assert lasted(own, 7) == 29
    switched_off = fold([planned(40), planned(10), mode(9, Mode.LIVE, SOURCE), mode(1, Mode.DRY_RUN, SOURCE)])
    assert lasted(switched_off, 5) == 0
    regrets = [*deleted(9), *(wanted(key(str(n)), 1) for n in range(9))]
    assert verdict([mode(30, Mode.LIVE, SOURCE), *regrets]) == ["regret_within_budget"]


def test_a_source_that_alone_is_live_is_judged_by_the_moment_it_went_live() -> None:
    alone = [planned(99), planned(70), mode(69, Mode.LIVE, SOURCE)]
    assert lasted(fold(alone), 7) == 29
    assert renewed(alone) == ["live_renewed"]


def test_when_a_source_went_back_to_dry_run_makes_no_old_trial_good() -> None:
    back = [planned(90), planned(60), mode(59, Mode.LIVE), mode(50, Mode.DRY_RUN)]
    assert lasted(fold(back), 30) == 0


def test_what_was_asked_for_and_told_is_remembered_until_it_is_answered() -> None:
    asked = ev.LiveRequested(at=ago(2), actor="ada", reason="done")
    own = ev.LiveRequested(at=ago(2), actor="ada", reason="done", source=SOURCE)
    told = ev.AdminsTold(at=ago(1), subject="renew")
    standing = fold([asked, own, told]).standing
    assert (standing.requests, standing.admins_told) == ({None: asked, SOURCE: own}, {"renew"})
    assert fold([asked, own, mode(1, Mode.LIVE)]).standing.requests == {SOURCE: own}
    assert fold([asked, own, mode(1, Mode.DRY_RUN, SOURCE)]).standing.requests == {None: asked}
    assert fold([asked, own, mode(1, Mode.DRY_RUN)]).standing.requests == {}
