"""Commands about the Slack workspace."""

from __future__ import annotations

from typing import Annotated

import typer

from bi_governance.cli.main import ConfigOption, JsonOption, Options, app, emit, out
from bi_governance.invite import SyncPlan, foresee
from bi_governance.invite import sync as sync_room

SHOWN = 20
OPENING = {
    "create": ("created", "would be created"),
    "join": ("joined", "would be joined"),
}
ANNOUNCEMENT = {
    "post": ("posted", "would be posted"),
    "edit": ("brought up to date", "would be brought up to date"),
    "pin": ("pinned", "would be pinned"),
}

slack = typer.Typer(help="The workspace people are told in.", no_args_is_help=True)
app.add_typer(slack, name="slack")


@slack.command()
def sync(
    context: typer.Context,
    config: ConfigOption = None,
    json: JsonOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
) -> None:
    """Set up the deprecation channel and invite everybody who uses the BI tools."""
    options: Options = context.obj.with_later(config, None, None, json)
    options.refuse_as_of("slack sync")
    with options.open() as opened:
        room, wanted = opened.room()
        users = opened.warehouse.bi_users()
        plan = (foresee if dry_run else sync_room)(room, wanted, users)
    emit(options, _json(plan, dry_run=dry_run), lambda: _show(plan, foreseen=dry_run))


def _json(plan: SyncPlan, *, dry_run: bool) -> dict[str, object]:
    return {
        "channel": plan.channel,
        "dry_run": dry_run,
        "opening": plan.opening,
        "topic": plan.topic,
        "purpose": plan.purpose,
        "announcement": list(plan.announcement),
        "invited": sorted(plan.invite.values()),
        "present": plan.present,
        "not_invited": [{"who": left.who, "why": left.why} for left in plan.left_out],
        "robots": plan.robots,
        "inactive": plan.inactive,
    }


def _show(plan: SyncPlan, *, foreseen: bool) -> None:
    for line in _lines(plan, foreseen=foreseen):
        out.print(line, markup=False, soft_wrap=True)


def _lines(plan: SyncPlan, *, foreseen: bool) -> list[str]:
    tense = 1 if foreseen else 0
    lines = [f"{plan.channel}: {OPENING[plan.opening][tense] if plan.opening else 'is there'}"]
    for what, text in (("topic", plan.topic), ("purpose", plan.purpose)):
        if text is not None:
            lines.append(f"The {what} {'would be' if foreseen else 'is now'}: {text}")
    if plan.announcement:
        unless = ", unless it is there already" if foreseen and plan.opening == "join" else ""
        done = " and ".join(ANNOUNCEMENT[step][tense] for step in plan.announcement)
        lines.append(f"The announcement: {done}{unless}")
    total = len(plan.invite) + plan.present + len(plan.left_out)
    invited = "would be invited" if foreseen else "invited"
    lines.append(
        f"Of {total:,} people who use the BI tools: {len(plan.invite):,} {invited}, "
        f"{plan.present:,} were there, {len(plan.left_out):,} cannot be invited."
    )
    lines.append(f"Left out: {plan.robots:,} robots, {plan.inactive:,} people with a disabled account.")
    lines.extend(f"  {left.who}: {left.why}" for left in plan.left_out[:SHOWN])
    if len(plan.left_out) > SHOWN:
        lines.append(f"  … and {len(plan.left_out) - SHOWN:,} more; --json lists them all")
    return lines if not plan.is_done else [*lines, "Nothing to change."]
