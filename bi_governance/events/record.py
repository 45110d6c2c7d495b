"""Events as JSON values, and back."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from bi_governance.events.base import KINDS, OF_EVERY_EVENT, Event
from bi_governance.model import VisualKey


def to_record(event: Event) -> dict[str, Any]:
    """The event's own fields as JSON values, without `at`, `actor`, `run_id` and `kind`."""
    return {f.name: _plain(getattr(event, f.name)) for f in fields(event) if f.name not in OF_EVERY_EVENT}


def from_record(kind: str, at: datetime, actor: str, run_id: str, data: Mapping[str, Any]) -> Event:
    """Rebuild an event; fields that a newer version wrote and this one does not know are dropped."""
    cls = KINDS[kind]
    own = _own_types(kind)
    values = {name: _typed(own[name], value) for name, value in data.items() if name in own}
    return cls(at=at, actor=actor, run_id=run_id, **values)


@cache
def _own_types(kind: str) -> Mapping[str, Any]:
    """The types of a kind's own fields; resolving them takes longer than reading a record does."""
    cls = KINDS[kind]
    hints = get_type_hints(cls)
    return {f.name: hints[f.name] for f in fields(cls) if f.name not in OF_EVERY_EVENT}


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, VisualKey | StrEnum):
        return str(value)
    return value


def _typed(hint: Any, value: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        if value is None:
            return None
        hint = next(arg for arg in get_args(hint) if arg is not type(None))
    if hint is datetime:
        return datetime.fromisoformat(value)
    if hint is VisualKey:
        return VisualKey.parse(value)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    return value
