"""A company whose unused dashboards were warned about a week ago: deletion is due, and it is nearly today."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bi_governance.model import Mode
from bi_governance.run import daily_run
from bi_governance.run_report import RunReport
from bi_governance.sandbox.clock import SimulatedClock
from tests.real.company import DAY, Company, Thing, open_company
from tests.real.product import Product, install, switch

IDLE_DAYS, WARNING_DAYS = 10, 7
HISTORY_DAYS = 12
SHORTLY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Due:
    """The company, the product in live mode, a dashboard in use and the ones warned about, by title."""

    company: Company
    product: Product
    living: Thing
    idle: dict[str, Thing]


@contextmanager
def open_due(folder: Path, titles: Sequence[str]) -> Iterator[Due]:
    """Warn Oscar about one dashboard per title, and let seven days go by; the clock stands an hour ago."""
    clock = SimulatedClock(datetime.now(UTC) - WARNING_DAYS * DAY - SHORTLY)
    with open_company(folder / "superset", clock) as company:
        living, idle = _long_ago(company, titles)
        product = install(
            folder / "product",
            company,
            policy={"idle_days": IDLE_DAYS, "warning_days": WARNING_DAYS},
            trial={"days": 0},
            limits={"ramp": None},
        )
        with product.open(company) as services, company.happens():
            switch(services, Mode.LIVE)
            _must_have_warned(daily_run(services), idle.values())
        company.pass_days(WARNING_DAYS, living)
        yield Due(company, product, living, idle)


def _long_ago(company: Company, titles: Sequence[str]) -> tuple[Thing, dict[str, Thing]]:
    with company.happens(company.clock.now() - HISTORY_DAYS * DAY):
        shared = company.chart("Orders", "oscar")
        living, *idle = [
            company.dashboard(title, "oscar", charts=[shared]) for title in ("Daily sales", *titles)
        ]
        for each in (living, *idle):
            company.open(each)
    company.has_used(living, HISTORY_DAYS)
    return living, {thing.title: thing for thing in idle}


def _must_have_warned(report: RunReport, idle: Collection[Thing]) -> None:
    warned = {decision.key for decision in report.plan.of("warn")} if report.plan else set()
    assert warned == {thing.key for thing in idle}, report
    assert report.warned.delivered == len(warned), report
