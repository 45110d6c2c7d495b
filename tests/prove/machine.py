"""The product machine: worlds from seeds until enough days were lived, and what went wrong cut short."""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path

from bi_governance.ports import Services
from tests.prove.play import play
from tests.prove.script import Script, draw, smaller
from tests.servers.postgres import PostgresServer

DAYS_PER_WORLD = 60
Tell = Callable[[str], None]
# Makes the URL of an empty ledger, or None for a SQLite file beside everything else.
Ledgers = Callable[[], str | None]


@dataclass(slots=True)
class Outcome:
    """What all worlds came to."""

    tally: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def figures(self) -> Iterator[tuple[str, object]]:
        """Name and figure, in the order in which people read them."""
        t = self.tally
        yield "simulated days", t["days"]
        yield "runs", t["runs"]
        yield "runs in which a server misbehaved", t["faults"]
        yield "kills", t["kills"]
        yield "warnings delivered", t["told: warning"]
        yield (
            "reminders and news delivered",
            sum(n for kind, n in t.items() if kind.startswith("told: ") and kind != "told: warning"),
        )
        yield "rescues", t["event visual.rescued"]
        yield "deletions, by the servers", t["removed at the servers"]
        yield "deletions of a trial", t["event removal.simulated"]
        yield "deletions refused at the last moment", t["event removal.refused"]
        yield "restores", t["event restore.done"]
        yield "sources vetoed", t["event source.vetoed"]
        yield "answers on Slack", t["event answer.given"]
        yield "approvals by an admin", t["approvals"]
        yield "mode switches", t["event mode.changed"]
        yield "violations", len(self.violations)
        yield "minutes", round(self.seconds / 60, 1)


@contextmanager
def ledgers(kind: str) -> Iterator[Ledgers]:
    """Where worlds keep their ledgers: `sqlite` files, or databases of one PostgreSQL."""
    if kind == "sqlite":
        yield lambda: None
        return
    with PostgresServer() as server:
        numbers = count()
        yield lambda: server.create_database(f"world_{next(numbers)}")


def prove(
    days: int,
    seed: int,
    *,
    ledger: Ledgers = lambda: None,
    tell: Tell = lambda _: None,
    is_whole: bool = False,
    days_per_world: int = DAYS_PER_WORLD,
    share: float | None = None,
    minutes: float = float("inf"),
) -> Outcome:
    """Live so many days in worlds of consecutive seeds; `is_whole` with the real warehouse and dbt.

    `share` is that of days with a run, where it is not left to the seed. After `minutes` no world begins.
    """
    outcome, begun = Outcome(), time.monotonic()
    for number in count(seed):
        length = min(days_per_world, days - outcome.tally["days"])
        if length <= 0 or outcome.seconds > minutes * 60:
            break
        script = draw(number, max(length - 2, 1), share)
        tally, violations = live(script, ledger=ledger, is_whole=is_whole)
        outcome.tally.update(tally)
        outcome.seconds = time.monotonic() - begun
        tell(f"seed {number}: {outcome.tally['days']} days, {outcome.seconds:.0f} s")
        if violations:
            outcome.violations += [f"seed {number}: {each}" for each in violations]
            tell("\n".join(outcome.violations))
            break
    return outcome


def live(
    script: Script,
    *,
    ledger: Ledgers = lambda: None,
    is_whole: bool = False,
    sabotage: Callable[[Services], Services] = lambda services: services,
) -> tuple[Counter[str], list[str]]:
    """One world; what it came to, and what the judge objected to."""
    with tempfile.TemporaryDirectory(prefix="prove-") as folder:
        world = play(
            script,
            Path(folder),
            ledger=ledger(),
            is_whole=is_whole,
            sabotage=sabotage,
        )
        return world.tally, world.judge.violations


def shrink(script: Script, fails: Callable[[Script], bool], attempts: int = 60) -> Script:
    """The smallest script found within so many worlds that still goes wrong."""
    while attempts > 0:
        for less in smaller(script):
            attempts -= 1
            if attempts < 0:
                return script
            if fails(less):
                script = less
                break
        else:
            return script
    return script


def told(script: Script) -> str:
    """The script for people, one line for each day on which anything happens."""
    lines = [json.dumps(script.settings)]
    for number, day in enumerate(script.days):
        acts = ", ".join(f"{act.what} {act.number}" for act in day.acts)
        run = day.run and {k: v for k, v in asdict(day.run).items() if v}
        if acts or run is not None or day.is_quiet:
            lines.append(f"day {number}: {acts}{' (quiet)' if day.is_quiet else ''}; run {run}")
    return "\n".join(lines)
