"""The product on disk and its processes: every run is a fork of one that has imported everything already."""

import json
import shutil
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.crash import child
from tests.crash.child import PATIENCE_SECONDS, Blow, Errand, Gate
from tests.crash.estate import Company, secrets, settings
from tests.forks import PROCESSES


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its exit status (negative: the signal that killed it) and what it said."""

    status: int
    said: str


@dataclass(slots=True)
class Running:
    """A process on its way."""

    process: Any
    said: Path

    def end(self) -> Ended:
        """Wait for it; one that hangs is a failure."""
        self.process.join(PATIENCE_SECONDS)
        status = self.process.exitcode
        if status is None:
            self.process.kill()
            self.process.join()
        self.process.close()
        said = self.said.read_text()
        assert status is not None, f"it never ended: {said}"
        return Ended(status, said)


@dataclass(slots=True)
class Product:
    """The product's files in one folder, and the company it works for."""

    folder: Path
    company: Company

    def start(
        self, *arguments: str, at: datetime, blow: Blow | None = None, gate: Gate | None = None
    ) -> Running:
        """A process that runs one command at a moment, with a blow to meet if any."""
        if self.company.clock.now() < at:
            self.company.clock.set(at)
        said = self.folder / f"said-{uuid.uuid4().hex}"
        errand = Errand(self.folder, at, secrets(self.company), arguments, said, blow, gate)
        process = PROCESSES.Process(target=child.run, args=(errand,))
        process.start()
        return Running(process, said)

    def run(self, *arguments: str, at: datetime, blow: Blow | None = None) -> Ended:
        return self.start(*arguments, at=at, blow=blow).end()

    def copied_to(self, folder: Path, **changes: object) -> "Product":
        """The same files elsewhere, and a configuration that names them, apart from its changed sections."""
        shutil.copytree(self.folder, folder)
        return Product(folder, self.company).configured(**changes)

    def configured(self, **changes: object) -> "Product":
        file = self.folder / "settings.yml"
        file.write_text(json.dumps({**settings(self.company, self.folder), **changes}))
        return self

    def elsewhere(self, folder: Path) -> "Product":
        """Another machine on the same ledger, with a warehouse of its own."""
        ours = settings(self.company, self.folder)
        return self.copied_to(folder, ledger=ours["ledger"], backups=ours["backups"])
