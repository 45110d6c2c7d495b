"""One visual's case: what was said, wanted and done about it, and what each event makes of that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from bi_governance import events as ev
from bi_governance.model import Mode, NoticeKind, RemovalRoute, VisualKey
from bi_governance.told import ASKING


@dataclass(frozen=True, slots=True)
class Notice:
    """A delivered message about one visual, as the reader saw it."""

    kind: NoticeKind
    at: datetime
    message_id: str
    recipient: str
    deadline: datetime | None
    title: str
    owner_id: str
    folder: str
    days_before: int | None
    succession: str
    reader: str = ""
    channel: str = ""
    ts: str = ""
    retention_days: int | None = None


@dataclass(frozen=True, slots=True)
class Removal:
    """A visual that is gone because of us, how to bring it back, and until when that is promised."""

    at: datetime
    route: RemovalRoute
    backup: str
    episode: int = 0
    restorable_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Everything the ledger says about one visual, in the track (dry-run or live) its source is in now."""

    key: VisualKey
    episode: int = 0
    notices: tuple[Notice, ...] = ()
    viewers_told: tuple[str, ...] = ()  # Addresses; no notice of theirs ever counts as the owner's.
    simulated_at: datetime | None = None
    last_simulated_at: datetime | None = None  # Outlives the episode: a cap on deletions still counts it.
    kept_until: datetime | None = None
    kept_reason: str = ""
    exempt_reason: str | None = None
    restored_at: datetime | None = None
    immune_until: datetime | None = None
    removal: Removal | None = None
    removal_intended: ev.RemovalIntended | None = None
    restore_intended: ev.RestoreIntended | None = None
    regrets: tuple[datetime, ...] = ()
    drill_intended: ev.DrillIntended | None = None  # A copy of ours may be at the platform.
    drilled_at: datetime | None = None
    purge_intended: ev.PurgeIntended | None = None
    purged_at: datetime | None = None
    purged: Removal | None = None  # Removed by us, and our backup is gone too.
    agreed_at: datetime | None = None  # The owner need not be waited for any longer in this episode.
    escalated_at: datetime | None = None  # The next in line was told in this episode.
    approved_at: datetime | None = None  # An admin agreed to the deletion in this episode.
    handed_over: ev.HandedOver | None = None
    exemption_requested: ev.ExemptionRequested | None = None

    @property
    def warning(self) -> Notice | None:
        """The warning that opened the current episode, if one was delivered."""
        return next((n for n in self.notices if n.kind is NoticeKind.WARNING), None)

    @property
    def is_open(self) -> bool:
        return self.warning is not None

    @property
    def gone(self) -> Removal | None:
        """How it left because of us, whether or not its backup is still there; None while it lives."""
        return self.removal or self.purged

    def reminded(self, days_before: int) -> bool:
        """Whether a reminder for this many days, or for fewer, was delivered."""
        return any(n.days_before is not None and n.days_before <= days_before for n in self.notices)

    def next_episode(self) -> Case:
        """The same visual with its current episode over."""
        return replace(
            self,
            episode=self.episode + 1,
            notices=(),
            viewers_told=(),
            simulated_at=None,
            agreed_at=None,
            approved_at=None,
            escalated_at=None,
        )


def advance(case: Case, event: ev.VisualEvent, mode: Mode) -> Case:
    """The case after one event; `mode` is the mode its source was in when the event happened."""
    match event:
        case ev.NoticeDelivered():
            return _noticed(case, event, mode)
        case ev.Rescued():
            return case.next_episode() if event.mode is mode and event.episode == case.episode else case
        case ev.KeptUntil():
            return replace(case.next_episode(), kept_until=event.until, kept_reason=event.reason)
        case ev.Exempted():
            return replace(case.next_episode(), exempt_reason=event.reason, exemption_requested=None)
        case ev.Unexempted():
            return replace(case.next_episode(), exempt_reason=None)
        case ev.RemovalSimulated() if mode is Mode.DRY_RUN and event.episode == case.episode:
            return replace(case, simulated_at=case.simulated_at or event.at, last_simulated_at=event.at)
        case ev.Regretted():
            return replace(case.next_episode(), regrets=(*case.regrets, event.at))
        case ev.RemovalApproved() if (mode, event.episode, case.is_open) == (Mode.LIVE, case.episode, True):
            return replace(case, approved_at=case.approved_at or event.at)
        case ev.RemovalAgreed() | ev.HandedOver() | ev.ExemptionRequested() | ev.ExemptionDeclined():
            return _answered(case, event, mode)
        case _:
            return _removed_or_back(case, event)


def _answered(case: Case, event: ev.VisualEvent, mode: Mode) -> Case:
    """What an owner's answer changes beyond keeping; consent counts in its own episode, in live."""
    is_live = mode is Mode.LIVE
    match event:
        case ev.RemovalAgreed() if (
            case.is_open and is_live and (event.episode, event.mode) == (case.episode, mode)
        ):
            return replace(case, agreed_at=case.agreed_at or event.at)
        case ev.HandedOver():
            return replace(case.next_episode(), handed_over=event)
        case ev.ExemptionRequested():
            return replace(case, exemption_requested=event)
        case ev.ExemptionDeclined():
            return replace(case, exemption_requested=None)
        case _:
            return case


def _removed_or_back(case: Case, event: ev.VisualEvent) -> Case:
    match event:
        case ev.RemovalIntended():
            return replace(case, removal_intended=event)
        case ev.RemovalFailed():
            return replace(case, removal_intended=None)
        case ev.Removed() if not is_known_removal(case, event):
            until = event.restorable_until
            removal = Removal(event.at, event.route, event.backup, event.episode, until)
            return replace(case.next_episode(), removal=removal, purged=None, removal_intended=None)
        case ev.RestoreIntended():
            return replace(case, restore_intended=event)
        case ev.RestoreFailed():
            return replace(case, restore_intended=None)
        case ev.Restored():
            return replace(
                case.next_episode(),
                removal=None,
                purged=None,
                purge_intended=None,
                restore_intended=None,
                restored_at=event.at,
                immune_until=event.immune_until,
            )
        case _:
            return _backed_up(case, event)


def _backed_up(case: Case, event: ev.VisualEvent) -> Case:
    """What happens to the backup of something removed: tried out, or purged."""
    match event:
        case ev.PurgeIntended():
            return replace(case, purge_intended=event)
        case ev.PurgeFailed():
            return replace(case, purge_intended=None)
        case ev.DrillIntended():
            return replace(case, drill_intended=event)
        case ev.Drilled():
            return replace(case, drill_intended=None, drilled_at=event.at)
        case ev.DrillFailed():
            return replace(case, drilled_at=event.at)
        case ev.DrillCleaned():
            return replace(case, drill_intended=None)
        case ev.Purged():
            return replace(case, removal=None, purge_intended=None, purged_at=event.at, purged=case.gone)
        case _:
            return case


def is_known_removal(case: Case, event: ev.Removed) -> bool:
    """Whether the event repeats what the case knows: a removal is recorded again after a crash."""
    return case.removal is not None and case.removal.episode == event.episode


def _noticed(case: Case, event: ev.NoticeDelivered, mode: Mode) -> Case:
    if event.mode is not mode or event.episode != case.episode:
        return case
    if event.notice is NoticeKind.VIEWER and event.recipient not in case.viewers_told:
        return replace(case, viewers_told=(*case.viewers_told, event.recipient))
    if event.notice is NoticeKind.ESCALATION:
        return replace(case, escalated_at=case.escalated_at or event.at)
    if event.notice not in ASKING:
        return case
    if any(n.kind is event.notice and n.days_before == event.days_before for n in case.notices):
        return case
    notice = Notice(
        event.notice,
        event.at,
        event.message_id,
        event.recipient,
        event.deadline,
        event.title,
        event.owner_id,
        event.folder,
        event.days_before,
        event.succession,
        event.reader or event.recipient,
        event.channel,
        event.ts,
        event.retention_days,
    )
    return replace(case, notices=(*case.notices, notice))
