"""Rate budgets: nothing is sent over the limit, and the limit comes back with time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bi_governance.connectors.budget import HOUR, Allowance, Budget, Budgets, BudgetSpent
from bi_governance.errors import IncompleteFeed

LISTS = Allowance("lists", r"^GET /lists$", 2)
ANYTHING = Allowance("anything", r"^GET ", 3)
SHORTLY = Allowance("lists a minute", r"^GET /lists$", 2, timedelta(seconds=60))


class Watch:
    """A clock that moves when it is told to, or slept by."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def time(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


def budget_of(watch: Watch, *allowances: Allowance) -> Budget:
    return Budget("pb", allowances, watch.time, watch.sleep)


def test_a_call_over_the_limit_is_refused_until_the_oldest_is_an_hour_old() -> None:
    watch = Watch()
    budget = budget_of(watch, LISTS)
    budget.spend("GET", "/lists")
    watch.seconds = 600
    budget.spend("GET", "/lists")
    with pytest.raises(BudgetSpent, match="the 2 calls for lists per hour are used up") as refused:
        budget.spend("GET", "/lists")
    assert refused.value.source == "pb"
    assert refused.value.request == "GET /lists"
    assert "in 50 minutes" in refused.value.hint
    watch.seconds = 3599.5
    with pytest.raises(BudgetSpent) as refused:
        budget.spend("GET", "/lists")
    assert "in 1 minutes" in refused.value.hint
    watch.seconds = 3600
    budget.spend("GET", "/lists")


def test_what_no_allowance_covers_is_free() -> None:
    budget = budget_of(Watch(), LISTS)
    for _ in range(5):
        budget.spend("POST", "/lists")
        budget.spend("GET", "/lists/1")
    assert budget.left("lists") == 2


def test_a_refused_call_is_charged_to_no_allowance() -> None:
    watch = Watch()
    budget = budget_of(watch, ANYTHING, LISTS)
    budget.spend("GET", "/lists")
    budget.spend("GET", "/lists")
    with pytest.raises(BudgetSpent, match="for lists"):
        budget.spend("GET", "/lists")
    assert (budget.left("anything"), budget.left("lists")) == (1, 0)
    watch.seconds = 3600
    assert (budget.left("anything"), budget.left("lists")) == (3, 2)


def test_an_allowance_nobody_declared_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        budget_of(Watch()).left("lists")


def test_a_limit_by_the_minute_is_waited_for() -> None:
    watch = Watch()
    budget = budget_of(watch, SHORTLY)
    budget.spend("GET", "/lists")
    watch.seconds = 20
    budget.spend("GET", "/lists")
    budget.spend("GET", "/lists")
    assert (watch.slept, watch.seconds) == ([40.0], 60.0)
    budget.spend("GET", "/lists")
    assert watch.slept == [40.0, 20.0]


def test_an_hour_is_never_waited_for_and_a_minute_not_before_its_refusal() -> None:
    watch = Watch()
    budget = budget_of(watch, SHORTLY, LISTS)
    budget.spend("GET", "/lists")
    budget.spend("GET", "/lists")
    with pytest.raises(IncompleteFeed, match="per hour are used up"):
        budget.spend("GET", "/lists")
    assert watch.slept == []


def test_who_waits_keeps_the_place_so_that_two_never_crowd_into_one_minute() -> None:
    """Two threads wait at once: seen here as a sleep during which the clock does not move."""
    watch, waits = Watch(), list[float]()
    budget = Budget("pb", (SHORTLY,), watch.time, waits.append)
    for _ in range(6):
        budget.spend("GET", "/lists")
    assert waits == [60.0, 60.0, 120.0, 120.0]


def test_what_must_be_asked_for_together_is_not_begun_with_too_little() -> None:
    budget = budget_of(Watch(), LISTS)
    budget.require("lists", 2)
    budget.spend("GET", "/lists")
    with pytest.raises(BudgetSpent, match="2 calls for lists are needed, but only 1 are left"):
        budget.require("lists", 2)


def test_one_place_has_one_budget_per_clock() -> None:
    watch, other, budgets = Watch(), Watch(), Budgets()
    found = budgets.at("acme", "pb", (LISTS,), watch.time, watch.sleep)
    assert budgets.at("acme", "pb", (LISTS,), watch.time, watch.sleep) is found
    assert budgets.at("other", "pb", (LISTS,), watch.time, watch.sleep) is not found
    assert budgets.at("acme", "pb", (LISTS,), other.time, other.sleep) is not found
    assert LISTS.period == HOUR


def test_a_simulation_lends_new_budgets_its_own_clock() -> None:
    budgets, real, story = Budgets(), Watch(), Watch()
    with budgets.timed_by(story.time, story.sleep):
        lent = budgets.at("here", "pb", [SHORTLY], real.time, real.sleep)
        for _ in range(SHORTLY.calls + 1):
            lent.spend("GET", "/lists")
    assert real.slept == []
    assert len(story.slept) == 1
    assert budgets.at("here", "pb", [SHORTLY], real.time, real.sleep) is not lent
