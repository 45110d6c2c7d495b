"""How near collecting a Looker comes to what the platform allows, and whether memory grows with its size."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bi_governance.connectors.looker.client import CONCURRENCY
from tests.bench.child import CHECKOUT, Used, measured, module, note
from tests.bench.table import show

DASHBOARDS, LOOKS_PER_DASHBOARD = 10_000, 1 / 3
LATENCY_MS = 50
EVENTS = 20_000
SIZES = (1_000, 10_000, 100_000)


class CollectionWentWrong(Exception):
    """A collection that was measured did not read everything, so its figures mean nothing."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One collection: what the process used, how many calls it made, what it said about itself."""

    visuals: int
    used: Used
    calls: int
    said: Mapping[str, Any]
    bare_seconds: float = 0.0


def bench(concurrencies: tuple[int, ...] = (1, CONCURRENCY, 8)) -> None:
    """Measure against the ideal at several concurrencies, then memory at several sizes; print both."""
    visuals = round(DASHBOARDS * (1 + LOOKS_PER_DASHBOARD))
    with _server(visuals) as server:
        note("Looker: rehearsing the answers")
        _collected(server, visuals, max(concurrencies))
        _show_speed([(count, _timed(server, visuals, count)) for count in concurrencies])
    _show_memory([_sized(size) for size in SIZES])


def _timed(server: _Server, visuals: int, concurrency: int) -> Measured:
    """A collection whose every answer takes its time, then as many bare calls."""
    note(f"Looker: {visuals:,} visuals, {LATENCY_MS} ms an answer, {concurrency} calls at once")
    server.ask(f"slow {LATENCY_MS}")
    run = _collected(server, visuals, concurrency)
    counted = server.ask("count")
    # Which pages beyond the end of a search are asked for is a matter of luck.
    if counted["worked_out"] > run.calls / 100:
        raise CollectionWentWrong(f"{counted['worked_out']} answers were not rehearsed, and took longer")
    return replace(run, bare_seconds=_bare({**server.source, "concurrency": concurrency}, run.calls))


def _sized(visuals: int) -> Measured:
    note(f"Looker: {visuals:,} visuals, without delay, {CONCURRENCY} calls at once")
    with _server(visuals) as server:
        return _collected(server, visuals, CONCURRENCY)


def _collected(server: _Server, visuals: int, concurrency: int) -> Measured:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        settings = {
            "warehouse": {"url": f"duckdb:///{folder}/warehouse.duckdb", "dbt_target": f"{folder}/dbt"},
            "ledger": {"url": f"sqlite:///{folder}/ledger.db"},
            "backups": {"url": f"file://{Path(folder)}/backups"},
            "sources": {"looker_prod": {**server.source, "concurrency": concurrency}},
        }
        before = server.ask("count")["requests"]
        used = measured(module("one_collection"), json.dumps({"now": server.now, "settings": settings}))
        said = json.loads(used.output)
        _must_be_whole(visuals, said)
        return Measured(visuals, used, server.ask("count")["requests"] - before, said)


def _bare(source: Mapping[str, Any], calls: int) -> float:
    """Seconds for the same number of calls, as many at once, without the product."""
    note(f"Looker: {calls:,} bare calls, {source['concurrency']} at once")
    used = measured(module("bare_calls"), json.dumps({**source, "calls": calls}))
    return float(json.loads(used.output)["seconds"])


def _must_be_whole(visuals: int, said: Mapping[str, Any]) -> None:
    found = said["rows"].get("looker_dashboard", 0) + said["rows"].get("looker_look", 0)
    if said["problems"] or found != visuals:
        raise CollectionWentWrong(f"{found} visuals of {visuals}: {'; '.join(said['problems'])}")


class _Server:
    """The sandbox's process: the source it says it is, and a line to it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        said = self._answer()
        self.now: str = said["now"]
        self.source: dict[str, Any] = said["looker"]

    def ask(self, order: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(order + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise CollectionWentWrong("the process of the sandbox server ended")
        return dict(json.loads(line))


@contextmanager
def _server(visuals: int) -> Iterator[_Server]:
    command = module("looker_server", str(visuals), str(EVENTS))
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    ) as process:
        try:
            yield _Server(process)
        finally:
            process.terminate()


def _show_speed(runs: list[tuple[int, Measured]]) -> None:
    rows = []
    for concurrency, run in runs:
        ideal, actual = run.calls * LATENCY_MS / 1000 / concurrency, run.said["seconds"]
        figures = (f"{run.calls:,}", f"{ideal:.1f}", f"{actual:.1f}", f"{actual / ideal:.2f}")
        bare = (f"{run.bare_seconds:.1f}", f"{actual / run.bare_seconds:.2f}")
        rows.append([f"{concurrency} at once", *figures, *bare, f"{run.used.cpu_seconds:.1f}"])
    show(
        f"Collecting a Looker of {DASHBOARDS:,} dashboards, {LATENCY_MS} ms an answer;"
        " ideal: calls / concurrency x latency",
        ["calls", "number of calls", "ideal", "seconds", "/ ideal", "bare calls", "/ bare", "CPU seconds"],
        rows,
    )


def _show_memory(runs: list[Measured]) -> None:
    smallest = runs[0].used.peak_mib
    show(
        f"Collecting into DuckDB with {EVENTS:,} access events: memory as the estate grows",
        ["visuals", "peak MiB", "against the smallest", "rows", "calls", "seconds"],
        [
            [
                f"{run.visuals:,}",
                f"{run.used.peak_mib:.0f}",
                f"{run.used.peak_mib / smallest:.2f}",
                f"{sum(run.said['rows'].values()):,}",
                f"{run.calls:,}",
                f"{run.said['seconds']:.0f}",
            ]
            for run in runs
        ],
    )
