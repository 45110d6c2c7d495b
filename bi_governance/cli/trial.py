"""How a trial looks in a terminal: its progress and its regret as bars, and every visual that was wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import tzinfo

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bi_governance.cli.views import local
from bi_governance.trial import SourceTrial, WouldHaveGone

WIDTH = 30
MOST_LISTED = 40


def trial_view(trials: Sequence[SourceTrial], zone: tzinfo) -> RenderableType:
    """Every source's trial."""
    parts: list[RenderableType] = [part for trial in trials for part in _source(trial, zone)]
    return Group(*parts) if parts else Text("No source is configured.")


def _source(trial: SourceTrial, zone: tzinfo) -> Iterable[RenderableType]:
    yield Text(f"{trial.source} ({trial.mode})", style="bold")
    bars = Table.grid(padding=(0, 2))
    bars.add_row("trial", _progress(trial), Text(_how_long(trial, zone)))
    bars.add_row("would have gone", _regret(trial), Text(_how_much(trial)))
    yield bars
    yield Text(f"told about {trial.told} visual(s): {_named(trial.readers)}", style="dim")
    if trial.saved:
        counted = ", ".join(f"{count} {code}" for code, count in trial.saved.items())
        yield Text(f"saved by the warning: {counted}", style="dim")
    if trial.gone:
        yield _listed(trial.gone, zone)
    yield Text("")


def bar(*parts: tuple[int, str], whole: int) -> Text:
    """Lengths of a bar in colours, the rest dotted; a part that is not nothing is always seen."""
    drawn, left = Text(), WIDTH
    for part, style in parts:
        length = min(max(round(WIDTH * part / whole), 1), left) if part and whole else 0
        drawn.append("█" * length, style)
        left -= length
    return drawn.append("·" * left, "dim")


def _progress(trial: SourceTrial) -> Text:
    done, needed = min(trial.lasted, trial.needed).days, trial.needed.days
    style = "green" if trial.is_complete else "yellow"
    return bar((max(done, 1) if trial.is_complete else done, style), whole=max(needed, 1))


def _regret(trial: SourceTrial) -> Text:
    missed, all_ = len(trial.regrets), len(trial.gone)
    return bar((missed, "red"), (all_ - missed, "cyan"), whole=all_)


def _how_long(trial: SourceTrial, zone: tzinfo) -> str:
    lasted = f"{trial.lasted.days} of {trial.needed.days} days"
    if trial.is_too_old:
        return f"{lasted}, too old: a new one is needed"
    if trial.is_complete:
        return f"{lasted}, completed on {local(trial.complete_at, zone)}" if trial.began else "not needed"
    if trial.began is None:
        return f"{lasted}; it begins with the next run in dry-run"
    return f"{lasted}, complete from {local(trial.complete_at, zone)}"


def _how_much(trial: SourceTrial) -> str:
    missed, all_ = len(trial.regrets), len(trial.gone)
    if not all_:
        return "nothing yet"
    return f"{all_}, of which {missed} wanted after all ({100 * trial.regret_share:.0f}%)"


def _named(readers: Sequence[str]) -> str:
    more = f" and {len(readers) - 8} more" if len(readers) > 8 else ""
    return (", ".join(readers[:8]) or "nobody") + more


def _listed(gone: Sequence[WouldHaveGone], zone: tzinfo) -> RenderableType:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1))
    for column in ("visual", "would have gone", "wanted", "how"):
        table.add_column(column, overflow="fold")
    for each in gone[:MOST_LISTED]:
        style = "red" if each.wanted_at else "dim"
        by = f" ({each.actor})" if each.how and each.actor not in ("", "bi-governance") else ""
        table.add_row(
            Group(Text(each.title or "untitled"), Text(str(each.key), style="dim")),
            local(each.at, zone),
            Text(local(each.wanted_at, zone), style=style),
            Text(f"{each.how}{by}", style=style),
        )
    if len(gone) > MOST_LISTED:
        table.add_row(Text(f"and {len(gone) - MOST_LISTED} more; --json lists all"), "", "", "")
    return table
