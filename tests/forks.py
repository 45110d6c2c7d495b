"""Processes that have imported the product already: a fork starts in a tenth of a second, Python in some.

Everything a person would start is also started as a program of its own somewhere: by `tests/test_wheel.py`.
"""

import contextlib
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.hurry import hurry

PROCESSES = multiprocessing.get_context("forkserver")
# What takes long to import.
PROCESSES.set_forkserver_preload(
    [
        "bi_governance.cli",
        "bi_governance.scheduler",
        "bi_governance.transform",
        "bi_governance.connectors.domo",
        "bi_governance.connectors.looker",
        "bi_governance.connectors.powerbi",
        "bi_governance.connectors.superset",
        "bi_governance.connectors.tableau",
        "duckdb_sqlalchemy",
        "dbt.cli.main",
        "dbt.adapters.duckdb",
        "alembic.command",
        "tests.crash.child",
        "tests.parsed",
    ]
)


@dataclass(frozen=True, slots=True)
class Result:
    """How one command ended."""

    status: int
    out: str
    err: str


def command_line(
    *arguments: str, folder: Path, environment: Mapping[str, str], timeout: float = 120
) -> Result:
    """Run `bi-governance` with these arguments, in this folder and with nothing else in the environment.

    Raises TimeoutError when it does not end.
    """
    with tempfile.TemporaryDirectory() as said:
        process = PROCESSES.Process(
            target=_main, args=(arguments, folder, dict(environment), Path(said)), name="bi-governance"
        )
        process.start()
        process.join(timeout)
        status = process.exitcode
        if status is None:
            process.kill()
            process.join()
            raise TimeoutError(f"bi-governance {' '.join(arguments)} ran for more than {timeout} seconds")
        process.close()
        out, err = ((Path(said) / name).read_text(encoding="utf-8") for name in ("out", "err"))
    return Result(status, out, err)


def _main(arguments: Sequence[str], folder: Path, environment: Mapping[str, str], said: Path) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, name in ((1, "out"), (2, "err")):
        with (said / name).open("wb") as file:
            os.dup2(file.fileno(), number)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    sys.argv = ["bi-governance", *arguments]
    from bi_governance.cli import main  # noqa: PLC0415 - tests that start no process need not wait for it

    hurry()
    with contextlib.suppress(BrokenPipeError):
        main()
