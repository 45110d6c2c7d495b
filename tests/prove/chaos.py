"""Chaos: real runs over five platforms are killed again and again; afterwards everybody's records must agree.

Servers, Slack and clock live in this process; every run is a process of its own that dies by SIGKILL, at a
random moment or at a random effect of a random sort.
"""

from __future__ import annotations

import importlib
import json
import random
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bi_governance import events as ev
from bi_governance.backups import FsspecBackups
from bi_governance.errors import StorageError
from bi_governance.ledger import SqlLedger
from bi_governance.model import VisualKey
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.server import LoopbackServer
from bi_governance.sandbox.slack import SlackSandbox
from tests.connectors.harness import SECRETS, SOURCE, START, Harness, with_harness
from tests.crash.child import PATIENCE_SECONDS, Blow, Errand
from tests.crash.product import PROCESSES
from tests.prove import chaos_child
from tests.prove.record import Record

DAY, HOUR, LEASE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=16)
KILLS_PER_DAY = 3
# Where a run may die, and up to which time that it happens.
BLOWS = (
    ("ledger.append", 40), ("notifier.deliver", 6), ("remover.remove", 6), ("remover.remove", 3),
    ("backups.save", 6), ("staging.commit", 5), ("staging.write", 20), ("warehouse.append_history", 10),
    ("answer", 250), ("commit", 120), ("statement", 500), ("fsync", 12), ("ledger.acquire", 1),
    ("transformer.build", 1),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Gone:
    """A visual of which its server says that it is no longer there."""

    key: VisualKey


@dataclass(slots=True)
class Company:
    """Five platforms with an owner each, a Slack, and the visuals that were made."""

    clock: SimulatedClock = field(default_factory=lambda: SimulatedClock(START))
    slack: SlackSandbox = field(init=False)
    harnesses: dict[str, Harness] = field(init=False)
    servers: dict[str, LoopbackServer] = field(default_factory=dict)
    busy: dict[str, VisualKey] = field(default_factory=dict)
    made: list[VisualKey] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.slack = SlackSandbox(self.clock)
        self.slack.add_member("ada@acme.example", "Ada Byron")
        for channel in ("bi-deprecation", "analytics"):
            self.slack.add_channel(channel)
        modules = {
            name: importlib.import_module(f"tests.connectors.harness_{name}") for name in with_harness()
        }
        self.harnesses = {name: module.make(self.clock, "acme") for name, module in modules.items()}
        for name, harness in self.harnesses.items():
            self.busy[name] = harness.add_visual("Opened every day")
            for days in range(27):
                harness.view(self.busy[name], START - days * DAY - HOUR)

    @contextmanager
    def serving(self) -> Iterator[Company]:
        with ExitStack() as stack:
            for name, harness in self.harnesses.items():
                self.servers[name] = stack.enter_context(harness.serve())
            stack.enter_context(self.slack.serve())
            yield self

    def live(self) -> None:
        """A day: what is busy is opened, and everywhere somebody makes something nobody will open."""
        for name, harness in self.harnesses.items():
            harness.view(self.busy[name], self.clock.now())
            made = harness.add_visual(f"Draft {len(self.made)}")
            self.made.append(replace(made, source=name))

    def gone(self) -> list[tuple[datetime, Any]]:
        """What the servers no longer have."""
        return [
            (self.clock.now(), Gone(key))
            for key in self.made
            if self.harnesses[key.source].title_there(replace(key, source=SOURCE)) is None
        ]

    def writes(self, source: str) -> int:
        return len(self.servers[source].requests.writes())


@dataclass(slots=True)
class Chaos:
    """The product's files, the processes on them, and how they ended."""

    company: Company
    folder: Path
    chance: random.Random
    tally: Counter[str] = field(default_factory=Counter)
    length: float = 10.0
    environment: dict[str, str] = field(default_factory=dict)

    def configure(self) -> None:
        sources, self.environment = {}, {"SLACK_TOKEN": self.company.slack.token}
        for name, harness in self.company.harnesses.items():
            options = harness.options(self.company.servers[name].url)
            for secret in SECRETS:
                if secret in options:
                    variable = f"{name}_{secret}".upper()
                    self.environment[variable] = options[secret]
                    options[secret] = f"${{{variable}}}"
            sources[name] = {"platform": name, **options}
        settings = {
            "warehouse": {
                "url": f"duckdb:///{self.folder}/warehouse.duckdb",
                "dbt_target": f"{self.folder}/dbt",
            },
            "ledger": {"url": self.ledger_url},
            "backups": {"url": f"file://{self.folder}/backups"},
            "sources": sources,
            "policy": {"idle_days": 3, "warning_days": 1, "reminder_days": []},
            "limits": {"delete_per_run": 25, "delete_percent": 100, "ramp": None},
            "trial": {"days": 0},
            "people": {"cache": f"{self.folder}/people.jsonl"},
            "slack": {"bot_token": "${SLACK_TOKEN}", "base_url": f"{self.company.slack.serve().url}/api/"},
        }
        (self.folder / "settings.yml").write_text(json.dumps(settings))

    @property
    def ledger_url(self) -> str:
        return f"sqlite:///{self.folder}/ledger.db"

    # -- processes ---------------------------------------------------------------------------------

    def run(self, *arguments: str, blow: Blow | None = None, after: float | None = None) -> int:
        """One command in a process of its own, killed after so many seconds; its exit status."""
        said = self.folder / f"said-{uuid.uuid4().hex}"
        errand = Errand(self.folder, self.company.clock.now(), self.environment, arguments, said, blow)
        process = PROCESSES.Process(target=chaos_child.run, args=(errand,))
        begun = time.monotonic()
        process.start()
        process.join(PATIENCE_SECONDS * 5 if after is None else after)
        if process.exitcode is None:
            if after is None:
                self.tally["hung"] += 1
            process.kill()
            process.join()
        status = process.exitcode
        process.close()
        if status == 0:
            self.length = time.monotonic() - begun
        elif status != -signal.SIGKILL:
            self.tally[f"exit status {status}"] += 1
            words = said.read_text() if said.exists() else "it said nothing"
            (self.folder / "refused.txt").write_text(words)
        said.unlink(missing_ok=True)
        return status

    def be_killed(self) -> None:
        """A run that dies somewhere; one that is over before that is a whole run."""
        if self.chance.random() < 0.4:
            status = self.run("run", after=self.chance.uniform(0.2, self.length))
        else:
            effect, most = self.chance.choice(BLOWS)
            when = self.chance.choice(("before", "after"))
            status = self.run("run", blow=Blow(when, effect, "", self.chance.randint(1, most)))
        self.tally["killed" if status == -signal.SIGKILL else "over before the blow"] += 1

    # -- days --------------------------------------------------------------------------------------

    def play(self, runs: int, tell: Callable[[str], None]) -> None:
        """Runs with a blow, up to three a day, until so many died; then days on which all is settled."""
        self.company.live()
        self.must(self.run("mode", "live", "--reason", "the trial was reviewed", "--yes"))
        self.must(self.run("run"))
        tried = 0
        while self.tally["killed"] < runs and tried < 3 * runs:
            self.company.clock.advance(DAY - KILLS_PER_DAY * LEASE)
            self.company.live()
            for _ in range(self.chance.randint(1, KILLS_PER_DAY)):
                self.company.clock.advance(LEASE)
                self.be_killed()
                tried += 1
                tell(f"{tried} runs, {self.tally['killed']} killed, {len(self.company.gone())} visuals gone")
        for _ in range(2):
            self.company.clock.advance(DAY)
            self.must(self.run("run"))

    def must(self, status: int) -> None:
        if status != 0:
            said = (self.folder / "refused.txt").read_text()
            raise AssertionError(f"a run on which nothing went wrong ended with {status}: {said}")

    def disagreements(self) -> Iterator[str]:
        """Everything that ledger, backups, servers and Slack do not agree about."""
        ledger = SqlLedger(self.ledger_url)
        try:
            record = Record(self.company, ledger)
            yield from record.disagreements(self.company.gone())
            yield from self._backups([e for e in record.events if isinstance(e, ev.Removed)])
            self.tally.update(record.counts())
        finally:
            ledger.close()

    def _backups(self, removed: list[ev.Removed]) -> Iterator[str]:
        """What the ledger points at can be read and is whole; nothing half written bears a backup's name."""
        folder = self.folder / "backups"
        store = FsspecBackups(f"file://{folder}")
        wanted = {event.backup: event.key for event in removed}
        for file in folder.rglob("*.zip"):
            path = str(file.relative_to(folder))
            try:
                saved = store.load(path)
            except StorageError as error:
                yield f"backup {path} cannot be read: {error}"
                continue
            key = wanted.pop(path, None)
            if key is not None and (saved.manifest.get("key") != str(key) or not all(saved.files.values())):
                yield f"backup {path} is not one of {key}"
        for path, key in wanted.items():
            yield f"{key} was removed, and its backup {path or '(none)'} is not there"


def play(
    runs: int, seed: int, folder: Path, tell: Callable[[str], None] = lambda _: None
) -> tuple[Chaos, list[str]]:
    """Kill so many runs; what the records then do not agree about."""
    company = Company()
    with company.serving():
        chaos = Chaos(company, folder, random.Random(seed))
        chaos.configure()
        chaos.play(runs, tell)
        return chaos, list(chaos.disagreements())
