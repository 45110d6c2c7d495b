"""Where everything stands: the ledger folded, from every event and never from the last one alone."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bi_governance import events as ev
from bi_governance.attention import Attention
from bi_governance.cases import Case, advance, is_known_removal
from bi_governance.model import Mode, NoticeKind, VisualKey
from bi_governance.standing import REGRET, Standing
from bi_governance.told import Ending, Mailbag


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
        case ev.Removed() if not is_known_removal(state.case(event.key), event):
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
