"""How Superset's list endpoints filter, order, page and describe rows, the silent page cap included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from bi_governance.sandbox import rison
from bi_governance.sandbox.rest import Call, Refusal, Row

Record = TypeVar("Record")
DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE = 20, 100


@dataclass(frozen=True, slots=True)
class Page:
    """What `q` asks for, after the server has lowered the page size."""

    number: int
    size: int
    order_column: str
    descending: bool
    filters: tuple[Row, ...]
    columns: tuple[str, ...]

    @property
    def slice(self) -> slice:
        return slice(self.number * self.size, (self.number + 1) * self.size)


@dataclass(frozen=True, slots=True)
class Listing:
    """One list endpoint: title, columns shown, orderable and filterable columns, default order."""

    title: str
    columns: tuple[str, ...]
    order_columns: tuple[str, ...]
    filter_columns: tuple[str, ...]
    default_order: tuple[str, bool] = ("id", False)
    deleted_state: str = ""  # the operator on `id` that lists the trash, where there is one

    def read(self, call: Call) -> Page:
        """The page asked for; raises Refusal for bad Rison (500) and for columns one may not use (400)."""
        query = parse_q(call)
        if not isinstance(query, dict):
            raise Refusal(400, {"message": "Not a valid rison/json argument"})
        column = query.get("order_column", "")
        if column and column not in self.order_columns:
            raise Refusal(400, {"message": f"Invalid order by column: {column}"})
        filters = tuple(query.get("filters") or ())
        for condition in filters:
            self._require_filterable(condition)
        descending = query.get("order_direction", "asc") == "desc" if column else self.default_order[1]
        return Page(
            max(0, int(query.get("page", 0))),
            _page_size(query.get("page_size")),
            column or self.default_order[0],
            descending,
            filters,
            tuple(query.get("columns") or ()),
        )

    def _require_filterable(self, condition: object) -> None:
        if not isinstance(condition, dict) or not {"col", "opr"} <= condition.keys():
            raise Refusal(400, {"message": "Not a valid filter"})
        if condition["col"] not in self.filter_columns:
            raise Refusal(400, {"message": f"Filter column: {condition['col']} not allowed to filter"})
        if condition["opr"] not in _OPERATORS and condition["opr"] != self.deleted_state:
            raise Refusal(400, {"message": f"Filter operation: {condition['opr']} not allowed on column"})

    def answer(
        self,
        call: Call,
        records: Iterable[Record],
        field: Callable[[Record, str], object],
        render: Callable[[list[Record]], list[Row]],
    ) -> Row:
        """The answer: `field` gives what is filtered and ordered by, `render` what is shown of a record."""
        page = self.read(call)
        conditions = [c for c in page.filters if c["opr"] in _OPERATORS]
        found = [r for r in records if all(holds(field(r, c["col"]), c) for c in conditions)]
        keyed = [
            (_sort_key(field(r, _ORDER_SOURCES.get(page.order_column, page.order_column))), r) for r in found
        ]
        keyed.sort(key=lambda pair: pair[0], reverse=page.descending)
        return self.describe(page, len(found), render([record for _, record in keyed[page.slice]]))

    def filters(self) -> Row:
        """What `_info` says about the filters, with one operator where the real one lists many."""
        known = {name: [{"name": "Equal to", "operator": "eq"}] for name in self.filter_columns}
        if self.deleted_state:
            known["id"].append({"name": "Deleted state", "operator": self.deleted_state})
        return {"filters": known}

    def describe(self, page: Page, count: int, rows: Sequence[Row]) -> Row:
        columns = [c for c in self.columns if not page.columns or c in page.columns]
        return {
            "count": count,
            "description_columns": {},
            "ids": [row["id"] for row in rows],
            "label_columns": {name: _label(name) for name in columns},
            "list_columns": columns,
            "list_title": self.title,
            "order_columns": list(self.order_columns),
            "result": [_shown(row, columns) for row in rows],
        }


def parse_q(call: Call) -> Any:
    """The value of `q`, an empty object when absent; raises Refusal(500) when it is not Rison."""
    text = call.query.get("q", "")
    try:
        return rison.loads(text) if text else {}
    except rison.RisonError as error:
        raise Refusal(500, {"message": "Fatal error"}) from error


def _page_size(asked: Any) -> int:
    size = DEFAULT_PAGE_SIZE if asked is None else int(asked)
    return MAX_PAGE_SIZE if size < 1 else min(size, MAX_PAGE_SIZE)


def holds(value: object, condition: Row) -> bool:
    """Whether one filter condition holds for the value in its column."""
    return _OPERATORS[condition["opr"]](_comparable(value), _comparable(condition.get("value")))


def naive(text: str) -> datetime | None:
    """A date or time as Superset's database compares it: without zone; None when the text is neither."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None


def _comparable(value: Any) -> Any:
    if isinstance(value, str) and len(value) >= 10 and (moment := naive(value)):
        return moment
    return value


def _contains(value: Any, wanted: Any) -> bool:
    return str(wanted).lower() in str(value or "").lower()


def _related(value: Any, wanted: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    wanted_ids = set(wanted) if isinstance(wanted, list) else {wanted}
    return any((item["id"] if isinstance(item, dict) else item) in wanted_ids for item in items)


_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, wanted: bool(value == wanted),
    "neq": lambda value, wanted: bool(value != wanted),
    "gt": lambda value, wanted: value is not None and bool(value > wanted),
    "lt": lambda value, wanted: value is not None and bool(value < wanted),
    "sw": lambda value, wanted: str(value or "").lower().startswith(str(wanted).lower()),
    "ct": _contains,
    "in": lambda value, wanted: value in wanted,
    "rel_o_m": _related,
    "rel_m_m": _related,
}


def row_field(row: Row, name: str) -> object:
    """What a rendered row holds under a dotted name."""
    value: Any = row
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


_ORDER_SOURCES = {"changed_on_delta_humanized": "changed_on_utc", "changed_on": "changed_on_utc"}


def _sort_key(value: Any) -> tuple[int, Any]:
    return (0, "") if value is None else (1, value.lower() if isinstance(value, str) else value)


def _label(name: str) -> str:
    return name.replace(".", " ").replace("_", " ").title()


def _shown(row: Row, columns: Sequence[str]) -> Row:
    tops = {name.split(".")[0] for name in columns}
    return {name: value for name, value in row.items() if name in tops}
