"""Vendor rows become Arrow batches of exactly the declared columns, or a clear error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import pyarrow as pa

from bi_governance.ports import Page
from bi_governance.warehouse.tables import RawTable, Type, naive_utc

_ARROW_TYPES: Mapping[Type, pa.DataType] = {
    Type.TEXT: pa.string(),
    Type.TIME: pa.timestamp("us"),
    Type.WHOLE: pa.int64(),
    Type.FLAG: pa.bool_(),
}


def arrow_schema(table: RawTable) -> pa.Schema:
    return pa.schema([(name, _ARROW_TYPES[type_]) for name, type_ in table.columns.items()])


def to_batch(table: RawTable, page: Page) -> pa.RecordBatch:
    """The page as a record batch of the table's columns; a column a row lacks is null.

    Raises ValueError for a key that is no column or a row without its identity, TypeError for a
    value of the wrong type: both are mistakes of the connector, not of the platform.
    """
    _refuse_unknown(table, page)
    arrays = [_array(table, name, type_, page) for name, type_ in table.columns.items()]
    return pa.RecordBatch.from_arrays(arrays, schema=arrow_schema(table))


def unique_events(page: Page) -> Page:
    """The page with every event once: feeds that overlap repeat events word for word."""
    return list({row.get("event_key"): row for row in page}.values())


def _refuse_unknown(table: RawTable, page: Page) -> None:
    known = table.columns.keys()
    for row in page:
        if not row.keys() <= known:
            unknown = ", ".join(sorted(row.keys() - known))
            raise ValueError(f"raw table {table.name} has no column {unknown}")


def _array(table: RawTable, name: str, type_: Type, page: Page) -> pa.Array:
    try:
        values = _values(_CONVERT[type_], [row.get(name) for row in page])
    except (TypeError, ValueError) as error:
        raise type(error)(f"{table.name}.{name}: {error}") from error
    if name in table.key and None in values:
        raise ValueError(f"{table.name}.{name} identifies a row and is missing in one")
    return pa.array(values, _ARROW_TYPES[type_])


def _values(convert: Callable[[object], object], values: Sequence[object]) -> list[object]:
    return [None if value is None else convert(value) for value in values]


def _text(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {type(value).__name__}")
    if value.isascii() and "\x00" not in value:
        return value
    # Vendors' JSON can hold what no database stores: NUL characters and halves of surrogate pairs.
    return value.replace("\x00", "").encode("utf-8", "replace").decode()


def _time(value: object) -> datetime:
    if not isinstance(value, datetime):
        raise TypeError(f"expected a datetime, got {type(value).__name__}")
    return naive_utc(value)


def _whole(value: object) -> int:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"expected a whole number, got {type(value).__name__}")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"expected a boolean, got {type(value).__name__}")
    return value


_CONVERT: Mapping[Type, Callable[[object], object]] = {
    Type.TEXT: _text,
    Type.TIME: _time,
    Type.WHOLE: _whole,
    Type.FLAG: _flag,
}
