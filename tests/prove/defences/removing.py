"""Taking defences away in copies of the checkout, and seeing which tests fail."""

from __future__ import annotations

import importlib.util
import os
import queue
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.prove.defences.catalogue import ROOT, Defence, Removal

# What the tests neither read nor need, and what would be large.
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".cache", ".*_cache", ".hypothesis", "__pycache__", "data", "mutants", "target", "logs"
)
# What has to be there and is not copied: the interpreter's environment, and servers that were built once.
LINKED = (".venv", ".cache")
TIMEOUT_SECONDS = 900
Free = queue.Queue[Path]
_FAILED = re.compile(r"^FAILED (\S+?::[\w:]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the tests ended: pytest's exit status (None: it had to be stopped), and which tests failed."""

    status: int | None
    failed: frozenset[str]
    said: str


@dataclass(frozen=True, slots=True)
class Result:
    """One defence taken away; `problem` is empty when every test of it failed."""

    row: int | None
    defence: Defence
    problem: str
    seconds: float


def copies(count: int, folder: Path, root: Path = ROOT) -> Free:
    """So many copies of the sources below `folder`, to be taken and put back."""
    free: Free = queue.Queue()
    for number in range(count):
        copy = folder / f"copy-{number}"
        shutil.copytree(root, copy, ignore=LEFT_OUT, symlinks=True)
        for name in LINKED:
            if (root / name).exists() and not (copy / name).exists():
                (copy / name).symlink_to((root / name).resolve())
        free.put(copy)
    return free


def run(tests: Sequence[str], copy: Path, timeout: float = TIMEOUT_SECONDS) -> Outcome:
    """The tests in a process of its own, on the sources of the copy."""
    command = [sys.executable, "-m", "pytest", "-q", "--tb=no", "-rf", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    try:
        ended = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        return Outcome(None, frozenset(), f"not over after {timeout:g} seconds")
    said = ended.stdout + ended.stderr
    return Outcome(ended.returncode, frozenset(_FAILED.findall(ended.stdout)), said)


@contextmanager
def taken_away(removals: Sequence[Removal], copy: Path) -> Iterator[None]:
    """The sources without the defence, for as long as the block lasts."""
    before = {copy / removal.file: (copy / removal.file).read_text("utf-8") for removal in removals}
    try:
        for removal in removals:
            _write(copy / removal.file, without((copy / removal.file).read_text("utf-8"), removal))
        yield
    finally:
        for file, text in before.items():
            _write(file, text)


def without(text: str, removal: Removal) -> str:
    """The text of the file once the removal is made; ValueError unless its piece is there exactly once."""
    if (times := text.count(removal.old)) != 1:
        raise ValueError(f"{removal.file} holds what is to be removed {times} times:\n{removal.old}")
    return text.replace(removal.old, removal.new)


def _write(file: Path, text: str) -> None:
    """Written, and not taken for what was compiled a moment ago: that is told apart by size and second."""
    file.write_text(text, "utf-8")
    if file.suffix == ".py":
        Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)


def verdict(outcome: Outcome, expected: Sequence[str]) -> str:
    """What is wrong with how the tests ended without their defence; empty when each failed, as it must.

    A test that could not even be collected did not fail: it says nothing about the defence.
    """
    if outcome.status is None:
        return f"STOPPED: {outcome.said}"
    survived = [test for test in expected if test not in outcome.failed]
    if outcome.status == 0 or (outcome.status == 1 and survived):
        return f"SURVIVED: {', '.join(survived)}"
    if outcome.status != 1:
        return f"BROKEN: pytest ended with status {outcome.status}\n{outcome.said[-2000:]}"
    return ""


def try_all(
    defences: Sequence[tuple[int | None, Defence]],
    free: Free,
    jobs: int,
    tell: Callable[[str], None],
) -> list[Result]:
    """Take each defence away by itself, several at once, and put it back."""

    def attempt(number: int) -> Result:
        row, defence = defences[number]
        copy, begun = free.get(), time.monotonic()
        try:
            with taken_away(defence.removals, copy):
                problem = verdict(run(defence.fails, copy), defence.fails)
        finally:
            free.put(copy)
        seconds = time.monotonic() - begun
        word = problem or "fails, as it must"
        tell(f"{number + 1}/{len(defences)} row {row or '-'}: {defence.text}: {word} ({seconds:.1f} s)")
        return Result(row, defence, problem, seconds)

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(attempt, range(len(defences))))
