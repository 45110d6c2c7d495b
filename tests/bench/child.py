"""A program run to its end in a process of its own, with the time and memory it took."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Used:
    """Wall-clock and processor seconds, the most memory held at any moment (MiB), and what it printed."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    output: str


def measured(command: Sequence[str], given: str = "") -> Used:
    """Run a command with `given` as its input; raises CalledProcessError when it fails.

    The peak is the kernel's own figure for that process (and for children it waited for).
    """
    began = time.perf_counter()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(given)
        process.stdin.close()
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command), output)
    return Used(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output)


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs a module of this package."""
    return [sys.executable, "-m", f"tests.bench.{name}", *arguments]


def note(text: str) -> None:
    """Progress, on stderr: what is printed on stdout is the result."""
    sys.stderr.write(f"  {text}\n")
    sys.stderr.flush()
