"""The other process of the Looker bench: a sandbox Looker whose every answer takes its time.

Arguments: visuals, access events, milliseconds per answer. Prints one JSON line with the settings of
the source, then for every line of input one more with the number of requests answered so far.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

from bi_governance.sandbox.big_estate import big_looker
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.looker import LookerSandbox
from bi_governance.sandbox.server import Fault

START = datetime(2026, 3, 2, 6, tzinfo=UTC)


def main() -> None:
    visuals, events, latency = (int(argument) for argument in sys.argv[1:])
    looker = LookerSandbox(SimulatedClock(START))
    big_looker(looker, visuals, events)
    if latency:
        looker.faults.add(Fault(".", "latency", times=None, latency_ms=latency))
    with looker.serve() as server:
        _say(
            {
                "now": START.isoformat(),
                "looker": {
                    "platform": "looker",
                    "base_url": server.url,
                    "client_id": looker.credentials.client_id,
                    "client_secret": looker.credentials.client_secret,
                },
            }
        )
        for _ in sys.stdin:
            _say({"requests": len(looker.requests)})


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
