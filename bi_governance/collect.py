"""Collect: read every source at once into the warehouse, and say honestly how each feed ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Self

from bi_governance.errors import IncompleteFeed, SourceAuthFailed, SourceError, SourceUnreachable
from bi_governance.model import Coverage, Interval, Person
from bi_governance.ports import Collected, FeedResult, Page, Reader, Row, Services, Staging

# After one of these every further call would end the same way.
HOPELESS = (SourceUnreachable, SourceAuthFailed)
MOST_SOURCES_AT_ONCE = 8
ROWS_PER_TRANSACTION = 5000


@dataclass(slots=True)
class SourceCollection:
    """How the collection of one source went, feed by feed."""

    source: str
    outcomes: list[Collected] = field(default_factory=list)
    fingerprint: str = ""

    @property
    def is_complete(self) -> bool:
        return bool(self.outcomes) and all(o.status is FeedResult.COMPLETE for o in self.outcomes)

    def problems(self) -> list[str]:
        """One line per thing that went wrong, with every feed it concerns: a refused log-in is one thing."""
        feeds: dict[str, list[str]] = {}
        for outcome in self.outcomes:
            if outcome.status is not FeedResult.COMPLETE:
                feeds.setdefault(f"{outcome.status} - {outcome.detail}", []).append(outcome.feed)
        return [f"{', '.join(concerned)}: {what}" for what, concerned in feeds.items()]


def collect(services: Services, run_id: str) -> list[SourceCollection]:
    """Collect all sources concurrently; one that fails leaves its old tables alone and stops no other."""
    services.warehouse.prepare()
    readers = [services.readers[name] for name in sorted(services.readers)]
    if not readers:
        return []
    with ThreadPoolExecutor(min(len(readers), MOST_SOURCES_AT_ONCE), thread_name_prefix="collect") as pool:
        collections = list(pool.map(lambda reader: collect_source(services, reader, run_id), readers))
    for collection in collections:
        services.warehouse.record_collection(collection.outcomes)
    return collections


def collect_source(services: Services, reader: Reader, run_id: str) -> SourceCollection:
    """Inventory first, replaced as a whole or not at all; then access history, window by window."""
    log = _FeedLog(services, reader, run_id)
    try:
        accounts = reader.own_accounts()
        log.collection.fingerprint = reader.fingerprint()
    except SourceError as error:
        log.fail_all(reader.inventory_feeds, error)
        log.ended(reader.history_feed, FeedResult.FAILED, 0, services.clock.now(), detail=str(error))
        return log.collection
    now = services.clock.now()
    services.warehouse.set_robots(reader.name, (*accounts, *_configured_robots(services, reader.name)), now)
    if _read_inventory(services, reader, run_id, log):
        _read_history(services, reader, run_id, log)
    else:
        log.ended(
            reader.history_feed, FeedResult.FAILED, 0, now, detail="not read: the source does not answer"
        )
    return log.collection


def _configured_robots(services: Services, source: str) -> Iterable[Person]:
    for account in services.robots.get(source, ()):
        yield Person(account, name="configured robot", email=account if "@" in account else None)


def _read_inventory(services: Services, reader: Reader, run_id: str, log: _FeedLog) -> bool:
    """Stage every feed and swap them in together; returns whether the source still answers."""
    staging = services.warehouse.stage(reader.name, run_id, reader.inventory_feeds)
    complete, is_handed_over = True, False
    try:
        for index, feed in enumerate(reader.inventory_feeds):
            error = _stage_feed(reader, feed, staging, log)
            complete = complete and error is None
            if isinstance(error, HOPELESS):
                log.fail_all(reader.inventory_feeds[index + 1 :], error)
                return False
        if complete:
            is_handed_over = True  # a commit clears up after itself, also when it fails
            staging.commit(services.clock.now())
        return True
    finally:
        if not is_handed_over:
            staging.discard()


def _stage_feed(reader: Reader, feed: str, staging: Staging, log: _FeedLog) -> SourceError | None:
    started, rows = log.clock_now(), 0
    try:
        for page in reader.read_inventory(feed):
            staging.write(feed, page)
            rows += len(page)
            log.update(feed, rows)
    except SourceError as error:
        log.ended(feed, _result_of(error), rows, started, detail=str(error))
        return error
    log.ended(feed, FeedResult.COMPLETE, rows, started)
    return None


def _read_history(services: Services, reader: Reader, run_id: str, log: _FeedLog) -> None:
    """Append the windows not proven yet; of one that fails the rows stay, but it counts as unread."""
    started = log.clock_now()
    feed, total = reader.history_feed, 0
    with _Appending(services, reader, run_id, started) as appending:
        try:
            for window in windows_to_read(services, reader, started):
                rows = 0
                for page in reader.read_history(window):
                    appending.add(page)
                    rows += len(page)
                    log.update(feed, total + rows)
                total += rows
                log.ended(feed, FeedResult.COMPLETE, rows, started, window=window)
        except SourceError as error:
            log.ended(feed, _result_of(error), total, started, detail=str(error))


class _Appending:
    """Appends rows of history, joined to what is worth a transaction: pages and quiet days are small."""

    def __init__(self, services: Services, reader: Reader, run_id: str, at: datetime) -> None:
        self._services, self._reader, self._run_id, self._at = services, reader, run_id, at
        self._rows: list[Row] = []

    def add(self, page: Page) -> None:
        self._rows.extend(page)
        if len(self._rows) >= ROWS_PER_TRANSACTION:
            self._append()

    def _append(self) -> None:
        rows, self._rows = self._rows, []
        if rows:
            reader = self._reader
            self._services.warehouse.append_history(
                reader.history_feed, reader.name, self._run_id, self._at, rows
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        if failure is None:
            self._append()


def _result_of(error: SourceError) -> FeedResult:
    return FeedResult.PARTIAL if isinstance(error, IncompleteFeed) else FeedResult.FAILED


def windows_to_read(services: Services, reader: Reader, now: datetime) -> list[Interval]:
    """UTC-day windows that are not proven complete yet, and the last few days again for late events."""
    wanted = _midnight(now) - timedelta(days=services.history_days)
    covered = Coverage.of(services.warehouse.covered_windows(reader.name))
    reread_from = _midnight(now) - timedelta(days=services.reread_days)
    days = [day for day in _days(wanted, now) if day.start >= reread_from or not _covers(covered, day)]
    if not days:
        return []
    start = reader.history_start(days[0].start, now, covered)
    return [Interval(max(day.start, start), day.end) for day in days if day.end > start]


def _covers(covered: Coverage, day: Interval) -> bool:
    return any(i.start <= day.start and day.end <= i.end for i in covered.intervals)


def _days(start: datetime, end: datetime) -> list[Interval]:
    days: list[Interval] = []
    while start < end:
        days.append(Interval(start, min(_midnight(start) + timedelta(days=1), end)))
        start = days[-1].end
    return days


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(UTC).date(), time.min, UTC)


class _FeedLog:
    """Writes down how each feed of one source ended, and shows progress while it runs."""

    def __init__(self, services: Services, reader: Reader, run_id: str) -> None:
        self._services = services
        self._reader = reader
        self._run_id = run_id
        self.collection = SourceCollection(reader.name)

    def clock_now(self) -> datetime:
        return self._services.clock.now()

    def update(self, feed: str, rows: int) -> None:
        self._services.progress.update(self._reader.name, feed, rows)

    def fail_all(self, feeds: Sequence[str], error: SourceError) -> None:
        for feed in feeds:
            self.ended(feed, FeedResult.FAILED, 0, self.clock_now(), detail=str(error))

    def ended(
        self,
        feed: str,
        status: FeedResult,
        rows: int,
        started: datetime,
        *,
        window: Interval | None = None,
        detail: str = "",
    ) -> None:
        self.collection.outcomes.append(
            Collected(
                source=self._reader.name,
                platform=self._reader.platform,
                run_id=self._run_id,
                feed=feed,
                status=status,
                rows=rows,
                started_at=started,
                finished_at=self.clock_now(),
                window_start=window.start if window else None,
                window_end=window.end if window else None,
                detail=detail,
            )
        )
        self._services.progress.done(self._reader.name, feed, status)
