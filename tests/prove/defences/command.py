"""`scripts/prove defences`: takes every defence away, one at a time, and expects its tests to fail."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from tests.prove.defences import catalogue, removing


def add_options(parser: argparse.ArgumentParser) -> None:
    rows = (0, *catalogue.ROWS)
    words = "only this one, may be repeated; 0 stands for those without a number"
    parser.add_argument("--row", type=int, action="append", choices=rows, metavar="N", help=words)
    parser.add_argument("--jobs", type=int, default=1, help="how many at once, each in its own copy")
    parser.add_argument(
        "--table", action="store_true", help="print the table of docs/safety.md and try nothing"
    )


def prove(options: argparse.Namespace) -> int:
    """Exit status 0 when no defence can be taken away unnoticed, else 1."""
    failures = catalogue.read()
    if options.table:
        _say(catalogue.table(failures).rstrip("\n"))
        return 0
    wanted = [f for f in failures if not options.row or (f.row or 0) in options.row]
    defences = [(f.row, defence) for f in wanted for defence in f.defences if defence.removals]
    with tempfile.TemporaryDirectory(prefix="defences-") as folder:
        free = removing.copies(options.jobs, Path(folder))
        if problem := _unchanged(defences, free):
            _say(problem)
            return 1
        results = removing.try_all(defences, free, options.jobs, lambda text: _say(text, sys.stderr))
    return report(results)


def _unchanged(defences: Sequence[tuple[int | None, catalogue.Defence]], free: removing.Free) -> str:
    """What is wrong with the tests while every defence stands; they must pass."""
    tests = sorted({test for _, defence in defences for test in defence.fails})
    _say(f"{len(tests)} tests with every defence in place", sys.stderr)
    copy = free.get()
    outcome = removing.run(tests, copy, timeout=removing.TIMEOUT_SECONDS * 4)
    free.put(copy)
    return "" if outcome.status == 0 else f"The tests do not pass as they are:\n{outcome.said[-4000:]}"


def report(results: Sequence[removing.Result]) -> int:
    """Print how each ended; the exit status."""
    _say("| # | taken away | where | tests | result |\n| --- | --- | --- | --- | --- |")
    for result in results:
        files = ", ".join(dict.fromkeys(removal.file for removal in result.defence.removals))
        tests = ", ".join(test.partition("::")[2] for test in result.defence.fails)
        word = result.problem.splitlines()[0] if result.problem else "fail"
        _say(f"| {result.row or ''} | {result.defence.text} | {files} | {tests} | {word} |")
    survived = [result for result in results if result.problem]
    rows = len({result.row for result in results if result.row})
    _say(f"{len(results)} defences of {rows} rows taken away, {len(survived)} not noticed")
    return 1 if survived else 0


def _say(text: str, where: TextIO | None = None) -> None:
    where = where or sys.stdout
    where.write(f"{text}\n")
    where.flush()
