"""What concerns a run, a source or the mode, and no single visual."""

from __future__ import annotations

import json
from dataclasses import dataclass

from bi_governance.events.base import Event
from bi_governance.model import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeChanged(Event, kind="mode.changed"):
    """The mode of one source (or, with source None, of all sources without their own) was switched.

    `cause` says why a source fell back to dry-run by itself (`regret`, `not_renewed`); empty: a person's.
    """

    mode: Mode
    reason: str
    source: str | None = None
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRequested(Event, kind="live.requested"):
    """An admin asked to go live where another one has to confirm it; with source None, everywhere."""

    reason: str
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminsTold(Event, kind="admins.told"):
    """The analytics team was told about something that is said once only; `subject` names it."""

    subject: str

    @property
    def once(self) -> str | None:
        return f"admins.told:{self.subject}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePinned(Event, kind="source.pinned"):
    """We recorded which instance a source name stands for."""

    source: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSeen(Event, kind="source.seen"):
    """The instance whose data was collected in this run."""

    source: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event, kind="run.started"):
    """A run began."""

    command: str = "run"

    @property
    def once(self) -> str | None:
        return f"run.started:{self.run_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(Event, kind="run.finished"):
    """A run ended; `outcome` is done, vetoed or failed."""

    outcome: str
    summary: str = ""

    @property
    def once(self) -> str | None:
        return f"run.finished:{self.run_id}"


def summary_lines(event: RunFinished) -> list[str]:
    """The lines a finished run left behind."""
    return [str(line) for line in json.loads(event.summary)] if event.summary else []


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRecorded(Event, kind="plan.recorded"):
    """A plan was made and stored; `sources` are those whose facts were whole enough to decide on."""

    digest: str
    sources: str = ""
    counts: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MartsBuilt(Event, kind="marts.built"):
    """dbt built the marts; `failed` holds its failed tests as JSON: [[name, platform, message], ...]."""

    failed: str = "[]"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceVetoed(Event, kind="source.vetoed"):
    """A guard stopped warnings and deletions at one source for one run."""

    source: str
    guard: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcernEvent(Event):
    """The admins were told of something that concerns a source (or, with none, everything).

    `name` is the guard or alarm, `subject` what it is about where a source can have several.
    """

    source: str
    name: str
    subject: str = ""
    text: str = ""

    @property
    def concern(self) -> tuple[str, str, str]:
        return (self.source, self.name, self.subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcernRaised(ConcernEvent, kind="concern.raised"):
    """The admins were told that it has begun, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcernSettled(ConcernEvent, kind="concern.settled"):
    """The admins were told that it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthReported(Event, kind="month.reported"):
    """The analytics team got its summary of a month, written as `2026-10`."""

    month: str

    @property
    def once(self) -> str | None:
        return f"month.reported:{self.month}"
