"""A small BI world for the machine: platforms with things and people, and feeds that may fail, lag or lie.

Everything here is the truth; what the product knows of it is only what `Feed.collect` let through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bi_governance.guards import Canary, Limits, SourceEvidence, trusted_coverage
from bi_governance.model import Coverage, EarlierRun, Facts, FeedStatus, Person, SourceDay, VisualKey

START = datetime(2026, 3, 2, 6, tzinfo=UTC)  # a Monday
DAY = timedelta(days=1)
YEAR = timedelta(days=365)
SEASON = timedelta(days=4)
HOUR = timedelta(hours=1)
BACKGROUND = 24  # other people's accesses per day at one source
WEATHER = (
    "fine",
    "fine",
    "fine",
    "failed",
    "partial",
    "lagging",
    "lagging",
    "silent",
    "losing",
    "nameless",
    "empty",
)


def midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(slots=True)
class Use:
    """Somebody looked; `seen` once our feed has shown it to us."""

    at: datetime
    human: bool
    seen: bool = False


@dataclass(slots=True)
class Thing:
    """One visual as it really is at its platform."""

    key: VisualKey
    title: str
    owner: str
    folder: str
    created: datetime
    edited: datetime
    uses: list[Use] = field(default_factory=list)
    schedules: int = 0
    certified: bool = False
    container: VisualKey | None = None
    exists: bool = True
    trashed: bool = False

    @property
    def lives(self) -> bool:
        return self.exists and not self.trashed

    def used_after(self, moment: datetime) -> bool:
        return self.edited > moment or any(u.human and u.at > moment for u in self.uses)


@dataclass(slots=True)
class DayRead:
    """What the feed delivered of one UTC day: the stretch it calls complete, and how many rows."""

    since: datetime
    through: datetime
    rows: int


@dataclass(slots=True)
class Feed:
    """One source's collection: what of the truth has reached our warehouse."""

    source: str
    limits: Limits
    days: dict[datetime, DayRead] = field(default_factory=dict)
    through: datetime = START
    status: str = "fine"
    collected_at: datetime = START
    fingerprint: str = "right"
    failed_tests: tuple[str, ...] = ()
    canary: str = ""
    facts: dict[VisualKey, Facts] = field(default_factory=dict)
    earlier: tuple[EarlierRun, ...] = ()
    read_at: datetime = START
    built_at: datetime = START
    coverage: Coverage = field(default_factory=Coverage)

    def collect(self, things: list[Thing], weather: str, now: datetime) -> None:
        """Read the platform; what goes wrong depends on the weather."""
        self.status, self.collected_at = weather, now
        if weather in ("failed", "partial"):
            return
        if self.facts:
            self.earlier = (*self.earlier, EarlierRun(self.read_at, len(self.facts)))[-7:]
        self.read_at = now
        shown = [] if weather == "empty" else [t for t in things if t.exists]
        self.facts = {t.key: _inventory(t, nameless=weather == "nameless") for t in shown}
        self._read_history(things, weather, now)
        self.built_at = now
        self.coverage = trusted_coverage(self.source_days(), self.limits)

    def _read_history(self, things: list[Thing], weather: str, now: datetime) -> None:
        # What a losing feed missed is gone for good: the platform keeps no more than today.
        start = midnight(now) if weather == "losing" else midnight(self.through)
        end = now - 30 * HOUR if weather == "lagging" else now
        if end <= start:
            return
        uses = [u for t in things for u in t.uses if start <= u.at < end]
        day = start
        while day < end:
            self._read_day(day, min(day + DAY, end), uses, silent=weather == "silent")
            day += DAY
        self.through = max(self.through, end)

    def _read_day(self, day: datetime, until: datetime, uses: list[Use], *, silent: bool) -> None:
        known = self.days.get(day)
        rows = known.rows if known else 0
        until = max(until, known.through if known else until)
        if not silent:
            today = [u for u in uses if day <= u.at < until]
            for use in today:
                use.seen = True
            rows = max(rows, int(BACKGROUND * ((until - day) / DAY)) + len(today))
        self.days[day] = DayRead(day, until, rows)

    def source_days(self) -> list[SourceDay]:
        return [SourceDay(self.source, day, d.since, d.through, d.rows) for day, d in self.days.items()]

    def evidence(self, pinned: str) -> SourceEvidence:
        status = self.status if self.status in ("failed", "partial") else "complete"
        inventory = FeedStatus(
            self.source, "inventory", status, len(self.facts), self.collected_at, "", self.earlier
        )
        return SourceEvidence(
            self.source,
            (inventory,),
            tuple(self.source_days()),
            self.fingerprint,
            pinned,
            self.failed_tests,
            self.built_at if status == "complete" else self.collected_at,
            ("inventory",),
            canaries=self._canaries(),
        )

    def _canaries(self) -> tuple[Canary, ...]:
        """None, or one that sings, fell silent three weeks ago, or is gone."""
        if not self.canary:
            return ()
        last = self.collected_at - (21 * DAY if self.canary == "silent" else 0 * DAY)
        key = VisualKey(self.source, "dashboard", "canary")
        return (Canary(key, self.canary != "gone", last.date()),)

    def estate(self, things: list[Thing], now: datetime) -> list[Facts]:
        """The mart: inventory plus the newest human use that was seen, with coverage."""
        return [
            _with_history(self.facts[t.key], t, self.coverage, now) for t in things if t.key in self.facts
        ]

    def honest_cover(self, since: datetime, now: datetime) -> timedelta:
        """Time after `since` that was reported complete, without whole days of suspicious silence."""
        found = timedelta(0)
        for read in self.days.values():
            if read.rows or read.through - read.since < DAY:
                found += max(min(read.through, now) - max(read.since, since), timedelta(0))
        return found


def _inventory(thing: Thing, *, nameless: bool) -> Facts:
    owner = None if nameless else Person(thing.owner, thing.owner.title(), f"{thing.owner}@acme.test")
    return Facts(
        thing.key,
        "looker",
        thing.title,
        folder=thing.folder,
        owner=owner,
        created_at=thing.created,
        updated_at=thing.edited,
        active_schedules=thing.schedules,
        containers=(thing.container,) if thing.container else (),
        is_certified=thing.certified,
        is_trashed=thing.trashed,
    )


def _with_history(facts: Facts, thing: Thing, coverage: Coverage, now: datetime) -> Facts:
    seen = [u.at for u in thing.uses if u.human and u.seen]
    a_year_ago = (now - YEAR).date()
    season = [u.date() for u in seen if abs(u.date() - a_year_ago) <= SEASON]
    return Facts(
        facts.key,
        facts.platform,
        facts.title,
        folder=facts.folder,
        owner=facts.owner,
        created_at=facts.created_at,
        updated_at=facts.updated_at,
        last_viewed_at=max(seen, default=None),
        last_year_use=min(season, key=lambda day: abs(day - a_year_ago), default=None),
        active_schedules=facts.active_schedules,
        containers=facts.containers,
        is_certified=facts.is_certified,
        is_trashed=facts.is_trashed,
        coverage=coverage,
    )


def small_estate(idle: list[int], owners: list[str], seasons: Sequence[int | None] = ()) -> list[Thing]:
    """Six visuals at two sources, last used `idle` days before the start; the first lies on the second.

    `seasons` says how many days after the same day of last year each was used, and known to be.
    """
    things = []
    for number, days in enumerate(idle):
        key = VisualKey("looker" if number < 4 else "superset", "dashboard", str(number))
        made = START - 500 * DAY
        used = Use(START - days * DAY - HOUR, human=True)
        season = seasons[number] if number < len(seasons) else None
        earlier = [] if season is None else [Use(START - YEAR + season * DAY, human=True, seen=True)]
        things.append(Thing(key, f"Title {number}", owners[number], "Sales", made, made, [*earlier, used]))
    things[0].container, things[3].certified = things[1].key, True
    return things
