"""Commands about the record itself: whether it is whole, and a copy of it for others."""

from __future__ import annotations

import csv
import json as json_text
import sys
from collections.abc import Callable, Iterable
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from bi_governance.cli.main import ConfigOption, JsonOption, Options, app, emit, out
from bi_governance.errors import StorageError
from bi_governance.events import Event
from bi_governance.explain import event_json

audit = typer.Typer(help="The ledger as evidence.", no_args_is_help=True)
app.add_typer(audit, name="audit")

Write = Callable[[dict[str, Any]], None]
COLUMNS = ("at", "kind", "actor", "run_id", "key")


class Format(StrEnum):
    """How the events are written: one JSON object a line, or a table whose last column is JSON."""

    JSONL = "jsonl"
    CSV = "csv"


@audit.command()
def verify(
    context: typer.Context,
    config: ConfigOption = None,
    json: JsonOption = None,
    head: Annotated[
        str | None,
        typer.Option("--head", help="A head noted earlier; finds out that events were cut off since."),
    ] = None,
) -> None:
    """Check every event against the hash chain; exit status 1 when one was changed or taken away."""
    options: Options = context.obj.with_later(config, None, None, json)
    with options.open() as opened:
        events, newest = opened.ledger.verify(head), opened.ledger.head()
    emit(
        options,
        {"events": events, "head": newest},
        lambda: out.print(
            f"{events} events, none of them changed or taken away.\nHead: {newest}\n"
            "Keep the head somewhere else: with --head it shows later that no event was cut off.",
            markup=False,
        ),
    )


@audit.command()
def export(
    context: typer.Context,
    config: ConfigOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to FILE instead of the terminal.")
    ] = None,
    format_: Annotated[Format, typer.Option("--format", "-f", help="How events are written.")] = Format.JSONL,
) -> None:
    """Write every event, oldest first: decisions, notices, answers, refusals, actions, mode changes."""
    options: Options = context.obj.with_later(config)
    with options.open() as opened:
        if output is None:
            _write(opened.ledger.events(), format_, sys.stdout)
        else:
            count = _write_file(opened.ledger.events(), format_, output)
            out.print(f"{count} events written to {output}.", markup=False, soft_wrap=True)


def _write_file(events: Iterable[Event], format_: Format, file: Path) -> int:
    """The whole file or none."""
    partial = file.with_name(f"{file.name}.part")
    try:
        with partial.open("w", encoding="utf-8", newline="") as stream:
            count = _write(events, format_, stream)
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StorageError(f"the events could not be written to {file}: {error.strerror}") from error
    return count


def _write(events: Iterable[Event], format_: Format, stream: IO[str]) -> int:
    write = _csv(stream) if format_ is Format.CSV else _jsonl(stream)
    count = 0
    for event in events:
        write(event_json(event))
        count += 1
    return count


def _jsonl(stream: IO[str]) -> Write:
    def write(record: dict[str, Any]) -> None:
        stream.write(json_text.dumps(record, ensure_ascii=False) + "\n")

    return write


def _csv(stream: IO[str]) -> Write:
    table = csv.writer(stream)
    table.writerow((*COLUMNS, "data"))

    def write(record: dict[str, Any]) -> None:
        rest = {name: value for name, value in record.items() if name not in COLUMNS}
        cells = (_literal(str(record.get(name) or "")) for name in COLUMNS)
        table.writerow((*cells, json_text.dumps(rest, ensure_ascii=False)))

    return write


def _literal(text: str) -> str:
    """A cell no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
