"""Scheduler: the daily run, another when the hours of deletions or messages begin, and a watch over both."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time

import structlog
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from bi_governance.errors import GovernanceError
from bi_governance.settings import ScheduleSettings
from bi_governance.window import WEEKDAYS

log = structlog.get_logger(__name__)

# A run that could not start on time (a suspended machine, a long run before it) is still worth starting
# within the day; APScheduler's own default drops it after one second. Coalescing makes ten missed days one.
GRACE_SECONDS = 20 * 3600
WATCH_SECONDS = 3600


def schedule_of(given: ScheduleSettings) -> list[tuple[str, CronTrigger]]:
    """Name and trigger of each daily start, in the team's zone."""
    daily = given.time_of_day
    jobs = [("daily", CronTrigger(hour=daily.hour, minute=daily.minute, timezone=given.zone))]
    openings: list[tuple[time, tuple[str, ...]]] = []
    for name, window in (("deletions", given.delete_window), ("notices", given.notice_window)):
        if window is None:
            continue
        opens, closes = window.span()
        is_apart = not opens <= daily < closes or set(window.days) != set(WEEKDAYS)
        if is_apart and (opens, window.days) not in openings:
            openings.append((opens, window.days))
            jobs.append((name, _opening(opens, window.days, given)))
    return jobs


def _opening(opens: time, days: tuple[str, ...], given: ScheduleSettings) -> CronTrigger:
    return CronTrigger(day_of_week=",".join(days), hour=opens.hour, minute=opens.minute, timezone=given.zone)


def build(
    given: ScheduleSettings, run: Callable[[], object], watch: Callable[[], object]
) -> BlockingScheduler:
    """A scheduler with every start of the day, and an hourly watch over whether runs succeed.

    A run that fails is logged and tried again next time; a run under way does not keep the watch waiting.
    """
    scheduler = BlockingScheduler(timezone=given.zone)
    for name, trigger in schedule_of(given):
        scheduler.add_job(
            guarded(_logged(run, name), name, "run.failed"),
            trigger,
            id=name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=GRACE_SECONDS,
        )
    scheduler.add_job(
        guarded(watch, "watch", "watch.failed"),
        IntervalTrigger(seconds=WATCH_SECONDS, timezone=given.zone),
        id="watch",
        coalesce=True,
        max_instances=1,
        misfire_grace_time=GRACE_SECONDS,
    )
    return scheduler


def _logged(run: Callable[[], object], name: str) -> Callable[[], None]:
    def once() -> None:
        log.info("run.starting", job=name)
        run()

    return once


def guarded(work: Callable[[], object], job: str, failed: str) -> Callable[[], None]:
    """The work, where a failure of ours is logged as `failed`: the next start must still happen."""

    def once() -> None:
        try:
            work()
        except GovernanceError as error:
            # The ledger and the log say what went wrong with this one; the sentence is the message.
            log.error(failed, job=job, error=str(error))  # noqa: TRY400

    return once
