"""A run of the chaos: as in tests/crash, with Power BI's minutes passing at once."""

from __future__ import annotations

from bi_governance.connectors.powerbi import client
from tests.connectors.harness_powerbi import QuickTime
from tests.crash import child
from tests.crash.child import Errand


def run(errand: Errand) -> None:
    """Run one command; its exit status goes to whoever waits for the process."""
    client.time = QuickTime()  # type: ignore[assignment]
    child.run(errand)
