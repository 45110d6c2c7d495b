"""One collection of the product in a process of its own; prints what it took as JSON."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime

from bi_governance.app import App
from bi_governance.collect import collect
from bi_governance.run import new_run_id
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.settings import Settings


def main() -> None:
    given = json.loads(sys.stdin.read())
    clock = SimulatedClock(datetime.fromisoformat(given["now"]))
    with App(Settings.model_validate(given["settings"]), clock=clock) as app:
        began = time.perf_counter()
        (collection,) = collect(app.services, new_run_id(clock.now()))
        seconds = time.perf_counter() - began
    rows = {}
    for outcome in collection.outcomes:
        rows[outcome.feed] = rows.get(outcome.feed, 0) + outcome.rows
    json.dump({"seconds": seconds, "rows": rows, "problems": collection.problems()}, sys.stdout)


if __name__ == "__main__":
    main()
