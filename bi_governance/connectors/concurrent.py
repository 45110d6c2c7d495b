"""Several calls to one platform under way at once: bounded, in order, and nothing left running behind."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Workers:
    """At most `count` calls of one source under way at once; with one, calls are made by whoever asks.

    Threads start with the first call that has company and end with `close`. They are kept until then because
    each holds a connection. A call made by a worker must not itself ask for workers: all of them could end
    up waiting for each other.
    """

    def __init__(self, count: int, name: str) -> None:
        self.count = max(1, count)
        self._name = name
        self._pool: ThreadPoolExecutor | None = None

    def in_order(self, call: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """`call(item)` for each item, results in the order of the items.

        Items are taken at most twice `count` ahead of the result that is being waited for, so memory does
        not grow with their number. The first call to fail raises here, in its turn; what has not begun by
        then never will, and what has is waited for. The same when the caller stops listening.
        """
        if self.count == 1:
            yield from map(call, items)
            return
        failed = threading.Event()

        def unless_failed(item: Item) -> Result:
            if failed.is_set():
                raise CancelledError
            try:
                return call(item)
            except BaseException:
                failed.set()  # before this thread turns to what waits next
                raise

        waiting = iter(items)
        ahead: deque[Future[Result]] = deque()
        try:
            ahead.extend(self.begin(unless_failed, item) for item in islice(waiting, 2 * self.count))
            while ahead:
                result = ahead.popleft().result()
                ahead.extend(self.begin(unless_failed, item) for item in islice(waiting, 1))
                yield result
        finally:
            abandon(ahead)

    def begin(self, call: Callable[[Item], Result], item: Item) -> Future[Result]:
        """One call on its way, whatever else there is; whoever begins one sees to its end."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.count, thread_name_prefix=self._name)
        return self._pool.submit(call, item)

    def close(self) -> None:
        """End the threads; calls under way are waited for."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def abandon(futures: Iterable[Future[Result]]) -> None:
    """Cancel what has not begun, wait for what has; how it ended no longer matters to anybody."""
    for future in [future for future in futures if not future.cancel()]:
        future.exception()
