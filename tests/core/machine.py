"""The machine: every step that can be taken in the small world, in any order.

`Oracle` judges every plan and every removal against the truth when it happens; the invariant here
compares the ledger with the truth after every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import currently_in_test_context, event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bi_governance import events as ev
from bi_governance.exemptions import Exemption, Exemptions
from bi_governance.guards import Evidence, Limits
from bi_governance.lifecycle import fold
from bi_governance.model import Action, Mode, VisualKey
from bi_governance.plan import Plan
from bi_governance.rules import Match, Policy, Rule
from bi_governance.standing import RegretBudget
from bi_governance.window import ActionWindow
from tests.core.ignorance import LOSSES, deletions
from tests.core.oracle import SLOW, VIP, Oracle
from tests.core.shell import Killed, Luck, Shell
from tests.core.world import DAY, HOUR, SEASON, START, WEATHER, Feed, Use, small_estate

RULES = (
    Rule(name="vips are never touched", match=Match(owner=f"{VIP}@acme.test"), protect=True),
    Rule(name="slow lives longer", match=Match(owner=f"{SLOW}@acme.test"), idle_days=14),
)
POLICIES = [
    Policy(
        idle_days=10,
        warning_days=3,
        reminder_days=(2, 1),
        rules=RULES,
        restore_immunity_days=4,
        succession_grace_days=2,
        season_days=SEASON.days,
        window=window,
        purge_after=4 * DAY,
    )
    for window in (ActionWindow(), ActionWindow(days=frozenset({0, 1, 2, 3})))
]
POLICIES.append(
    Policy(
        idle_days=6,
        warning_days=4,
        reminder_days=(1,),
        rules=RULES,
        restore_immunity_days=20,
        season_days=SEASON.days,
    )
)
CHANGES = (
    "rename", "move", "edit", "schedule", "unschedule", "unschedule", "certify", "trash", "untrash",
    "contain", "contain", "bob", VIP, SLOW,
)  # fmt: skip
WISHES = (
    "keep a day", "keep for long", "exempt", "unexempt", "list a day", "list for long",
    "agree", "agree", "approve", "approve", "hand over", "ask", "decline",
)  # fmt: skip
FINE = {"looker": "fine", "superset": "fine"}
numbers = st.integers(0, 5)
sources = st.sampled_from(["looker", "superset"])
weather = st.fixed_dictionaries({"looker": st.sampled_from(WEATHER), "superset": st.sampled_from(WEATHER)})
limits = st.builds(
    Limits,
    delete_per_run=st.sampled_from([25, 2, 1, 25, 0]),
    delete_percent=st.sampled_from([100.0, 50.0, 100.0, 100.0, 0.0]),
    delete_percent_min_population=st.sampled_from([2, 3, 50]),
    ramp_first=st.sampled_from([None, 1, None, 0]),
    ramp_clean_days=st.just(3),
    trial_days=st.sampled_from([0, 0, 0, 3]),
    trial_valid_days=st.sampled_from([60, None, 6]),
    live_renew_days=st.sampled_from([None, None, 14]),
    delete_per_owner=st.sampled_from([None, None, 2, 1, 0]),
    regret=st.sampled_from([None, RegretBudget(0, 0, 30), RegretBudget(1, 40, 20), RegretBudget(0, 60, 9)]),
    purge_per_run=st.sampled_from([100, 1, 100, 0]),
    approval=st.sampled_from([False, False, False, True]),
)


def tell(what: str) -> None:
    """Count it in Hypothesis's statistics; scenarios run without Hypothesis."""
    if currently_in_test_context():
        event(what)


class World(RuleBasedStateMachine):
    """Days, people and platforms in any order; see `Oracle` for what must never happen."""

    @initialize(
        idle=st.lists(st.sampled_from([2, 5, 8, 12, 40, 200]), min_size=6, max_size=6),
        owners=st.lists(st.sampled_from(["alice", "alice", VIP, SLOW]), min_size=6, max_size=6),
        policy=st.sampled_from(POLICIES),
        limits=limits,
        history=st.sampled_from([21, 40]),
        live=st.booleans(),
        unrecoverable=st.booleans(),
        seasons=st.lists(st.sampled_from([None, None, None, 8, 20, 45]), min_size=6, max_size=6),
    )
    def begin(
        self,
        idle: list[int],
        owners: list[str],
        policy: Policy,
        limits: Limits,
        history: int,
        live: bool,
        unrecoverable: bool,
        seasons: Sequence[int | None] = (),
    ) -> None:
        things = {t.key: t for t in small_estate(idle, owners, seasons)}
        feeds = {s: Feed(s, limits, through=START - history * DAY) for s in FINE}
        lost = frozenset({"superset"}) if unrecoverable else frozenset()
        self.shell = Shell(
            policy, limits, things, feeds, self.judge_plan, self.judge_removal, self.judge_purge, lost
        )
        self.oracle = Oracle(self.shell)
        self.shell.on_fall = self.fall
        self.keys = list(things)
        self.shell.run(FINE, Luck())
        if live:
            self.switch(Mode.LIVE, None)

    def fall(self, source: str, cause: str) -> None:
        """A source is about to go back to dry-run by itself."""
        self.oracle.judge_fall(source, cause)
        tell(f"fell back: {cause}")

    def judge_plan(self, plan: Plan) -> None:
        self.oracle.judge_plan(plan)

    def judge_removal(self, key: VisualKey, backup: str) -> None:
        self.oracle.judge_removal(key, backup)
        tell("removed for real")

    def judge_purge(self, key: VisualKey) -> None:
        self.oracle.judge_purge(key)
        tell("purged for real")

    # --- time

    @rule(hours=st.sampled_from([1, 6, 24, 60, 24 * 7, 24 * 30]))
    def sleep(self, hours: int) -> None:
        self.shell.sleep(hours * HOUR)

    @rule(count=st.integers(1, 5))
    def quiet_days(self, count: int) -> None:
        self.live_through(count)

    @rule(count=st.integers(4, 9))
    def quiet_week(self, count: int) -> None:
        self.live_through(count)

    def live_through(self, count: int) -> None:
        for _ in range(count):
            self.shell.sleep(DAY)
            self.shell.run(FINE, Luck())

    @rule(
        weather=weather,
        dies_after=st.none() | st.integers(0, 8),
        slack_down=st.booleans(),
        platform_down=st.booleans(),
        backup_fails=st.booleans(),
        meanwhile=st.sampled_from(["nothing", "exempt", "keep", "stop", "use", "rename"]),
        number=numbers,
    )
    def bad_day(self, weather: dict[str, str], meanwhile: str, number: int, **luck: Any) -> None:
        things = {
            "exempt": lambda: self.click(number, "exempt"),
            "keep": lambda: self.click(number, "keep for long"),
            "stop": lambda: self.switch(Mode.DRY_RUN, None),
            "use": lambda: self.use(number, True, 0),
            "rename": lambda: self.change(number, "rename"),
        }
        self.shell.sleep(DAY)
        self.shell.run(weather, Luck(meanwhile=things.get(meanwhile), **luck))

    @rule()
    def run_again(self) -> None:
        """A run repeated at the same moment, without anything new, has nothing left to do."""
        self.shell.run(FINE, Luck())
        # What was rescued just now may be idle still: its next episode is a new thing, not a repetition.
        rescued = {d.key for d in self.shell.plan.of(Action.RESCUE)} if self.shell.plan else set()
        before = self.done_but_for(rescued)
        self.shell.luck = Luck()
        self.shell.decide_and_act()
        assert self.done_but_for(rescued) == before, "9: running twice did more than running once"

    def done_but_for(self, keys: set[VisualKey]) -> tuple[int, ...]:
        messages = sum(1 for sent in self.shell.slack.values() if sent[0].key not in keys)
        return messages, len(self.shell.gone), self.kinds("removal.simulated"), len(self.shell.purged)

    # --- people

    @rule(number=numbers, human=st.booleans(), hours_ago=st.sampled_from([0, 1, 30]))
    def use(self, number: int, human: bool, hours_ago: int) -> None:
        self.thing(number).uses.append(Use(self.shell.now - hours_ago * HOUR, human))

    @rule(number=numbers, wish=st.sampled_from(WISHES))
    def click(self, number: int, wish: str) -> None:
        key, now = self.keys[number], self.shell.now
        if wish == "exempt":
            self.oracle.exempt.add(key)
            self.shell.click(ev.Exempted(at=now, key=key, reason="board"))
        elif wish == "unexempt":
            self.oracle.exempt.discard(key)
            self.shell.click(ev.Unexempted(at=now, key=key))
        elif wish.startswith("list"):
            self.list_in_file(key, 1 if wish == "list a day" else 12)
        elif wish == "agree":
            self.agree(key)
        elif wish == "approve":
            self.oracle.approve(key)
            episode = self.shell.state.case(key).episode
            self.shell.record(
                ev.RemovalApproved(at=now, actor="ann", key=key, episode=episode, list_digest="d")
            )
        elif wish == "hand over":
            self.shell.click(
                ev.HandedOver(at=now, key=key, to_id="U2", to_name="Bob", to_email="bob@acme.test")
            )
        elif wish == "ask":
            self.shell.record(ev.ExemptionRequested(at=now, key=key, reason="board"))
        elif wish == "decline":
            self.shell.record(ev.ExemptionDeclined(at=now, key=key))
        else:
            self.oracle.kept[key] = now + (1 if wish == "keep a day" else 12) * DAY
            self.shell.click(ev.KeptUntil(at=now, key=key, until=self.oracle.kept[key]))

    def list_in_file(self, key: VisualKey, days: int) -> None:
        """A row of the team's exemptions file, in the place of any there is about the visual."""
        self.oracle.listed[key] = until = (self.shell.now + days * DAY).date()
        rows = [row for row in self.shell.policy.exemptions.rows if row.key != str(key)]
        exemptions = Exemptions.of([*rows, Exemption(str(key), "audit", "cfo", until)])
        self.shell.policy = replace(self.shell.policy, exemptions=exemptions)

    def agree(self, key: VisualKey) -> None:
        """The owner need not be waited for: consent, which only counts while it is warned, in live."""
        case, mode = self.shell.state.case(key), self.shell.state.mode_of(key.source)
        agreed = ev.RemovalAgreed(at=self.shell.now, key=key, episode=case.episode, mode=mode)
        if mode is Mode.LIVE and case.is_open:
            tell("agreed not to wait")
        self.oracle.agree(key)
        self.shell.record(agreed)

    @rule(mode=st.sampled_from([Mode.LIVE, Mode.LIVE, Mode.DRY_RUN]), source=st.none() | sources)
    def switch(self, mode: Mode, source: str | None) -> None:
        turned = self.oracle.switch(mode, source)
        self.shell.switch(mode, source)
        self.shell.end_episode(*(k for k in self.keys if k.source in turned))

    @rule(number=numbers, what=st.sampled_from(CHANGES))
    def change(self, number: int, what: str) -> None:
        thing = self.thing(number)
        match what:
            case "rename":
                thing.title += "!"
            case "move":
                thing.folder += "/x"
            case "edit":
                thing.edited = self.shell.now
            case "schedule" | "unschedule":
                thing.schedules = int(what == "schedule")
            case "certify":
                thing.certified = not thing.certified
            case "trash" | "untrash":
                thing.trashed = what == "trash" or not thing.exists
            case "contain":
                thing.container = None if thing.container else self.keys[(number + 1) % 6]
            case _:
                thing.owner = what

    @rule(dies_after=st.none() | st.integers(0, 1))
    def restore(self, dies_after: int | None) -> None:
        key = next(iter(self.shell.gone[-1:]), None)
        if key is None or self.shell.state.case(key).removal is None:
            return
        self.shell.luck = Luck(dies_after)
        try:
            self.shell.restore(key)
        except Killed:
            tell("died while restoring")
        self.oracle.immune[key] = self.shell.now + self.shell.policy.immunity

    @rule(source=sources, what=st.sampled_from(["tests", "instance", "silent", "gone", "mended", "mended"]))
    def break_source(self, source: str, what: str) -> None:
        feed = self.shell.feeds[source]
        feed.failed_tests = ("unique_key",) if what == "tests" else ()
        feed.fingerprint = "wrong" if what == "instance" else "right"
        feed.canary = what if what in ("silent", "gone") else "sings"

    # --- what must hold after every step

    @rule(loss=st.sampled_from(sorted(LOSSES)), size=st.integers(1, 8))
    def know_less(self, loss: str, size: int) -> None:
        """8: taking information away never adds a deletion."""
        shell = self.shell
        known = (shell.estate, Evidence({s: f.evidence("right") for s, f in shell.feeds.items()}))
        less = LOSSES[loss](known, shell.now, size)
        given = (shell.state, shell.policy, shell.limits, shell.now)
        assert deletions(less, *given) <= deletions(known, *given), f"8: losing {loss} added a deletion"

    @invariant()
    def the_ledger_tells_what_was_done(self) -> None:
        """9: whatever happened has its record, or an intent that the next run settles."""
        state = self.shell.state
        intended = {i.message_id for found in state.unsettled_notices.values() for i in found}
        recorded, accepted = self.shell.recorded, self.shell.slack.keys()
        assert recorded <= accepted <= recorded | intended
        news = self.shell.news
        assert len(set(news)) == len(news), "9: somebody was told the same news twice"
        open_removals = sum(1 for c in state.cases.values() if c.removal_intended is not None)
        assert len(self.shell.gone) - open_removals <= len(state.removals) <= len(self.shell.gone)
        open_purges = sum(1 for c in state.cases.values() if c.purge_intended is not None)
        purged, known = len(self.shell.purged), self.kinds("visual.purged")
        assert purged - open_purges <= known <= purged, "9: a backup is gone and nothing says so"

    def teardown(self) -> None:
        if not hasattr(self, "shell"):
            return
        stored = [ev.from_record(e.kind, e.at, e.actor, e.run_id, ev.to_record(e)) for e in self.shell.log]
        assert stored == self.shell.log
        assert fold(stored) == self.shell.state, "9: the ledger read back is not the state acted on"
        for kind in ("removal.simulated", "visual.rescued", "removal.refused", "visual.regretted"):
            if self.kinds(kind):
                tell(kind)

    def thing(self, number: int) -> Any:
        return self.shell.things[self.keys[number]]

    def kinds(self, kind: str) -> int:
        return self.shell.seen.get(kind, 0)
