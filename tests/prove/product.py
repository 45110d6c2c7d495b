"""The product as a process of its own would put it together, which may die at any of its effects."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from bi_governance.answer import Desk
from bi_governance.app import App
from bi_governance.ledger import SqlLedger
from bi_governance.notify.answers import Answers
from bi_governance.notify.conversation import Conversation
from bi_governance.notify.slack_api import SlackApi
from bi_governance.ports import FailedTest, Services, Transformer, TransformReport
from bi_governance.sandbox.slack_people import SlackPeople
from bi_governance.settings import Settings
from tests.crash.child import watched
from tests.prove.both import Both, Compared
from tests.prove.company import TEAM, Company
from tests.prove.warehouse import MemoryWarehouse

PATIENCE_SECONDS = 30


class Killed(BaseException):
    """The process died; nothing in the product may catch this."""


@dataclass(slots=True)
class Fate:
    """Counts the effects of one process; at one of them it dies, at another somebody else acts.

    The dead do nothing: every later effect, releasing the lease included, does not happen.
    """

    dies_at: int = 0
    dies_before: bool = False
    acts_at: int = 0
    act: Callable[[], None] = lambda: None
    is_dead: bool = False
    seen: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def around(self, effect: str, about: str) -> Iterator[None]:
        with self._lock:
            if self.is_dead:
                raise Killed
            self.seen += 1
            number = self.seen
        if number == self.acts_at:
            self.act()
        if number == self.dies_at and self.dies_before:
            self._die()
        yield
        if number == self.dies_at:
            self._die()

    def _die(self) -> None:
        self.is_dead = True
        raise Killed


class Tests:
    """A transformer that builds nothing - the warehouse in memory does that - and whose tests may fail."""

    def __init__(self, warehouse: MemoryWarehouse, *, fails: bool) -> None:
        self._warehouse, self._fails = warehouse, fails

    def build(self) -> TransformReport:
        self._warehouse.build()
        failed = (FailedTest("visuals_are_sound", "", "one row"),) if self._fails else ()
        return TransformReport(1, 1, failed, 0.0)


class Doubting:
    """The real transformer, with one test that fails after everything was built."""

    def __init__(self, real: Transformer) -> None:
        self._real = real

    def build(self) -> TransformReport:
        failed = (FailedTest("visuals_are_sound", "", "one row"),)
        return replace(self._real.build(), failed=failed)


@dataclass(slots=True)
class Product:
    """Settings, ledger and warehouse; every call of `process` is a new process on them.

    With `is_whole` the real warehouse and dbt decide, and the one in memory must come to the same facts.
    """

    settings: Settings
    company: Company
    memory: MemoryWarehouse
    is_whole: bool = False
    sabotage: Callable[[Services], Services] = lambda services: services
    differences: list[str] = field(default_factory=list)

    def prepare(self) -> None:
        ledger = SqlLedger(self.settings.ledger.url)
        ledger.prepare()
        ledger.close()

    @contextmanager
    def process(self, fate: Fate | None = None, *, fails_a_test: bool = False) -> Iterator[Services]:
        ledger = SqlLedger(self.settings.ledger.url)
        app = App(
            self.settings, clock=self.company.clock, sleep=lambda _: None, is_listening=True, ledger=ledger
        )
        try:
            with app:
                services = self._put_together(app.services, fails_a_test=fails_a_test)
                yield watched(services, fate) if fate else services
        finally:
            ledger.close()

    def _put_together(self, services: Services, *, fails_a_test: bool) -> Services:
        if not self.is_whole:
            tests = Tests(self.memory, fails=fails_a_test)
            return self.sabotage(replace(services, warehouse=self.memory, transformer=tests))
        real = services.warehouse
        dbt: Transformer = Compared(services.transformer, real, self.memory, self.differences)
        if fails_a_test:
            dbt = Doubting(dbt)
        return self.sabotage(replace(services, warehouse=Both(real, self.memory), transformer=dbt))

    @contextmanager
    def listening(self) -> Iterator[Callable[[dict[str, Any]], None]]:
        """What Slack hands over is heard like in the service; returns when everything is done."""
        with self.process() as services:
            slack = self.company.slack
            api = SlackApi(slack.token, f"{slack.serve().url}/api/", 0, lambda _: None)

            @contextmanager
            def desk() -> Iterator[Desk]:
                yield Desk(services)

            answers = Answers(Conversation(api), desk, TEAM)

            def take(payload: dict[str, Any]) -> None:
                answers.take(payload)
                answers.drain(PATIENCE_SECONDS)

            try:
                yield take
            finally:
                answers.close()

    @property
    def people(self) -> SlackPeople:
        return SlackPeople(self.company.slack)
