"""The `history` explore of Looker's System Activity: what was run by whom and when, under a silent limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bi_governance.sandbox.looker_dates import FilterError, Window, number_test, parse_window, string_test
from bi_governance.sandbox.looker_search import sort_key
from bi_governance.sandbox.looker_world import LookerWorld
from bi_governance.sandbox.rest import Row
from bi_governance.sandbox.timeline import Happening

DEFAULT_LIMIT = 500
Dimension = Callable[[Happening], Any]


class QueryFault(Exception):
    """The query cannot run; Looker reports that with status 200 and a `looker_error` row."""


@dataclass(frozen=True, slots=True)
class HistoryExplore:
    """Answers inline queries over one world's history, `retention` long, never more than `row_cap` rows."""

    world: LookerWorld
    zone: str
    retention: timedelta | None
    row_cap: int

    def run(self, body: Row) -> list[Row]:
        """The rows of a query body (`fields`, `filters`, `sorts`, `limit`, `query_timezone`).

        Without `limit` 500 rows come back, and never more than `row_cap`: nothing says that there were more.
        Raises QueryFault for unknown fields and filters.
        """
        try:
            zone = ZoneInfo(body.get("query_timezone") or self.zone)
            dimensions = _dimensions(zone)
            fields = list(body.get("fields") or [])
            filters = dict(body.get("filters") or {})
            _check(fields, filters, dimensions)
            rows = self._matching(filters, zone, dimensions)
            answer = _grouped(rows, fields, dimensions)
        except FilterError as error:
            raise QueryFault(f'Invalid filter expression "{error}"') from error
        return _ordered(answer, body.get("sorts") or [])[: self._limit(body.get("limit"))]

    def _limit(self, limit: str | None) -> int:
        asked = DEFAULT_LIMIT if limit in (None, "") else int(str(limit))
        return self.row_cap if asked < 0 else min(asked, self.row_cap)

    def _matching(
        self, filters: dict[str, str], zone: ZoneInfo, dimensions: dict[str, Dimension]
    ) -> Iterator[Happening]:
        window = self._window(filters, zone)
        span = self.world.history.between(window.start, window.end)
        positions: range | list[int] = span
        subject = _single_subject(filters)
        if subject is not None:
            positions = self.world.history.of_subject(subject, span)
        tests = [
            (dimensions[name], _test(name, text))
            for name, text in filters.items()
            if name not in _TIME_FILTERS
        ]
        for position in positions:
            row = self.world.history.row(position)
            if all(test(dimension(row)) for dimension, test in tests):
                yield row

    def _window(self, filters: dict[str, str], zone: ZoneInfo) -> Window:
        now = self.world.clock.now()
        start = now - self.retention if self.retention else None
        end = None
        for name in _TIME_FILTERS & filters.keys():
            window = parse_window(filters[name], now, zone)
            start = max((m for m in (start, window.start) if m), default=None)
            end = min((m for m in (end, window.end) if m), default=None)
        return Window(start, end)


_TIME_FILTERS = {"history.created_date", "history.created_time"}
_NUMBERS = {"history.id", "look.id", "user.id"}
_MEASURES = {
    "history.count",
    "history.query_run_count",
    "history.dashboard_run_count",
    "history.dashboard_user",
}


def _dimensions(zone: ZoneInfo) -> dict[str, Dimension]:
    return {
        "history.id": lambda row: row.id,
        "history.created_time": lambda row: row.at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
        "history.created_date": lambda row: row.at.astimezone(zone).strftime("%Y-%m-%d"),
        "history.source": lambda row: row.kind,
        "history.issuer_source": lambda row: row.kind,
        "history.status": lambda _: "complete",
        "history.workspace_id": lambda _: "production",
        "history.dashboard_id": lambda row: _id_of(row, "dashboard"),
        "look.id": lambda row: None if (text := _id_of(row, "look")) is None else int(text),
        "user.id": lambda row: int(row.actor) if row.actor else None,
        "user.dev_branch_name": lambda _: None,
    }


def _id_of(row: Happening, kind: str) -> str | None:
    found, _, id_ = row.subject.partition(":")
    return id_ if found == kind else None


def _check(fields: list[str], filters: dict[str, str], dimensions: dict[str, Dimension]) -> None:
    if not fields:
        raise QueryFault("Query must have at least one field.")
    for where, names in (("fields", fields), ("filters", list(filters))):
        for name in names:
            if name not in dimensions and not (where == "fields" and name in _MEASURES):
                raise QueryFault(f'Unknown or inaccessible field "{name}" is referenced by "{where}".')


def _test(name: str, expression: str) -> Callable[[Any], bool]:
    return number_test(expression) if name in _NUMBERS else string_test(expression)


def _single_subject(filters: dict[str, str]) -> str | None:
    """The one visual asked for, when the filters name one plainly: then its own index serves."""
    look = str(filters.get("look.id", ""))
    if look.isdigit():
        return f"look:{look}"
    dashboard = str(filters.get("history.dashboard_id", ""))
    plain = dashboard and not dashboard.startswith("-") and dashboard not in ("NULL", "EMPTY")
    return f"dashboard:{dashboard}" if plain and not set(dashboard) & set('%_^,"') else None


def _grouped(rows: Iterator[Happening], fields: list[str], dimensions: dict[str, Dimension]) -> list[Row]:
    """One row per combination of the dimensions asked for, with the measures over it."""
    chosen = [name for name in fields if name in dimensions]
    groups: dict[tuple[Any, ...], _Measures] = {}
    for row in rows:
        key = tuple(dimensions[name](row) for name in chosen)
        groups.setdefault(key, _Measures()).add(row)
    if not chosen and not groups:
        groups[()] = _Measures()
    return [_row(fields, dict(zip(chosen, key, strict=True)), group) for key, group in groups.items()]


def _row(fields: list[str], dimensions: Row, group: _Measures) -> Row:
    return {name: dimensions[name] if name in dimensions else group.value(name) for name in fields}


class _Measures:
    """Counts over one group."""

    __slots__ = ("_count", "_runs", "_users")

    def __init__(self) -> None:
        self._count = 0
        self._runs: set[tuple[object, str, str]] = set()
        self._users: set[str] = set()

    def add(self, row: Happening) -> None:
        self._count += 1
        if row.subject.startswith("dashboard:"):
            self._runs.add((row.at, row.subject, row.actor))
            self._users.add(row.actor)

    def value(self, name: str) -> int:
        if name == "history.dashboard_run_count":
            return len(self._runs)
        return len(self._users) if name == "history.dashboard_user" else self._count


def _ordered(rows: list[Row], sorts: list[str]) -> list[Row]:
    for part in reversed(sorts):
        name, _, direction = part.partition(" ")
        rows.sort(key=lambda row, name=name: sort_key(row.get(name)), reverse=direction.lower() == "desc")  # type: ignore[misc]
    return rows
