"""What happened: the append-only facts about ourselves from which every case is folded."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints

from bi_governance.model import Mode, NoticeKind, RemovalRoute, VisualKey

KINDS: dict[str, type[Event]] = {}
# Recorded beside an event's own fields, not among them.
OF_EVERY_EVENT = frozenset({"at", "actor", "run_id"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened at `at`, caused by `actor` (a person, or `bi-governance`)."""

    kind: ClassVar[str] = ""
    at: datetime
    actor: str = "bi-governance"
    run_id: str = ""

    def __init_subclass__(cls, kind: str = "", **kwargs: Any) -> None:
        # slots=True makes dataclass build the class a second time, so the last one registered wins.
        super(Event, cls).__init_subclass__(**kwargs)
        if kind:
            cls.kind = kind
        if cls.kind:
            KINDS[cls.kind] = cls

    @property
    def once(self) -> str | None:
        """A name under which this may be recorded only once; None where repeating is meaningful."""
        return None


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
class VisualEvent(Event):
    """Something that happened to one visual."""

    key: VisualKey


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeEvent(VisualEvent):
    """A message about one visual; title, owner and folder are as its reader sees them.

    A reply names the channel and time stamp of the message it answers. `retention_days` is for how long
    the message says a restore is possible.
    """

    episode: int
    notice: NoticeKind
    mode: Mode
    message_id: str
    recipient: str
    deadline: datetime | None = None
    title: str = ""
    owner_id: str = ""
    folder: str = ""
    days_before: int | None = None
    succession: str = ""
    reader: str = ""
    thread_channel: str = ""
    thread_ts: str = ""
    role: str = ""
    retention_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeIntended(NoticeEvent, kind="notice.intended"):
    """We are about to send it; without an outcome it must be looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeDelivered(NoticeEvent, kind="notice.delivered"):
    """It was accepted, says `channel` and `ts`; the grace clock of a warning starts at `at`."""

    channel: str
    ts: str

    @property
    def once(self) -> str | None:
        name = f"notice:{self.key}:{self.episode}:{self.mode}:{self.notice}"
        # Several viewers are told about one visual, each of them once.
        return f"{name}:{self.recipient if self.notice is NoticeKind.VIEWER else self.days_before}"

    @classmethod
    def of(
        cls, intended: NoticeIntended, *, at: datetime, run_id: str, channel: str, ts: str
    ) -> NoticeDelivered:
        """What was intended, now acknowledged."""
        same = {f.name: getattr(intended, f.name) for f in fields(NoticeIntended)}
        return cls(**{**same, "at": at, "run_id": run_id, "channel": channel, "ts": ts})


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFailed(VisualEvent, kind="notice.failed"):
    """A message about this visual was not accepted, so the owner is not warned."""

    episode: int
    notice: NoticeKind
    mode: Mode
    message_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeEdited(Event, kind="notice.edited"):
    """A delivered message was brought up to date; `version` counts what became of its items until then.

    `problem` says why it can not be and stays as it is: nobody is bothered with trying again.
    """

    message_id: str
    version: int
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthReported(Event, kind="month.reported"):
    """The analytics team got its summary of a month, written as `2026-10`."""

    month: str

    @property
    def once(self) -> str | None:
        return f"month.reported:{self.month}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescued(VisualEvent, kind="visual.rescued"):
    """An open episode ended without a removal."""

    episode: int
    mode: Mode
    code: str
    reason: str

    @property
    def once(self) -> str | None:
        return f"rescued:{self.key}:{self.episode}:{self.mode}"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptUntil(VisualEvent, kind="visual.kept"):
    """Somebody asked to keep the visual until a date."""

    until: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exempted(VisualEvent, kind="visual.exempted"):
    """Somebody exempted the visual until revoked."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexempted(VisualEvent, kind="visual.unexempted"):
    """The exemption was revoked."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExemptionRequested(VisualEvent, kind="exemption.requested"):
    """Somebody asked to keep the visual until revoked; an admin has to confirm it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExemptionDeclined(VisualEvent, kind="exemption.declined"):
    """An admin declined the exemption somebody asked for."""

    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalAgreed(VisualEvent, kind="removal.agreed"):
    """The owner agreed to the removal without waiting for the deadline; ends with its episode."""

    episode: int
    mode: Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalApproved(VisualEvent, kind="removal.approved"):
    """An admin approved the removal, with the list of that digest before them; ends with its episode."""

    episode: int
    list_digest: str

    @property
    def once(self) -> str | None:
        return f"approved:{self.key}:{self.episode}"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver(VisualEvent, kind="visual.handed_over"):
    """Somebody named who is told about the visual from now on; holds while `owner_id` owns it there."""

    to_id: str
    to_name: str
    to_email: str
    by_name: str = ""
    owner_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerEvent(VisualEvent):
    """Somebody pressed a button of a message (`channel`, `ts`); `click` is the press itself."""

    answer: str
    episode: int
    outcome: str
    said: str
    channel: str = ""
    ts: str = ""
    click: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(AnswerEvent, kind="answer.given"):
    """It was heeded; `outcome` says how far, `said` is the line the message shows."""

    @property
    def once(self) -> str | None:
        return f"answer:{self.click}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerRefused(AnswerEvent, kind="answer.refused"):
    """It changed nothing; `outcome` is the code of the refusal, `said` what its author was told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRefused(Event, kind="request.refused"):
    """Something from Slack, or claiming so, that is about no one visual was refused.

    With `single` it is recorded once under that name: a stranger must not be able to fill the ledger.
    """

    what: str
    code: str
    reason: str
    single: str = ""

    @property
    def once(self) -> str | None:
        return f"refused:{self.single}" if self.single else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalIntended(VisualEvent, kind="removal.intended"):
    """We are about to remove the visual; its backup has been verified (or is known not to exist)."""

    episode: int
    route: RemovalRoute
    backup: str
    plan_digest: str
    owner_id: str = ""
    restorable_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed(VisualEvent, kind="removal.done"):
    """The visual is gone from the platform, verified by reading back.

    `restorable_until` is what people are told: its backup is not purged before.
    """

    episode: int
    route: RemovalRoute
    backup: str
    owner_id: str = ""
    restorable_until: datetime | None = None

    @property
    def once(self) -> str | None:
        return f"removed:{self.key}:{self.episode}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalFailed(VisualEvent, kind="removal.failed"):
    """The removal did not happen; the visual is still there."""

    episode: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalRefused(VisualEvent, kind="removal.refused"):
    """A guard in the removal step said no to a planned deletion."""

    episode: int
    guard: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalSimulated(VisualEvent, kind="removal.simulated"):
    """Dry-run: this is where live would have deleted the visual."""

    episode: int
    plan_digest: str

    @property
    def once(self) -> str | None:
        return f"simulated:{self.key}:{self.episode}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreIntended(VisualEvent, kind="restore.intended"):
    """We are about to bring a removed visual back."""

    route: RemovalRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored(VisualEvent, kind="restore.done"):
    """The visual is back; restoring counts as use and grants immunity until `immune_until`."""

    immune_until: datetime
    native_id: str = ""
    lost: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreFailed(VisualEvent, kind="restore.failed"):
    """The visual could not be brought back."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillIntended(VisualEvent, kind="drill.intended"):
    """We are about to build a copy of a deleted visual from its backup, told apart by `mark`."""

    mark: str
    backup: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled(VisualEvent, kind="drill.done"):
    """The copy was compared with the backup and removed; `differences` is empty when all came back."""

    mark: str
    differences: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillFailed(VisualEvent, kind="drill.failed"):
    """The copy could not be built, compared or removed; the next run looks for what is left of it."""

    mark: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillCleaned(VisualEvent, kind="drill.cleaned"):
    """Nothing is left of a drill that was interrupted or failed."""

    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeIntended(VisualEvent, kind="purge.intended"):
    """We are about to delete the backup of a removed visual; the promise to restore it is over."""

    episode: int
    backup: str
    restorable_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged(VisualEvent, kind="visual.purged"):
    """The backup of a removed visual is gone for good; a copy in a platform's trash is not ours to empty."""

    episode: int = 0
    backup: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeRefused(VisualEvent, kind="purge.refused"):
    """A guard in the purge said no to a planned one."""

    guard: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeFailed(VisualEvent, kind="purge.failed"):
    """The backup is still there."""

    episode: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Regretted(VisualEvent, kind="visual.regretted"):
    """A visual that was (or in the trial: would have been) deleted was wanted again."""

    how: str
    mode: Mode


def summary_lines(event: RunFinished) -> list[str]:
    """The lines a finished run left behind."""
    return [str(line) for line in json.loads(event.summary)] if event.summary else []


def to_record(event: Event) -> dict[str, Any]:
    """The event's own fields as JSON values, without `at`, `actor`, `run_id` and `kind`."""
    return {f.name: _plain(getattr(event, f.name)) for f in fields(event) if f.name not in OF_EVERY_EVENT}


def from_record(kind: str, at: datetime, actor: str, run_id: str, data: Mapping[str, Any]) -> Event:
    """Rebuild an event; fields that a newer version wrote and this one does not know are dropped."""
    cls = KINDS[kind]
    own = _own_types(kind)
    values = {name: _typed(own[name], value) for name, value in data.items() if name in own}
    return cls(at=at, actor=actor, run_id=run_id, **values)


@cache
def _own_types(kind: str) -> Mapping[str, Any]:
    """The types of a kind's own fields; resolving them takes longer than reading a record does."""
    cls = KINDS[kind]
    hints = get_type_hints(cls)
    return {f.name: hints[f.name] for f in fields(cls) if f.name not in OF_EVERY_EVENT}


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, VisualKey | StrEnum):
        return str(value)
    return value


def _typed(hint: Any, value: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        if value is None:
            return None
        hint = next(arg for arg in get_args(hint) if arg is not type(None))
    if hint is datetime:
        return datetime.fromisoformat(value)
    if hint is VisualKey:
        return VisualKey.parse(value)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    return value
