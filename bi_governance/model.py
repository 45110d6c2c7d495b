"""The things the product talks about: visuals, people, accesses, coverage, and what is known about each."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bi_governance.errors import ConfigurationError


class Mode(enum.StrEnum):
    """Whether effects are applied; `DRY_RUN` is the default everywhere."""

    DRY_RUN = "dry-run"
    LIVE = "live"


class Action(enum.StrEnum):
    """What a plan wants done with one visual."""

    NONE = "none"
    PROTECT = "protect"
    WARN = "warn"
    REMIND = "remind"
    RESCUE = "rescue"
    DELETE = "delete"
    PURGE = "purge"
    UNKNOWN = "unknown"


class NoticeKind(enum.StrEnum):
    """The notices one episode can bring: all but `viewer` and `escalation` are the owner's.

    Only a delivered WARNING starts the grace.
    """

    WARNING = "warning"
    REMINDER = "reminder"
    LAST_CALL = "last_call"
    RESCUED = "rescued"
    DELETED = "deleted"
    RESTORED = "restored"
    VIEWER = "viewer"
    ESCALATION = "escalation"


# Told to others than the owner: their word can keep something, and never lets it go.
OF_OTHERS = frozenset({NoticeKind.VIEWER, NoticeKind.ESCALATION})


class Role(enum.StrEnum):
    """As what somebody is told about a visual; whoever is not its owner stands in for one."""

    OWNER = "owner"
    FOLDER_OWNER = "folder owner"
    MANAGER = "manager"
    VIEWER = "viewer"
    TEAM = "team"


class RemovalRoute(enum.StrEnum):
    """How a visual leaves its platform."""

    TRASH = "trash"  # the platform keeps it and can bring it back under the same id
    HARD = "hard"  # gone from the platform; only our backup can rebuild it


@dataclass(frozen=True, slots=True, order=True)
class VisualKey:
    """The identity of a visual, `source:type:native_id`; titles are never identity."""

    source: str
    type: str
    native_id: str

    def __str__(self) -> str:
        return f"{self.source}:{self.type}:{self.native_id}"

    @classmethod
    def parse(cls, text: str) -> VisualKey:
        """Read `source:type:native_id`; the native id may itself hold colons (LookML dashboards do).

        Raises ConfigurationError when a part is missing.
        """
        parts = text.split(":", 2)
        if len(parts) != 3 or not all(parts):
            raise ConfigurationError(
                f"'{text}' is not a visual key; write source:type:native_id, e.g. looker_prod:dashboard:42."
            )
        return cls(*parts)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody a platform knows; `active` is None where the platform does not say.

    `is_service` says that it is no person: the platform calls it a service account, or it is a robot.
    """

    id: str
    name: str = ""
    email: str | None = None
    active: bool | None = None
    login: str = ""
    is_service: bool = False


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who used a visual: how often lately, and when last."""

    person: Person
    views: int
    last_viewed_at: datetime


@dataclass(frozen=True, slots=True)
class BiUser:
    """One account of a source; `active` is None where the platform does not say."""

    source: str
    id: str
    name: str = ""
    email: str | None = None
    active: bool | None = None
    is_robot: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """A half-open stretch of time [start, end)."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return max(self.end - self.start, timedelta(0))

    def after(self, moment: datetime) -> timedelta:
        """How much of the interval lies after `moment`."""
        return max(self.end - max(self.start, moment), timedelta(0))


@dataclass(frozen=True, slots=True)
class Coverage:
    """The time for which access history is proven complete: sorted, disjoint, non-empty intervals."""

    intervals: tuple[Interval, ...] = ()

    @classmethod
    def of(cls, intervals: Iterable[Interval]) -> Coverage:
        """Merge any intervals into a coverage."""
        merged: list[Interval] = []
        for interval in sorted(i for i in intervals if i.end > i.start):
            if merged and interval.start <= merged[-1].end:
                merged[-1] = Interval(merged[-1].start, max(merged[-1].end, interval.end))
            else:
                merged.append(interval)
        return cls(tuple(merged))

    @property
    def start(self) -> datetime | None:
        return self.intervals[0].start if self.intervals else None

    @property
    def through(self) -> datetime | None:
        return self.intervals[-1].end if self.intervals else None

    def since(self, moment: datetime) -> timedelta:
        """How much covered time lies after `moment`."""
        return sum((i.after(moment) for i in self.intervals), timedelta(0))

    def until(self, moment: datetime) -> Coverage:
        """The part before `moment`: what could be known then."""
        return Coverage.of(Interval(i.start, min(i.end, moment)) for i in self.intervals)

    def gap_after(self, moment: datetime) -> timedelta:
        """Uncovered time between `moment` (or the first covered moment, if later) and the end of coverage."""
        if self.start is None or self.through is None:
            return timedelta(0)
        begin = max(moment, self.start)
        return max(self.through - begin - self.since(begin), timedelta(0))

    @property
    def length(self) -> timedelta:
        """How much time is covered altogether."""
        return sum((i.length for i in self.intervals), timedelta(0))

    def reaches(self, length: timedelta) -> datetime | None:
        """The moment at which so much time was covered; None while it is not."""
        missing = length
        for interval in self.intervals:
            if interval.length >= missing:
                return interval.start + missing
            missing -= interval.length
        return None

    def contains(self, moment: datetime) -> bool:
        return any(i.start <= moment < i.end for i in self.intervals)

    def with_interval(self, interval: Interval | None) -> Coverage:
        return self if interval is None else Coverage.of((*self.intervals, interval))


@dataclass(frozen=True, slots=True)
class Facts:
    """One visual and everything known about it: a row of the mart `visual_last_access` plus its coverage.

    All times are aware UTC. None means the platform did not say. `coverage` already holds what the
    platform's own last-access field proves for this visual. `active_schedules` counts enabled
    schedules and alerts; `published_links` public links and embeds. `obstacle` says why its source has
    no way to remove it, empty where it has one. `folder_owner` owns the folder, project or page it lies in.
    `last_year_use` is the UTC day of its use nearest to a year ago, where history shows one. `returned_at` is
    when it was first seen alive again after it had lain in the platform's trash.
    `owner_groups` are the names of the groups (Superset: and roles) its owner is a member of, None where that
    was not read; `has_groups` is False where the platform has none that can be read.
    """

    key: VisualKey
    platform: str
    title: str
    url: str = ""
    folder: str = ""
    owner: Person | None = None
    folder_owner: Person | None = None
    owner_groups: tuple[str, ...] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    first_seen_at: datetime | None = None
    returned_at: datetime | None = None
    last_viewed_at: datetime | None = None
    last_viewed_by: str | None = None
    last_delivered_at: datetime | None = None
    last_year_use: date | None = None
    view_count: int = 0
    viewer_count: int = 0
    active_schedules: int = 0
    published_links: int = 0
    containers: tuple[VisualKey, ...] = ()
    tags: tuple[str, ...] = ()
    is_certified: bool = False
    is_code_managed: bool = False
    is_personal: bool = False
    is_system: bool = False
    is_trashed: bool = False
    has_groups: bool = True
    obstacle: str = ""
    coverage: Coverage = field(default_factory=Coverage)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was decided: a stable code for machines and a sentence for people."""

    code: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class SourceDay:
    """One source's access feed on one UTC day: from when to when it is proven complete, and its volume.

    `events` are those of accounts that count. `busiest` is the account among them that used the most
    different visuals, `busiest_visuals` how many those were.
    """

    source: str
    day: datetime
    covered_from: datetime
    covered_through: datetime
    events: int
    busiest: Person | None = None
    busiest_visuals: int = 0


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """When an earlier, complete collection of a feed ended, and its rows."""

    finished_at: datetime
    rows: int


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """How the newest collection of one feed of one source ended, and what came of it on earlier days."""

    source: str
    feed: str
    status: str
    rows: int
    finished_at: datetime
    detail: str = ""
    earlier: tuple[EarlierRun, ...] = ()
