"""Rate budgets: nothing is sent over the limit, and the limit comes back with time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bi_governance.connectors.budget import Allowance, Budget
from bi_governance.errors import SourceThrottled

LISTS = Allowance("lists", r"^GET /lists$", 2)
ANYTHING = Allowance("anything", r"^GET ", 3, timedelta(seconds=60))


class Watch:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_a_call_over_the_limit_is_refused_until_the_oldest_is_an_hour_old() -> None:
    watch = Watch()
    budget = Budget("pb", (LISTS,), watch)
    budget.spend("GET", "/lists")
    watch.seconds = 600
    budget.spend("GET", "/lists")
    with pytest.raises(SourceThrottled, match="the 2 calls for lists per hour are used up") as refused:
        budget.spend("GET", "/lists")
    assert refused.value.source == "pb"
    assert refused.value.request == "GET /lists"
    assert "in 50 minutes" in refused.value.hint
    watch.seconds = 3599.5
    with pytest.raises(SourceThrottled) as refused:
        budget.spend("GET", "/lists")
    assert "in 1 minutes" in refused.value.hint
    watch.seconds = 3600
    budget.spend("GET", "/lists")


def test_what_no_allowance_covers_is_free() -> None:
    budget = Budget("pb", (LISTS,), Watch())
    for _ in range(5):
        budget.spend("POST", "/lists")
        budget.spend("GET", "/lists/1")
    assert budget.left("lists") == 2


def test_a_refused_call_is_charged_to_no_allowance() -> None:
    watch = Watch()
    budget = Budget("pb", (ANYTHING, LISTS), watch)
    budget.spend("GET", "/lists")
    budget.spend("GET", "/lists")
    with pytest.raises(SourceThrottled, match="for lists"):
        budget.spend("GET", "/lists")
    assert (budget.left("anything"), budget.left("lists")) == (1, 0)
    watch.seconds = 60
    assert (budget.left("anything"), budget.left("lists")) == (3, 0)


def test_an_allowance_nobody_declared_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Budget("pb", (), Watch()).left("lists")
