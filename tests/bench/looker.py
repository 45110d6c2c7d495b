"""How near collecting a Looker comes to what the platform allows, and whether memory grows with its size."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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
    bare_seconds: float


def bench(concurrencies: tuple[int, ...] = (1, CONCURRENCY, 8)) -> None:
    """Measure against the ideal at several concurrencies, then memory at several sizes; print both."""
    visuals = round(DASHBOARDS * (1 + LOOKS_PER_DASHBOARD))
    _show_speed([(count, _collected(visuals, LATENCY_MS, count)) for count in concurrencies])
    _show_memory([_collected(size, 0, CONCURRENCY) for size in SIZES])


def _collected(visuals: int, latency_ms: int, concurrency: int) -> Measured:
    note(f"Looker: {visuals:,} visuals, {latency_ms} ms an answer, {concurrency} calls at once")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, _server(visuals, latency_ms) as server:
        facts = server.answer()
        source = {**facts["looker"], "concurrency": concurrency}
        settings = {
            "warehouse": {"url": f"duckdb:///{folder}/warehouse.duckdb", "dbt_target": f"{folder}/dbt"},
            "ledger": {"url": f"sqlite:///{folder}/ledger.db"},
            "backups": {"url": f"file://{Path(folder)}/backups"},
            "sources": {"looker_prod": source},
        }
        used = measured(module("one_collection"), json.dumps({"now": facts["now"], "settings": settings}))
        said = json.loads(used.output)
        _must_be_whole(visuals, said)
        calls = server.requests()
        return Measured(visuals, used, calls, said, _bare(source, calls) if latency_ms else 0.0)


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
    """The sandbox's process: what it said of itself, and a line to it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def requests(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self.answer()["requests"])

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise CollectionWentWrong("the process of the sandbox server ended")
        return dict(json.loads(line))


@contextmanager
def _server(visuals: int, latency_ms: int) -> Iterator[_Server]:
    command = module("looker_server", str(visuals), str(EVENTS), str(latency_ms))
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
