"""How Looker's search endpoints choose, order, cut and trim rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

Record = TypeVar("Record")
Field = Callable[[Record, str], object]  # what a record holds under one of the API's names
Shape = dict[str, "Shape"]


def parse_fields(text: str) -> Shape:
    """Read `id,title,folder(id,name)` into nested names; an empty shape means everything."""
    shape, rest = _parse_level(re.findall(r"[^\s,()]+|[(),]", text))
    return shape if not rest else {}


def _parse_level(words: list[str]) -> tuple[Shape, list[str]]:
    shape: Shape = {}
    last = ""
    while words:
        word, words = words[0], words[1:]
        if word == "(":
            shape[last], words = _parse_level(words)
        elif word == ")":
            return shape, words
        elif word != ",":
            last = word
            shape[last] = {}
    return shape, words


def project(value: Any, shape: Shape) -> Any:
    """Only the named fields, at every depth; unknown names are ignored as Looker does."""
    if isinstance(value, list):
        return [project(item, shape) for item in value]
    if not shape or not isinstance(value, dict):
        return value
    return {name: project(value[name], inner) for name, inner in shape.items() if name in value}


def matches(value: object, wanted: str) -> bool:
    """Looker's search match: case-insensitive, `%` and `_` as wildcards, NULL and NOT NULL for absence."""
    if wanted.upper() in ("NULL", "NOT NULL"):
        return (value is None) == (wanted.upper() == "NULL")
    text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
    pattern = re.escape(wanted).replace("%", ".*").replace("_", ".")
    return re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL) is not None


def select(
    records: Iterable[Record], query: Mapping[str, str], names: Iterable[str], field: Field[Record]
) -> list[Record]:
    """The records whose fields match every search argument given, or any of them with `filter_or`."""
    wanted = {name: query[name] for name in names if query.get(name)}
    if not wanted:
        return list(records)
    enough = any if query.get("filter_or") == "true" else all
    return [r for r in records if enough(matches(field(r, name), text) for name, text in wanted.items())]


def order(records: list[Record], sorts: str | None, field: Field[Record]) -> list[Record]:
    """Sort by `name [asc|desc], …`; digits compare as numbers and nulls come first."""
    ordered = list(records)
    for part in reversed([p.split() for p in (sorts or "").split(",") if p.strip()]):
        descending = len(part) > 1 and part[1].lower().startswith("desc")
        keyed = [(sort_key(field(record, part[0])), record) for record in ordered]
        keyed.sort(key=lambda pair: pair[0], reverse=descending)
        ordered = [record for _, record in keyed]
    return ordered


def sort_key(value: Any) -> tuple[int, Any]:
    if value is None:
        return (0, 0)
    if isinstance(value, str):
        return (1, int(value)) if value.isdigit() else (2, value)
    return (1, value)


def page(records: list[Record], limit: int | None, offset: int | None) -> list[Record]:
    begin = offset or 0
    return records[begin:] if limit is None else records[begin : begin + limit]
