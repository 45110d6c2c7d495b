"""The one clock of a simulation: it moves only when told to, and never backwards."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class SimulatedClock:
    """A thread-safe, monotonic clock handing out aware UTC datetimes."""

    def __init__(self, start: datetime) -> None:
        """Start at `start`, which must be aware; raises ValueError when it is not."""
        self._lock = threading.Lock()
        self._now = _utc(start)

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def advance(self, step: timedelta) -> datetime:
        """Move forward by `step` and return the new time; raises ValueError for a negative step."""
        with self._lock:
            return self._move(self._now + step)

    def set(self, moment: datetime) -> datetime:
        """Move to `moment` and return it; raises ValueError when that lies in the past."""
        with self._lock:
            return self._move(_utc(moment))

    def _move(self, moment: datetime) -> datetime:
        if moment < self._now:
            raise ValueError(
                f"the clock stands at {self._now.isoformat()} and cannot go back to {moment.isoformat()}"
            )
        self._now = moment
        return moment


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    return moment.astimezone(UTC)
