"""The installed command at a real Superset, in processes of its own and at real time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.real.due import Due, open_due
from tests.servers.superset import Call
from tests.servers.superset_store import StoredVisual

pytestmark = [pytest.mark.superset, pytest.mark.xdist_group("superset")]

TITLE = "Left alone"
Ended = CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class Evening:
    """What each command said, and what Superset held and recorded around them."""

    doctor: Ended
    run: Ended
    gone: bool
    writes: list[Call]
    plan: Ended
    status: Ended
    explain: Ended
    restore: Ended
    back: StoredVisual | None
    again: Ended


@pytest.fixture(scope="module")
def due(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Due]:
    """Oscar was warned seven days and an hour ago; by the machine's own clock the deletion is due."""
    with open_due(tmp_path_factory.mktemp("due"), [TITLE]) as prepared:
        prepared.company.clock.set(datetime.now(UTC))
        yield prepared


@pytest.fixture(scope="module")
def evening(due: Due, tmp_path_factory: pytest.TempPathFactory) -> Evening:
    """An admin's evening: check, run, look, change one's mind."""
    company, product = due.company, due.product.copy(tmp_path_factory.mktemp("evening") / "product")
    thing = due.idle[TITLE]
    key, since = str(thing.key), company.server.mark()
    doctor, run = product.command("doctor"), product.command("run")
    gone, writes = company.stored(thing) is None, company.writes(since)
    return Evening(
        doctor=doctor,
        run=run,
        gone=gone,
        writes=writes,
        plan=product.command("plan", "--all"),
        status=product.command("status", "--json"),
        explain=product.command("explain", key, "--json"),
        restore=product.command("restore", key),
        back=company.stored(thing),
        again=product.command("restore", key),
    )


def test_doctor_finds_nothing_wrong(evening: Evening) -> None:
    assert (evening.doctor.returncode, evening.doctor.stderr) == (0, "")
    assert "as gov at http://127.0.0.1" in evening.doctor.stdout


def test_run_deletes_what_is_due_and_nothing_else(due: Due, evening: Evening) -> None:
    thing = due.idle[TITLE]
    assert evening.run.returncode == 0, evening.run
    assert f"Deleted: {thing.key}" in evening.run.stdout
    assert evening.gone
    assert [(c.method, c.path, c.status) for c in evening.writes] == [
        ("DELETE", f"/api/v1/dashboard/{thing.number}", 200)
    ]


def test_plan_status_and_explain_tell_what_was_done(due: Due, evening: Evening) -> None:
    key = str(due.idle[TITLE].key)
    for command in (evening.plan, evening.status, evening.explain):
        assert (command.returncode, command.stderr) == (0, ""), command
    assert str(due.living.key) in evening.plan.stdout
    restorable = json.loads(evening.status.stdout)["restorable"]
    assert [each["key"] for each in restorable] == [key]
    told = json.loads(evening.explain.stdout)
    kinds = [event["kind"] for event in told["history"]]
    assert told["key"] == key
    assert {"notice.delivered", "removal.intended", "removal.done"} <= set(kinds), kinds


def test_restore_brings_it_back(due: Due, evening: Evening) -> None:
    assert evening.restore.returncode == 0, evening.restore
    assert f"{due.idle[TITLE].key} is back." in evening.restore.stdout
    assert evening.back is not None
    assert evening.back.owners == ("oscar",)


def test_what_was_not_deleted_cannot_be_restored(evening: Evening) -> None:
    assert (evening.again.returncode, evening.again.stdout) == (2, "")
    assert len(evening.again.stderr.splitlines()) == 1


def test_no_secret_is_ever_shown(due: Due, evening: Evening) -> None:
    commands = (getattr(evening, name) for name in Evening.__slots__)
    said = [c.stdout + c.stderr for c in commands if isinstance(c, CompletedProcess)]
    assert all(secret not in text for text in said for secret in due.product.secrets.values())


@pytest.mark.parametrize("command", ["run", "doctor"])
def test_a_wrong_password_is_said_and_nothing_is_deleted(due: Due, tmp_path: Path, command: str) -> None:
    product = due.product.copy(tmp_path / "product").with_secret("SUPERSET_PASSWORD", "mistaken")
    before, since = due.company.dashboards(), due.company.server.mark()
    ended = product.command(command)
    assert ended.returncode == 1
    assert ended.stderr == ""
    assert ended.stdout.count("[401]") == 1
    assert ended.stdout.count("credentials") == 1
    assert "mistaken" not in ended.stdout
    assert due.company.dashboards() == before
    assert due.company.server.write_calls(since) == []
