"""Caps: how much one run may delete, and what makes that less."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bi_governance import events as ev
from bi_governance.guards import Limits, deletion_allowance
from bi_governance.lifecycle import fold
from bi_governance.model import Mode
from tests.core.estate import KEY, LIVE, NOW, ago, key, notice, removed, visual


def allowance(population: int = 10, history: list[ev.Event] | None = None, **limits: Any) -> int:
    state = fold([LIVE] if history is None else history)
    return deletion_allowance("looker_prod", population, state, Limits(**{"ramp_first": None, **limits}), NOW)


@pytest.mark.parametrize("cap", [0, 1, 2, 25, 1000])
def test_the_count_cap_is_what_it_says_and_zero_means_none(cap: int) -> None:
    assert allowance(delete_per_run=cap) == cap


@pytest.mark.parametrize(
    ("population", "percent", "allowed"),
    [
        (49, 2.0, 25),
        (50, 2.0, 1),
        (99, 2.0, 1),
        (100, 2.0, 2),
        (1250, 2.0, 25),
        (5000, 2.0, 25),
        (5000, 0.01, 0),
        (5000, 0.0, 0),
        (49, 0.0, 0),
        (49, 0.5, 25),
        (0, 0.0, 0),
        (50, 100.0, 25),
    ],
)
def test_the_percent_cap_counts_from_the_minimum_population_and_zero_means_none(
    population: int, percent: float, allowed: int
) -> None:
    assert allowance(population, delete_percent=percent) == allowed


def test_what_was_deleted_lately_counts() -> None:
    done = [removed(key(str(n)), ago(n / 10)) for n in range(3)]
    other = removed(key("1", "tableau_eu"), NOW)
    assert allowance(history=[LIVE, *done, other]) == 22
    assert allowance(history=[LIVE, *done], delete_per_run=2) == 0


@pytest.mark.parametrize(("hours", "counts"), [(19.99, True), (20, False)])
def test_yesterdays_run_does_not_count(hours: float, counts: bool) -> None:
    assert allowance(history=[LIVE, removed(KEY, ago(hours / 24))]) == 25 - counts


def test_what_the_trial_simulated_lately_counts_in_the_trial_only() -> None:
    simulated = [
        ev.RemovalSimulated(at=ago(0.5), key=key(str(n)), episode=0, plan_digest="d") for n in range(3)
    ]
    yesterday = ev.RemovalSimulated(at=ago(1), key=key("9"), episode=0, plan_digest="d")
    elsewhere = replace(simulated[0], key=key("1", "tableau_eu"))
    assert allowance(history=[*simulated, yesterday, elsewhere]) == 22
    going_live = replace(LIVE, at=ago(0.1))
    assert allowance(history=[*simulated, going_live]) == 25


def test_what_the_trial_simulated_still_counts_after_somebody_rescued_it() -> None:
    warned = [notice(visual(str(n)), 3) for n in range(3)]
    simulated = [
        ev.RemovalSimulated(at=ago(0.5), key=key(str(n)), episode=0, plan_digest="d") for n in range(3)
    ]
    rescued = ev.Rescued(at=ago(0.4), key=key("0"), episode=0, mode=Mode.DRY_RUN, code="renamed", reason="r")
    kept = ev.KeptUntil(at=ago(0.3), key=key("1"), until=ago(-30))
    assert allowance(history=[*warned, *simulated, rescued, kept]) == 22


@pytest.mark.parametrize(
    ("live_since", "allowed"), [(0, 5), (6.9, 5), (7, 10), (14, 20), (20, 20), (21, 25), (5000, 25)]
)
def test_after_going_live_the_batches_grow_slowly(live_since: float, allowed: int) -> None:
    live = ev.ModeChanged(at=ago(live_since), mode=Mode.LIVE, reason="go")
    assert allowance(history=[live], ramp_first=5) == allowed


def test_a_source_live_on_its_own_grows_on_its_own() -> None:
    own = ev.ModeChanged(at=ago(8), mode=Mode.LIVE, reason="go", source="looker_prod")
    assert allowance(history=[own], ramp_first=5) == 10


def test_the_batches_stop_growing_some_day() -> None:
    endless = {"ramp_first": 1, "delete_per_run": 10**12, "delete_percent": 100.0}
    assert allowance(10**12, **endless) == 2**21
    ancient = ev.ModeChanged(at=ago(5000), mode=Mode.LIVE, reason="go")
    assert allowance(10**12, [ancient], **endless) == 2**30


def test_a_regret_sets_the_batches_back() -> None:
    regret = ev.Regretted(at=ago(8), key=KEY, how="restored", mode=Mode.LIVE)
    assert allowance(history=[LIVE, regret], ramp_first=5) == 10
    elsewhere = replace(regret, key=key("1", "tableau_eu"))
    assert allowance(history=[LIVE, elsewhere], ramp_first=5) == 25
    before = [ev.Regretted(at=ago(200), key=KEY, how="restored", mode=Mode.LIVE)]
    assert allowance(history=[*before, LIVE], ramp_first=5) == 25


def test_the_ramp_can_be_shaped() -> None:
    live = ev.ModeChanged(at=ago(4), mode=Mode.LIVE, reason="go")
    assert allowance(history=[live], ramp_first=2, ramp_factor=1.5, ramp_clean_days=2) == 4
    assert allowance(history=[live], ramp_first=1, ramp_clean_days=1) == 16
    assert allowance(history=[live], ramp_first=1, ramp_clean_days=0) == 16
    assert allowance(history=[live], ramp_first=0) == 0


def test_a_source_that_was_never_switched_previews_the_first_batch() -> None:
    assert allowance(history=[], ramp_first=5) == 5


def test_a_ramp_that_would_shrink_below_nothing_allows_nothing() -> None:
    assert allowance(history=[LIVE], ramp_first=5, ramp_factor=0.0) == 0
