"""Killed somewhere in the whole daily run: the next one does what was left, and nothing twice."""

import pytest

from tests.crash.again import assert_nothing_left, die_and_run_again
from tests.crash.child import Blow
from tests.crash.product import Product
from tests.crash.record import (
    assert_inventory_whole,
    assert_removed_once,
    assert_rescued_once,
    assert_told_once,
    marts,
)

BLOWS = [
    Blow("before", "staging.commit", "superset"),
    Blow("after", "dbt", "visual_usage_daily", nth=2),
    Blow("after", "dbt", "visual_last_access"),
    Blow("before", "ledger.append", "marts.built"),
    Blow("after", "notifier.deliver", "warning U"),
    Blow("after", "remover.remove", "superset"),
    Blow("before", "ledger.append", "run.finished"),
]


@pytest.mark.parametrize("blow", BLOWS, ids=str)
def test_killed_in_the_daily_run(product: Product, blow: Blow) -> None:
    die_and_run_again(product, "run", blow)
    assert_inventory_whole(product)
    assert_told_once(product)
    assert_removed_once(product)
    assert_rescued_once(product)
    assert_nothing_left(product, "warn")
    assert_nothing_left(product, "delete")


def test_a_third_daily_run_changes_nothing(product: Product) -> None:
    die_and_run_again(product, "run", Blow("after", "remover.remove", "looker_prod"))
    assert_nothing_left(product, "run")
    assert_removed_once(product)
    assert_told_once(product)


def test_marts_are_rebuilt_as_if_nothing_had_happened(product: Product) -> None:
    before = marts(product)
    die_and_run_again(product, "transform", Blow("after", "dbt", "visual_usage_daily", nth=2))
    assert marts(product) == before
