"""The demo command: the whole process on built-in servers, with nothing to configure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bi_governance.cli.main import app, out


@app.command()
def demo(
    directory: Annotated[
        Path, typer.Option("--directory", "-d", help="Where the files to look at afterwards are written.")
    ] = Path("demo"),
) -> None:
    """Play a trial, warnings, rescues, deletions and a restore on built-in loopback servers."""
    # Only the demo needs web servers; every other command starts faster without them.
    from bi_governance.sandbox.demo import play  # noqa: PLC0415

    play(directory, out)
