"""The platforms under test, each being served, and Looker by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.looker import LookerSandbox
from tests.connectors.harness import Connected, harness_of, with_harness
from tests.connectors.harness_powerbi import QuickTime
from tests.connectors.looker_bench import NOW, Bench


@pytest.fixture(autouse=True)
def no_minute_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Power BI permits five lists of reports a minute: no test waits for the next one."""
    monkeypatch.setattr("bi_governance.connectors.powerbi.client.time", QuickTime())


@pytest.fixture(params=with_harness())
def connected(request: pytest.FixtureRequest) -> Iterator[Connected]:
    """Every platform in turn: its sandbox on loopback, its connector pointed at it."""
    harness = harness_of(request.param)
    with harness.serve() as server:
        connection = Connected(harness, server)
        yield connection
        connection.close()


@pytest.fixture
def superset() -> Iterator[Connected]:
    """Superset alone: its sandbox on loopback, its connector pointed at it."""
    harness = harness_of("superset")
    with harness.serve() as server:
        connection = Connected(harness, server)
        yield connection
        connection.close()


@pytest.fixture
def looker() -> LookerSandbox:
    return LookerSandbox(SimulatedClock(NOW))


@pytest.fixture
def bench(looker: LookerSandbox) -> Iterator[Bench]:
    with looker.serve() as server:
        made = Bench(looker, server)
        yield made
        made.close()
