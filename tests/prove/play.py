"""Playing a script: people, servers and the product, day by day, with the judge looking on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bi_governance.errors import GovernanceError, LeaseHeld
from bi_governance.explain import explain
from bi_governance.ledger import SqlLedger
from bi_governance.ports import Services
from bi_governance.run import daily_run, one_runner
from bi_governance.run_report import RunReport
from bi_governance.sandbox.faults import Fault
from bi_governance.settings import Settings
from tests.prove.company import (
    HOUR,
    SOURCES,
    START,
    Company,
    settings,
)
from tests.prove.judge import Judge
from tests.prove.people import People
from tests.prove.product import Fate, Killed, Product
from tests.prove.record import Record
from tests.prove.script import Day, Run, Script
from tests.prove.warehouse import MemoryWarehouse

MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class World:
    """One company and its product, as far as the script has gone."""

    company: Company
    product: Product
    judge: Judge
    tally: Counter[str] = field(default_factory=Counter)
    people: People = field(init=False)
    is_unsettled: bool = False

    def __post_init__(self) -> None:
        self.people = People(self.company, self.product, self.judge, self.tally)

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
            self.people.act(act)
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
            fate.acts_at, fate.act = run.meanwhile[0], lambda act=run.meanwhile[1]: self.people.act(act)
        before = {source: self.company.writes(source) for source in SOURCES}
        builds = self.product.memory.builds
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
        self._note(run, built=self.product.memory.builds > builds)
        self.people.note_back()
        for difference in self.product.differences:
            self.judge.object(10, f"the facts are not those of dbt: {difference}")
        if not self.people.is_restoring:
            self.judge.judge_writes(before, were_live)
        if report is not None and not run.troubles:
            self.is_unsettled = self.people.is_restoring = False
        else:
            self.is_unsettled = True
        return report

    def _note(self, run: Run, *, built: bool) -> None:
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
            self.judge.run_read(source, whole=is_whole, silent="silent" in mine and struck, built=built)

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
