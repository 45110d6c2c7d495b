"""Killed while deleting: every due visual is gone once, recorded once, backed up, and nothing else is."""

import pytest

from bi_governance import events as ev
from bi_governance.sandbox.server import Fault
from tests.crash.again import LATER, MUCH_LATER, assert_nothing_left, die_and_run_again
from tests.crash.child import Blow
from tests.crash.estate import DUE, titles
from tests.crash.product import Product
from tests.crash.record import assert_removed_once, assert_rescued_once, count

REMOVED_FIRST = "Looker sold-out items"
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


def test_while_nobody_can_tell_the_question_stays_open(product: Product) -> None:
    """A platform that is down says nothing about the dead run's removal; once it is up, that is settled."""
    assert product.run("delete", at=DUE, blow=Blow("after", "remover.remove", "looker_prod")).status < 0
    looker = product.company.looker
    looker.faults.add(Fault("/api/4.0/", "status", times=None))
    product.run("delete", at=LATER)
    assert len(looker.requests.matching("PATCH")) == 1
    assert count(product, ev.Removed) == dict.fromkeys(product.company.gone() - {REMOVED_FIRST}, 1)

    looker.faults.clear()
    assert product.run("delete", at=MUCH_LATER).status == 0
    assert count(product, ev.Removed) == dict.fromkeys(titles("removed"), 1)
    assert product.company.gone() == set(titles("removed"))
    assert len(looker.requests.matching("PATCH")) == 2
