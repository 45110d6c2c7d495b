"""What every event has, and the kinds there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from bi_governance.model import VisualKey

KINDS: dict[str, type[Event]] = {}
# Recorded beside an event's own fields, not among them.
OF_EVERY_EVENT = frozenset({"at", "actor", "run_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened at `at`, caused by `actor` (a person, or `bi-governance`)."""

    kind: ClassVar[str] = ""
    at: datetime
    actor: str = "bi-governance"
    run_id: str = ""

    def __init_subclass__(cls, kind: str = "", **kwargs: Any) -> None:
        # slots=True makes dataclass build the class a second time, so the last one registered wins.
        super(Event, cls).__init_subclass__(**kwargs)
        if kind:
            cls.kind = kind
        if cls.kind:
            KINDS[cls.kind] = cls

    @property
    def once(self) -> str | None:
        """A name under which this may be recorded only once; None where repeating is meaningful."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class VisualEvent(Event):
    """Something that happened to one visual."""

    key: VisualKey
