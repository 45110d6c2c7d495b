"""The product in a process of its own: the real command line, a fixed clock, and a moment to die at."""

import http.client
import itertools
import os
import select
import signal
import smtplib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from bi_governance.app import App, FixedClock
from bi_governance.cli import main
from bi_governance.events import VisualEvent
from bi_governance.ports import Services
from bi_governance.warehouse import SqlWarehouse
from tests.hurry import hurry

PATIENCE_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Blow:
    """Where a process dies: before or after the `nth` time it does `effect` to something called `about`.

    Two do not kill: `lost` lets an answer never arrive, although the server acted on the request, and
    `pause` makes the process wait after the effect until somebody opens its gate.
    """

    when: Literal["before", "after", "lost", "pause"]
    effect: str
    about: str = ""
    nth: int = 1

    def __str__(self) -> str:
        return " ".join(filter(None, (self.when, self.effect, self.about, f"#{self.nth}")))


@dataclass(frozen=True, slots=True)
class Gate:
    """Where a process waits until another one lets it go on."""

    reached: Any
    opened: Any

    def wait(self) -> None:
        self.reached.set()
        self.opened.wait(PATIENCE_SECONDS)


class Fuse:
    """Counts how often the fatal effect came, and kills the process when it is time."""

    def __init__(self, blow: Blow | None, gate: Gate | None) -> None:
        self._blow, self._gate = blow, gate
        self._seen = 0
        self._lock = threading.Lock()

    def strikes(self, effect: str, about: str) -> bool:
        """Whether this is the one."""
        blow = self._blow
        if blow is None or effect != blow.effect or blow.about not in about:
            return False
        with self._lock:
            self._seen += 1
            return self._seen == blow.nth

    @property
    def is_lost(self) -> bool:
        return self._blow is not None and self._blow.when == "lost"

    @property
    def is_before(self) -> bool:
        return self._blow is not None and self._blow.when == "before"

    @contextmanager
    def around(self, effect: str, about: str) -> Iterator[None]:
        strikes = self.strikes(effect, about)
        if strikes and self._blow.when == "before":
            die()
        yield
        if strikes and self._blow.when == "pause":
            self._gate.wait()
        elif strikes:
            die()


def die() -> None:
    """No clean-up, no flush, no goodbye."""
    os.kill(os.getpid(), signal.SIGKILL)


class Watched:
    """A port some of whose methods are effects; everything else is the port's own."""

    def __init__(self, port: object, fuse: Fuse, name: str, **effects: Callable[..., str]) -> None:
        self._port, self._fuse, self._name, self._effects = port, fuse, name, effects

    def __getattr__(self, method: str):
        real = getattr(self._port, method)
        if method not in self._effects:
            return real

        def watched(*arguments, **options):
            about = self._effects[method](*arguments, **options)
            with self._fuse.around(f"{self._name}.{method}", about):
                return real(*arguments, **options)

        return watched


class WatchedArmory:
    """Hands out removers and restorers that are watched."""

    def __init__(self, armory, fuse: Fuse) -> None:
        self._armory, self._fuse = armory, fuse

    def remover(self, source: str) -> Watched:
        return Watched(self._armory.remover(source), self._fuse, "remover", remove=str)

    def restorer(self, source: str) -> Watched:
        restorer = self._armory.restorer(source)
        return Watched(restorer, self._fuse, "restorer", restore=lambda key, *_: str(key))

    def rehearser(self, source: str) -> Watched | None:
        rehearser = self._armory.rehearser(source)
        if rehearser is None:
            return None
        return Watched(rehearser, self._fuse, "rehearser", rehearse=lambda key, *_: str(key))


class WatchedWarehouse(Watched):
    """A warehouse whose stagings are watched too."""

    def stage(self, source: str, run_id: str, tables) -> Watched:
        staging = self._port.stage(source, run_id, tables)
        return Watched(staging, self._fuse, "staging", write=lambda *_: source, commit=lambda _: source)


def watched(services: Services, fuse: Fuse) -> Services:
    """The same services with every effect boundary wired to the fuse."""
    return replace(
        services,
        armory=WatchedArmory(services.armory, fuse),
        backups=Watched(
            services.backups, fuse, "backups", save=lambda key, *_: str(key), remove=lambda path: path
        ),
        ledger=Watched(
            services.ledger,
            fuse,
            "ledger",
            append=lambda events, _lease=None: " ".join(map(_told, events)),
            save_plan=lambda *_: "",
            acquire=lambda *_: "",
            release=lambda *_: "",
        ),
        notifier=Watched(
            services.notifier,
            fuse,
            "notifier",
            deliver=lambda digest: f"{digest.kind} {digest.recipient.address}",
            restate=lambda digest, _sent: str(digest.kind),
            announce=lambda _: "",
        ),
        transformer=Watched(services.transformer, fuse, "transformer", build=lambda: ""),
        warehouse=WatchedWarehouse(
            services.warehouse,
            fuse,
            "warehouse",
            append_history=lambda _table, source, *_: source,
            record_collection=lambda outcomes: outcomes[0].source,
            set_robots=lambda source, *_: source,
        ),
    )


def _told(event) -> str:
    subject = event.key if isinstance(event, VisualEvent) else getattr(event, "source", "")
    return f"{event.kind} {subject}"


def watch_answers(fuse: Fuse) -> None:
    """Effect `answer`: the server has acted and answered, and nobody has read it yet."""
    ask, read = http.client.HTTPConnection.putrequest, http.client.HTTPConnection.getresponse

    def putrequest(self, method, url, *arguments, **options):
        self.asked = f"{method} {url}"
        return ask(self, method, url, *arguments, **options)

    def getresponse(self, *arguments, **options):
        if fuse.strikes("answer", self.asked):
            select.select([self.sock], [], [])
            if not fuse.is_lost:
                die()
            self.close()
            raise ConnectionResetError("the line went dead")
        return read(self, *arguments, **options)

    http.client.HTTPConnection.putrequest = putrequest
    http.client.HTTPConnection.getresponse = getresponse


def watch_mail(fuse: Fuse) -> None:
    """Effect `smtp`: a command, or MESSAGE for a whole text, is sent - and after it, answered."""
    send = smtplib.SMTP.send

    def sending(self, text) -> None:
        about = text.partition(" ")[0].strip() if isinstance(text, str) else "MESSAGE"
        strikes = fuse.strikes("smtp", about)
        if strikes and fuse.is_before:
            die()
        send(self, text)
        if strikes:
            select.select([self.sock], [], [])
            die()

    smtplib.SMTP.send = sending


def watch_databases(fuse: Fuse) -> None:
    """Effects `commit` and `statement`: within a transaction of the ledger (sqlite) or warehouse (duckdb)."""

    def commit(connection) -> None:
        with fuse.around("commit", connection.dialect.name):
            pass

    def executed(connection, _cursor, statement, *_) -> None:
        with fuse.around("statement", f"{connection.dialect.name} {statement}"):
            pass

    sa.event.listen(sa.Engine, "commit", commit)
    sa.event.listen(sa.Engine, "after_cursor_execute", executed)


def watch_files(fuse: Fuse) -> None:
    """Effect `fsync`: a file's bytes are on the disk, and it does not have its final name yet."""
    real = os.fsync

    def fsync(descriptor) -> None:
        with fuse.around("fsync", ""):
            real(descriptor)

    os.fsync = fsync


def watch_dbt(fuse: Fuse) -> None:
    """Effect `dbt`: a statement dbt runs while it builds the marts."""
    from dbt.adapters.sql.connections import SQLConnectionManager  # noqa: PLC0415 - slow to import

    run = SQLConnectionManager.add_query

    def add_query(self, sql, *arguments, **options):
        with fuse.around("dbt", sql):
            return run(self, sql, *arguments, **options)

    SQLConnectionManager.add_query = add_query


@dataclass(frozen=True, slots=True)
class Errand:
    """One command: whose files, when, what is to happen to it, and the file for what it prints."""

    folder: Path
    now: datetime
    environment: dict[str, str]
    arguments: tuple[str, ...]
    said: Path
    blow: Blow | None = None
    gate: Gate | None = None


def run(errand: Errand) -> None:
    """Run one command; its exit status goes to whoever waits for the process."""
    file = os.open(errand.said, os.O_WRONLY | os.O_CREAT)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(file, stream.fileno())
    os.environ.update(errand.environment)
    hurry()
    fuse = Fuse(errand.blow, errand.gate)
    for watch in (watch_answers, watch_mail, watch_databases, watch_files):
        watch(fuse)
    if errand.blow is not None and errand.blow.effect == "dbt":
        watch_dbt(fuse)
    real = App.services.func
    App.services = cached_property(lambda self: watched(real(self), fuse))
    App.services.__set_name__(App, "services")
    # `bi_governance.cli.main` by attribute is the function of that name.
    sys.modules["bi_governance.cli.main"].SystemClock = lambda: FixedClock(errand.now)
    main(["--config", str(errand.folder / "settings.yml"), *errand.arguments])


def flood(url: str, told) -> None:
    """Append pages of two events to a warehouse until killed, telling after each how many there are."""
    warehouse = SqlWarehouse(url, raw_schema="bi_raw", schema="bi_governance")
    warehouse.prepare()
    now = datetime(2026, 3, 10, 6, tzinfo=UTC)
    for number in itertools.count(1):
        page = [{"event_key": f"{number}-{half}", "accessed_at": now} for half in "ab"]
        warehouse.append_history("looker_historical_access", "looker_prod", "run", now, page)
        told.send(number)
