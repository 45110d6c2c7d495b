"""The daily run as the use cases do it, over the small world, with every removal judged against the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bi_governance import events as ev
from bi_governance.guards import Evidence, Limits, deletion_allowance, live_until
from bi_governance.lifecycle import State, fold
from bi_governance.model import Action, Facts, Mode, NoticeKind, RemovalRoute, VisualKey
from bi_governance.per_owner import OwnerTurns, owner_of
from bi_governance.plan import Plan, make_plan
from bi_governance.policy import Decision, decide, projected_deadline
from bi_governance.purging import decide_purge, purge_allowance
from bi_governance.rules import Policy, terms_for
from bi_governance.told import Told, ToldItem
from bi_governance.usage import Neighbourhood
from tests.core.world import DAY, START, Feed, Thing

# How long people are told that a deletion can be undone, in this small world.
PROMISE = 6 * DAY
ROUTES = {"looker": RemovalRoute.TRASH, "superset": RemovalRoute.HARD}


def kind_of(decision: Decision) -> NoticeKind:
    if decision.action is Action.WARN:
        return NoticeKind.WARNING
    return NoticeKind.LAST_CALL if decision.days_before == 0 else NoticeKind.REMINDER


class Killed(Exception):
    """The process died here."""


@dataclass(frozen=True, slots=True)
class Message:
    """One item of a message Slack accepted; `tick` is its place in the order of all things."""

    key: VisualKey
    at: datetime
    kind: NoticeKind
    mode: Mode
    tick: int
    succession: str = ""


@dataclass(slots=True)
class Luck:
    """What goes wrong, or happens in between, during one run."""

    dies_after: int | None = None
    slack_down: bool = False
    platform_down: bool = False
    backup_fails: bool = False
    meanwhile: Callable[[], None] | None = None


@dataclass(slots=True)
class Shell:
    """Our side: the ledger, and the use cases that read and write it."""

    policy: Policy
    limits: Limits
    things: dict[VisualKey, Thing]
    feeds: dict[str, Feed]
    judge_plan: Callable[[Plan], None]
    judge_removal: Callable[[VisualKey, str], None]
    judge_purge: Callable[[VisualKey], None]
    unrecoverable: frozenset[str] = frozenset()
    now: datetime = START
    tick: int = 0
    runs: int = 0
    log: list[ev.Event] = field(default_factory=list)
    once: set[str] = field(default_factory=set)
    seen: dict[str, int] = field(default_factory=dict)
    recorded: set[str] = field(default_factory=set)
    state: State = field(default_factory=State)
    slack: dict[str, list[Message]] = field(default_factory=dict)
    gone: list[VisualKey] = field(default_factory=list)
    shelf: dict[VisualKey, datetime] = field(default_factory=dict)
    purged: list[VisualKey] = field(default_factory=list)
    ended: dict[VisualKey, int] = field(default_factory=dict)
    luck: Luck = field(default_factory=Luck)
    news: list[tuple[VisualKey, int, Mode, NoticeKind]] = field(default_factory=list)
    plan: Plan | None = None
    estate: list[Facts] = field(default_factory=list)
    on_fall: Callable[[str, str], None] = lambda _source, _cause: None

    def record(self, *events: ev.Event) -> None:
        """Append what is not yet there, and fold it."""
        for event in events:
            if event.once is not None and event.once in self.once:
                continue
            self.once.add(event.once or "")
            self.log.append(event)
            self.seen[event.kind] = self.seen.get(event.kind, 0) + 1
            if isinstance(event, ev.NoticeDelivered):
                self.recorded.add(event.message_id)
            fold([event], self.state)

    def step(self) -> None:
        """Between any two effects the process may die."""
        if self.luck.dies_after is not None:
            self.luck.dies_after -= 1
            if self.luck.dies_after < 0:
                raise Killed

    def end_episode(self, *keys: VisualKey) -> None:
        self.tick += 1
        for key in keys:
            self.ended[key] = self.tick

    # --- the run

    def run(self, weather: dict[str, str], luck: Luck) -> None:
        """One daily run; whatever it was killed in the middle of, the next one settles."""
        self.luck, self.runs = luck, self.runs + 1
        try:
            self.settle()
            for source, feed in self.feeds.items():
                feed.collect(
                    [t for t in self.things.values() if t.key.source == source], weather[source], self.now
                )
            self.decide_and_act()
        except Killed:
            return

    def decide_and_act(self) -> None:
        """Everything after collecting: what `plan`, `warn` and `delete` do."""
        plan = self.make_plan()
        self.rescue(plan)
        self.warn(plan)
        if self.luck.meanwhile is not None:
            self.luck.meanwhile()
        self.delete(plan)
        self.purge(plan)
        self.follow()

    def settle(self) -> None:
        for message_id, intents in list(self.state.unsettled_notices.items()):
            sent = self.slack.get(message_id)
            self.record(*(self._outcome(i, sent) for i in intents))
        for case in list(self.state.cases.values()):
            thing = self.things[case.key]
            if case.removal_intended is not None:
                self._settle_removal(case.removal_intended, gone=not thing.lives)
            if case.restore_intended is not None:
                self._settle_restore(case.key, back=thing.lives)
            if case.purge_intended is not None:
                self.record(self._purge_outcome(case.purge_intended))

    def _outcome(self, intent: ev.NoticeIntended, sent: list[Message] | None) -> ev.Event:
        if sent is not None:
            return self._delivered(intent, sent[0].at)
        return ev.NoticeFailed(
            at=self.now,
            key=intent.key,
            episode=intent.episode,
            notice=intent.notice,
            mode=intent.mode,
            message_id=intent.message_id,
            reason="not sent",
        )

    def _settle_removal(self, intent: ev.RemovalIntended, *, gone: bool) -> None:
        if gone:
            self.record(self._removed(intent))
        else:
            self.record(
                ev.RemovalFailed(at=self.now, key=intent.key, episode=intent.episode, reason="interrupted")
            )

    def _settle_restore(self, key: VisualKey, *, back: bool) -> None:
        if back:
            self._restored(key)
        else:
            self.record(ev.RestoreFailed(at=self.now, key=key, reason="interrupted"))

    def make_plan(self) -> Plan:
        things = list(self.things.values())
        self.estate = [f for feed in self.feeds.values() for f in feed.estate(things, self.now)]
        self._note_returned()
        self._fall_back()
        evidence = Evidence({s: feed.evidence("right") for s, feed in self.feeds.items()})
        plan = make_plan(
            self.estate, self.state, evidence, self.policy, self.limits, now=self.now, run_id=f"r{self.runs}"
        )
        whole = sorted(set(plan.modes) - plan.vetoed_sources())
        self.record(ev.PlanRecorded(at=self.now, digest=str(self.runs), sources=",".join(whole)))
        self.plan = plan
        self.judge_plan(plan)
        return plan

    def _note_returned(self) -> None:
        for facts in self.estate:
            removal = self.state.case(facts.key).gone
            read_at = self.feeds[facts.key.source].collected_at
            if removal is not None and not facts.is_trashed and read_at > removal.at:
                self._restored(facts.key)

    def _restored(self, key: VisualKey) -> None:
        mode = self.state.mode_of(key.source)
        self.record(
            ev.Regretted(at=self.now, key=key, how="back", mode=mode),
            ev.Restored(at=self.now, key=key, immune_until=self.now + self.policy.immunity),
        )
        self.end_episode(key)

    def _fall_back(self, *sources: str) -> bool:
        """What may not stay live goes back to dry-run by itself."""
        fell = False
        for source in sources or self.feeds:
            until = live_until(source, self.state, self.limits)
            is_late = until is not None and self.now >= until
            spent = self.state.standing.overspent(source, self.state.removals, self.limits.regret, self.now)
            if self.state.mode_of(source) is Mode.LIVE and (spent or is_late):
                cause, fell = "regret" if spent else "not_renewed", True
                self.on_fall(source, cause)
                self.record(
                    ev.ModeChanged(at=self.now, mode=Mode.DRY_RUN, reason="r", source=source, cause=cause)
                )
                self.end_episode(*(k for k in self.things if k.source == source))
        return fell

    def rescue(self, plan: Plan) -> None:
        for d in plan.of(Action.RESCUE):
            mode = plan.modes[d.key.source]
            if self.state.case(d.key).simulated_at is not None:
                self.record(ev.Regretted(at=self.now, key=d.key, how=d.rescue_code, mode=mode))
            self.record(
                ev.Rescued(
                    at=self.now, key=d.key, episode=d.episode, mode=mode, code=d.rescue_code, reason="r"
                )
            )
            self.end_episode(d.key)
            self.step()

    # --- warn

    def warn(self, plan: Plan) -> None:
        unsettled = {i.key for intents in self.state.unsettled_notices.values() for i in intents}
        facts = {f.key: f for f in self.estate}
        for decision in plan.of(Action.WARN, Action.REMIND):
            if decision.key not in unsettled:
                self._send(decision, facts[decision.key], plan.modes[decision.key.source])

    def _send(self, decision: Decision, facts: Facts, mode: Mode) -> None:
        succession = "" if facts.owner else "nobody known"
        terms = terms_for(facts, self.policy, self.now)
        intent = ev.NoticeIntended(
            at=self.now,
            key=facts.key,
            episode=decision.episode,
            notice=kind_of(decision),
            mode=mode,
            message_id=f"m{self.runs}-{self.tick}-{facts.key}-{decision.days_before}",
            recipient=facts.owner.id if facts.owner else "fallback",
            deadline=decision.deadline
            or projected_deadline(self.now, decision.usage, terms, self.policy, succession=bool(succession)),
            title=facts.title,
            owner_id=facts.owner.id if facts.owner else "",
            folder=facts.folder,
            days_before=decision.days_before,
            succession=succession,
        )
        self.record(intent)
        self.step()
        if self.luck.slack_down:
            self.record(self._outcome(intent, None))
            return
        self.tick += 1
        sent = Message(facts.key, self.now, intent.notice, mode, self.tick, succession)
        self.slack[intent.message_id] = [sent]
        self.step()
        self.record(self._delivered(intent, self.now))

    @staticmethod
    def _delivered(intent: ev.NoticeIntended, at: datetime) -> ev.NoticeDelivered:
        return ev.NoticeDelivered(
            at=at,
            key=intent.key,
            episode=intent.episode,
            notice=intent.notice,
            mode=intent.mode,
            message_id=intent.message_id,
            recipient=intent.recipient,
            channel="C",
            ts="1",
            deadline=intent.deadline,
            title=intent.title,
            owner_id=intent.owner_id,
            folder=intent.folder,
            days_before=intent.days_before,
            succession=intent.succession,
        )

    # --- follow

    def follow(self) -> None:
        """Tell what became of what was warned of, then mend the messages that went stale."""
        unsettled = {i.key for intents in self.state.unsettled_notices.values() for i in intents}
        for told in list(self.state.mail.messages.values()):
            for item in list(told.items.values()):
                ending = item.untold
                if told.kind is NoticeKind.WARNING and ending and ending.kind and item.key not in unsettled:
                    self._tell(told, item, ending.kind)
        for told in list(self.state.mail.messages.values()):
            if told.is_stale:
                self.record(ev.NoticeEdited(at=self.now, message_id=told.message_id, version=told.version))
                self.step()

    def _tell(self, told: Told, item: ToldItem, kind: NoticeKind) -> None:
        intent = ev.NoticeIntended(
            at=self.now,
            key=item.key,
            episode=item.episode,
            notice=kind,
            mode=told.mode,
            message_id=f"f{self.runs}-{self.tick}-{item.key}-{kind}",
            recipient=told.recipient,
        )
        self.record(intent)
        self.step()
        if self.luck.slack_down:
            self.record(self._outcome(intent, None))
            return
        self.tick += 1
        self.slack[intent.message_id] = [Message(item.key, self.now, kind, told.mode, self.tick)]
        self.news.append((item.key, item.episode, told.mode, kind))
        self.step()
        self.record(self._delivered(intent, self.now))

    # --- delete

    def delete(self, plan: Plan) -> None:
        due = plan.of(Action.DELETE)
        digest = plan.digest if due else ""
        for d in due:
            if plan.modes[d.key.source] is Mode.DRY_RUN:
                self.record(
                    ev.RemovalSimulated(at=self.now, key=d.key, episode=d.episode, plan_digest=digest)
                )
            elif (refusal := self._refusal(d)) is not None:
                self.record(
                    ev.RemovalRefused(
                        at=self.now, key=d.key, episode=d.episode, guard=refusal, reason=refusal
                    )
                )
            else:
                self._remove(d, digest)
            self.step()

    def _refusal(self, decision: Decision) -> str | None:
        """What the removal step itself asks, right before the removal."""
        key, state = decision.key, self.state
        if self._fall_back(key.source):
            return "fell_back"
        if state.mode_of(key.source) is not Mode.LIVE:
            return "mode"
        living = sum(1 for f in self.estate if f.key.source == key.source and not f.is_trashed)
        if deletion_allowance(key.source, living, state, self.limits, self.now) <= 0:
            return "cap"
        if OwnerTurns.of(self.estate, state, self.limits.delete_per_owner, self.now).is_over(key):
            return "owner_cap"
        estate = {f.key: f for f in self.estate}
        fresh = decide(estate[key], Neighbourhood(estate, state.cases), self.policy, self.now)
        if fresh.action is not Action.DELETE or fresh.episode != decision.episode:
            return "no_longer_due"
        return self._look(self.things[key])

    def _look(self, thing: Thing) -> str | None:
        """The platform's own word, as `Reader.look` gives it."""
        warning = self.state.case(thing.key).warning
        if self.luck.platform_down or warning is None or not thing.lives:
            return "live_check"
        if (warning.title, warning.owner_id or thing.owner, warning.folder) != (
            thing.title,
            thing.owner,
            thing.folder,
        ):
            return "identity"
        if thing.used_after(warning.at) or thing.schedules or self.holders(thing):
            return "used"
        if self.luck.backup_fails and thing.key.source not in self.unrecoverable:
            return "backup"
        return None

    def holders(self, thing: Thing) -> Sequence[VisualKey]:
        held_by = self.things.get(thing.container) if thing.container else None
        return [held_by.key] if held_by and held_by.lives else []

    def _remove(self, decision: Decision, digest: str) -> None:
        backup = "" if self.luck.backup_fails else "backup.zip"
        intent = ev.RemovalIntended(
            at=self.now,
            key=decision.key,
            episode=decision.episode,
            route=ROUTES[decision.key.source],
            backup=backup,
            plan_digest=digest,
            owner_id=next(owner_of(f) for f in self.estate if f.key == decision.key),
            restorable_until=self.now + PROMISE,
        )
        self.record(intent)
        self.step()
        self.judge_removal(decision.key, backup)
        thing = self.things[decision.key]
        thing.trashed, thing.exists = True, intent.route is RemovalRoute.TRASH
        self.gone.append(decision.key)
        if backup:
            self.shelf[decision.key] = self.now
        self.end_episode(decision.key)
        self.step()
        self.record(self._removed(intent))

    def _removed(self, intent: ev.RemovalIntended) -> ev.Removed:
        return ev.Removed(
            at=self.now,
            key=intent.key,
            episode=intent.episode,
            route=intent.route,
            backup=intent.backup,
            owner_id=intent.owner_id,
            restorable_until=intent.restorable_until,
        )

    # --- purge

    def purge(self, plan: Plan) -> None:
        for d in plan.of(Action.PURGE):
            cases, source = self.state.cases.values(), d.key.source
            fresh = decide_purge(self.state.case(d.key), self.policy, self.now)
            if self.state.mode_of(source) is not Mode.LIVE or plan.modes[source] is not Mode.LIVE:
                continue
            if purge_allowance(source, cases, self.limits.purge_per_run, self.now) <= 0:
                continue
            if fresh is not None and fresh.action is Action.PURGE:
                intent = ev.PurgeIntended(at=self.now, key=d.key, episode=d.episode, backup="backup.zip")
                self.record(intent)
                self.step()
                self.judge_purge(d.key)
                del self.shelf[d.key]
                self.purged.append(d.key)
                self.step()
                self.record(self._purge_outcome(intent))

    def _purge_outcome(self, intent: ev.PurgeIntended) -> ev.VisualEvent:
        if intent.key in self.shelf:
            return ev.PurgeFailed(at=self.now, key=intent.key, episode=intent.episode, reason="interrupted")
        return ev.Purged(at=self.now, key=intent.key, episode=intent.episode, backup=intent.backup)

    # --- people

    def click(self, event: ev.VisualEvent) -> None:
        self.record(event)
        self.end_episode(event.key)

    def switch(self, mode: Mode, source: str | None) -> None:
        before = {s: self.state.mode_of(s) for s in self.feeds}
        self.record(ev.ModeChanged(at=self.now, mode=mode, reason="r", source=source))
        turned = [s for s in self.feeds if self.state.mode_of(s) is not before[s]]
        self.end_episode(*(k for k in self.things if k.source in turned))

    def restore(self, key: VisualKey) -> None:
        """An admin restores what we removed; the process may die half way."""
        self.record(ev.RestoreIntended(at=self.now, key=key, route=ROUTES[key.source]))
        self.step()
        thing = self.things[key]
        thing.exists, thing.trashed = True, False
        self.step()
        self._restored(key)

    def sleep(self, length: timedelta) -> None:
        self.now += length
