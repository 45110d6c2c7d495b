"""The Typer application: options every command shares, and how errors end."""

from __future__ import annotations

import json
import os
import pwd
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer
from rich.console import Console

from bi_governance import __version__
from bi_governance.app import App, FixedClock, SystemClock
from bi_governance.config_file import DEFAULT_FILE, load_settings
from bi_governance.errors import ConfigurationError, GovernanceError, SourceError
from bi_governance.ports import Clock
from bi_governance.settings import Settings


def _leave_with(status: int | None, **_options: object) -> None:
    """What a command returns is the exit status."""
    raise typer.Exit(status or 0)


app = typer.Typer(
    name="bi-governance",
    help="Find BI content nobody uses, warn its owners, delete it safely, restore it on request.",
    no_args_is_help=True,
    add_completion=False,
    result_callback=_leave_with,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
# Without emoji: rich would read the middle of superset:chart:1 as one.
out = Console(emoji=False, highlight=False)
err = Console(stderr=True, emoji=False, highlight=False)

# Options of the group work before and after the command; these are shared by both places.
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help=f"Configuration file.  [default: {DEFAULT_FILE}]", show_default=False
    ),
]
AsOfOption = Annotated[
    str | None,
    typer.Option("--as-of", help="Decide on today's facts as if it were this day (at schedule.daily_at)."),
]
SourceOption = Annotated[str | None, typer.Option("--source", "-s", help="Only this source.")]
JsonOption = Annotated[
    bool | None, typer.Option("--json", help="Print JSON for machines.", show_default=False)
]
YesOption = Annotated[
    bool | None, typer.Option("--yes", "-y", help="Answer confirmations with yes.", show_default=False)
]


@dataclass(slots=True)
class Options:
    """What was asked for, wherever on the line it stood."""

    config: Path | None = None
    as_of: str | None = None
    source: str | None = None
    json: bool = False
    yes: bool = False

    def with_later(
        self,
        config: Path | None = None,
        as_of: str | None = None,
        source: str | None = None,
        json: bool | None = None,
        yes: bool | None = None,
    ) -> Options:
        """The same, with what stood after the command taking precedence."""
        return Options(
            config or self.config,
            as_of or self.as_of,
            source or self.source,
            self.json if json is None else json,
            self.yes if yes is None else yes,
        )

    def settings(self) -> Settings:
        return load_settings(self.config or DEFAULT_FILE)

    def open(self, **more: Any) -> App:
        """The application these options describe."""
        settings = self.settings()
        return App(settings, clock=self.clock(settings), only_source=self.source, **more)

    def clock(self, settings: Settings) -> Clock:
        return FixedClock(moment_of(self.as_of, settings)) if self.as_of else SystemClock()

    def refuse_as_of(self, command: str) -> None:
        """Commands with effects live in the present; pretending otherwise would shorten somebody's grace."""
        if self.as_of:
            raise ConfigurationError(
                f"--as-of works with plan, status, explain and report, not with {command}."
            )


def moment_of(text: str, settings: Settings) -> datetime:
    """A date means that day at schedule.daily_at in the team's zone; a timestamp means itself."""
    schedule = settings.schedule
    try:
        if len(text) == len("2026-01-31"):
            return datetime.combine(date.fromisoformat(text), schedule.time_of_day, schedule.zone)
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(
            f"'{text}' is not a date; write 2026-01-31 or 2026-01-31T06:00:00+01:00."
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=schedule.zone)


def actor() -> str:
    """Who is typing, for the ledger: as the system knows them, whatever their environment says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return "unknown"


def emit(options: Options, value: Any, show: Callable[[], object]) -> None:
    """JSON for machines, or whatever `show` draws for people."""
    if options.json:
        sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    else:
        show()


def confirm(options: Options, question: str, must_type: str) -> None:
    """Ask a person to type a word; scripts say --yes instead."""
    if options.yes:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError(f"this needs a confirmation; run it in a terminal or add --yes ({question})")
    typed = typer.prompt(f"{question} Type '{must_type}' to go on")
    if typed != must_type:
        raise ConfigurationError("not confirmed; nothing was changed.")


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(f"bi-governance {__version__}")
        raise typer.Exit


@app.callback()
def group(
    context: typer.Context,
    config: ConfigOption = None,
    as_of: AsOfOption = None,
    source: SourceOption = None,
    json: JsonOption = None,
    yes: YesOption = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Find BI content nobody uses, warn its owners, delete it safely, restore it on request."""
    context.obj = Options().with_later(config, as_of, source, json, yes)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; every expected failure is one sentence and an exit status, never a traceback."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    try:
        app(arguments)
    except GovernanceError as error:
        said = f"bi-governance: {_sentence(error)}"
        err.print(said, style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(error.exit_status)


def _sentence(error: GovernanceError) -> str:
    text = str(error)
    return (
        f"{text} (see: bi-governance doctor)" if isinstance(error, SourceError) and not error.hint else text
    )
