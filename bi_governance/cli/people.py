"""Commands people use to look, to keep, to switch and to bring back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, time
from typing import Annotated

import typer

from bi_governance import events as ev
from bi_governance.app import App
from bi_governance.batches import outlook, outlook_lines
from bi_governance.cli.main import (
    AsOfOption,
    ConfigOption,
    JsonOption,
    Options,
    SourceOption,
    YesOption,
    actor,
    app,
    confirm,
    emit,
    err,
    moment_of,
    out,
)
from bi_governance.cli.trial import trial_view
from bi_governance.cli.views import explanation_view, local, plan_view, status_view
from bi_governance.errors import ConfigurationError, RefusedForSafety, StorageBusy
from bi_governance.explain import event_json, lost_on_restore
from bi_governance.explain import explain as explain_one
from bi_governance.explain import status as status_now
from bi_governance.keep import exempt as exempt_one
from bi_governance.keep import keep_until, known_key
from bi_governance.keep import unexempt as unexempt_one
from bi_governance.model import Mode, VisualKey
from bi_governance.restore import RestoreAllReport, RestoreReport, removed_since
from bi_governance.restore import restore as restore_one
from bi_governance.restore import restore_all as restore_many
from bi_governance.run import one_runner
from bi_governance.switch import EVERYWHERE, go_live, may_go_live, switch
from bi_governance.trial import trials

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="source:type:native_id")]
ReasonOption = Annotated[str, typer.Option("--reason", "-r", help="Why; it goes into the ledger.")]


@app.command()
def status(
    context: typer.Context,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
    source: SourceOption = None,
    json: JsonOption = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Only whether runs succeed, for monitoring: exit 1 when they do not."),
    ] = False,
) -> int:
    """Modes, trials, how far history is proven, what is due next, what can be restored."""
    options: Options = context.obj.with_later(config, as_of, source, json)
    if check:
        return _check_last_success(options)
    with options.open() as opened:
        found = status_now(opened.services)
    emit(options, found.to_json(), lambda: out.print(status_view(found, opened.settings.schedule.zone)))
    return 0


def _check_last_success(options: Options) -> int:
    """Asks the ledger alone, which a run under way does not hold."""
    with options.open() as opened:
        last, now = opened.ledger.state().last_success, opened.clock.now()
        schedule = opened.settings.schedule
    is_late = last is None or now - last > schedule.alarm_after
    value = {
        "ok": not is_late,
        "last_success": last.isoformat() if last else None,
        "alarm_after_hours": schedule.alarm_after_hours,
    }
    said = f"last successful run: {local(last, schedule.zone, hours=True) if last else 'none yet'}"
    late = f"; that is more than {schedule.alarm_after_hours} hours ago" if is_late and last else ""
    emit(options, value, lambda: out.print(said + late))
    return 1 if is_late else 0


@app.command()
def explain(
    context: typer.Context,
    key: KeyArgument,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
    json: JsonOption = None,
) -> None:
    """Everything known and decided about one visual, and why."""
    options: Options = context.obj.with_later(config, as_of, None, json)
    with options.open() as opened:
        found = explain_one(opened.services, key)
    emit(options, found.to_json(), lambda: out.print(explanation_view(found, opened.settings.schedule.zone)))


@app.command()
def report(
    context: typer.Context,
    config: ConfigOption = None,
    source: SourceOption = None,
    json: JsonOption = None,
    runs: Annotated[int, typer.Option("--runs", min=1, help="How many of the newest runs.")] = 10,
    trial: Annotated[bool, typer.Option("--trial", help="What the trial of every source showed.")] = False,
) -> None:
    """What the newest runs planned and did, or what the trials showed."""
    options: Options = context.obj.with_later(config, None, source, json)
    with options.open() as opened:
        if trial:
            found = trials(opened.services)
            zone = opened.settings.schedule.zone
            emit(options, [t.to_json() for t in found], lambda: out.print(trial_view(found, zone)))
            return
        recorded = [e for e in opened.services.ledger.events() if isinstance(e, ev.RunFinished)][-runs:]
    value = [event_json(event) for event in recorded]
    emit(options, value, lambda: _show_runs(recorded, opened))


def _show_runs(recorded: list[ev.RunFinished], opened: App) -> None:
    if not recorded:
        out.print("No run has finished yet.")
    for event in recorded:
        when = local(event.at, opened.settings.schedule.zone, hours=True)
        out.print(f"[bold]{when}[/bold]  {event.run_id}  {event.outcome}")
        for line in ev.summary_lines(event):
            out.print(f"  {line}", markup=False)


@app.command()
def mode(
    context: typer.Context,
    new: Annotated[
        Mode | None, typer.Argument(metavar="[dry-run|live]", help="Leave out to see the modes.")
    ] = None,
    config: ConfigOption = None,
    source: SourceOption = None,
    reason: ReasonOption = "",
    json: JsonOption = None,
    yes: YesOption = None,
) -> None:
    """Show or switch the mode: dry-run plans and tells, live warns owners and deletes."""
    options: Options = context.obj.with_later(config, None, source, json, yes)
    with options.open() as opened:
        if new is None:
            state = opened.services.ledger.state()
            modes = {name: str(state.mode_of(name)) for name in sorted(opened.sources)}
            emit(
                options,
                modes,
                lambda: out.print("\n".join(f"{name}: {mode}" for name, mode in modes.items())),
            )
            return
        if not reason.strip():
            raise ConfigurationError("switching the mode needs a reason for the ledger: --reason TEXT")
        where = options.source or EVERYWHERE
        said = f"{where}: {new}"
        if new is Mode.LIVE:
            said = _go_live(opened, options, reason.strip())
        else:
            switch(opened.services, new, actor=actor(), reason=reason.strip(), source=options.source)
        modes = {name: str(opened.services.ledger.state().mode_of(name)) for name in sorted(opened.sources)}
    value = {"source": options.source, "mode": str(new), "said": said, "modes": modes}
    emit(options, value, lambda: out.print(said, markup=False))


def _go_live(opened: App, options: Options, reason: str) -> str:
    """A finished trial, and tonight's list seen and confirmed; a refusal is recorded."""
    services, name = opened.services, options.source or EVERYWHERE
    try:
        may_go_live(services)
        if not options.yes:
            _show_outlook(opened)
        confirm(options, f"From now on owners are warned and unused visuals deleted at {name}.", name)
        return go_live(services, actor=actor(), reason=reason, source=options.source)
    except RefusedForSafety as refusal:
        what, now = f"mode live: {name}", services.clock.now()
        refused = ev.RequestRefused(at=now, actor=actor(), what=what, code="refused", reason=str(refusal))
        services.ledger.append([refused])
        raise


def _show_outlook(opened: App) -> None:
    zone = opened.settings.schedule.zone
    found = outlook(opened.services)
    out.print(plan_view(found.plan, zone, lost_on_restore(opened.services, found.plan)))
    for line in outlook_lines(found, zone):
        out.print(line, markup=False)


@app.command()
def keep(
    context: typer.Context,
    key: KeyArgument,
    until: Annotated[str, typer.Option("--until", "-u", help="Keep it until this date.")],
    config: ConfigOption = None,
    reason: ReasonOption = "",
    json: JsonOption = None,
) -> None:
    """Keep a visual until a date, whatever the rules say."""
    options: Options = context.obj.with_later(config, None, None, json)
    with options.open() as opened:
        found, moment = _known(opened, key), moment_of(until, opened.settings)
        keep_until(opened.services, found, moment, actor=actor(), reason=reason)
    emit(
        options,
        {"key": key, "kept_until": moment.isoformat()},
        lambda: out.print(f"{key} is kept until {until}."),
    )


@app.command()
def exempt(
    context: typer.Context,
    key: KeyArgument,
    reason: ReasonOption,
    config: ConfigOption = None,
    json: JsonOption = None,
) -> None:
    """Exempt a visual until the exemption is revoked."""
    options: Options = context.obj.with_later(config, None, None, json)
    with options.open() as opened:
        exempt_one(opened.services, _known(opened, key), actor=actor(), reason=reason)
    emit(options, {"key": key, "exempt": True}, lambda: out.print(f"{key} is exempt: {reason}"))


@app.command()
def unexempt(
    context: typer.Context,
    key: KeyArgument,
    config: ConfigOption = None,
    reason: ReasonOption = "",
    json: JsonOption = None,
) -> None:
    """Revoke an exemption; the whole cycle starts afresh."""
    options: Options = context.obj.with_later(config, None, None, json)
    with options.open() as opened:
        unexempt_one(opened.services, _known(opened, key), actor=actor(), reason=reason)
    emit(options, {"key": key, "exempt": False}, lambda: out.print(f"{key} is no longer exempt."))


@app.command()
def restore(
    context: typer.Context,
    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help="source:type:native_id")] = None,
    config: ConfigOption = None,
    source: SourceOption = None,
    json: JsonOption = None,
    yes: YesOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that was deleted.")] = False,
    since: Annotated[
        str | None, typer.Option("--since", help="With --all: only what was deleted since this date.")
    ] = None,
) -> int:
    """Bring back what was deleted, from the platform's trash or from its backup."""
    options: Options = context.obj.with_later(config, None, source, json, yes)
    options.refuse_as_of("restore")
    if everything:
        if key is not None:
            raise ConfigurationError("restore either one KEY or --all, not both.")
        return _restore_all(options, since)
    if key is None or since is not None:
        raise ConfigurationError("restore needs a KEY, or --all with perhaps --since DATE.")
    with options.open() as opened, one_runner(opened.services) as lease:
        back = restore_one(opened.services, VisualKey.parse(key), actor=actor(), lease=lease)
    emit(
        options,
        [_restored_json(r) for r in back],
        lambda: out.print("\n".join(_restored_lines(back)), markup=False),
    )
    return 0


def _restore_all(options: Options, since: str | None) -> int:
    with options.open() as opened:
        moment = _start_of(since, opened) if since else None
        keys = removed_since(opened.services.ledger.state(), moment, options.source)
        if keys:
            if not options.json:
                out.print("\n".join(str(key) for key in keys), markup=False)
            confirm(options, f"{len(keys)} visual(s) will be brought back.", "restore all")
        with one_runner(opened.services) as lease:
            report = restore_many(opened.services, keys, actor=actor(), lease=lease)
    value = {
        "restored": [_restored_json(r) for r in report.restored],
        "failed": [{"key": str(failed), "reason": reason} for failed, reason in report.failed],
    }
    emit(options, value, lambda: out.print("\n".join(_all_lines(report)), markup=False))
    return 1 if report.failed else 0


def _start_of(text: str, opened: App) -> datetime:
    """A date means the beginning of that day where the team lives; a timestamp means itself."""
    moment = moment_of(text, opened.settings)
    is_day = len(text) == len("2026-01-31")
    return datetime.combine(moment.date(), time.min, opened.settings.schedule.zone) if is_day else moment


def _restored_json(report: RestoreReport) -> dict[str, object]:
    outcome = report.outcome
    return {"key": str(report.key), "native_id": outcome.native_id, "lost": list(outcome.lost)}


def _all_lines(report: RestoreAllReport) -> Iterator[str]:
    yield from _restored_lines(report.restored)
    for key, reason in report.failed:
        yield f"{key} could not be brought back: {reason}"
    yield f"{len(report.restored)} visual(s) are back, {len(report.failed)} failed."


def _restored_lines(back: Sequence[RestoreReport]) -> Iterator[str]:
    for report in back:
        yield f"{report.key} is back."
        for what in report.outcome.lost:
            yield f"  could not come back: {what}"


def _known(opened: App, text: str) -> VisualKey:
    """The key of a visual that exists, as far as can be told while a run may hold the warehouse.

    Protecting something must not have to wait: an unchecked key of a known source is taken at its word.
    """
    services, key = opened.services, VisualKey.parse(text)
    cases = services.ledger.state().cases
    if key in cases:
        return key
    try:
        return known_key(text, [*(f.key for f in services.warehouse.facts()), *cases])
    except StorageBusy:
        if key.source not in opened.sources:
            raise
        err.print(f"A run holds the warehouse, so {text} could not be looked up; recorded as written.")
        return key
