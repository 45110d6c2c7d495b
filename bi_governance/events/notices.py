"""What people were told."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

from bi_governance.events.base import Event, VisualEvent
from bi_governance.model import Mode, NoticeKind


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
