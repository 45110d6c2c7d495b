"""How much one run may take from one person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bi_governance import events as ev
from bi_governance.lifecycle import State, fold
from bi_governance.model import Person, RemovalRoute
from bi_governance.per_owner import OwnerTurns
from tests.core.estate import ALICE, LIVE, NOW, ago, key, removed, visual

BOB = Person("8", "Bob", "bob@acme.test", active=True)
ESTATE = [visual("1"), visual("2"), visual("3", owner=BOB), visual("4", owner=None)]


def over(state: State, cap: int | None) -> list[str]:
    """Whose turn is over, by visual."""
    turns = OwnerTurns.of(ESTATE, state, cap, NOW)
    return [f.key.native_id for f in ESTATE if turns.is_over(f.key)]


def gone(native: str, owner: str, days_ago: float = 0) -> ev.Removed:
    return replace(removed(key(native), ago(days_ago)), owner_id=owner)


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
    intent = ev.RemovalIntended(
        at=NOW,
        key=key("1"),
        episode=0,
        route=RemovalRoute.HARD,
        backup="b",
        plan_digest="d",
        owner_id=ALICE.id,
    )
    assert over(fold([LIVE, intent]), 1) == ["1", "2", "4"]


def test_what_was_simulated_counts_in_dry_run() -> None:
    said: list[Any] = [ev.RemovalSimulated(at=NOW, key=key("1"), episode=0, plan_digest="d")]
    assert over(fold(said), 1) == ["1", "2", "4"]


def test_taking_uses_it_up() -> None:
    turns = OwnerTurns.of(ESTATE, State(), 1, NOW)
    turns.take(key("1"))
    assert [turns.is_over(f.key) for f in ESTATE] == [True, True, False, True]
