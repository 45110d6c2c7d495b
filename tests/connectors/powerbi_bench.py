"""A Power BI tenant being served, and the connector opened on it with a clock that tests move."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from bi_governance.connectors.powerbi import PowerBIReader, PowerBIRemover
from bi_governance.model import Interval, VisualKey
from bi_governance.ports import Row
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.server import LoopbackServer
from tests.connectors.harness import SOURCE, START
from tests.connectors.harness_powerbi import PowerBIHarness

LONG_AGO = START - timedelta(days=60)
DAY = Interval(START.replace(hour=0), START.replace(hour=0) + timedelta(days=1))


class PowerBIBench:
    """One tenant with Ada, her workspace and its one semantic model."""

    def __init__(self) -> None:
        self.harness = PowerBIHarness(SimulatedClock(START), "acme")
        self.sandbox = self.harness.sandbox
        self.ada, self.workspace = self.harness.ada, self.harness.workspace
        self.server: LoopbackServer = self.harness.serve()
        self.slept: list[float] = []
        self.seconds = 0.0
        self._opened: list[PowerBIReader | PowerBIRemover] = []

    def clock(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def reader(self, **settings: object) -> PowerBIReader:
        made = PowerBIReader(SOURCE, self._options(settings), self.clock, self.sleep)
        self._opened.append(made)
        return made

    def remover(self, **settings: object) -> PowerBIRemover:
        made = PowerBIRemover(SOURCE, self._options(settings), self.clock, self.sleep)
        self._opened.append(made)
        return made

    def report(self, title: str = "Revenue") -> VisualKey:
        return self.harness.add_visual(title)

    def dashboard(self, title: str = "Board") -> VisualKey:
        return VisualKey(SOURCE, "dashboard", self.sandbox.add_dashboard(title, workspace_id=self.workspace))

    def view(self, id_: str, at: datetime, *, by: str = "") -> None:
        self.sandbox.view("report", id_, by=by or self.ada, at=at)

    def requests(self, pattern: str) -> int:
        return len(self.server.requests.matching(pattern))

    def close(self) -> None:
        for each in self._opened:
            each.close()

    def _options(self, settings: dict[str, object]) -> dict[str, Any]:
        return {**self.harness.options(self.server.url), **settings}


def feed(reader: PowerBIReader, name: str) -> list[Row]:
    return [row for page in reader.read_inventory(name) for row in page]


def history(reader: PowerBIReader, windows: Iterable[Interval] = (DAY,)) -> list[Row]:
    return [row for window in windows for page in reader.read_history(window) for row in page]
