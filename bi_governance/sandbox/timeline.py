"""A column store of things that happened, kept in time order so that a slice of a million costs a bisect."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

Column = Literal["subject", "actor", "kind"]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970 of an aware datetime."""
    return (moment - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


@dataclass(frozen=True, slots=True)
class Happening:
    """One row: its number in order of arrival, when, what, who and how; empty text where there is none."""

    id: int
    at: datetime
    subject: str
    actor: str
    kind: str


class Names:
    """Texts numbered in order of first appearance."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = len(self._texts)
            self._texts.append(text)
        return number

    def find(self, text: str) -> int | None:
        return self._numbers.get(text)

    def text(self, number: int) -> str:
        return self._texts[number]


class Timeline:
    """Happenings in time order; positions index that order and stay valid until `generation` changes."""

    def __init__(self) -> None:
        self._names = Names()
        self._ids = array("q")
        self._at = array("q")
        self._subjects = array("l")
        self._actors = array("l")
        self._kinds = array("l")
        self._by_subject: dict[int, array[int]] = {}
        self._sorted = True
        self.generation = 0

    def __len__(self) -> int:
        return len(self._at)

    def append(self, at: datetime, subject: str, actor: str, kind: str) -> int:
        """Record one happening and return its id (from 1)."""
        return self._append_micros(to_micros(at), subject, actor, kind)

    def extend(self, rows: Iterable[tuple[int, str, str, str]]) -> None:
        """Record many rows of (microseconds since 1970, subject, actor, kind)."""
        for row in rows:
            self._append_micros(*row)

    def _append_micros(self, micros: int, subject: str, actor: str, kind: str) -> int:
        position = len(self._at)
        self._sorted = self._sorted and (position == 0 or micros >= self._at[position - 1])
        number = self._names.number(subject)
        self._ids.append(position + 1)
        self._at.append(micros)
        self._subjects.append(number)
        self._actors.append(self._names.number(actor))
        self._kinds.append(self._names.number(kind))
        self._by_subject.setdefault(number, array("l")).append(position)
        return position + 1

    def between(self, start: datetime | None, end: datetime | None) -> range:
        """Positions of start <= at < end; None leaves that side open."""
        self._restore_order()
        low = 0 if start is None else bisect_left(self._at, to_micros(start))
        high = len(self._at) if end is None else bisect_left(self._at, to_micros(end))
        return range(low, max(low, high))

    def through(self, moment: datetime) -> int:
        """The position behind the last row at or before `moment`."""
        self._restore_order()
        return bisect_right(self._at, to_micros(moment))

    def of_subject(self, subject: str, within: range) -> list[int]:
        """Positions of one subject inside a range of positions."""
        self._restore_order()
        number = self._names.find(subject)
        positions = self._by_subject.get(number, array("l")) if number is not None else array("l")
        return positions[bisect_left(positions, within.start) : bisect_left(positions, within.stop)].tolist()

    def row(self, position: int) -> Happening:
        text = self._names.text
        return Happening(
            self._ids[position],
            from_micros(self._at[position]),
            text(self._subjects[position]),
            text(self._actors[position]),
            text(self._kinds[position]),
        )

    def text(self, column: Column, position: int) -> str:
        """One text of a row, without building the row."""
        numbers = {"subject": self._subjects, "actor": self._actors, "kind": self._kinds}[column]
        return self._names.text(numbers[position])

    def _restore_order(self) -> None:
        if self._sorted:
            return
        order = sorted(range(len(self._at)), key=self._at.__getitem__)
        for column in ("_ids", "_at", "_subjects", "_actors", "_kinds"):
            values = getattr(self, column)
            setattr(self, column, array(values.typecode, (values[i] for i in order)))
        self._by_subject = {}
        for position, number in enumerate(self._subjects):
            self._by_subject.setdefault(number, array("l")).append(position)
        self._sorted = True
        self.generation += 1
