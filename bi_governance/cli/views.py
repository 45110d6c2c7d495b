"""How things look in a terminal: tables that fit, times in the team's zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from bi_governance.events import NoticeDelivered
from bi_governance.explain import Explanation, Status, event_json
from bi_governance.guards import Veto
from bi_governance.model import Action, Coverage
from bi_governance.notify.message import Item, Message
from bi_governance.outlook import Outlook
from bi_governance.plan import Plan
from bi_governance.policy import Decision
from bi_governance.ports import Probe
from bi_governance.run_report import RunReport, summary
from bi_governance.usage import KnownUse

OF_USE = ", ".join(KnownUse)
COLOURS = {
    "delete": "red",
    "warn": "yellow",
    "remind": "yellow",
    "rescue": "green",
    "protect": "cyan",
    "unknown": "magenta",
}


class BarProgress:
    """One line per feed while sources are read."""

    def __init__(self, console: Console) -> None:
        self.bars = Bars(
            SpinnerColumn(finished_text="·"),
            TextColumn("{task.description}"),
            TextColumn("{task.completed:,.0f} rows"),
            TextColumn("{task.fields[status]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._tasks: dict[tuple[str, str], int] = {}

    def update(self, source: str, feed: str, rows: int) -> None:
        self.bars.update(self._task(source, feed), completed=rows)  # type: ignore[arg-type]

    def done(self, source: str, feed: str, status: str) -> None:
        self.bars.update(self._task(source, feed), status=str(status))  # type: ignore[arg-type]

    def _task(self, source: str, feed: str) -> int:
        if (source, feed) not in self._tasks:
            task = self.bars.add_task(f"{source} {feed}", total=None, status="")
            self._tasks[source, feed] = int(task)
        return self._tasks[source, feed]


def local(moment: datetime | None, zone: tzinfo, *, hours: bool = False) -> str:
    """A moment where the team lives; a dash for none."""
    if moment is None:
        return "-"
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M" if hours else "%Y-%m-%d")


def plan_view(
    plan: Plan,
    zone: tzinfo,
    lost: Mapping[str, Mapping[str, Sequence[str]]],
    ahead: Iterable[Outlook] = (),
    *,
    everything: bool = False,
    rows: int = 60,
) -> RenderableType:
    """The plan: what happens to which visual, when, and why; what of it no restore brings back.

    And, with the outlooks `ahead`, from when deletions are possible at each source.
    """
    waits = set(plan.awaiting_approval())
    quiet = (Action.NONE, Action.PROTECT)
    shown = [d for d in plan.decisions if everything or d in waits or d.action not in quiet]
    table = Table(
        title=f"Plan as of {local(plan.as_of, zone, hours=True)}  ({plan.digest[:12]})", title_justify="left"
    )
    table.box, table.padding = SIMPLE_HEAD, (0, 1)
    for column in ("action", "deadline", "visual, and why"):
        table.add_column(column, overflow="fold")
    for decision in shown[:rows]:
        table.add_row(*_decision_cells(decision, zone))
    parts: list[RenderableType] = [table]
    if len(shown) > rows:
        parts.append(Text(f"... and {len(shown) - rows} more; --json or -o FILE shows all.", style="dim"))
    parts.append(
        Text(", ".join(f"{count} {action}" for action, count in plan.counts().items()) or "no visuals known")
    )
    parts.extend(
        Text(f"{source}: a restore cannot bring back, of {kind}s: {', '.join(words)}", style="yellow")
        for source, kinds in lost.items()
        for kind, words in kinds.items()
    )
    parts.extend(Text(sentence, style="cyan") for sentence in plan.only_reported())
    parts.extend(_veto_lines(plan.vetoes))
    parts.extend(Text(line, style="dim") for each in ahead for line in each.lines())
    modes = ", ".join(f"{source}: {mode}" for source, mode in sorted(plan.modes.items()))
    parts.append(Text(f"modes - {modes or 'no source configured'}", style="dim"))
    return Group(*parts)


def _veto_lines(vetoes: Iterable[Veto]) -> Iterable[RenderableType]:
    """Each veto, and after the last of a guard what to do about it."""
    for (source, guard), same in groupby(vetoes, key=lambda veto: (veto.source, veto.guard)):
        listed = list(same)
        yield from (Text(f"veto {source}: {guard} - {veto.reason}", style="magenta") for veto in listed)
        yield Text(f"  what to do: {listed[0].advice}", style="magenta")


def _decision_cells(decision: Decision, zone: tzinfo) -> tuple[RenderableType, ...]:
    action = Text(str(decision.action), style=COLOURS.get(decision.action, ""))
    why = Text("; ".join(str(r) for r in decision.reasons), style="dim")
    return action, local(decision.deadline, zone), Group(Text(str(decision.key)), why)


def run_view(report: RunReport) -> RenderableType:
    """What one run did."""
    title, lines = summary(report)
    return Panel(Text("\n".join(lines)), title=title, title_align="left", expand=False)


def status_view(status: Status, zone: tzinfo) -> RenderableType:
    """Sources, what is due next and what can be restored."""
    sources = Table(title=f"Sources at {local(status.at, zone, hours=True)}", title_justify="left")
    for column in ("source", "mode", "trial", OF_USE, "warned", "history proven", "deletions from"):
        sources.add_column(column)
    for s in status.sources:
        warned = s.actions.get("warn", 0) + s.actions.get("remind", 0)
        sources.add_row(
            f"{s.source} ({s.platform})",
            str(s.mode),
            f"{s.trial.days}/{s.trial_needed.days} d",
            ", ".join(str(s.use.get(each, 0)) for each in KnownUse),
            str(warned),
            f"{local(s.covered_from, zone)} .. {local(s.covered_through, zone)}",
            local(s.outlook.possible_from, zone),
        )
    parts: list[RenderableType] = [sources]
    for s in status.sources:
        parts.extend(_veto_lines(s.vetoes))
        parts.extend(Text(line, style="dim") for line in s.outlook.lines())
        if s.live_until is not None:
            until = local(s.live_until, zone)
            parts.append(Text(f"{s.source}: live until {until}, unless renewed", style="yellow"))
        if s.attention.asked:
            parts.append(Text(f"{s.source}: {s.attention}, of those whose date came lately", style="dim"))
    parts.extend(
        Text(f"rule '{name}' fits no visual: check how its match is written", style="yellow")
        for name in status.idle_rules
    )
    parts.extend(Text(sentence, style="yellow") for sentence in status.void_exemptions)
    parts.append(_due_table(status.due, zone))
    if status.restorable:
        listed = [f"{key}  (removed {local(at, zone)})" for key, at in status.restorable[:20]]
        parts.append(
            Panel(
                Text("\n".join(listed)),
                title="can be restored: bi-governance restore KEY",
                title_align="left",
            )
        )
    parts.append(Text(f"last successful run: {local(status.last_success, zone, hours=True)}", style="dim"))
    return Group(*parts)


def _due_table(due: Iterable[Decision], zone: tzinfo) -> RenderableType:
    listed = list(due)
    table = Table(title=f"Due next ({len(listed)})", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1))
    for column in ("now", "deadline", "visual, and why"):
        table.add_column(column, overflow="fold")
    for decision in listed[:20]:
        table.add_row(*_decision_cells(decision, zone))
    return table


def explanation_view(explanation: Explanation, zone: tzinfo) -> RenderableType:
    """Facts, coverage, rules, verdict and history of one visual."""
    grid = Table.grid(padding=(0, 2))
    for name, value in _facts_rows(explanation, zone):
        grid.add_row(Text(name, style="dim"), Text(value))
    history = Table(title="What happened", title_justify="left")
    for column in ("when", "event", "by", "details"):
        history.add_column(column, overflow="fold")
    for event in explanation.history:
        record = event_json(event)
        skip = {"at", "kind", "actor", "run_id", "key"}
        details = ", ".join(f"{k}={v}" for k, v in record.items() if k not in skip and v not in (None, ""))
        history.add_row(local(event.at, zone, hours=True), event.kind, event.actor, details)
    return Group(Panel(grid, title=str(explanation.key), title_align="left", expand=False), history)


def _facts_rows(explanation: Explanation, zone: tzinfo) -> Iterable[tuple[str, str]]:
    facts, decision = explanation.facts, explanation.decision
    if decision is not None:
        yield "verdict", f"{decision.action} ({explanation.mode})"
        for reason in decision.reasons:
            yield "because", str(reason)
        for sentence in explanation.otherwise:
            yield "would change it", sentence
        yield "deadline", local(decision.deadline, zone, hours=True)
        yield "proven idle", f"{decision.usage.idle.days} days since {local(decision.usage.idle_since, zone)}"
    for notice in explanation.told:
        yield "told", _told(notice, zone)
    for veto in explanation.vetoes:
        yield "veto", f"{veto.guard}: {veto.reason}"
        yield "what to do", veto.advice
    passing = [guard for guard, opinion in explanation.guards if opinion == "passes"]
    yield "guards that pass", ", ".join(passing) or "none"
    for name, result in explanation.rules:
        yield "rule", f"{name} - {result}"
    if facts is None:
        yield "facts", "not in the present inventory"
        return
    owner = facts.owner
    yield "title", facts.title
    yield "where", f"{facts.folder or '-'}  {facts.url}"
    yield "owner", (owner.email or owner.name or owner.id) if owner else "unknown"
    if facts.owner_groups is not None:
        yield "owner's groups", ", ".join(facts.owner_groups) or "none"
    holder = facts.folder_owner
    yield "folder's owner", (holder.email or holder.name or holder.id) if holder else "unknown"
    yield "last viewed", f"{local(facts.last_viewed_at, zone, hours=True)} by {facts.last_viewed_by or '-'}"
    yield "changed / created", f"{local(facts.updated_at, zone)} / {local(facts.created_at, zone)}"
    yield "contained in", ", ".join(map(str, facts.containers)) or "-"
    yield "history proven", _coverage_words(facts.coverage, zone)


def _told(notice: NoticeDelivered, zone: tzinfo) -> str:
    """Who got one notice, as what, and why it was they."""
    reader = notice.reader or notice.recipient
    where = f" ({notice.recipient})" if notice.recipient != reader else ""
    role = f" as {notice.role}" if notice.role else ""
    said = f"{notice.notice} on {local(notice.at, zone)} to {reader}{where}{role}"
    return f"{said}, with the longer grace, because {notice.succession}" if notice.succession else said


def _coverage_words(coverage: Coverage, zone: tzinfo) -> str:
    stretches = coverage.intervals[-5:]
    return ", ".join(f"{local(i.start, zone)} .. {local(i.end, zone)}" for i in stretches) or "nothing yet"


def probe_view(source: str, probes: Iterable[Probe]) -> RenderableType:
    """What doctor found at one source."""
    table = Table(title=source, title_justify="left")
    for column in ("check", "", "found", "what to do"):
        table.add_column(column, overflow="fold")
    for probe in probes:
        mark = Text("ok", style="green") if probe.ok else Text("no", style="red")
        # A vendor's error ends with its hint, which is the advice already.
        found = probe.detail.removesuffix(f" - {probe.advice}")
        table.add_row(probe.name, mark, found, "" if probe.ok else probe.advice)
    return table


def message_view(message: Message, reader: str) -> RenderableType:
    """A message as its reader would see it; nothing in it is read as markup."""
    parts: list[RenderableType] = [Text(message.title, style="bold"), Text(f"To: {reader}", style="dim")]
    parts.extend(Text(f"\n{paragraph}") for paragraph in message.paragraphs)
    parts.extend(part for item in message.items for part in _item_parts(item))
    parts.append(Text("\n" + " ".join(message.footer), style="dim"))
    return Panel(Group(*parts), expand=False)


def _item_parts(item: Item) -> Iterable[RenderableType]:
    yield Text(f"\n{item.title}", style="bold")
    if item.link:
        yield Text(item.link, style="blue")
    yield Text(" · ".join((item.key, *item.labels)), style="dim")
    facts = Table.grid(padding=(0, 2))
    for fact in item.facts:
        facts.add_row(Text(fact.name, style="dim"), Text(fact.text))
    yield facts
    if item.choices:
        yield Text("  ".join(f"[{choice.label}]" for choice in item.choices), style="cyan")
