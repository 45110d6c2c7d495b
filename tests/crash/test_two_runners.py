"""Two runners on one ledger: one works, the other says who does; and whoever lost the lease stops."""

import re
from multiprocessing.connection import wait
from pathlib import Path

import pytest

from tests.crash.again import LATER
from tests.crash.child import PATIENCE_SECONDS, Blow, Gate
from tests.crash.estate import DUE
from tests.crash.product import Product, Running
from tests.crash.record import assert_removed_once, assert_rescued_once, assert_told_once

HOLDER = re.compile(r"\S+:(\d+) is running on this ledger")


def test_started_at_once_one_works_and_the_other_names_it(product: Product, gate: Gate) -> None:
    blow = Blow("pause", "ledger.acquire")
    both = {
        r.process.sentinel: r for r in (product.start("delete", at=DUE, blow=blow, gate=gate) for _ in "12")
    }
    (first,) = wait(both, PATIENCE_SECONDS)
    loser, (winner,) = both.pop(first), both.values()
    assert gate.reached.wait(PATIENCE_SECONDS)
    holder, refused = winner.process.pid, loser.end()
    assert refused.status == 3, refused.said
    assert HOLDER.search(refused.said)[1] == str(holder)

    gate.opened.set()
    ended = winner.end()
    assert ended.status == 0, ended.said
    assert_removed_once(product)
    assert_rescued_once(product)


@pytest.mark.parametrize("source", ["looker_prod", "superset"])
def test_a_runner_that_slept_through_its_lease_removes_nothing_again(
    product: Product, source: str, gate: Gate, tmp_path: Path
) -> None:
    """It wakes with a removal on its lips; what it was about is gone, and it may not record that."""
    blow = Blow("pause", "ledger.append", f"removal.intended {source}")
    sleeper = product.start("delete", at=DUE, blow=blow, gate=gate)
    assert gate.reached.wait(PATIENCE_SECONDS)
    ended = product.elsewhere(tmp_path / "elsewhere").run("delete", at=LATER)
    assert ended.status == 0, ended.said

    gate.opened.set()
    _assert_stopped(sleeper)
    assert_removed_once(product)


def test_a_runner_that_slept_through_its_lease_tells_nobody_again(
    product: Product, gate: Gate, tmp_path: Path
) -> None:
    sleeper = product.start("warn", at=DUE, blow=Blow("pause", "ledger.append", "plan.recorded"), gate=gate)
    assert gate.reached.wait(PATIENCE_SECONDS)
    ended = product.elsewhere(tmp_path / "elsewhere").run("warn", at=LATER)
    assert ended.status == 0, ended.said

    gate.opened.set()
    _assert_stopped(sleeper)
    assert_told_once(product)


def test_a_warehouse_in_use_is_left_alone(product: Product, gate: Gate) -> None:
    """DuckDB has one user at a time: whoever comes second changes nothing and says where the first is."""
    sleeper = product.start("warn", at=DUE, blow=Blow("pause", "ledger.append", "plan.recorded"), gate=gate)
    assert gate.reached.wait(PATIENCE_SECONDS)
    refused = product.run("delete", at=LATER)
    assert (refused.status, "is open in another process" in refused.said) == (1, True), refused.said
    assert not product.company.writes()

    gate.opened.set()
    _assert_stopped(sleeper)
    assert product.run("delete", at=LATER).status == 0
    assert_removed_once(product)


def _assert_stopped(sleeper: Running) -> None:
    late = sleeper.end()
    assert (late.status, "no longer holds the lease" in late.said) == (3, True), late.said
