"""What playing the demo takes."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from bi_governance.sandbox.demo import RUNS
from tests.bench.child import measured, note
from tests.bench.table import show


def bench() -> None:
    """Run `bi-governance demo` once and print its run time and memory; fails when the demo does."""
    note("bi-governance demo")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        program = str(Path(sys.executable).with_name("bi-governance"))
        used = measured([program, "demo", "--directory", f"{folder}/demo"])
    row = [f"{used.seconds:.1f}", f"{used.cpu_seconds:.1f}", f"{used.peak_mib:.0f}"]
    show(
        f"Demo: {len(RUNS)} daily runs",
        ["", "seconds", "CPU seconds", "peak MiB"],
        [["bi-governance demo", *row]],
    )
