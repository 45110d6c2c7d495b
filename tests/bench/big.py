"""What daily runs over a big estate take - a first, a second, a deleting one - and whether memory grows."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.child import CHECKOUT, Used, measured, module, note
from tests.bench.table import show

# A week and a day after the first run, so that its warnings have run out.
DAYS_BETWEEN = (("first", 0), ("second, the next day", 1), ("third, a week later", 7))
STAGES = ("collect", "transform", "plan", "warn", "delete")


class RunWentWrong(Exception):
    """A run that was measured did not do what a daily run does, so its figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One daily run: what the process used, and what it said about itself."""

    name: str
    used: Used
    said: Mapping[str, Any]


def bench(visuals: int, events: int) -> None:
    """Measure three runs with all events and again with a tenth of them, and print both."""
    full, tenth = (list(_story(visuals, count)) for count in (events, events // 10))
    _show(visuals, events, full)
    _show(visuals, events // 10, tenth)
    rows = [
        [big.name, f"{small.used.peak_mib:.0f}", f"{big.used.peak_mib:.0f}", _times(big, small)]
        for small, big in zip(tenth, full, strict=True)
    ]
    head = ["run", f"peak MiB, {events // 10:,} events", f"peak MiB, {events:,} events", "ratio"]
    show("Memory as history grows tenfold", head, rows)


def _times(big: Measured, small: Measured) -> str:
    return f"{big.used.peak_mib / small.used.peak_mib:.2f}"


def _story(visuals: int, events: int) -> Iterator[Measured]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, _company(visuals, events) as company:
        for name, days in DAYS_BETWEEN:
            now = company.live(days) if days else company.facts["now"]
            note(f"{visuals:,} visuals, {events:,} events: {name} run")
            given = {"now": now, "go_live": not days, "settings": _settings(Path(folder), company.facts)}
            used = measured(module("one_run"), json.dumps(given))
            said = json.loads(used.output)
            _must_be_sound(name, visuals, said)
            yield Measured(name, used, said)


def _must_be_sound(name: str, visuals: int, said: Mapping[str, Any]) -> None:
    wrong = [*said["problems"], *said["vetoes"]]
    if said["visuals"] < visuals:
        wrong.append(f"planned {said['visuals']} visuals of {visuals}")
    if wrong or said["outcome"] != "done":
        raise RunWentWrong(f"the {name} run ended as {said['outcome']}: {'; '.join(wrong[:5])}")


class _Company:
    """The servers' process: what it said of itself, and a line to it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.facts = self._answer()

    def live(self, days: int) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{days}\n")
        self._process.stdin.flush()
        return str(self._answer()["now"])

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RunWentWrong("the process of the sandbox servers ended")
        return dict(json.loads(line))


@contextmanager
def _company(visuals: int, events: int) -> Iterator[_Company]:
    note(f"{visuals:,} visuals, {events:,} events: filling the sandbox servers")
    command = module("company", str(visuals), str(events))
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    ) as process:
        try:
            yield _Company(process)
        finally:
            process.terminate()


def _settings(folder: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "warehouse": {"url": f"duckdb:///{folder}/warehouse.duckdb", "dbt_target": f"{folder}/dbt"},
        "ledger": {"url": f"sqlite:///{folder}/ledger.db"},
        "backups": {"url": f"file://{folder}/backups"},
        "sources": {"looker_prod": facts["looker"], "superset": facts["superset"]},
        "slack": facts["slack"],
        "people": {"cache": f"{folder}/people.jsonl"},
        "trial": {"days": 0},
        "limits": {"ramp": None},
    }


def _show(visuals: int, events: int, runs: Sequence[Measured]) -> None:
    show(
        f"Daily run over {visuals:,} visuals with {events:,} access events on DuckDB: seconds (CPU seconds)",
        ["run", *STAGES, "whole process", "peak MiB"],
        [_row(run) for run in runs],
    )
    head = ["run", "peak MiB after collect", *STAGES[1:], "rows read", "told about", "deleted"]
    rows = [
        [
            run.name,
            *(f"{stage['peak_mib']:.0f}" for stage in run.said["stages"]),
            *(f"{run.said[figure]:,}" for figure in ("rows", "warned", "deleted")),
        ]
        for run in runs
    ]
    show("Highest memory so far after each stage, and what the run did", head, rows)


def _row(run: Measured) -> list[str]:
    stages = {stage["stage"]: stage for stage in run.said["stages"]}
    cells = [f"{stages[name]['seconds']:.1f} ({stages[name]['cpu']:.1f})" for name in STAGES]
    whole = f"{run.used.seconds:.1f} ({run.used.cpu_seconds:.1f})"
    return [run.name, *cells, whole, f"{run.used.peak_mib:.0f}"]
