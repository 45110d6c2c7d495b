"""What people do in a world, over the ways they have: the command line's use cases, and Slack's buttons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from bi_governance.approve import approve, waiting
from bi_governance.errors import GovernanceError, RefusedForSafety
from bi_governance.keep import exempt, keep_until, unexempt
from bi_governance.ledger import SqlLedger
from bi_governance.model import Mode
from bi_governance.restore import restore
from bi_governance.run import one_runner
from bi_governance.switch import may_go_live, switch
from tests.prove.company import LOOKER, PEOPLE, SOURCES, SUPERSET, Company, Item
from tests.prove.judge import EVER, Judge
from tests.prove.product import Fate, Killed, Product
from tests.prove.script import Act

KINDS = ((LOOKER, "dashboard"), (LOOKER, "look"), (SUPERSET, "dashboard"), (SUPERSET, "chart"))
KEEP, IMMUNE, BUTTON = timedelta(days=5), timedelta(days=4), timedelta(days=30)


@dataclass(slots=True)
class People:
    """The people of a world; what they say and do the judge hears from them, not from the ledger."""

    company: Company
    product: Product
    judge: Judge
    tally: Counter[str]
    gone: set[str] = field(default_factory=set)
    is_restoring: bool = False

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
            "approve": lambda: self._approve(act.number),
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

    def _approve(self, number: int) -> None:
        """An admin reads what waits and approves all of it, or the first."""
        try:
            with self.product.process() as services:
                listed = waiting(services).first(1 if number % 3 == 0 else 1000)
                done = approve(services, listed, "ann")
        except GovernanceError:
            self.tally["approvals refused"] += 1  # before the first run there is nothing to approve
            return
        for item in self.company.items:
            if item.key in done.approved:
                self.judge.approve(item)
                self.tally["approvals"] += 1

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
            self.judge.keep(item, self.company.clock.now() + BUTTON)
            self.tally["keeps by button"] += 1

    def _consent(self, item: Item, email: str, payload: dict[str, Any]) -> None:
        """The owner presses Delete now and fills in the form, which may remove it on the spot."""
        with self.product.listening() as take:
            take(payload)
            try:
                form = self.product.people.send_form(email)
            except LookupError:
                return
            if str(item.key) not in str(form):
                return
            if email.startswith(item.owner):
                self.judge.agree(item)
            take(form)
        self.tally["consents by button"] += 1

    def _was_heeded(self, item: Item) -> bool:
        ledger = SqlLedger(self.product.settings.ledger.url)
        kept = ledger.state().case(item.key).kept_until
        ledger.close()
        return kept is not None and kept > self.company.clock.now() + BUTTON - timedelta(days=1)

    def _reader(self, message: Any) -> str:
        slack = self.company.slack
        (member,) = slack.channels[message.channel].members - {slack.bot_user_id}
        return slack.members[member].name

    def _restore(self, number: int) -> None:
        """An admin restores what was removed last; one in four dies half-way."""
        item = self._last_removed()
        if item is None:
            return
        self.is_restoring = True
        fate = Fate(dies_at=2 + number % 5 if number % 4 == 0 else 0, dies_before=number % 8 == 0)
        try:
            with self.product.process(fate) as services:
                with one_runner(services) as lease:
                    restore(services, item.key, actor="ann", lease=lease)
        except Killed:
            self.tally["kills"] += 1
        except GovernanceError:
            self.tally["restores refused"] += 1
        else:
            self.tally["restores"] += 1
            self.judge.keep(item, self.company.clock.now() + IMMUNE)
        self.note_back()

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
                self.is_restoring = True
                with self.product.listening() as take:
                    take(payload)
                self.note_back()
                self.tally["restores by button"] += self.company.is_there(item)
                return

    def _last_removed(self) -> Item | None:
        gone = [item for _, item in self.judge.removed if not self.company.is_there(item)]
        return gone[-1] if gone else None

    def note_back(self) -> None:
        """What is there again is another thing than what was warned of."""
        for item in {item.handle: item for _, item in self.judge.removed}.values():
            is_there = self.company.is_there(item)
            if is_there and item.handle in self.gone:
                item.edits.append(self.company.clock.now())
            (self.gone.discard if is_there else self.gone.add)(item.handle)
