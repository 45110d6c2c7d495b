"""Commands about the backups: whether they can be relied upon, and which may go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from bi_governance.cli.main import (
    ConfigOption,
    JsonOption,
    Options,
    SourceOption,
    YesOption,
    actor,
    app,
    confirm,
    emit,
    out,
)
from bi_governance.cli.work import run_stage
from bi_governance.drill import DrillReport, sample, settle_drills
from bi_governance.drill import drill as drill_these
from bi_governance.errors import ConfigurationError
from bi_governance.model import VisualKey
from bi_governance.reliance import backup_of
from bi_governance.run import new_run_id, one_runner, purge_stage
from bi_governance.verify import VerifyReport
from bi_governance.verify import verify as verify_all

backups = typer.Typer(help="The backups of what was deleted.", no_args_is_help=True)
app.add_typer(backups, name="backups")

SHOWN = 50


@backups.command()
def verify(
    context: typer.Context, config: ConfigOption = None, source: SourceOption = None, json: JsonOption = None
) -> int:
    """Read every backup a restore could need; exit status 1 when one is missing, damaged or another's."""
    options: Options = context.obj.with_later(config, None, source, json)
    with options.open() as opened:
        report = verify_all(opened.services, source=options.source)
    emit(options, report.to_json(), lambda: out.print("\n".join(_verified(report)), markup=False))
    return 1 if report.wrong else 0


@backups.command()
def show(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="source:type:native_id")],
    config: ConfigOption = None,
) -> None:
    """Print the manifest of a deleted visual's backup, an encrypted one's too, and which files it holds."""
    options: Options = context.obj.with_later(config)
    with options.open() as opened:
        case = opened.services.ledger.state().case(VisualKey.parse(key))
        path = backup_of(case)
        if not path:
            raise ConfigurationError(f"there is no backup of {key}; see: bi-governance status")
        saved = opened.services.backups.load(path)
    files = {name: len(content) for name, content in saved.files.items()}
    value = {"path": path, "files": files, "manifest": dict(saved.manifest)}
    emit(Options(json=True), value, lambda: None)


def _verified(report: VerifyReport) -> Iterator[str]:
    yield f"{report.whole} backup(s) are whole, {len(report.wrong)} are not."
    for checked in report.wrong:
        yield f"  {checked.condition}: {checked.key}: {checked.detail}"
    if report.without:
        yield f"{len(report.without)} visual(s) were deleted without a backup (allow_unrecoverable):"
        yield from (f"  {key}" for key in report.without[:SHOWN])
    if report.orphans:
        yield (
            f"{len(report.orphans)} file(s) belong to no deletion in this ledger, for instance because it "
            "was refused after its backup; nothing deletes them:"
        )
        yield from (f"  {path}" for path in report.orphans[:SHOWN])
        if len(report.orphans) > SHOWN:
            yield f"  and {len(report.orphans) - SHOWN} more (--json lists all)"


@backups.command()
def purge(
    context: typer.Context, config: ConfigOption = None, source: SourceOption = None, json: JsonOption = None
) -> int:
    """Delete the backups that are kept longer than promised, where live; a part of every daily run."""
    options: Options = context.obj.with_later(config, None, source, json)
    options.refuse_as_of("backups purge")
    if not options.settings().backups.purge:
        raise ConfigurationError("backups are kept for ever; to have them purged, set backups.purge: true.")
    return run_stage(options, purge_stage)


@backups.command()
def drill(
    context: typer.Context,
    config: ConfigOption = None,
    source: SourceOption = None,
    json: JsonOption = None,
    yes: YesOption = None,
    size: Annotated[int, typer.Option("--sample", "-n", min=1, help="How many backups to try.")] = 5,
) -> int:
    """Rebuild copies from backups, compare them, remove them; exit status 1 when one is not as saved."""
    options: Options = context.obj.with_later(config, None, source, json, yes)
    options.refuse_as_of("backups drill")
    with options.open() as opened:
        services = opened.services
        keys = sample(services.ledger.state(), size, options.source)
        if keys:
            confirm(options, f"Copies of {len(keys)} deleted visual(s) will be made for a moment.", "drill")
        with one_runner(services) as lease:
            settle_drills(services, services.ledger.state(), lease, new_run_id(services.clock.now()))
            report = drill_these(services, keys, actor=actor(), lease=lease)
    emit(options, report.to_json(), lambda: out.print("\n".join(_drilled(report)), markup=False))
    return 1 if report.different or report.failed else 0


def _drilled(report: DrillReport) -> Iterator[str]:
    for key in report.same:
        yield f"{key}: came back as it was saved."
    for key, differences in report.different.items():
        yield f"{key}: came back, but for:"
        yield from (f"  {difference}" for difference in differences)
    for key, reason in report.failed.items():
        yield f"{key}: could not be rebuilt: {reason}"
    for key, reason in report.impossible.items():
        yield f"{key}: not possible here, because {reason}."
    tried = len(report.same) + len(report.different) + len(report.failed)
    yield f"{tried} backup(s) tried, {len(report.same)} came back as saved; the copies are removed again."
