"""Where rows and facts lie, and what turns the one into the other."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from bi_governance.model import Facts, FeedStatus, Interval, Person, SourceDay, Viewer, VisualKey
from bi_governance.ports.platform import Page


class FeedResult(StrEnum):
    """How reading a feed ended; only COMPLETE may lead to a decision."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """One row of the raw table `collection`: how one feed (one window of it) ended."""

    source: str
    platform: str
    run_id: str
    feed: str
    status: FeedResult
    rows: int
    started_at: datetime
    finished_at: datetime
    window_start: datetime | None = None
    window_end: datetime | None = None
    detail: str = ""


class Staging(Protocol):
    """The inventory of one source on its way in; nothing is visible before `commit`."""

    def write(self, table: str, page: Page) -> None:
        """Add rows to the staged table (streamed; memory stays flat)."""
        ...

    def commit(self, at: datetime) -> None:
        """Replace the source's rows in every staged table, in one transaction."""
        ...

    def discard(self) -> None:
        """Forget everything staged; the previous inventory stays as it was."""
        ...


class Warehouse(Protocol):
    """Raw tables in, marts out. Raises StorageBusy when somebody else holds the file."""

    def prepare(self) -> None:
        """Create what is missing; safe to repeat."""
        ...

    def stage(self, source: str, run_id: str, tables: Sequence[str]) -> Staging:
        """Begin replacing the source's rows in these inventory tables."""
        ...

    def append_history(self, table: str, source: str, run_id: str, at: datetime, page: Page) -> int:
        """Add access rows, de-duplicated by `event_key`; returns how many were new."""
        ...

    def covered_windows(self, source: str) -> list[Interval]:
        """The history windows of the source that `collection` says are complete."""
        ...

    def record_collection(self, outcomes: Sequence[Collected]) -> None:
        """Append to the raw table `collection`."""
        ...

    def set_robots(self, source: str, accounts: Sequence[Person], at: datetime) -> None:
        """Say which accounts of the source never count as viewers."""
        ...

    def facts(self) -> list[Facts]:
        """The mart `visual_last_access` (coverage not filled in) with its containers."""
        ...

    def witnessed(self) -> Mapping[VisualKey, Interval]:
        """Per visual, the stretch for which the platform's own last-access field proves non-use."""
        ...

    def upstream(self, keys: Sequence[VisualKey]) -> Mapping[VisualKey, tuple[str, ...]]:
        """The tables, datasets and explores these visuals read, by name; nothing where none is known."""
        ...

    def viewers(self, keys: Collection[VisualKey]) -> Mapping[VisualKey, tuple[Viewer, ...]]:
        """The mart `visual_viewer` for these visuals: who used them most lately, in that order."""
        ...

    def last_views(self, keys: Collection[VisualKey]) -> Mapping[VisualKey, date]:
        """The last UTC day on which history shows a person viewing each of these, also if it is gone."""
        ...

    def uses_around(self, day: date, days: int, *, deliveries: bool) -> Mapping[VisualKey, date]:
        """Per visual the UTC day of use nearest to `day`, at most `days` away, where one is known."""
        ...

    def source_days(self) -> list[SourceDay]:
        """The mart `source_coverage`, newest 200 days."""
        ...

    def feed_statuses(self) -> list[FeedStatus]:
        """Per source and feed the worst status within its newest run (that run's rows and latest finish),

        with the row counts of complete runs of up to 7 earlier days, newest first.
        """
        ...

    def close(self) -> None:
        """Release connections, and with them the lock on a DuckDB file."""
        ...


@dataclass(frozen=True, slots=True)
class FailedTest:
    """A dbt node that failed; `platform` is empty when it concerns all sources."""

    name: str
    platform: str
    message: str


@dataclass(frozen=True, slots=True)
class TransformReport:
    """What a dbt build did."""

    built: int
    tests: int
    failed: tuple[FailedTest, ...]
    seconds: float


class Transformer(Protocol):
    """Builds the marts from the raw tables."""

    def build(self) -> TransformReport:
        """Run dbt build; TransformError when dbt itself cannot run."""
        ...
