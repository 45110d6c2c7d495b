"""A platform's published rate limits as data: a call over them is not sent; the error says when to go on."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bi_governance.errors import SourceThrottled

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many calls within any stretch of `period`, for requests whose `METHOD /path` matches `pattern`."""

    name: str
    pattern: str
    calls: int
    period: timedelta = HOUR

    def covers(self, request: str) -> bool:
        return re.search(self.pattern, request) is not None


class Budget:
    """Counts the calls one connector sends; `clock` gives seconds. May be used by several threads.

    Calls of other programs at the same platform are not seen: for those the platform's own 429 remains.
    """

    def __init__(self, source: str, allowances: Sequence[Allowance], clock: Callable[[], float]) -> None:
        self._source = source
        self._clock = clock
        self._spent: dict[Allowance, deque[float]] = {allowance: deque() for allowance in allowances}
        self._lock = threading.Lock()

    def spend(self, method: str, path: str) -> None:
        """Account for one call about to be sent; SourceThrottled when the platform would refuse it."""
        request = f"{method} {path}"
        with self._lock:
            now = self._clock()
            concerned = [allowance for allowance in self._spent if allowance.covers(request)]
            for allowance in concerned:
                self._forget(allowance, now)
                if len(self._spent[allowance]) >= allowance.calls:
                    raise self._used_up(allowance, now, request)
            for allowance in concerned:
                self._spent[allowance].append(now)

    def left(self, name: str) -> int:
        """How many calls the allowance of that name still permits now; KeyError when there is none."""
        with self._lock:
            for allowance, spent in self._spent.items():
                if allowance.name == name:
                    self._forget(allowance, self._clock())
                    return allowance.calls - len(spent)
        raise KeyError(name)

    def _forget(self, allowance: Allowance, now: float) -> None:
        spent = self._spent[allowance]
        while spent and spent[0] <= now - allowance.period.total_seconds():
            spent.popleft()

    def _used_up(self, allowance: Allowance, now: float, request: str) -> SourceThrottled:
        seconds = self._spent[allowance][0] + allowance.period.total_seconds() - now
        minutes = max(1, -int(-seconds // 60))
        return SourceThrottled(
            f"the {allowance.calls} calls for {allowance.name} per {_words(allowance.period)} are used up",
            source=self._source,
            request=request,
            hint=f"Run again in {minutes} minutes; what was read completely is kept.",
        )


def _words(period: timedelta) -> str:
    return "hour" if period == HOUR else f"{period.total_seconds():.0f} seconds"
