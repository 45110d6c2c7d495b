"""Playing a script: people, servers and the product, day by day, with the judge looking on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from bi_governance.errors import GovernanceError, LeaseHeld, RefusedForSafety
from bi_governance.explain import explain
from bi_governance.keep import exempt, keep_until, unexempt
from bi_governance.ledger import SqlLedger
from bi_governance.model import Mode
from bi_governance.ports import Services
from bi_governance.restore import restore
from bi_governance.run import RunReport, daily_run, one_runner
from bi_governance.sandbox.faults import Fault
from bi_governance.settings import Settings
from bi_governance.switch import may_go_live, switch
from tests.prove.company import (
    HOUR,
    LOOKER,
    PEOPLE,
    SOURCES,
    START,
    SUPERSET,
    Company,
    Item,
    settings,
)
from tests.prove.judge import EVER, Judge
from tests.prove.product import Fate, Killed, Product
from tests.prove.record import Record
from tests.prove.script import Act, Day, Run, Script
from tests.prove.warehouse import MemoryWarehouse

MINUTE = timedelta(minutes=1)
KINDS = ((LOOKER, "dashboard"), (LOOKER, "look"), (SUPERSET, "dashboard"), (SUPERSET, "chart"))
KEEP, IMMUNE = timedelta(days=5), timedelta(days=4)


@dataclass(slots=True)
class World:
    """One company and its product, as far as the script has gone."""

    company: Company
    product: Product
    judge: Judge
    tally: Counter[str] = field(default_factory=Counter)
    is_unsettled: bool = False
    restores_in_dry_run: bool = False
    gone: set[str] = field(default_factory=set)

    # -- days --------------------------------------------------------------------------------------

    def play(self, days: tuple[Day, ...]) -> None:
        """Every day of the script, and two more on which nothing goes wrong, so that all is settled."""
        for day in (*days, Day(run=Run()), Day(run=Run(again=True))):
            self.live(day)
            if self.judge.violations:
                return
        self.reckon()

    def live(self, day: Day) -> None:
        self.tally["days"] += 1
        for act in day.acts:
            self.act(act)
        if not day.is_quiet:
            self.company.live()
        self.company.clock.advance(18 * HOUR)
        if day.run is not None:
            self.run(day.run)
        self.company.clock.set(START + (self.tally["days"] + 0.25) * timedelta(days=1))

    # -- runs --------------------------------------------------------------------------------------

    def run(self, run: Run) -> None:
        """One daily run with its troubles; if it died, perhaps tried again at once and a little later."""
        self.tally["runs"] += 1
        with self._troubles(run):
            report = self._run(run)
        if report is None and run.tried_at_once:
            self.company.clock.advance(5 * MINUTE)
            self._must_be_held()
            self.company.clock.advance(11 * MINUTE)
            report = self._run(Run())
        if report is not None and run == Run(again=True):
            self._must_do_nothing(report)

    def _run(self, run: Run) -> RunReport | None:
        fate = Fate(run.dies_at, run.dies_before)
        if run.meanwhile is not None:
            fate.acts_at, fate.act = run.meanwhile[0], lambda act=run.meanwhile[1]: self.act(act)
        before = {source: self.company.writes(source) for source in SOURCES}
        were_live = dict(self.judge.live)
        self.judge.run_begins(doubted=run.fails_a_test)
        self.judge.troubled = {t.where for t in run.troubles if t.sort == "feed"}
        report = None
        try:
            with self.product.process(fate, fails_a_test=run.fails_a_test) as services:
                report = daily_run(services)
        except Killed:
            self.tally["kills"] += 1
        except GovernanceError as error:
            self.tally[f"ended with {type(error).__name__}"] += 1
        self._note(run)
        self._note_back()
        for difference in self.product.differences:
            self.judge.object(10, f"the facts are not those of dbt: {difference}")
        if not self.restores_in_dry_run:
            self.judge.judge_writes(before, were_live)
        if report is not None and not run.troubles:
            self.is_unsettled = self.restores_in_dry_run = False
        else:
            self.is_unsettled = True
        return report

    def _note(self, run: Run) -> None:
        """How the sources could be read, from the faults that struck and what was noted of the collection."""
        self.judge.is_running = False
        for source in SOURCES:
            feeds = [feed for feed in self.product.memory.feed_statuses() if feed.source == source]
            noted = {(feed.status, feed.finished_at) for feed in feeds}
            is_whole = noted == {("complete", self.company.clock.now())}
            struck = self.company.servers[source].faults.met.is_set()
            mine = {t.sort for t in run.troubles if t.where == source}
            if "feed" in mine and struck and is_whole:
                self.judge.object(5, f"{source} passed for read although it could not be")
            self.judge.run_read(source, whole=is_whole, silent="silent" in mine and struck)

    @contextmanager
    def _troubles(self, run: Run) -> Iterator[None]:
        """The servers misbehave while the run lasts."""
        for sandbox in self.company.servers.values():
            sandbox.faults.met.clear()
        for t in run.troubles:
            fault = Fault(t.match, t.kind, times=t.times, after=t.after, status=t.status or 500)
            self.company.servers[t.where].faults.add(fault)
        yield
        for sandbox in self.company.servers.values():
            self.tally["faults"] += sandbox.faults.met.is_set()
            sandbox.faults.clear()
            sandbox.faults.met.clear()

    def _must_be_held(self) -> None:
        """Nobody works under a dead runner's lease - unless it died without one."""
        with self._ledger() as ledger:
            before = Record(self.company, ledger).effects()
        try:
            with self.product.process() as services:
                with one_runner(services):
                    return
        except LeaseHeld:
            self.tally["refused under a dead runner's lease"] += 1
        with self._ledger() as ledger:
            if Record(self.company, ledger).effects() != before:
                self.judge.object(9, "a run without the lease did something")

    def _must_do_nothing(self, report: RunReport) -> None:
        """The same run once more, at the same moment; what was rescued just now may start anew."""
        if report.outcome == "failed":
            return
        anew = set(report.rescued)
        with self._ledger() as ledger:
            before = Record(self.company, ledger).effects(but=anew)
        if self._run(Run()) is None:
            return
        with self._ledger() as ledger:
            after = Record(self.company, ledger).effects(but=anew)
        if after != before:
            self.judge.object(9, f"running twice did more than running once: {after - before}")

    @contextmanager
    def _ledger(self) -> Iterator[SqlLedger]:
        ledger = SqlLedger(self.product.settings.ledger.url)
        try:
            yield ledger
        finally:
            ledger.close()

    # -- the end -----------------------------------------------------------------------------------

    def reckon(self) -> None:
        """Ledger, backups and servers tell the same story, and every decision can be explained."""
        with self._ledger() as ledger:
            record = Record(self.company, ledger)
            if not self.is_unsettled:
                for complaint in record.disagreements(self.judge.removed):
                    self.judge.object(9, complaint)
            self.tally.update(record.counts())
        self.tally["removed at the servers"] += len(self.judge.removed)
        with self.product.process() as services:
            for facts in services.warehouse.facts():
                found = explain(services, str(facts.key))
                if found.decision is None or not found.decision.reasons:
                    self.judge.object(10, f"{facts.key} cannot be explained")

    # -- people ------------------------------------------------------------------------------------

    def act(self, act: Act) -> None:
        self.tally[act.what] += 1
        item = self.company.items[act.number % len(self.company.items)]
        source = tuple(SOURCES)[act.number % len(SOURCES)]
        deeds: dict[str, Callable[[], object]] = {
            "use": lambda: self.company.use(item),
            "use everything": lambda: [self.company.use(each) for each in self.company.items],
            "robot": lambda: self.company.robot_use(item),
            "rename": lambda: self.company.edit(item, rename=True),
            "edit": lambda: self.company.edit(item, rename=False),
            "give": lambda: self.company.give(item, PEOPLE[act.number % len(PEOPLE)]),
            "schedule": lambda: self.company.schedule(item),
            "unschedule": lambda: self.company.unschedule(item),
            "certify": lambda: self.company.certify(item, certified=True),
            "uncertify": lambda: self.company.certify(item, certified=False),
            "put on": lambda: self._put_on(item, act.number),
            "lose": lambda: self.company.lose(item),
            "bring back": lambda: self.company.bring_back(item),
            "make": lambda: self._make(act.number),
            "keep": lambda: self._keep(item),
            "exempt": lambda: self._exempt(item),
            "unexempt": lambda: self._unexempt(item),
            "live": lambda: self._switch(None, live=True),
            "stop": lambda: self._switch(None, live=False),
            "live one": lambda: self._switch(source, live=True),
            "stop one": lambda: self._switch(source, live=False),
            "press keep": lambda: self._press(act.number, "keep_30"),
            "press delete": lambda: self._press(act.number, "delete"),
            "restore": lambda: self._restore(act.number),
            "press restore": lambda: self._press_restore(act.number),
        }
        deeds[act.what]()

    def _make(self, number: int) -> None:
        self.company.make(*KINDS[number % len(KINDS)], ("ada", "ben", "carol")[number % 3])

    def _put_on(self, item: Item, number: int) -> None:
        source = item.key.source
        holders = [i for i in self.company.items if (i.key.source, i.key.type) == (source, "dashboard")]
        if holders:
            self.company.put_on(item, holders[number % len(holders)])

    def _keep(self, item: Item) -> None:
        with self.product.process() as services:
            keep_until(services, item.key, services.clock.now() + KEEP, actor="ann")
        self.judge.keep(item, self.company.clock.now() + KEEP)

    def _exempt(self, item: Item) -> None:
        with self.product.process() as services:
            exempt(services, item.key, actor="ann", reason="the board looks at it")
        self.judge.keep(item, EVER)

    def _unexempt(self, item: Item) -> None:
        if self.judge.kept.get(item.handle) is EVER:
            with self.product.process() as services:
                unexempt(services, item.key, actor="ann")
            self.judge.keep(item, self.company.clock.now())

    def _switch(self, source: str | None, *, live: bool) -> None:
        """As the command does it: going live asks first whether that may be."""
        with self.product.process() as services:
            try:
                if live:
                    may_go_live(services)
                mode = Mode.LIVE if live else Mode.DRY_RUN
                switch(services, mode, actor="ann", reason="test", source=source)
            except RefusedForSafety:
                self.tally["refused to go live"] += 1
                return
        for name in SOURCES if source is None else (source,):
            self.judge.switch(name, live=live)

    def _asked(self) -> list[tuple[Item, Any]]:
        """What owners are asked about on Slack right now, in live: the visual and the message."""
        slack = self.company.slack
        return [
            (item, message)
            for message in slack.messages()
            if slack.channels[message.channel].im
            for item in self.company.items
            if any(str(item.key) in block.get("block_id", "") for block in message.blocks)
        ]

    def _press(self, number: int, button: str) -> None:
        asked = self._asked()
        if not asked:
            return
        item, message = asked[-1 - number % min(len(asked), 6)]
        email = f"{self._reader(message)}@acme.example"
        people = self.product.people
        try:
            payload = people.press(email, message, button, str(item.key))
        except LookupError:
            return
        if button == "delete":
            self._consent(item, email, payload)
            return
        with self.product.listening() as take:
            take(payload)
        if self._was_heeded(item):
            self.judge.keep(item, self.company.clock.now() + timedelta(days=30))
            self.tally["keeps by button"] += 1

    def _consent(self, item: Item, email: str, payload: dict[str, Any]) -> None:
        """The owner presses Delete now and fills in the form, which may remove it on the spot."""
        with self.product.listening() as take:
            take(payload)
            views = self.company.slack.interaction
            try:
                form = self.product.people.send_form(email)
            except LookupError:
                return
            if str(item.key) not in str(form) or views is None:
                return
            if email.startswith(item.owner):
                self.judge.agree(item)
            take(form)
        self.tally["consents by button"] += 1

    def _was_heeded(self, item: Item) -> bool:
        with self._ledger() as ledger:
            kept = ledger.state().case(item.key).kept_until
        return kept is not None and kept > self.company.clock.now() + timedelta(days=29)

    def _reader(self, message: Any) -> str:
        slack = self.company.slack
        (member,) = slack.channels[message.channel].members - {slack.bot_user_id}
        return slack.members[member].name

    def _restore(self, number: int) -> None:
        """An admin restores what was removed last; one in four dies half-way."""
        item = self._last_removed()
        if item is None:
            return
        self.restores_in_dry_run = True
        fate = Fate(dies_at=2 + number % 5 if number % 4 == 0 else 0, dies_before=number % 8 == 0)
        try:
            with self.product.process(fate) as services:
                with one_runner(services) as lease:
                    restore(services, item.key, actor="ann", lease=lease)
        except Killed:
            self.tally["kills"] += 1
            self.is_unsettled = True
        except GovernanceError:
            self.tally["restores refused"] += 1
        else:
            self.tally["restores"] += 1
            self.judge.keep(item, self.company.clock.now() + IMMUNE)
        self._note_back()

    def _press_restore(self, number: int) -> None:
        item = self._last_removed()
        if item is None:
            return
        for message in reversed(self.company.slack.messages()):
            if self.company.slack.channels[message.channel].im:
                try:
                    payload = self.product.people.press(
                        f"{self._reader(message)}@acme.example", message, "restore", str(item.key)
                    )
                except LookupError:
                    continue
                self.restores_in_dry_run = True
                with self.product.listening() as take:
                    take(payload)
                self._note_back()
                self.tally["restores by button"] += self.company.is_there(item)
                return

    def _last_removed(self) -> Item | None:
        gone = [item for _, item in self.judge.removed if not self.company.is_there(item)]
        return gone[-1] if gone else None

    def _note_back(self) -> None:
        """What is there again is another thing than what was warned of."""
        for item in {item.handle: item for _, item in self.judge.removed}.values():
            is_there = self.company.is_there(item)
            if is_there and item.handle in self.gone:
                item.edits.append(self.company.clock.now())
            (self.gone.discard if is_there else self.gone.add)(item.handle)


def play(
    script: Script,
    folder: Path,
    *,
    ledger: str | None = None,
    is_whole: bool = False,
    sabotage: Callable[[Services], Services] = lambda services: services,
) -> World:
    """Play a script in a world of its own; what the judge found is in its `judge`."""
    company = Company()
    with ExitStack() as stack:
        stack.enter_context(company.serving())
        raw = settings(company, folder, **script.settings)
        raw["slack"]["app_token"] = company.slack.app_token
        if ledger is not None:
            raw["ledger"] = {"url": ledger}
        memory = MemoryWarehouse(SOURCES)
        product = Product(Settings.model_validate(raw), company, memory, is_whole, sabotage)
        product.prepare()
        judge = Judge(company, folder / "backups", raw)
        company.looker.witness = company.superset.witness = judge.taken_away
        world = World(company, product, judge)
        world.play(script.days)
    return world
