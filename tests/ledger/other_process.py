"""A second program on the same ledger: says `ready`, waits for a line, works, says what it got in JSON."""

import json
import sys
from datetime import UTC, datetime
from itertools import count

from bi_governance.errors import LeaseHeld
from bi_governance.ledger import SqlLedger
from tests.ledger.samples import kept, started

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def main(job: str, name: str, url: str) -> None:
    ledger = SqlLedger(url)
    if job != "prepare":
        list(ledger.events())
    say("ready")
    sys.stdin.readline()
    for result in JOBS[job](ledger, name):
        say(json.dumps(result))
    ledger.close()


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def prepare(ledger: SqlLedger, name: str):
    ledger.prepare()
    yield ledger.append([started(name)])


def append(ledger: SqlLedger, name: str):
    """Forty events of our own, and forty that the other process wants to record too."""
    yield sum(ledger.append([kept(n, run_id=name), started(f"both-{n}")]) for n in range(40))


def acquire(ledger: SqlLedger, name: str):
    try:
        yield ledger.acquire(name, NOW, 60).token
    except LeaseHeld as held:
        yield str(held)


def flood(ledger: SqlLedger, name: str):
    """Append pairs until killed, telling after each how many are acknowledged."""
    for number in count(1):
        ledger.append([kept(number, run_id=name), started(f"{name}-{number}")])
        yield number


JOBS = {"prepare": prepare, "append": append, "acquire": acquire, "flood": flood}

if __name__ == "__main__":
    main(*sys.argv[1:])
