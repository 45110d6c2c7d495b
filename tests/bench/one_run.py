"""One daily run of the product in a process of its own, stage by stage; prints what each took as JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from bi_governance import events as ev
from bi_governance.app import App
from bi_governance.model import Mode
from bi_governance.run import (
    collect_stage,
    delete_stage,
    finish,
    new_run_id,
    one_runner,
    prepare_plan,
    settle,
    transform,
    warn_stage,
)
from bi_governance.run_report import RunReport
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.settings import Settings


class Meter:
    """Seconds, processor seconds and the highest memory so far, after each stage."""

    def __init__(self) -> None:
        self.stages: list[dict[str, Any]] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        yield
        after = resource.getrusage(resource.RUSAGE_SELF)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.stages.append(
            {
                "stage": name,
                "seconds": time.perf_counter() - wall,
                "cpu": spent,
                "peak_mib": after.ru_maxrss / 1024,
            }
        )


def main() -> None:
    given = json.loads(sys.stdin.read())
    clock = SimulatedClock(datetime.fromisoformat(given["now"]))
    meter = Meter()
    # The product's own time is measured, not its waiting for a Slack that limits nobody here.
    with App(Settings.model_validate(given["settings"]), clock=clock, sleep=lambda _seconds: None) as app:
        if given["go_live"]:
            live = ev.ModeChanged(at=clock.now(), actor="bench", mode=Mode.LIVE, reason="benchmark")
            app.services.ledger.append([live])
        report = _daily_run(app, meter)
        json.dump({"stages": meter.stages, **_figures(app, report)}, sys.stdout)


def _daily_run(app: App, meter: Meter) -> RunReport:
    """What run.daily_run does, with a stop-watch between the stages."""
    services = app.services
    with one_runner(services) as lease:
        now = services.clock.now()
        report = RunReport(new_run_id(now), now)
        services.ledger.append([ev.RunStarted(at=now, run_id=report.run_id)], lease)
        settle(services, report, lease)
        with meter.stage("collect"):
            report.collections = collect_stage(services, report.run_id, lease)
        with meter.stage("transform"):
            report.transform = transform(services, report.run_id, lease)
        with meter.stage("plan"):
            prepare_plan(services, report, lease)
        with meter.stage("warn"):
            warn_stage(services, report, lease)
        with meter.stage("delete"):
            delete_stage(services, report, lease)
        finish(services, report, lease)
        return report


def _figures(app: App, report: RunReport) -> dict[str, Any]:
    assert report.plan is not None
    problems = [f"{c.source}: {p}" for c in report.collections for p in c.problems()]
    return {
        "outcome": report.outcome,
        "problems": [*problems, *report.warned.failed, *report.deleted.failed, *report.deleted.refused],
        "rows": sum(o.rows for c in report.collections for o in c.outcomes),
        "visuals": len(report.plan.decisions),
        "warned": report.warned.delivered,
        "deleted": len(report.deleted.removed),
        "vetoes": [f"{v.guard}: {v.reason}" for v in report.plan.vetoes],
    }


if __name__ == "__main__":
    main()
