"""Rison: the compact notation Superset wants its list queries in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

Value = str | int | bool | Sequence["Value"] | Mapping[str, "Value"]


def rison(value: Value) -> str:
    """`{"page": 0, "columns": ["id"]}` as `(page:0,columns:!('id'))`; every text is quoted."""
    if isinstance(value, bool):
        return "!t" if value else "!f"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return "'" + value.replace("!", "!!").replace("'", "!'") + "'"
    if isinstance(value, Mapping):
        return "(" + ",".join(f"{key}:{rison(item)}" for key, item in value.items()) + ")"
    return "!(" + ",".join(rison(item) for item in value) + ")"


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition of a list query; all of a query's conditions must hold."""

    column: str
    operator: str
    value: Value

    def encoded(self) -> Mapping[str, Value]:
        """The condition as Flask-AppBuilder's list API takes it."""
        return {"col": self.column, "opr": self.operator, "value": self.value}


def utc_text(moment: datetime) -> str:
    """A moment as Superset stores it: naive UTC, always with microseconds."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def utc_moment(text: object) -> datetime | None:
    """What Superset says a moment is, as aware UTC; a time without offset is UTC."""
    if not isinstance(text, str) or not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
