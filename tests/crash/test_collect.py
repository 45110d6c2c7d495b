"""Killed while collecting: inventories are swapped whole or not at all, and history loses and doubles nothing."""

import signal

import pytest

from tests.crash.again import LATER, MUCH_LATER, assert_held
from tests.crash.child import Blow
from tests.crash.conftest import Product
from tests.crash.estate import DUE, PIECES
from tests.crash.record import assert_inventory_whole, collected, effects, history, inventory

BLOWS = [
    *(
        Blow(when, effect, source)
        for source in ("looker_prod", "superset")
        for when, effect in (
            ("after", "warehouse.set_robots"),
            ("after", "staging.write"),
            ("before", "staging.commit"),
            ("after", "staging.commit"),
            ("before", "warehouse.append_history"),
            ("after", "warehouse.append_history"),
            ("before", "warehouse.record_collection"),
            ("after", "warehouse.record_collection"),
        )
    ),
    Blow("before", "ledger.append", "source.seen"),
    Blow("after", "ledger.append", "source.seen"),
    *(Blow("before", "commit", "duckdb", nth) for nth in (1, 2, 4, 6, 9)),
]


@pytest.mark.parametrize("blow", BLOWS, ids=str)
def test_killed_while_collecting(product: Product, blow: Blow) -> None:
    before = inventory(product), history(product)
    assert product.run("collect", at=DUE, blow=blow).status == -signal.SIGKILL
    assert_inventory_whole(product)
    assert_held(product, "collect")
    _assert_nothing_wrong_is_removed(product)

    ended = product.run("collect", at=MUCH_LATER)
    assert ended.status == 0, ended.said
    assert_inventory_whole(product)
    assert {status for _, _, status in collected(product)} == {"complete"}
    _assert_same(product, before)


def _assert_nothing_wrong_is_removed(product: Product) -> None:
    """Deleting from what a dead collection left behind removes what is due, or refuses."""
    ended = product.run("delete", at=LATER)
    assert ended.status in (0, 3), ended.said
    assert product.company.gone() <= {piece.title for piece in PIECES if piece.fate == "removed"}
"""x"""
