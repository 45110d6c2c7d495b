"""Real processes on one ledger: they queue up, exactly one wins a race, and a killed one leaves no half."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bi_governance.events import RunStarted
from bi_governance.ledger import SqlLedger
from tests.ledger.samples import kept

ROOT = Path(__file__).parents[2]


@contextmanager
def racing(job: str, url: str, *names: str) -> Iterator[list[subprocess.Popen[str]]]:
    """Start one process per name, and let them all go once the last is ready."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "tests.ledger.other_process", job, name, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for name in names
    ]
    try:
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def results(job: str, url: str, *names: str) -> list:
    with racing(job, url, *names) as processes:
        answers = [process.communicate(timeout=120)[0].splitlines()[-1] for process in processes]
        assert [process.returncode for process in processes] == [0] * len(names)
    return [json.loads(answer) for answer in answers]


def test_two_processes_append_at_once(ledger: SqlLedger, url: str) -> None:
    counted = results("append", url, "one", "two")
    assert sum(counted) == 2 * 40 + 40
    events = list(ledger.events())
    assert len(events) == ledger.verify() == 120
    shared = Counter(event.run_id for event in events if isinstance(event, RunStarted))
    assert shared == {f"both-{n}": 1 for n in range(40)}


def test_two_processes_ask_for_the_lease_and_one_gets_it(ledger: SqlLedger, url: str) -> None:
    answers = results("acquire", url, "one", "two", "three")
    assert min(map(str, answers)) == "1"
    refused = [answer for answer in answers if isinstance(answer, str)]
    assert len(refused) == 2
    assert refused[0] == refused[1]


def test_two_processes_prepare_at_once(url: str) -> None:
    assert results("prepare", url, "one", "two") == [1, 1]
    ledger = SqlLedger(url)
    assert ledger.verify() == 2
    ledger.close()


def test_a_killed_process_leaves_everything_it_was_told_and_no_half(ledger: SqlLedger, url: str) -> None:
    with racing("flood", url, "killed") as (process,):
        for _ in range(25):
            acknowledged = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        acknowledged = int(([str(acknowledged), *process.stdout.read().splitlines()])[-1])
        assert process.wait(timeout=60) == -signal.SIGKILL
    recorded = ledger.verify()
    assert recorded % 2 == 0
    assert acknowledged <= recorded / 2 <= acknowledged + 1
    assert ledger.append([kept()]) == 1
    assert ledger.verify() == recorded + 1
