"""The eve of the day everything is due, prepared once per worker and copied for every case."""

import json
import multiprocessing
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.crash import child
from tests.crash.child import Blow
from tests.crash.estate import EVE, START, Company, secrets, settings

# A process that has imported the product already; every run is a fork of it.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    [
        "tests.crash.child",
        "bi_governance.connectors.looker",
        "bi_governance.connectors.superset",
        "duckdb_sqlalchemy",
        "dbt.cli.main",
        "dbt.adapters.duckdb",
    ]
)
PATIENCE_SECONDS = 120


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

    def start(self, *arguments: str, at: datetime, blow: Blow | None = None) -> Running:
        """A process that runs one command at a moment, with a blow to meet if any."""
        if self.company.clock.now() < at:
            self.company.clock.set(at)
        said = self.folder / f"said-{uuid.uuid4().hex}"
        given = (self.folder, at, secrets(self.company), blow, said, arguments)
        process = PROCESSES.Process(target=child.run, args=given)
        process.start()
        return Running(process, said)

    def run(self, *arguments: str, at: datetime, blow: Blow | None = None) -> Ended:
        return self.start(*arguments, at=at, blow=blow).end()

    def copied_to(self, folder: Path) -> "Product":
        """The same files elsewhere, and a configuration that names them."""
        shutil.copytree(self.folder, folder)
        return Product(folder, self.company).configured()

    def configured(self) -> "Product":
        file = self.folder / "settings.yml"
        file.write_text(json.dumps(settings(self.company, self.folder)))
        return self


@pytest.fixture(scope="session")
def company() -> Iterator[Company]:
    with Company().serving() as opened:
        yield opened


@pytest.fixture(scope="session")
def eve(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Product:
    """Live since START, when the first warnings went out; collected and transformed just before DUE."""
    product = Product(tmp_path_factory.mktemp("eve"), company).configured()
    company.open(START)
    for command in (["mode", "live", "--reason", "trial reviewed", "--yes"], ["run"]):
        ended = product.run(*command, at=START)
        assert ended.status == 0, ended
    company.open(EVE)
    for command in ("collect", "transform"):
        ended = product.run(command, at=EVE)
        assert ended.status == 0, ended
    return product


@pytest.fixture
def product(eve: Product, company: Company, tmp_path: Path) -> Product:
    """The product on the day everything is due, and the company that knows nothing of it yet."""
    company.open(EVE)
    return eve.copied_to(tmp_path / "product")
