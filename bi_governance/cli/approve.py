"""The command with which an admin approves deletions, where limits.approval asks for that."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bi_governance import drift
from bi_governance.approve import Approval, Waiting, must_be_asked_for, waiting
from bi_governance.approve import approve as approve_these
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
from bi_governance.cli.work import text_of
from bi_governance.ports import Services


@app.command()
def approve(
    context: typer.Context,
    config: ConfigOption = None,
    source: SourceOption = None,
    json: JsonOption = None,
    yes: YesOption = None,
    plan_file: Annotated[
        Path | None,
        typer.Option("--plan", help="Only what this plan (from `plan -o`) lists as waiting, if unchanged."),
    ] = None,
) -> int:
    """Approve the deletions that are due, where limits.approval asks for that."""
    options: Options = context.obj.with_later(config, None, source, json, yes)
    options.refuse_as_of("approve")
    written = drift.read(text_of(plan_file), str(plan_file)) if plan_file else None
    with options.open() as opened:
        services = opened.services
        must_be_asked_for(services)
        listed = waiting(services) if written is None else _written(written, services)
        done = Approval((), ())
        if listed.items:
            if not options.json:
                out.print("\n".join(listed.lines(opened.settings.schedule.zone)), markup=False)
            word = f"approve {len(listed.items)}"
            confirm(options, f"{len(listed.items)} visual(s) may be deleted by the next run.", word)
            done = approve_these(services, listed, actor())
    emit(options, _json(listed, done), lambda: out.print("\n".join(_lines(listed, done)), markup=False))
    return 0


def _written(written: drift.Written, services: Services) -> Waiting:
    drift.must_be_current(written, services.config_digest, services.limits.plan_max_age, services.clock.now())
    return Waiting(written.waiting, written.modes)


def _lines(listed: Waiting, done: Approval) -> list[str]:
    if not listed.items:
        return ["Nothing waits for an approval."]
    return [
        *(f"Not approved: {d.key}: {d.reason}" for d in done.dropped),
        f"Approved {len(done.approved)} deletion(s); the next run that may carries them out.",
    ]


def _json(listed: Waiting, done: Approval) -> dict[str, Any]:
    return {
        "list_digest": listed.digest,
        "approved": [str(key) for key in done.approved],
        "dropped": [{"key": str(d.key), "reason": d.reason} for d in done.dropped],
    }
