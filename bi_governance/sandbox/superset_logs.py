"""Superset's log list over a long timeline: a time slice costs a bisect, a filtered list one scan."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bi_governance.sandbox.rest import Call, Row
from bi_governance.sandbox.superset_lists import Listing, holds, naive
from bi_governance.sandbox.superset_render import SupersetRenderer
from bi_governance.sandbox.timeline import Column, Timeline

_COLUMNS = (
    "user.first_name",
    "user.last_name",
    "user.username",
    "user_id",
    "action",
    "dttm",
    "json",
    "slice_id",
    "dashboard_id",
    "duration_ms",
    "referrer",
)
LOGS = Listing(
    "Logs",
    _COLUMNS,
    _COLUMNS,
    ("action", "dttm", "json", "slice_id", "dashboard_id", "duration_ms", "referrer", "user", "user_id"),
    ("dttm", True),
)
_REMEMBERED = 8


class _Scan:
    """The positions that met some filters so far, and how far the timeline has been looked at."""

    def __init__(self, generation: int, start: int) -> None:
        self.generation, self.reached = generation, start
        self.positions: list[int] = []


class LogList:
    """Answers `GET /api/v1/log/`; only the order by time is efficient, others sort what was found."""

    def __init__(self, timeline: Timeline, renderer: SupersetRenderer) -> None:
        self._timeline, self._render = timeline, renderer
        self._scans: dict[str, _Scan] = {}

    def answer(self, call: Call) -> Row:
        page = LOGS.read(call)
        times = [c for c in page.filters if c["col"] == "dttm"]
        others = [c for c in page.filters if c["col"] != "dttm"]
        found = self._found(_within(self._timeline, times), others)
        if page.order_column != "dttm":
            found = sorted(found, key=lambda p: str(self._shown(p).get(page.order_column)))
        ordered = found[::-1] if page.descending else found
        return LOGS.describe(page, len(found), [self._shown(position) for position in ordered[page.slice]])

    def _shown(self, position: int) -> Row:
        return self._render.log(self._timeline.row(position))

    def _found(self, span: range, conditions: list[Row]) -> Sequence[int]:
        if not conditions:
            return span
        scan = self._scan(f"{span.start}{conditions}", span)
        tests = [self._test(condition) for condition in conditions]
        scan.positions.extend(p for p in range(scan.reached, span.stop) if all(test(p) for test in tests))
        scan.reached = max(scan.reached, span.stop)
        return scan.positions[: bisect_left(scan.positions, span.stop)]

    def _test(self, condition: Row) -> Callable[[int], bool]:
        """Whether a position meets a condition; each distinct text is judged once."""
        if condition["col"] not in _SOURCES:
            return lambda position: holds(self._shown(position).get(condition["col"]), condition)
        column, read = _SOURCES[condition["col"]]
        judged: dict[str, bool] = {}

        def test(position: int) -> bool:
            text = self._timeline.text(column, position)
            if text not in judged:
                judged[text] = holds(read(text), condition)
            return judged[text]

        return test

    def _scan(self, key: str, span: range) -> _Scan:
        scan = self._scans.get(key)
        if scan is None or scan.generation != self._timeline.generation:
            if len(self._scans) >= _REMEMBERED:
                self._scans.clear()
            scan = self._scans[key] = _Scan(self._timeline.generation, span.start)
        return scan


def _within(timeline: Timeline, conditions: list[Row]) -> range:
    """The positions that meet conditions on `dttm`, which is naive UTC as in Superset's database."""
    span = timeline.between(None, None)
    for condition in conditions:
        moment = naive(str(condition["value"]))
        if moment is None:
            return range(0)
        span = _narrowed(timeline, span, condition["opr"], moment.replace(tzinfo=UTC))
    return span


def _narrowed(timeline: Timeline, span: range, operator: str, moment: datetime) -> range:
    first = timeline.between(moment, None).start
    last = timeline.through(moment)
    allowed = {"gt": range(last, span.stop), "lt": range(span.start, first), "eq": range(first, last)}.get(
        operator, span
    )
    start, stop = max(span.start, allowed.start), min(span.stop, allowed.stop)
    return range(start, max(start, stop))


def _number(text: str) -> int | None:
    return int(text) if text else None


# the timeline column that each cheap filter column is read from, and how
_SOURCES: Mapping[str, tuple[Column, Callable[[str], Any]]] = {
    "action": ("kind", lambda text: text.partition(":")[0]),
    "dashboard_id": ("subject", lambda text: _number(text.partition("/")[0])),
    "slice_id": ("subject", lambda text: _number(text.partition("/")[2])),
    "user_id": ("actor", _number),
    "user": ("actor", _number),
}
