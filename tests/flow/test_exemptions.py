"""The team's exemptions file in the daily run: read by the plan, and again right before every removal."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from bi_governance.exemption_file import ExemptionFile
from bi_governance.explain import explain, status
from bi_governance.run import daily_run
from tests.flow.test_daily_run import go_live, run_days
from tests.flow.test_purge import configured, deleted, kept
from tests.flow.test_removal_step import during_backup, untouched
from tests.flow.world import DAY

HEAD = "key,reason,approver,expires\n"


@pytest.fixture
def listed(world, tmp_path):
    """A company whose team keeps an exemptions file, empty so far; a run reads it as it begins."""
    world.file = tmp_path / "exemptions.csv"
    write(world)
    world.bi.add("1")
    go_live(world)
    return world


def write(world, *rows):
    world.file.write_text(HEAD + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    load(world)


def load(world):
    """What `app.py` does for every run."""
    file = ExemptionFile(world.file)
    world.services = replace(world.services, exemptions=file)
    world.services = replace(world.services, policy=world.services.policy_now())


def row(key, expires):
    return f"{key},audited,cfo@acme.example,{expires}"


def change_silently(world, text):
    """The file changes while a run works with what it read."""
    world.file.write_text(text, encoding="utf-8")


def test_what_is_listed_is_neither_warned_of_nor_deleted(listed):
    write(listed, row("bi:board:*", "never"))
    run_days(listed, 10)
    assert listed.post.told() == []
    assert listed.bi.writes == []
    assert "approved by cfo@acme.example" in str(explain(listed.services, "bi:board:1").decision.reasons[0])


def test_what_is_listed_while_the_batch_runs_is_not_deleted(listed):
    daily_run(listed.services)
    listed.clock.forward(7)
    during_backup(listed, lambda: change_silently(listed, HEAD + row("bi:board:1", "2030-01-01")))
    untouched(listed, "no_longer_due")


def test_a_file_that_went_wrong_while_the_batch_runs_stops_it(listed):
    daily_run(listed.services)
    listed.clock.forward(7)
    during_backup(listed, lambda: change_silently(listed, HEAD + "bi:board:1,,,\n"))
    report = untouched(listed, "exemptions")
    assert "line 2, reason: it is missing" in report.deleted.refused[0]


def test_what_expires_goes_through_the_whole_cycle(listed):
    """Warned, listed for three days in the warning week, and then warned anew with a whole week."""
    run_days(listed, 2)
    last_day: date = (listed.clock.now() + 2 * DAY).date()
    write(listed, row("bi:board:1", last_day))
    run_days(listed, 9)
    warnings = [kind for _, kind, _ in listed.post.told() if kind == "warning"]
    assert warnings == ["warning", "warning"]
    assert listed.bi.writes == []
    run_days(listed, 2)
    assert listed.bi.writes == ["remove 1"]


def test_status_lists_what_expired_and_what_fits_nothing(listed):
    daily_run(listed.services)
    yesterday = listed.clock.now().date() - timedelta(days=1)
    write(listed, row("bi:board:1", yesterday), row("bi:bord:*", "never"))
    said = status(listed.services)
    expired, unfitting = said.void_exemptions
    ended = f"exempt until {yesterday}, approved by cfo@acme.example: audited"
    assert expired == f"the exemption of bi:board:1 has expired: {ended}"
    assert unfitting == "the exemption of bi:bord:* fits no visual: check how it is written"
    assert said.to_json()["exemptions_without_effect"] == [expired, unfitting]


def test_a_backup_of_what_is_listed_by_now_is_not_purged(world, tmp_path):
    configured(world)
    deleted(world, "1")
    world.file = tmp_path / "exemptions.csv"
    write(world)
    world.clock.forward(31)
    change_silently(world, HEAD + row("bi:board:1", "2030-01-01"))
    kept(world)
    change_silently(world, HEAD + "wrong\n")
    kept(world)
    change_silently(world, HEAD)
    assert daily_run(world.services).purged.purged == [world.key("1")]
