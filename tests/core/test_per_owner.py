"""How much one run may take from one person."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from bi_governance import events as ev
from bi_governance.guards import Limits
from bi_governance.lifecycle import State, fold
from bi_governance.model import Person, Reason, RemovalRoute
from bi_governance.per_owner import OwnerTurns
from tests.core.estate import ALICE, LIVE, NOW, actions, ago, key, notice, plan_for, removed, visual

BOB = Person("8", "Bob", "bob@acme.test", active=True)
ESTATE = [visual("1"), visual("2"), visual("3", owner=BOB), visual("4", owner=None)]


def over(state: State, cap: int | None) -> list[str]:
    """Whose turn is over, by visual."""
    turns = OwnerTurns.of(ESTATE, state, cap, NOW)
    return [f.key.native_id for f in ESTATE if turns.is_over(f.key)]


def gone(native: str, owner: str, days_ago: float = 0) -> ev.Removed:
    return replace(removed(key(native), ago(days_ago)), owner_id=owner)


def begun(at: datetime = NOW) -> ev.RemovalIntended:
    """A deletion of Alice's nobody knows the outcome of."""
    return ev.RemovalIntended(
        at=at,
        key=key("1"),
        episode=0,
        route=RemovalRoute.HARD,
        backup="b",
        plan_digest="d",
        owner_id=ALICE.id,
    )


def test_without_a_cap_it_is_always_everybodys_turn() -> None:
    assert over(fold([LIVE, *(gone(str(n), ALICE.id) for n in range(50, 90))]), None) == []


def test_zero_means_none() -> None:
    assert over(State(), 0) == ["1", "2", "3", "4"]


@pytest.mark.parametrize(("days_ago", "counts"), [(19.99 / 24, True), (20 / 24, False)])
def test_what_this_run_deleted_of_an_owner_counts_although_it_is_gone(days_ago: float, counts: bool) -> None:
    state = fold([LIVE, gone("90", ALICE.id, days_ago), gone("91", ALICE.id, days_ago)])
    assert over(state, 2) == (["1", "2", "4"] if counts else [])


def test_what_has_no_known_owner_may_be_anybodys() -> None:
    assert over(fold([LIVE, gone("90", "")]), 1) == ["1", "2", "3", "4"]
    assert over(fold([LIVE, gone("90", "")]), 2) == []
    assert over(fold([LIVE, gone("90", ""), gone("91", ALICE.id)]), 2) == ["1", "2", "4"]


def test_another_sources_owner_of_the_same_id_is_another() -> None:
    other = ev.Removed(
        at=NOW, key=key("1", "tableau_eu"), episode=0, route=RemovalRoute.HARD, backup="b", owner_id=ALICE.id
    )
    assert over(fold([LIVE, other]), 1) == []


def test_what_is_begun_and_not_settled_counts() -> None:
    assert over(fold([LIVE, begun()]), 1) == ["1", "2", "4"]


def test_what_was_simulated_counts_in_dry_run() -> None:
    said: list[Any] = [ev.RemovalSimulated(at=NOW, key=key("1"), episode=0, plan_digest="d")]
    assert over(fold(said), 1) == ["1", "2", "4"]


def test_taking_uses_it_up() -> None:
    turns = OwnerTurns.of(ESTATE, State(), 1, NOW)
    turns.take(key("1"))
    assert [turns.is_over(f.key) for f in ESTATE] == [True, True, False, True]


def test_two_more_are_two_more() -> None:
    turns = OwnerTurns.of(ESTATE, State(), 2, NOW)
    turns.take(key("1"))
    assert not turns.is_over(key("2"))
    turns.take(key("2"))
    assert turns.is_over(key("1"))
    assert turns.taken == {("looker_prod", ALICE.id): 2}


@pytest.mark.parametrize(("hours", "counts"), [(19.99, True), (20, False)])
def test_twenty_hours_are_one_run_for_what_was_begun_or_simulated_too(hours: float, counts: bool) -> None:
    at = ago(hours / 24)
    simulated = ev.RemovalSimulated(at=at, key=key("1"), episode=0, plan_digest="d")
    for said in ([LIVE, begun(at)], [simulated]):
        assert bool(over(fold(said), 1)) is counts


def test_what_the_inventory_has_lost_may_be_anybodys() -> None:
    simulated = ev.RemovalSimulated(at=NOW, key=key("lost"), episode=0, plan_digest="d")
    assert over(fold([simulated]), 1) == ["1", "2", "3", "4"]
    turns = OwnerTurns.of(ESTATE, State(), 1, NOW)
    turns.take(key("lost"))
    assert turns.taken == {("looker_prod", ""): 1}


def test_a_plan_takes_no_more_of_anybody_and_says_so() -> None:
    """Three of Alice's and one of Bob's are due; others of hers are only warned of."""
    due = [visual("1"), visual("2"), visual("3"), visual("4", owner=BOB)]
    fresh = [visual("5"), visual("6")]
    history = [LIVE, *(notice(f, 8, mode=LIVE.mode) for f in due)]
    limits = Limits(trial_days=0, ramp_first=None, delete_per_owner=1)
    plan = plan_for(*due, *fresh, history=history, limits=limits)
    assert actions(plan) == {"1": "delete", "2": "none", "3": "none", "4": "delete", "5": "warn", "6": "warn"}
    postponed = plan.decision(key("2"))
    assert postponed.reasons[0] == Reason(
        "owner_cap", "more than 1 of its owner's visuals are due; its turn comes later"
    )
    again = plan_for(*due[1:], history=[*history, gone("1", ALICE.id)], limits=limits)
    assert actions(again) == {"2": "none", "3": "none", "4": "delete"}
