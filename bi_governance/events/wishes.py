"""What people want of a visual, and what was answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bi_governance.events.base import Event, VisualEvent
from bi_governance.model import Mode


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
class Regretted(VisualEvent, kind="visual.regretted"):
    """A visual that was (or in the trial: would have been) deleted was wanted again."""

    how: str
    mode: Mode
