"""Killed in the middle of writing: ledger and warehouse files open again, with whole transactions only."""

import os
import signal

import duckdb
import pytest

from tests.crash import child
from tests.crash.again import assert_nothing_left, die_and_run_again
from tests.crash.child import Blow
from tests.crash.product import PROCESSES, Product
from tests.crash.record import assert_removed_once, assert_rescued_once, assert_told_once

COMMIT = [Blow("before", "commit", "sqlite", nth) for nth in (4, 5, 7, 9, 12)]
INSERT = [Blow("after", "statement", "sqlite INSERT INTO event", nth) for nth in (1, 2, 4, 6)]


@pytest.mark.parametrize("blow", [*COMMIT, *INSERT], ids=str)
def test_killed_within_a_transaction_of_the_ledger(product: Product, blow: Blow) -> None:
    die_and_run_again(product, "delete", blow)
    assert_removed_once(product)
    assert_rescued_once(product)
    assert_nothing_left(product, "delete")


@pytest.mark.parametrize("nth", [1, 3, 5])
def test_killed_before_notices_are_committed(product: Product, nth: int) -> None:
    die_and_run_again(product, "warn", Blow("after", "statement", "sqlite INSERT INTO event", nth))
    assert_told_once(product)


def test_killed_before_the_lease_is_committed_nobody_waits(product: Product) -> None:
    die_and_run_again(product, "delete", Blow("after", "statement", "sqlite UPDATE lease"), leased=False)
    assert_removed_once(product)


def test_a_warehouse_killed_at_any_moment_keeps_whole_pages(tmp_path) -> None:
    file = tmp_path / "warehouse.duckdb"
    telling, hearing = PROCESSES.Pipe()
    process = PROCESSES.Process(target=child.flood, args=(f"duckdb:///{file}", telling))
    process.start()
    telling.close()
    for _ in range(30):
        acknowledged = hearing.recv()
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    while hearing.poll():
        try:
            acknowledged = hearing.recv()
        except EOFError:
            break
    with duckdb.connect(str(file)) as warehouse:
        count = "select count(*), count(distinct event_key) from bi_raw.looker_historical_access"
        rows, keys = warehouse.sql(count).fetchone()
    assert rows == keys
    assert rows % 2 == 0
    assert acknowledged <= rows // 2 <= acknowledged + 1
