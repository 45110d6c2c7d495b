"""Where each visual stands: cases folded from every event, never taken from the last one."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bi_governance import events as ev
from bi_governance.attention import Attention
from bi_governance.model import Mode, NoticeKind, RemovalRoute, VisualKey
from bi_governance.standing import REGRET, Standing
from bi_governance.told import ASKING, Ending, Mailbag


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


@dataclass(frozen=True, slots=True)
class ModeSwitch:
    """A mode and since when it holds."""

    mode: Mode
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of recorded dry-run plans of one source without a mode change in between."""

    first: datetime
    last: datetime
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """Of a concern the admins were told at `at` that it began or, with `is_over`, ended."""

    at: datetime
    is_over: bool = False


@dataclass(slots=True)
class State:
    """The ledger folded: what every use case starts from."""

    cases: dict[VisualKey, Case] = field(default_factory=dict)
    default_mode: ModeSwitch = ModeSwitch(Mode.DRY_RUN, None)
    own_modes: dict[str, ModeSwitch] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)
    trials: dict[str, list[Stretch]] = field(default_factory=dict)
    removals: list[ev.Removed] = field(default_factory=list)
    unsettled_notices: dict[str, list[ev.NoticeIntended]] = field(default_factory=dict)
    last_success: datetime | None = None
    marts: ev.MartsBuilt | None = None
    switched_at: dict[str, datetime] = field(default_factory=dict)
    mail: Mailbag = field(default_factory=Mailbag)
    months_reported: set[str] = field(default_factory=set)
    first_run: datetime | None = None
    concerns: dict[tuple[str, str, str], Told] = field(default_factory=dict)
    standing: Standing = field(default_factory=Standing)
    attention: Attention = field(default_factory=Attention)

    def case(self, key: VisualKey) -> Case:
        return self.cases.get(key) or Case(key)

    def mode_of(self, source: str) -> Mode:
        return self.switch_of(source).mode

    def mode_since(self, source: str) -> datetime | None:
        """Since when the source is in its present mode; None when it never changed."""
        return self.switch_of(source).since

    def longest_trial(self, source: str, since: datetime | None = None) -> timedelta:
        """The longest stretch of recorded dry-run plans of the source, of those that reach `since`."""
        reaching = [s for s in self.trials.get(source, ()) if since is None or s.last >= since]
        return max((s.last - s.first for s in reaching), default=timedelta(0))

    def open_concerns(self) -> dict[tuple[str, str, str], datetime]:
        """What the admins were told of and not yet that it is over, and since when they know."""
        return {concern: told.at for concern, told in self.concerns.items() if not told.is_over}

    def unsettled(self, kinds: Container[NoticeKind]) -> Iterator[ev.NoticeIntended]:
        """What was about to be sent when a run died, of these kinds, and may have arrived."""
        for intents in self.unsettled_notices.values():
            yield from (intent for intent in intents if intent.notice in kinds)

    def switch_of(self, source: str) -> ModeSwitch:
        """The mode of a source and since when it holds."""
        held = self.own_modes.get(source, self.default_mode)
        return ModeSwitch(held.mode, self.switched_at.get(source, held.since))


def fold(history: Iterable[ev.Event], into: State | None = None) -> State:
    """Fold events, oldest first, into the state they add up to."""
    state = into or State()
    for event in history:
        _apply(state, event)
    return state


def _apply(state: State, event: ev.Event) -> None:
    match event:
        case ev.ModeChanged():
            _change_mode(state, event)
        case ev.SourcePinned():
            state.fingerprints[event.source] = event.fingerprint
        case ev.SourceSeen():
            state.seen[event.source] = event.fingerprint
        case ev.PlanRecorded():
            for source in filter(None, event.sources.split(",")):
                _extend_trial(state, source, event.at)
        case ev.MartsBuilt():
            state.marts = event
        case ev.RunFinished() if event.outcome != "failed":
            state.last_success = event.at
        case ev.VisualEvent():
            _note(state, event)
            mode, before = state.mode_of(event.key.source), state.case(event.key)
            if before.gone is not None:
                state.standing.note_wanted(event, before.gone.episode, before.gone.at)
            state.cases[event.key] = after = advance(before, event, mode)
            _note_ending(state.mail, event, before, after, mode)
            _note_reaction(state.attention, event, before, after)
        case _:
            _note_own(state, event)


def _note_own(state: State, event: ev.Event) -> None:
    """What we did that concerns no visual, and decides nothing."""
    match event:
        case ev.RunStarted():
            state.first_run = state.first_run or event.at
        case ev.NoticeEdited():
            state.mail.edited(event)
        case ev.MonthReported():
            state.months_reported.add(event.month)
        case ev.ConcernRaised() | ev.ConcernSettled():
            state.concerns[event.concern] = Told(event.at, isinstance(event, ev.ConcernSettled))
        case _:
            state.standing.note(event)


def _change_mode(state: State, event: ev.ModeChanged) -> None:
    """Switch, and let every open episode that the switch concerns start anew.

    A global switch to dry-run is a stop for everything: it also takes back every source's own mode.
    """
    known = {key.source for key in state.cases} | {*state.own_modes, *state.trials, *state.switched_at}
    before = {source: state.mode_of(source) for source in known}
    if event.source is None:
        state.default_mode = _switched(state.default_mode, event)
        if event.mode is Mode.DRY_RUN:
            state.own_modes.clear()
    else:
        state.own_modes[event.source] = _switched(state.switch_of(event.source), event)
    concerned = [source for source, mode in before.items() if state.mode_of(source) is not mode]
    # A source's own mode may have been taken back: since when it is as it is, only this moment tells.
    state.switched_at.update(dict.fromkeys(concerned, event.at))
    for source in concerned:
        _end_trial(state, source)
    if event.cause == REGRET and event.source is not None:
        # The trial said that little would be missed, and was wrong: it counts no more.
        state.trials.pop(event.source, None)
    state.standing.note(event)
    for key, case in state.cases.items():
        if key.source in concerned:
            if case.is_open:
                ending = Ending(None, event.at, f"switched_to_{event.mode}", event.reason, event.actor)
                state.mail.ended(key, case.episode, before[key.source], ending)
                state.attention.over(key, case.episode, event.at)
            state.cases[key] = replace(case.next_episode(), last_simulated_at=None)


def _note_ending(mail: Mailbag, event: ev.VisualEvent, before: Case, after: Case, mode: Mode) -> None:
    """Note in the messages about a visual that its episode is over, and how."""
    if isinstance(event, ev.NoticeDelivered):
        mail.delivered(event)
    is_simulated = isinstance(event, ev.RemovalSimulated) and after.simulated_at != before.simulated_at
    if before.is_open and (after.episode != before.episode or is_simulated):
        mail.ended(event.key, before.episode, mode, _ending(event))
    if isinstance(event, ev.Restored):
        mail.restored(event.key, _ending(event))


def _note_reaction(attention: Attention, event: ev.VisualEvent, before: Case, after: Case) -> None:
    """Note that somebody was warned, and what happened while the warning stood."""
    if isinstance(event, ev.NoticeDelivered) and after.is_open and not before.is_open:
        attention.asked(event)
    elif before.is_open:
        attention.note(event, before.episode, is_over=after.episode != before.episode)


def _ending(event: ev.VisualEvent) -> Ending:
    match event:
        case ev.Rescued():
            return Ending(NoticeKind.RESCUED, event.at, event.code, event.reason)
        case ev.Removed():
            return Ending(NoticeKind.DELETED, event.at, "deleted")
        case ev.RemovalSimulated():
            return Ending(NoticeKind.DELETED, event.at, "simulated")
        case ev.Restored():
            return Ending(NoticeKind.RESTORED, event.at, "restored", "", event.actor, event.lost)
        case ev.Regretted():
            return Ending(NoticeKind.RESCUED, event.at, "wanted", event.how, event.actor)
        case ev.KeptUntil():
            return Ending(None, event.at, "kept", event.until.isoformat(), event.actor)
        case ev.Exempted():
            return Ending(None, event.at, "exempt", event.reason, event.actor)
        case _:
            return Ending(None, event.at, event.kind, "", event.actor)


def _switched(current: ModeSwitch, event: ev.ModeChanged) -> ModeSwitch:
    return current if current.mode is event.mode else ModeSwitch(event.mode, event.at)


def _extend_trial(state: State, source: str, at: datetime) -> None:
    if state.mode_of(source) is not Mode.DRY_RUN:
        return
    stretches = state.trials.setdefault(source, [])
    if stretches and not stretches[-1].ended:
        stretches[-1] = Stretch(stretches[-1].first, at)
    else:
        stretches.append(Stretch(at, at))


def _end_trial(state: State, source: str) -> None:
    """Order tells what came before a switch, not the time: both can happen at the same moment."""
    stretches = state.trials.get(source)
    if stretches:
        stretches[-1] = replace(stretches[-1], ended=True)


def _note(state: State, event: ev.VisualEvent) -> None:
    match event:
        case ev.Removed() if not _known_removal(state.case(event.key), event):
            state.removals.append(event)
        case ev.Restored() if event.native_id not in ("", event.key.native_id):
            twin = replace(event.key, native_id=event.native_id)
            state.cases[twin] = advance(state.case(twin), event, state.mode_of(twin.source))
        case ev.NoticeIntended():
            state.unsettled_notices.setdefault(event.message_id, []).append(event)
        case ev.NoticeDelivered() | ev.NoticeFailed():
            state.unsettled_notices.pop(event.message_id, None)
        case _:
            pass


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
            case.is_open
            and is_live
            and (event.episode, event.mode)
            == (
                case.episode,
                mode,
            )
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
        case ev.Removed() if not _known_removal(case, event):
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


def _known_removal(case: Case, event: ev.Removed) -> bool:
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
