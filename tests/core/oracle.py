"""The judge of the machine: knows the truth and the invariants, and shares no code with the core."""

from __future__ import annotations

import math
from collections import Counter
from datetime import date, datetime, timedelta

from bi_governance import events as ev
from bi_governance.model import Action, Mode, NoticeKind, VisualKey
from bi_governance.plan import Plan
from tests.core.shell import PROMISE, Shell
from tests.core.world import DAY, Thing

VIP, SLOW, SEASON_DAYS = "vip", "slow", 4
# What shows, after a removal, that somebody wants it back.
WANTING = {"visual.regretted", "restore.done", "visual.kept", "visual.exempted", "exemption.requested"}


class Oracle:
    """Watches clicks and modes by itself, and judges every removal at the moment it happens."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.default = Mode.DRY_RUN
        self.own: dict[str, Mode] = {}
        self.switched: list[tuple[datetime, str]] = []
        self.turns: list[tuple[int, str]] = []
        self.kept: dict[VisualKey, datetime] = {}
        self.exempt: set[VisualKey] = set()
        self.listed: dict[VisualKey, date] = {}
        self.immune: dict[VisualKey, datetime] = {}
        self.removed: Counter[tuple[int, str]] = Counter()
        self.removed_of: Counter[tuple[int, str, str]] = Counter()
        self.confirmed: dict[str, datetime] = {}
        self.purged: Counter[tuple[int, str]] = Counter()
        self.agreed: dict[VisualKey, list[tuple[int, Mode]]] = {}
        self.approved: dict[VisualKey, list[tuple[int, Mode]]] = {}

    # --- what people did

    def mode_of(self, source: str) -> Mode:
        return self.own.get(source, self.default)

    def agree(self, key: VisualKey) -> None:
        """The owner says that nobody need wait for them; when and in which mode decides its worth."""
        self.agreed.setdefault(key, []).append((self.shell.tick, self.mode_of(key.source)))

    def approve(self, key: VisualKey) -> None:
        """An admin would let it go; worth something under the same conditions as the owner's consent."""
        self.approved.setdefault(key, []).append((self.shell.tick, self.mode_of(key.source)))

    def switch(self, mode: Mode, source: str | None) -> list[str]:
        """Follow a switch; the sources whose mode changed by it."""
        before = {name: self.mode_of(name) for name in self.shell.feeds}
        if mode is Mode.LIVE:
            self.confirmed.update(dict.fromkeys([source] if source else self.shell.feeds, self.shell.now))
        if source is None:
            self.default = mode
            if mode is Mode.DRY_RUN:
                self.own.clear()
        else:
            self.own[source] = mode
        turned = [name for name, old in before.items() if self.mode_of(name) is not old]
        self.switched += [(self.shell.now, name) for name in turned]
        self.turns += [(len(self.shell.log), name) for name in turned]
        return turned

    # --- judgement

    def judge_fall(self, source: str, cause: str) -> None:
        """Only what is live falls back, and only for a reason that holds."""
        assert self.mode_of(source) is Mode.LIVE, "11: fell back from dry-run"
        assert self._is_overspent(source) if cause == "regret" else self._has_run_out(source), "11: no reason"
        self.switch(Mode.DRY_RUN, source)

    def judge_plan(self, plan: Plan) -> None:
        """Invariants 1, 2, 4, 5 and 10 for what a plan wants, in dry-run as in live."""
        expired = {d.key for d in plan.decisions if any(r.code == "expired" for r in d.reasons)}
        assert sorted(d.key for d in plan.decisions) == sorted({f.key for f in self.shell.estate} | expired)
        assert expired <= set(self.shell.gone), "11: the backup of something that was never deleted"
        assert all(d.reasons and all(r.code and r.text for r in d.reasons) for d in plan.decisions), "10"
        for decision in plan.of(Action.DELETE):
            thing = self.shell.things[decision.key]
            idle, grace = self._terms(thing)
            self._judge_wishes(thing)
            warned_at = self._judge_notice(thing, grace)
            assert not any(u.human and u.seen and u.at > warned_at for u in thing.uses), "4: seen in use"
            self._judge_idle(thing, idle)
            self._judge_source(decision.key.source)

    def judge_removal(self, key: VisualKey, backup: str) -> None:
        """Invariants 1-7 for the one removal that is about to happen."""
        thing = self.shell.things[key]
        idle, grace = self._terms(thing)
        assert self.mode_of(key.source) is Mode.LIVE, "3: wrote to a platform in dry-run"
        assert thing.lives, "5: removed what is not there"
        assert not thing.schedules, "2: scheduled"
        assert not self.shell.holders(thing), "2: a living container holds it"
        self._judge_wishes(thing)
        warned_at = self._judge_notice(thing, grace)
        assert not thing.used_after(warned_at), "4: used after the warning"
        self._judge_idle(thing, idle)
        self._judge_source(key.source)
        assert backup or key.source in self.shell.unrecoverable, "6: no backup"
        self._judge_caps(key.source)
        self._judge_owner(key)
        assert not self._is_overspent(key.source), "11: too much of what was deleted is wanted back"
        assert not self._has_run_out(key.source), "12: live was not renewed"

    def judge_purge(self, key: VisualKey) -> None:
        """Invariant 11: no backup goes in dry-run, while it is promised, or when somebody may want it."""
        now, run = self.shell.now, (self.shell.runs, key.source)
        assert self.mode_of(key.source) is Mode.LIVE, "11: purged in dry-run"
        assert now - self.shell.shelf[key] >= max(PROMISE, self.shell.policy.purge_after), "11: too soon"
        assert key not in self.exempt, "11: exempt"
        assert self.kept.get(key, now) <= now, "11: kept"
        assert self.listed.get(key, date.min) < now.date(), "11: in the exemptions file"
        self._judge_source(key.source)
        self.purged[run] += 1
        assert self.purged[run] <= self.shell.limits.purge_per_run, "11: over the cap"

    def _terms(self, thing: Thing) -> tuple[timedelta, timedelta]:
        policy, facts = self.shell.policy, self.shell.feeds[thing.key.source].facts[thing.key]
        if (facts.owner.id if facts.owner else thing.owner) == SLOW:
            return timedelta(days=14), timedelta(days=policy.warning_days)
        return timedelta(days=policy.idle_days), timedelta(days=policy.warning_days)

    def _judge_wishes(self, thing: Thing) -> None:
        now, key = self.shell.now, thing.key
        assert key not in self.exempt, "2: exempt"
        assert self.kept.get(key, now) <= now, "2: kept"
        assert self.listed.get(key, date.min) < now.date(), "2: in the exemptions file"
        assert self.immune.get(key, now) <= now, "2: just restored"
        facts = self.shell.feeds[key.source].facts[key]
        # Without a name in the inventory, the true owner's rule must hold all the same.
        owner = facts.owner.id if facts.owner else thing.owner
        assert owner != VIP, "2: protected by a rule"
        assert not facts.is_certified, "2: certified"
        assert not facts.active_schedules, "2: scheduled"
        assert not any(self._is_listed_alive(c) for c in facts.containers), "2: held by a living container"
        assert not self._was_used_a_year_ago(thing), "2: used at this time of last year"

    def _was_used_a_year_ago(self, thing: Thing) -> bool:
        a_year_ago = self.shell.now.toordinal() - 365
        days = [u.at.toordinal() for u in thing.uses if u.human and u.seen]
        return any(abs(day - a_year_ago) <= SEASON_DAYS for day in days)

    def _is_listed_alive(self, key: VisualKey) -> bool:
        facts = self.shell.feeds[key.source].facts.get(key)
        return facts is None or not facts.is_trashed

    def _judge_notice(self, thing: Thing, grace: timedelta) -> datetime:
        episode, mode = self.shell.ended.get(thing.key, -1), self.mode_of(thing.key.source)
        served = [
            m
            for sent in self.shell.slack.values()
            for m in sent
            if m.key == thing.key and (m.kind, m.mode) == (NoticeKind.WARNING, mode) and m.tick > episode
        ]
        assert served, "1: no warning was delivered in this episode and mode"
        first = min(served, key=lambda m: m.at)
        relied_on = self.listed.get(thing.key, date.min)
        assert first.at.date() > relied_on, "1: no new warning after its exemption expired"
        if self.mode_of(thing.key.source) is Mode.LIVE and self.shell.limits.approval:
            assert self._was_said(self.approved, thing.key, first.tick), "14: nobody approved it"
        if self._was_said(self.agreed, thing.key, first.tick):
            return first.at
        extra = timedelta(days=self.shell.policy.succession_grace_days if first.succession else 0)
        assert self.shell.now - first.at >= grace + extra, "1: too soon after the warning"
        return first.at

    def _was_said(self, said: dict[VisualKey, list[tuple[int, Mode]]], key: VisualKey, told_at: int) -> bool:
        """Consent is worth something only after the owner was told, in live, in this same episode."""
        ended = self.shell.ended.get(key, -1)
        given = said.get(key, ())
        return any(mode is Mode.LIVE and tick >= max(told_at, ended) for tick, mode in given)

    def _judge_idle(self, thing: Thing, idle: timedelta) -> None:
        ended = self.shell.ended.get(thing.key, -1)
        if self._was_said(self.agreed, thing.key, ended):
            idle -= timedelta(days=self.shell.policy.warning_days)
        feed, now = self.shell.feeds[thing.key.source], self.shell.now
        facts = feed.facts[thing.key]
        known = [u.at for u in thing.uses if u.human and u.seen]
        last = max(m for m in (*known, facts.created_at, facts.updated_at) if m)
        assert feed.honest_cover(last, now) >= idle, "5: not idle for long enough in covered time"

    def _judge_source(self, source: str) -> None:
        feed, now = self.shell.feeds[source], self.shell.now
        assert feed.status not in ("failed", "partial", "empty"), "5: the newest collection is not whole"
        assert now - feed.collected_at <= 2 * DAY, "5: collected too long ago"
        assert now - max(d.through for d in feed.days.values()) <= 2 * DAY, "5: history ends too long ago"
        assert feed.fingerprint == "right", "5: another instance"
        assert not feed.failed_tests, "5: dbt tests failed"
        assert feed.canary not in ("silent", "gone"), "5: a canary does not sing"
        assert self._longest_trial(source) >= timedelta(days=self.shell.limits.trial_days), "5: no trial"

    def _longest_trial(self, source: str) -> timedelta:
        """From the ledger alone: the longest time between plans with no switch between them and not live.

        Only of trials that were still good when it went live, and since too much was last regretted.
        """
        found: list[tuple[datetime, datetime]] = []
        start, live = None, False
        # By place in the log, not by time: much can happen at one moment.
        turns = {place for place, name in self.turns if name == source}
        for place, event in enumerate(self.shell.log):
            if place in turns:
                start, live = None, not live
            if isinstance(event, ev.ModeChanged) and (event.source, event.cause) == (source, "regret"):
                found.clear()
            if isinstance(event, ev.PlanRecorded) and source in event.sources.split(",") and not live:
                start = start or event.at
                found.append((start, event.at))
        valid = self.shell.limits.trial_valid_days
        went_live = max((at for at, name in self.switched if name == source), default=self.shell.now)
        good = [a for a in found if valid is None or a[1] >= went_live - timedelta(days=valid)]
        return max((end - begin for begin, end in good), default=timedelta(0))

    def _judge_caps(self, source: str) -> None:
        limits, run = self.shell.limits, (self.shell.runs, source)
        self.removed[run] += 1
        living = sum(1 for f in self.shell.estate if f.key.source == source and not f.is_trashed)
        assert self.removed[run] <= limits.delete_per_run, "7: over the count cap"
        if living >= limits.delete_percent_min_population:
            assert self.removed[run] <= math.floor(living * limits.delete_percent / 100), (
                "7: over the percent cap"
            )
        if limits.ramp_first is not None and self._live_for(source) < timedelta(days=limits.ramp_clean_days):
            assert self.removed[run] <= limits.ramp_first, "7: over the first batch"

    def _judge_owner(self, key: VisualKey) -> None:
        """No owner loses more in a run than they may, even if all that nobody owns was theirs."""
        cap, run = self.shell.limits.delete_per_owner, (self.shell.runs, key.source)
        facts = self.shell.feeds[key.source].facts[key]
        self.removed_of[*run, facts.owner.id if facts.owner else ""] += 1
        if cap is None:
            return
        theirs = [n for (*of, who), n in self.removed_of.items() if tuple(of) == run and who]
        assert max(theirs, default=0) + self.removed_of[*run, ""] <= cap, "7: over the cap of an owner"

    def _has_run_out(self, source: str) -> bool:
        renew, confirmed = self.shell.limits.live_renew_days, self.confirmed.get(source)
        if renew is None or confirmed is None:
            return False
        return self.shell.now >= confirmed + timedelta(days=renew)

    def _is_overspent(self, source: str) -> bool:
        """From the ledger alone: whether more than the budget of what was deleted here was wanted back."""
        budget = self.shell.limits.regret
        if budget is None:
            return False
        removed, wanted, open_ = list[datetime](), list[datetime](), set[VisualKey]()
        for event in self.shell.log:
            if isinstance(event, ev.ModeChanged) and (event.source, event.cause) == (source, "regret"):
                removed, wanted, open_ = [], [], set()
            if not isinstance(event, ev.VisualEvent) or event.key.source != source:
                continue
            if isinstance(event, ev.Removed):
                removed.append(event.at)
                open_.add(event.key)
            elif event.kind in WANTING and event.key in open_:
                wanted.append(event.at)
                open_.discard(event.key)
        since = self.shell.now - timedelta(days=budget.days)
        missed, gone = sum(at >= since for at in wanted), sum(at >= since for at in removed)
        return missed > budget.count and 100 * missed > budget.percent * max(missed, gone)

    def _live_for(self, source: str) -> timedelta:
        return self.shell.now - max(at for at, name in self.switched if name == source)
