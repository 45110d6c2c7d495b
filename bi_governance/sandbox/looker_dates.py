"""The Looker filter expressions the history query understands."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?")


class FilterError(ValueError):
    """The expression is not one of those understood."""


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open: start <= at < end; None is open."""

    start: datetime | None = None
    end: datetime | None = None


def parse_window(text: str, now: datetime, zone: tzinfo) -> Window:
    """Read a date filter in the query's zone; raises FilterError for what is not understood.

    Understood: `A to B`, `after A`, `before A`, a day or a moment, `A for N days`, `N days`, `last N days`,
    `N days ago`, `N days ago for M days`, `today`, `yesterday`, and nothing at all (any time). As in Looker,
    `N days` counts the current day and the end of a range is not part of it.
    """
    words = " ".join(text.strip().lower().split()).removeprefix("last ")
    if words in ("", "any time"):
        return Window()
    today = datetime.combine(now.astimezone(zone).date(), time(), zone)
    for parse in (_ranges, _single, _relative):
        window = parse(words, today, now.astimezone(zone))
        if window is not None:
            return window
    raise FilterError(text)


def _moment(text: str, zone: tzinfo | None) -> datetime | None:
    if not _MOMENT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone)
    except ValueError:
        return None


def _ranges(words: str, today: datetime, _now: datetime) -> Window | None:
    first, to, last = words.partition(" to ")
    if to:
        start, end = _moment(first, today.tzinfo), _moment(last, today.tzinfo)
        return Window(start, end) if start and end else None
    first, for_, span = words.partition(" for ")
    if for_ and (start := _point(first, today)) and (length := _span(span)):
        return Window(start, start + length)
    return None


def _point(text: str, today: datetime) -> datetime | None:
    if text.endswith(" ago") and (length := _span(text.removesuffix(" ago"))):
        return today - length
    return _moment(text, today.tzinfo)


def _single(words: str, today: datetime, _now: datetime) -> Window | None:
    moment = _moment(words.removeprefix("after ").removeprefix("before "), today.tzinfo)
    if moment is not None and words.startswith("after "):
        return Window(start=moment)
    if moment is not None and words.startswith("before "):
        return Window(end=moment)
    if moment is None:
        return None
    return Window(moment, moment + (timedelta(days=1) if len(words) == 10 else timedelta(seconds=1)))


def _relative(words: str, today: datetime, now: datetime) -> Window | None:
    tomorrow = today + timedelta(days=1)
    if words in ("today", "yesterday"):
        return Window(today, tomorrow) if words == "today" else Window(today - timedelta(days=1), today)
    if words.endswith(" ago") and (start := _point(words, today)):
        return Window(start, start + timedelta(days=1))
    length = _span(words)
    if length is None:
        return None
    return Window(tomorrow - length, tomorrow) if length >= timedelta(days=1) else Window(now - length, now)


def _span(text: str) -> timedelta | None:
    match = re.fullmatch(r"(\d+) (second|minute|hour|day|week)s?", text)
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]]) if match else None


def string_test(expression: str) -> Callable[[str | None], bool]:
    """A string filter: values by commas, `%` and `_` wildcards, `^` escapes, `-` excludes, NULL, EMPTY."""
    terms = [term.strip() for term in re.split(r"(?<!\^),", expression)]
    include = [_string_term(t) for t in terms if not t.startswith("-")]
    exclude = [_string_term(t[1:]) for t in terms if t.startswith("-")]

    def test(value: str | None) -> bool:
        wanted = not include or any(term(value) for term in include)
        return wanted and not any(term(value) for term in exclude)

    return test


def _string_term(term: str) -> Callable[[str | None], bool]:
    if term.upper() in ("NULL", "EMPTY"):
        return lambda value: not value
    pieces = re.findall(r"\^.|.", term.strip('"'), re.DOTALL)
    pattern = "".join({"%": ".*", "_": "."}.get(p, re.escape(p[-1])) for p in pieces)
    compiled = re.compile(pattern, re.DOTALL)
    return lambda value: value is not None and compiled.fullmatch(value) is not None


def number_test(expression: str) -> Callable[[int | None], bool]:
    """A number filter: values, `NOT n`, comparisons, NULL, NOT NULL; raises FilterError for anything else."""
    terms = [term.strip().upper() for term in expression.split(",")]
    tests = [_number_term(term) for term in terms if not term.startswith("NOT ")]
    denied = [_number_term(term.removeprefix("NOT ")) for term in terms if term.startswith("NOT ")]
    return lambda value: (not tests or any(t(value) for t in tests)) and not any(t(value) for t in denied)


def _number_term(term: str) -> Callable[[int | None], bool]:
    if term == "NULL":
        return lambda value: value is None
    match = re.fullmatch(r"(>=|<=|>|<|=)?\s*(-?\d+)", term)
    if match is None:
        raise FilterError(term)
    bound = int(match[2])
    compare: dict[str, Callable[[int], bool]] = {
        ">=": lambda v: v >= bound,
        "<=": lambda v: v <= bound,
        ">": lambda v: v > bound,
        "<": lambda v: v < bound,
        "=": lambda v: v == bound,
    }
    chosen = compare[match[1] or "="]
    return lambda value: value is not None and chosen(value)
