"""Events and plans to record."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

from bi_governance import events as ev
from bi_governance.model import Mode, VisualKey
from bi_governance.plan import Plan

NOW = datetime(2026, 3, 2, 6, 0, 0, 123456, tzinfo=UTC)
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
KEY = VisualKey("looker_prod", "dashboard", "42")
OTHER = VisualKey("superset", "chart", "7")


def kept(number: int = 0, key: VisualKey = KEY, run_id: str = "") -> ev.KeptUntil:
    """An event that may be recorded any number of times."""
    at = NOW + timedelta(minutes=number)
    return ev.KeptUntil(at=at, key=key, run_id=run_id, until=at + timedelta(days=30), reason=f"keep {number}")


def started(run_id: str) -> ev.RunStarted:
    """An event that is recorded once per run id."""
    return ev.RunStarted(at=NOW, run_id=run_id)


def plan(run_id: str = "run-1", config: str = "") -> Plan:
    return Plan(run_id, NOW, (), (), {"looker_prod": Mode.DRY_RUN}, config)


def one_of_each_kind() -> list[ev.Event]:
    """An event of every registered kind, with every field filled."""
    return [kind(**_values(kind)) for kind in ev.KINDS.values()]


def _values(kind: type[ev.Event]) -> dict[str, Any]:
    return {name: _value(hint) for name, hint in get_type_hints(kind).items() if name != "kind"}


def _value(hint: Any) -> Any:
    if get_origin(hint) is UnionType:
        hint = next(arg for arg in get_args(hint) if arg is not type(None))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return next(iter(hint))
    return {datetime: NOW, VisualKey: KEY, int: 3, str: "text – 📊 \\ \" '"}[hint]
