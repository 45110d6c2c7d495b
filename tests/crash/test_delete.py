"""Killed while deleting: every due visual is gone once, recorded once, backed up, and nothing else is."""

import pytest

from tests.crash.again import assert_nothing_left, die_and_run_again
from tests.crash.child import Blow
from tests.crash.estate import DUE
from tests.crash.product import Product
from tests.crash.record import assert_removed_once, assert_rescued_once

REMOVING = {"looker_prod": "PATCH /api/4.0/dashboards/1", "superset": "DELETE /api/v1/dashboard/1"}
AT_EACH_PLATFORM = [
    Blow(when, effect, f"{kind}{source}")
    for source in REMOVING
    for when in ("before", "after")
    for effect, kind in (
        ("backups.save", ""),
        ("ledger.append", "removal.intended "),
        ("remover.remove", ""),
        ("ledger.append", "removal.done "),
    )
]
ANSWERS = [Blow("before", "answer", request) for request in REMOVING.values()]
AROUND_IT = [
    Blow("after", "ledger.acquire"),
    Blow("before", "ledger.save_plan"),
    Blow("after", "ledger.save_plan"),
    Blow("before", "ledger.append", "visual.rescued"),
    Blow("after", "ledger.append", "visual.rescued"),
    Blow("after", "fsync"),
    Blow("after", "ledger.append", "removal.done superset", nth=2),
    Blow("before", "ledger.release"),
]


@pytest.mark.parametrize("blow", [*AT_EACH_PLATFORM, *ANSWERS, *AROUND_IT], ids=str)
def test_killed_while_deleting(product: Product, blow: Blow) -> None:
    die_and_run_again(product, "delete", blow)
    assert_removed_once(product)
    assert_rescued_once(product)
    assert_nothing_left(product, "delete")


def test_killed_before_the_lease_nobody_waits(product: Product) -> None:
    die_and_run_again(product, "delete", Blow("before", "ledger.acquire"), leased=False)
    assert_removed_once(product)


@pytest.mark.parametrize("request_", REMOVING.values())
def test_the_answer_to_a_removal_is_lost(product: Product, request_: str) -> None:
    ended = product.run("delete", at=DUE, blow=Blow("lost", "answer", request_))
    assert ended.status == 0, ended.said
    assert_removed_once(product)
    assert_nothing_left(product, "delete")
