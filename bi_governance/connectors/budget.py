"""A platform's published rate limits as data: a short one is waited for, a call over a long one not sent."""

from __future__ import annotations

import re
import threading
from bisect import insort
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from bi_governance.errors import IncompleteFeed

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


class BudgetSpent(IncompleteFeed):
    """No call of this kind is left for the hour; what was read completely stays, a later run goes on."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many calls within any stretch of `period`, for requests whose `METHOD /path` matches `pattern`.

    One of a minute or less is waited for; a longer one is not.
    """

    name: str
    pattern: str
    calls: int
    period: timedelta = HOUR

    @property
    def seconds(self) -> float:
        return self.period.total_seconds()

    def covers(self, request: str) -> bool:
        return re.search(self.pattern, request) is not None


class Budget:
    """Counts the calls sent to one source; `clock` gives seconds, `sleep` waits them. For several threads.

    Calls of other programs at the same platform are not seen: for those the platform's own 429 remains.
    """

    def __init__(
        self,
        source: str,
        allowances: Sequence[Allowance],
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._source = source
        self._clock, self._sleep = clock, sleep
        self._spent: dict[Allowance, deque[float]] = {allowance: deque() for allowance in allowances}
        self._lock = threading.Lock()

    def spend(self, method: str, path: str) -> None:
        """Account for one call, and return when it may be sent; BudgetSpent, at once, when it may not.

        The place in line is taken before the wait, so that threads that wait never crowd into one minute.
        """
        request = f"{method} {path}"
        with self._lock:
            now = self._clock()
            concerned = [allowance for allowance in self._spent if allowance.covers(request)]
            at = max((self._free_at(allowance, now, request) for allowance in concerned), default=now)
            for allowance in concerned:
                insort(self._spent[allowance], at)
        if at > now:
            self._sleep(at - now)

    def require(self, name: str, calls: int) -> None:
        """BudgetSpent, before anything is sent, when fewer calls are left; KeyError for no such name."""
        left = self.left(name)
        if calls > left:
            raise BudgetSpent(
                f"{calls} calls for {name} are needed, but only {left} are left for this hour",
                source=self._source,
                hint="Run again in an hour or tomorrow.",
            )

    def left(self, name: str) -> int:
        """How many calls the allowance of that name still permits now; KeyError when there is none."""
        with self._lock:
            for allowance, spent in self._spent.items():
                if allowance.name == name:
                    self._forget(allowance, self._clock())
                    return allowance.calls - len(spent)
        raise KeyError(name)

    def _free_at(self, allowance: Allowance, now: float, request: str) -> float:
        """When the next call may be sent; BudgetSpent when that is too far off to wait."""
        self._forget(allowance, now)
        spent = self._spent[allowance]
        if len(spent) < allowance.calls:
            return now
        at = spent[-allowance.calls] + allowance.seconds
        if allowance.period <= MINUTE:
            return at
        minutes = max(1, -int(-(at - now) // 60))
        raise BudgetSpent(
            f"the {allowance.calls} calls for {allowance.name} per {_words(allowance.period)} are used up",
            source=self._source,
            request=request,
            hint=f"Run again in {minutes} minutes or tomorrow; what was read completely is kept.",
        )

    def _forget(self, allowance: Allowance, now: float) -> None:
        spent = self._spent[allowance]
        while spent and spent[0] <= now - allowance.seconds:
            spent.popleft()


class Budgets:
    """The budgets of this process: whoever reads and whoever removes at one place draw on the same one."""

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], Budget] = {}
        self._time: tuple[Callable[[], float], Callable[[float], None]] | None = None
        self._lock = threading.Lock()

    @contextmanager
    def timed_by(self, clock: Callable[[], float], sleep: Callable[[float], None]) -> Iterator[None]:
        """Budgets first asked for within go by this clock: a simulation plays weeks in minutes."""
        before, self._time = self._time, (clock, sleep)
        try:
            yield
        finally:
            self._time = before

    def at(
        self,
        place: str,
        source: str,
        allowances: Sequence[Allowance],
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> Budget:
        """The one budget of a place, such as an address and a tenant; different clocks are never mixed."""
        with self._lock:
            clock, sleep = self._time or (clock, sleep)
            key = (place, source, clock)
            if key not in self._made:
                self._made[key] = Budget(source, allowances, clock, sleep)
            return self._made[key]


def _words(period: timedelta) -> str:
    return "hour" if period == HOUR else f"{period.total_seconds():.0f} seconds"
