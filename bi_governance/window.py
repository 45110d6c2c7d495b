"""When deletions may happen: working days and hours in the team's own time zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# A window that never opens within this horizon is a configuration that can never act.
HORIZON = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class ActionWindow:
    """Local days and hours [opens, closes) in which removals are allowed; the default is always."""

    zone: tzinfo = UTC
    days: frozenset[int] = frozenset(range(7))
    opens: time = time.min
    closes: time = time.max
    holidays: frozenset[date] = frozenset()

    def is_open(self, moment: datetime) -> bool:
        local = moment.astimezone(self.zone)
        before_closing = local.time() < self.closes or self.closes == time.max
        return self._allows(local.date()) and self.opens <= local.time() and before_closing

    def next_open(self, moment: datetime) -> datetime:
        """The first allowed moment at or after `moment`.

        Raises ValueError when the window does not open within 400 days.
        """
        if self.is_open(moment):
            return moment
        day = moment.astimezone(self.zone).date()
        for ahead in range(HORIZON.days):
            for opening in self._openings(day + timedelta(days=ahead)):
                if opening >= moment and self.is_open(opening):
                    return opening
        raise ValueError("the deletion window never opens")

    def _openings(self, day: date) -> Iterator[datetime]:
        """The moments at which the window may open on `day`.

        Usually one. Where clocks change, the opening time may happen twice or be skipped; then every
        minute between its two readings, so that the first real one is found.
        """
        wall = datetime.combine(day, self.opens, self.zone)
        first, last = sorted(wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        for minute in range((last - first) // timedelta(minutes=1) + 1):
            yield first + timedelta(minutes=minute)

    def _allows(self, day: date) -> bool:
        return day.weekday() in self.days and day not in self.holidays


@dataclass(frozen=True, slots=True)
class YearPart:
    """The part of every year from one calendar day to another, both included, as (month, day).

    It runs over New Year where the last day comes before the first.
    """

    first: tuple[int, int]
    last: tuple[int, int]

    def __str__(self) -> str:
        return "{:02}-{:02} to {:02}-{:02}".format(*self.first, *self.last)

    def holds(self, day: date) -> bool:
        here = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= here <= self.last
        return here >= self.first or here <= self.last


def local_day(moment: datetime, zone: tzinfo) -> date:
    """The calendar day of `moment` where the team lives."""
    return moment.astimezone(zone).date()
