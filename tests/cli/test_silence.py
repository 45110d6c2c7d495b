"""Runs that no longer succeed, as monitoring and the service notice them."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from apscheduler.schedulers.blocking import BlockingScheduler

from bi_governance import events as ev
from bi_governance.cli import main
from bi_governance.ledger import SqlLedger


@pytest.fixture
def finished(tmp_path, monkeypatch):
    """A working directory, and a function that lets a run end there so many hours ago."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "bi_governance.yml").write_text("schedule: {alarm_after_hours: 30}\n", "utf-8")
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)

    def end(hours: float, outcome: str = "done") -> None:
        ledger = SqlLedger("sqlite:///data/ledger.db")
        ledger.prepare()
        at = datetime.now(UTC) - timedelta(hours=hours)
        ledger.append([ev.RunFinished(at=at, run_id=f"r{hours}", outcome=outcome)])
        ledger.close()

    return end


def check(capsys, *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(["status", "--check", *words])
    return ended.value.code or 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("runs", "status"),
    [
        ([], 1),
        ([(29, "done")], 0),
        ([(29, "vetoed")], 0),
        ([(31, "done")], 1),
        ([(31, "done"), (1, "failed")], 1),
        ([(31, "done"), (1, "done")], 0),
    ],
)
def test_status_check_fails_when_the_last_success_is_too_old(finished, capsys, runs, status):
    """It needs neither a warehouse nor a source: there is none here."""
    for hours, outcome in runs:
        finished(hours, outcome)
    found, said = check(capsys)
    assert found == status
    assert said.startswith("last successful run: ")
    assert ("more than 30 hours ago" in said) is (status == 1 and runs != [])


def test_status_check_as_json(finished, capsys):
    finished(31)
    found, said = check(capsys, "--json")
    assert found == 1
    assert {**json.loads(said), "last_success": ""} == {
        "ok": False, "last_success": "", "alarm_after_hours": 30
    }  # fmt: skip


def test_serve_watches_from_its_very_start(finished, tmp_path, monkeypatch):
    """A scheduler that was down for days is told of when it comes back, not at its next run."""
    finished(31)
    monkeypatch.setattr(BlockingScheduler, "start", lambda scheduler: None)
    with pytest.raises(SystemExit):
        main(["serve"])
    (told,) = (tmp_path / "data" / "outbox").rglob("concerns-*.md")
    assert "no run has succeeded for 31 hours" in told.read_text("utf-8")


def test_serve_watches_every_hour_after_that(finished, tmp_path, monkeypatch):
    finished(1)
    jobs = []
    monkeypatch.setattr(BlockingScheduler, "start", lambda scheduler: jobs.extend(scheduler.get_jobs()))
    with pytest.raises(SystemExit):
        main(["serve"])
    assert not list((tmp_path / "data").rglob("concerns-*"))
    monkeypatch.setattr(
        "bi_governance.app.SystemClock.now", lambda _: datetime.now(UTC) + timedelta(hours=30)
    )
    next(job for job in jobs if job.id == "watch").func()
    assert list((tmp_path / "data").rglob("concerns-*"))
