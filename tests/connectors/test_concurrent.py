"""Bounded concurrency: order, look-ahead, failures, and nothing left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from bi_governance.connectors.concurrent import Workers

PATIENCE = 10.0


class Refused(Exception):
    """A call that failed."""


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers(3, "crew")
    yield made
    made.close()


def crew() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("crew")]


def test_results_keep_the_order_of_the_items_whichever_call_ends_first(workers: Workers) -> None:
    last_is_done = threading.Event()

    def call(item: int) -> int:
        if item == 2:
            last_is_done.set()
        else:
            assert last_is_done.wait(PATIENCE)
        return item * 10

    assert list(workers.in_order(call, range(3))) == [0, 10, 20]


def test_as_many_calls_are_under_way_at_once_as_allowed_and_no_more(workers: Workers) -> None:
    together = threading.Barrier(3)
    lock, under_way, most = threading.Lock(), 0, 0

    def call(_: int) -> None:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        together.wait(PATIENCE)  # breaks unless three calls meet
        with lock:
            under_way -= 1

    list(workers.in_order(call, range(12)))
    assert most == 3


def test_items_are_taken_only_so_far_ahead(workers: Workers) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            taken.append(item)
            yield item

    results = workers.in_order(lambda item: item, items())
    for expected in range(5):
        assert next(results) == expected
        assert len(taken) <= expected + 1 + 2 * 3
    results.close()  # type: ignore[attr-defined]
    assert len(taken) <= 5 + 2 * 3


def test_the_first_error_in_order_is_raised_and_what_has_not_begun_never_does(workers: Workers) -> None:
    begun: list[int] = []
    together, told = threading.Barrier(3), threading.Event()

    def call(item: int) -> int:
        begun.append(item)
        together.wait(PATIENCE)
        if item == 0:
            told.set()
            raise Refused("the first one")
        assert told.wait(PATIENCE)
        threading.Event().wait(0.05)  # the failure is known by the time this thread is free again
        return item

    with pytest.raises(Refused, match="the first one"):
        list(workers.in_order(call, range(100)))
    assert sorted(begun) == [0, 1, 2]


def test_results_before_the_error_are_handed_out(workers: Workers) -> None:
    def call(item: int) -> int:
        if item == 4:
            raise Refused
        return item

    results = workers.in_order(call, range(100))
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(Refused):
        next(results)


def test_calls_under_way_are_over_when_the_error_arrives(workers: Workers) -> None:
    """Otherwise they would go on at the platform, and use a connection that is being closed."""
    running, may_end, over = threading.Event(), threading.Event(), threading.Event()

    def call(item: int) -> None:
        if item == 0:
            assert running.wait(PATIENCE)
            threading.Timer(0.01, may_end.set).start()
            raise Refused
        running.set()
        assert may_end.wait(PATIENCE)
        over.set()

    with pytest.raises(Refused):
        list(workers.in_order(call, range(2)))
    assert over.is_set()


def test_an_error_among_the_items_is_raised(workers: Workers) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise Refused

    with pytest.raises(Refused):
        list(workers.in_order(lambda item: item, items()))


def test_closing_leaves_no_thread_behind() -> None:
    workers = Workers(4, "crew")
    assert list(workers.in_order(lambda item: item, range(50))) == list(range(50))
    assert 0 < len(crew()) <= 4
    workers.close()
    assert crew() == []
    workers.close()  # doing it again is no mistake


def test_workers_closed_once_can_be_used_again() -> None:
    workers = Workers(2, "crew")
    for _ in range(2):
        assert list(workers.in_order(lambda item: item, range(4))) == [0, 1, 2, 3]
        workers.close()
    assert crew() == []


def test_one_worker_is_the_caller_itself() -> None:
    workers = Workers(1, "crew")
    threads = set(workers.in_order(lambda _: threading.current_thread(), range(3)))
    assert threads == {threading.current_thread()}
    assert crew() == []
