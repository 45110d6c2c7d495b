"""Commands that do the work: run and its stages, the daily service, set-up and checks."""

from __future__ import annotations

import json as jsonlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from bi_governance import drift
from bi_governance.alert import alert_silence
from bi_governance.app import App, SystemClock
from bi_governance.cli.main import (
    AsOfOption,
    ConfigOption,
    JsonOption,
    Options,
    SourceOption,
    app,
    emit,
    err,
    out,
)
from bi_governance.cli.views import BarProgress, plan_view, probe_view, run_view
from bi_governance.config_file import DEFAULT_FILE, SCHEMA_FILE, example_text, json_schema
from bi_governance.errors import ConfigurationError, GovernanceError, StorageError
from bi_governance.explain import current_plan, lost_on_restore, outlooks
from bi_governance.ports import Lease, Probe, Services
from bi_governance.reliance import must_be_the_store
from bi_governance.run import (
    collect_stage,
    daily_run,
    delete_stage,
    follow_stage,
    gather,
    new_run_id,
    one_runner,
    prepare_plan,
    settle,
    warn_stage,
)
from bi_governance.run import transform as build_marts
from bi_governance.run_report import RunReport, summary

STATUS = {"done": 0, "failed": 1, "vetoed": 3}


@contextmanager
def _shown(options: Options) -> Iterator[App]:
    """The application, with progress on the terminal unless a machine is listening."""
    if options.json or not err.is_terminal:
        with options.open() as opened:
            yield opened
        return
    progress = BarProgress(err)
    with progress.bars, options.open(progress=progress) as opened:
        yield opened


def _finish(options: Options, report: RunReport) -> int:
    title, lines = summary(report)
    plan = report.plan.to_json() if report.plan else None
    value = {
        "run_id": report.run_id,
        "outcome": report.outcome,
        "title": title,
        "summary": lines,
        "plan": plan,
    }
    emit(options, value, lambda: out.print(run_view(report)))
    return STATUS[report.outcome]


@app.command()
def init(
    context: typer.Context,
    config: ConfigOption = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a commented configuration file to start from."""
    file = context.obj.with_later(config).config or DEFAULT_FILE
    if file.exists() and not force:
        raise ConfigurationError(f"{file} already exists; add --force to overwrite it.")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(example_text(), encoding="utf-8")
        schema = json_schema()
        file.with_name(SCHEMA_FILE).write_text(jsonlib.dumps(schema, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror}") from error
    out.print(
        f"Wrote {file}. Fill in your sources, export the secrets it names, then run: bi-governance doctor"
    )


@app.command()
def doctor(
    context: typer.Context, config: ConfigOption = None, source: SourceOption = None, json: JsonOption = None
) -> int:
    """Check every connection, permission and store, and say what to do about what is missing."""
    options: Options = context.obj.with_later(config, None, source, json)
    with options.open() as opened:
        found = {name: _probe(reader.probe) for name, reader in opened.readers.items()}
        found["stores"] = _probe_stores(opened)
    value = {
        name: [{"check": p.name, "ok": p.ok, "found": p.detail, "advice": p.advice} for p in probes]
        for name, probes in found.items()
    }
    emit(options, value, lambda: out.print(*(probe_view(name, probes) for name, probes in found.items())))
    return 0 if all(p.ok for probes in found.values() for p in probes) else 1


def _probe(check: Callable[[], object]) -> list[Probe]:
    try:
        return list(check())  # type: ignore[call-overload,no-any-return]
    except GovernanceError as error:
        return [Probe("connection", ok=False, detail=str(error))]


def _probe_stores(opened: App) -> list[Probe]:
    services = opened.services
    checks: tuple[tuple[str, Callable[[], object]], ...] = (
        ("warehouse", services.warehouse.prepare),
        ("ledger", services.ledger.state),
        ("backups", lambda: _checked_backups(services)),
        ("notifications", services.notifier.check),
    )
    return [_probe_store(name, check) for name, check in checks]


def _checked_backups(services: Services) -> str:
    found = services.backups.check()
    must_be_the_store(services)
    return found


def _probe_store(name: str, check: Callable[[], object]) -> Probe:
    try:
        found = check()
    except GovernanceError as error:
        return Probe(
            name, ok=False, detail=str(error), advice=f"correct the section for {name} in the configuration"
        )
    return Probe(name, ok=True, detail=found if isinstance(found, str) else "reachable")


@app.command()
def run(
    context: typer.Context,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
    source: SourceOption = None,
    json: JsonOption = None,
) -> int:
    """The daily run: collect, transform, plan, warn, delete, report."""
    options: Options = context.obj.with_later(config, as_of, source, json)
    options.refuse_as_of("run")
    with _shown(options) as opened:
        report = daily_run(opened.services)
    return _finish(options, report)


@app.command()
def collect(
    context: typer.Context, config: ConfigOption = None, source: SourceOption = None, json: JsonOption = None
) -> int:
    """Read all sources into the raw tables."""
    options: Options = context.obj.with_later(config, None, source, json)
    options.refuse_as_of("collect")
    with _shown(options) as opened, one_runner(opened.services) as lease:
        collections = collect_stage(opened.services, new_run_id(opened.clock.now()), lease)
    value = [{"source": c.source, "complete": c.is_complete, "problems": c.problems()} for c in collections]
    for collection in collections:
        rows = sum(o.rows for o in collection.outcomes)
        if not options.json:
            ended = "complete" if collection.is_complete else "NOT complete"
            out.print(f"{collection.source}: {rows:,} rows, {ended}")
            for problem in collection.problems():
                out.print(f"  {problem}", markup=False)
    if options.json:
        emit(options, value, lambda: None)
    return 0 if all(c.is_complete for c in collections) else 1


@app.command()
def transform(context: typer.Context, config: ConfigOption = None, json: JsonOption = None) -> int:
    """Build the marts with dbt and run their tests."""
    options: Options = context.obj.with_later(config, None, None, json)
    with options.open() as opened, one_runner(opened.services) as lease:
        opened.services.warehouse.prepare()
        report = build_marts(opened.services, new_run_id(opened.clock.now()), lease)
    value = {"built": report.built, "tests": report.tests, "failed": [t.name for t in report.failed]}
    line = f"Built {report.built} models, {report.tests} tests, {len(report.failed)} failed."
    emit(options, value, lambda: out.print(line))
    for test in report.failed:
        err.print(f"failed: {test.name}: {test.message}", markup=False)
    return 3 if report.failed else 0


@app.command()
def plan(
    context: typer.Context,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
    source: SourceOption = None,
    json: JsonOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Also list what nothing happens to.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the plan as JSON to a file.")
    ] = None,
) -> int:
    """Show what would happen now, and why; changes nothing."""
    options: Options = context.obj.with_later(config, as_of, source, json)
    with options.open() as opened:
        state = opened.services.ledger.state()
        estate = gather(opened.services, state)
        made = current_plan(opened.services, state, estate)
        lost = lost_on_restore(opened.services, made)
        ahead = outlooks(opened.services, state, estate)
        value = drift.write(made, estate.facts, state, lost, ahead)
    if output is not None:
        try:
            output.write_text(jsonlib.dumps(value, indent=2, ensure_ascii=False), encoding="utf-8")
        except OSError as error:
            raise StorageError(f"the plan could not be written to {output}: {error.strerror}") from error
    zone = opened.settings.schedule.zone
    emit(options, value, lambda: out.print(plan_view(made, zone, lost, ahead, everything=everything)))
    return 3 if made.vetoes else 0


@app.command()
def warn(
    context: typer.Context, config: ConfigOption = None, source: SourceOption = None, json: JsonOption = None
) -> int:
    """Send the warnings and reminders that are due, from the marts as they are."""
    options: Options = context.obj.with_later(config, None, source, json)
    options.refuse_as_of("warn")
    return run_stage(options, warn_stage)


@app.command()
def delete(
    context: typer.Context,
    config: ConfigOption = None,
    source: SourceOption = None,
    json: JsonOption = None,
    plan_file: Annotated[
        Path | None,
        typer.Option(
            "--plan", help="Only what this plan (from `plan -o`) deletes too and nothing changed about."
        ),
    ] = None,
) -> int:
    """Delete what is due, from the marts as they are; in dry-run only write down what would go."""
    options: Options = context.obj.with_later(config, None, source, json)
    options.refuse_as_of("delete")
    written = drift.read(text_of(plan_file), str(plan_file)) if plan_file else None

    def check(services: Services) -> None:
        if written is not None:
            drift.must_be_current(
                written, services.config_digest, services.limits.plan_max_age, services.clock.now()
            )

    return run_stage(
        options, lambda services, report, lease: delete_stage(services, report, lease, written=written), check
    )


def run_stage(
    options: Options,
    stage: Callable[[Services, RunReport, Lease], None],
    check: Callable[[Services], None] = lambda _services: None,
) -> int:
    """One stage of a run by itself, from the marts as they are; returns the exit status."""
    with options.open() as opened:
        check(opened.services)
        return _under_lease(options, opened, stage)


def _under_lease(options: Options, opened: App, stage: Callable[[Services, RunReport, Lease], None]) -> int:
    with one_runner(opened.services) as lease:
        now = opened.clock.now()
        report = RunReport(new_run_id(now), now)
        settle(opened.services, report, lease)
        prepare_plan(opened.services, report, lease)
        stage(opened.services, report, lease)
        follow_stage(opened.services, report, lease)
    return _finish(options, report)


def text_of(file: Path) -> str:
    """What a file holds; ConfigurationError when it cannot be read as text."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is not a plan that can be read: {error}") from error


@app.command()
def serve(context: typer.Context, config: ConfigOption = None) -> None:
    """Run every day at schedule.daily_at and hear answers from Slack, until stopped."""
    # Scheduler and web server take long to import, which every other command does without.
    from bi_governance import scheduler  # noqa: PLC0415
    from bi_governance.answering import answering  # noqa: PLC0415

    options: Options = context.obj.with_later(config)
    options.refuse_as_of("serve")
    settings = options.settings()
    with options.open() as checked:
        checked.services.ledger.state()
    turn = threading.Lock()

    def once() -> None:
        with turn, options.open(is_listening=True) as opened:
            report = daily_run(opened.services)
        title, lines = summary(report)
        scheduler.log.info(
            "run.finished", run_id=report.run_id, outcome=report.outcome, title=title, summary=lines
        )

    begun = SystemClock().now()

    def watch() -> None:
        # Without `turn`: a run that hangs is the very thing to be noticed.
        with options.open() as opened:
            given = settings.schedule.alarm_after
            if alert_silence(opened.ledger, opened.notifier, opened.clock, given, begun):
                scheduler.log.error("run.overdue", alarm_after_hours=settings.schedule.alarm_after_hours)

    daemon = scheduler.build(settings.schedule, once, watch)
    when = f"{settings.schedule.daily_at} {settings.schedule.timezone}"
    with answering(settings, turn) as over:
        heard = f" and hears answers over {' and '.join(over)}" if over else ""
        err.print(f"bi-governance: runs daily at {when}{heard}; Ctrl-C stops.")
        scheduler.guarded(watch, "watch", "watch.failed")()
        daemon.start()
