"""What the demo shows and leaves behind: endings in a table, a chart, and files one can open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeGuard

import jinja2
from rich.bar import Bar
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bi_governance import events as ev
from bi_governance.explain import current_plan
from bi_governance.lifecycle import State
from bi_governance.model import Action, Facts, Mode, NoticeKind, VisualKey
from bi_governance.policy import NOT_REMOVABLE, Decision
from bi_governance.ports import Services
from bi_governance.run import gather
from bi_governance.run_report import RunReport
from bi_governance.sandbox.estate import Truth
from bi_governance.sandbox.slack import SlackSandbox

COLOURS = {"deleted": "red", "restored": "green", "rescued": "green", "kept": "cyan", "protected": "cyan"}
_QUIET = ("stays", "went along")
# Where a removed visual is until somebody wants it back; elsewhere it is only in our backup.
_WHERE = {"looker_prod": "in Looker's trash", "domo": "in quarantine"}
# What the demo itself does to two visuals changes what should become of them.
CHANGED = {"Warehouse move tracker": "restored", "Newsletter sign-ups": "rescued"}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One run in figures."""

    day: int
    at: datetime
    living: int
    warned: int
    deleted: int
    simulated: int
    rescued: int
    outcome: str
    seconds: float

    @classmethod
    def of(cls, day: int, at: datetime, report: RunReport, seconds: float) -> Snapshot:
        living = len(report.plan.decisions) - len(report.deleted.removed) if report.plan else 0
        trashed = sum(f.is_trashed for f in report.estate.facts) if report.estate else 0
        return cls(
            day,
            at,
            living - trashed,
            report.warned.delivered,
            len(report.deleted.removed),
            len(report.deleted.simulated),
            len(report.rescued),
            report.outcome,
            seconds,
        )


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of one visual, why, and what should have."""

    key: VisualKey
    title: str
    owner: str
    outcome: str
    why: str
    label: str
    expected: str

    @property
    def as_expected(self) -> bool:
        return self.expected in ("either", self.outcome)


def endings(services: Services, truths: Mapping[VisualKey, Truth]) -> list[Ending]:
    """The end of every visual's story, told from the ledger and the marts alone."""
    state = services.ledger.state()
    gathered = gather(services, state)
    estate = {facts.key: facts for facts in gathered.facts}
    plan = current_plan(services, state, gathered)
    decisions = {d.key: d for d in plan.decisions}
    told = []
    for key, truth in truths.items():
        decision = decisions.get(key)
        protected = decision is not None and decision.action is Action.PROTECT
        reason = str(decision.reasons[0]) if decision else ""
        outcome, why = _outcome(services, state, key, protected=protected, reason=reason)
        if outcome == "stays":
            outcome, why = _unusual(services, estate.get(key), decision) or (outcome, why)
        why = _by_title(why, estate)
        expected = CHANGED.get(truth.title, truth.expected)
        told.append(Ending(key, truth.title, truth.owner_email or "-", outcome, why, truth.label, expected))
    return sorted(told, key=lambda end: (end.outcome, end.key))


def _outcome(
    services: Services, state: State, key: VisualKey, *, protected: bool, reason: str
) -> tuple[str, str]:
    case = state.case(key)
    history = list(services.ledger.events(key=key))
    if case.removal is not None:
        warned = next((e for e in reversed(history) if _is_warning(e)), None)
        told = f"{warned.reader} told {warned.at:%d %b}" if warned else ""
        where = _WHERE.get(key.source, "in the backup")
        return "deleted", f"{case.removal.at:%d %b}, now {where}; {told}"
    if case.restored_at is not None:
        return "restored", f"on {case.restored_at:%d %b}, left alone until {case.immune_until:%d %b}"
    if case.kept_until is not None:
        return "kept", f"{case.kept_reason} (until {case.kept_until:%d %b %Y})"
    rescue = next((e for e in reversed(history) if isinstance(e, ev.Rescued | ev.Regretted)), None)
    if isinstance(rescue, ev.Rescued):
        return "rescued", rescue.reason
    if isinstance(rescue, ev.Regretted):
        return "rescued", f"{rescue.how} in the trial" if rescue.mode is Mode.DRY_RUN else rescue.how
    return ("protected" if protected else "stays"), reason


def _is_warning(event: ev.Event) -> TypeGuard[ev.NoticeDelivered]:
    """The message that started the grace clock, not a reminder of it."""
    return isinstance(event, ev.NoticeDelivered) and event.notice is NoticeKind.WARNING


def _unusual(services: Services, facts: Facts | None, decision: Decision | None) -> tuple[str, str] | None:
    """What is gone with its container, cannot be removed, or is dated by our first sight of it alone."""
    if facts is None or decision is None:
        return "went along", "with what contained it"
    obstacle = next((reason.text for reason in decision.reasons if reason.code == NOT_REMOVABLE), "")
    if obstacle and facts.key.type != "view":
        return "reported", f"unused, but {obstacle}"
    usage = decision.usage
    if usage.how == "created" and facts.created_at is None:
        needed = services.policy.idle_days
        return (
            "too early",
            f"of unknown age; unused for the {usage.idle.days} days we know it, not yet {needed}",
        )
    return None


def _by_title(text: str, estate: Mapping[VisualKey, Facts]) -> str:
    """The text with titles in place of keys."""
    named = (key for key in estate if str(key) in text)
    return next((text.replace(str(key), f"'{estate[key].title}'") for key in named), text)


def show_endings(ends: Sequence[Ending]) -> RenderableType:
    """Everything that did not simply stay or go along, one line each; the rest as counts."""
    table = Table(title="What happened to whom, and why", title_justify="left")
    for column in ("outcome", "visual", "owner", "why"):
        table.add_column(column, overflow="fold")
    for end in ends:
        if end.outcome not in _QUIET:
            colour = COLOURS.get(end.outcome, "")
            table.add_row(
                Text(end.outcome, style=colour),
                Text(f"{end.title}\n{end.key.source} {end.key.type}"),
                Text(end.owner.split("@")[0]),
                Text(end.why),
            )
    stayed, along = (sum(end.outcome == quiet for end in ends) for quiet in _QUIET)
    rest = (
        f"... and {stayed} that people, schedules or other content use simply stay;\n"
        f"{along} views went along with their workbooks."
    )
    return Group(table, Text(rest, style="dim"))


def chart(snapshots: Sequence[Snapshot]) -> RenderableType:
    """Run by run: how many visuals live, how many owners were told about, how many were deleted."""
    table = Table(title="Run by run (live from day 22)", title_justify="left")
    top = max(s.living for s in snapshots)
    for column in ("day", "living", "", "told about", "deleted", "rescued"):
        table.add_column(column, justify="left" if column in ("", "day") else "right")
    for s in snapshots:
        deleted = str(s.deleted) if s.deleted else f"({s.simulated})" if s.simulated else "-"
        bar = Bar(top, 0, s.living, width=30, color="blue")
        table.add_row(str(s.day), str(s.living), bar, str(s.warned or "-"), deleted, str(s.rescued or "-"))
    return Group(table, Text("(n): dry-run, would have been deleted.", style="dim"))


def write_files(
    folder: Path,
    ends: Sequence[Ending],
    snapshots: Sequence[Snapshot],
    slack: SlackSandbox,
    services: Services,
) -> list[Path]:
    """The report as a page and every Slack message as text; returns what is worth opening."""
    loader = jinja2.Environment(
        loader=jinja2.PackageLoader("bi_governance.sandbox"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    top = max(s.living for s in snapshots)
    page = loader.get_template("demo.html").render(
        ends=ends, snapshots=snapshots, top=top, events=list(services.ledger.events())
    )
    report, messages = folder / "report.html", folder / "messages.md"
    report.write_text(page, encoding="utf-8")
    messages.write_text(_messages(slack), encoding="utf-8")
    return [report, messages, folder / "plan.json", folder / "ledger.db", folder / "warehouse.duckdb"]


def _messages(slack: SlackSandbox) -> str:
    parts = ["# Every message Slack accepted during the demo\n"]
    for message in slack.messages():
        when = datetime.fromtimestamp(float(message.ts), tz=UTC)
        body = "\n\n".join(_texts(message.as_posted or message.blocks)) or message.text
        if message.as_posted:
            body += "\n\n*Changed since; now it reads:*\n\n" + "\n\n".join(_texts(message.blocks))
        parts.append(f"---\n\n**{when:%Y-%m-%d %H:%M} UTC to {_reader(slack, message.channel)}**\n\n{body}\n")
    return "\n".join(parts)


def _reader(slack: SlackSandbox, channel_id: str) -> str:
    channel = slack.channels[channel_id]
    if not channel.im:
        return f"#{channel.name}"
    people = [slack.members[member].real_name for member in channel.members if member != slack.bot_user_id]
    return ", ".join(people)


def _texts(blocks: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Every text of the blocks in reading order."""
    for block in blocks:
        text = block.get("text")
        if block.get("type") == "rich_text_section":
            yield "".join(_texts(block.get("elements", ())))
            continue
        if isinstance(text, Mapping):
            yield str(text.get("text", ""))
        elif isinstance(text, str):
            yield text
        elif block.get("type") == "date":
            yield str(block.get("fallback", ""))
        yield from _texts([*block.get("fields", ()), *block.get("elements", ())])
