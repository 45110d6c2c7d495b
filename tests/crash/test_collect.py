"""Killed while collecting: inventories are swapped whole or not at all, history loses and doubles nothing."""

import signal
from collections.abc import Container
from datetime import timedelta

import pytest

from tests.crash.again import LATER, assert_held
from tests.crash.child import Blow
from tests.crash.estate import DUE, PIECES, SOURCES
from tests.crash.product import Product
from tests.crash.record import assert_inventory_whole, history, inventory, newest_collections

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
    assert (inventory(product), history(product)) == before

    assert_held(product, "collect")
    ended = product.run("collect", at=LATER)
    assert ended.status == 0, ended.said
    assert_inventory_whole(product)
    assert {status for _, _, status in newest_collections(product)} == {"complete"}
    assert (inventory(product), history(product)) == before


@pytest.mark.parametrize(
    ("blow", "trusted"),
    [
        (Blow("before", "staging.commit", "looker_prod"), SOURCES),
        (Blow("after", "staging.commit", "superset"), SOURCES),
        (Blow("before", "warehouse.record_collection", "looker_prod"), SOURCES),
        (Blow("after", "warehouse.record_collection", "looker_prod"), {"superset"}),
        (Blow("before", "ledger.append", "source.seen"), {}),
    ],
    ids=str,
)
def test_what_a_dead_collection_left_is_not_believed_before_it_was_transformed(
    product: Product, blow: Blow, trusted: Container[str]
) -> None:
    assert product.run("collect", at=DUE, blow=blow).status == -signal.SIGKILL
    ended = product.run("delete", at=LATER)
    due = {piece.title for piece in PIECES if piece.fate == "removed" and piece.platform in trusted}
    assert ended.status == (0 if trusted == SOURCES else 3), ended.said
    assert product.company.gone() == due


@pytest.mark.parametrize("platform", SOURCES)
def test_what_happened_while_it_lay_dead_is_collected(product: Product, platform: str) -> None:
    """The days a dead collection had begun to read are read again, and nothing of them is missing."""
    company, title = product.company, f"{platform.title()} slow movers"
    world, viewer = getattr(company, platform), {"looker": "2", "superset": 2}[platform]
    blow = Blow("after", "warehouse.append_history", SOURCES[platform])
    assert product.run("collect", at=DUE, blow=blow).status == -signal.SIGKILL
    number = company.numbers[title] if platform == "looker" else int(company.numbers[title])
    world.view("dashboard", number, by=viewer, at=DUE + timedelta(minutes=1))
    before = history(product)

    assert product.run("collect", at=LATER).status == 0
    table = f"{platform}_historical_access"
    assert len(history(product)[table]) == len(before[table]) + 1
