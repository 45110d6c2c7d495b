"""The wrong store: one that is mounted empty by mistake is not one whose backups are all gone."""

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from bi_governance import events as ev
from bi_governance.backups import FsspecBackups
from bi_governance.backups.store import MARK
from bi_governance.cli.work import _checked_backups
from bi_governance.errors import StorageError, StoreUnmarked
from bi_governance.run import daily_run
from tests.flow.world import World

SAID = f"nor the file {MARK} that every store of backups has"


@pytest.fixture
def world(deleted) -> World:
    """Three boards deleted, their backups past the promise, and purging wanted."""
    policy = replace(deleted.services.policy, purge_after=timedelta(days=30))
    deleted.services = replace(deleted.services, policy=policy)
    deleted.bi.add("in use", schedules=1)  # an inventory that is empty is not believed
    deleted.clock.forward(23)
    daily_run(deleted.services)
    deleted.clock.forward(7)
    return deleted


def mounted_elsewhere(world: World, folder) -> None:
    world.services = replace(world.services, backups=FsspecBackups(f"file://{folder}"))


def purged(world: World) -> int:
    return sum(isinstance(event, ev.Purged) for event in world.ledger.events())


def test_of_an_empty_store_nothing_is_recorded_as_purged(world, store, tmp_path) -> None:
    mounted_elsewhere(world, tmp_path / "empty")
    report = daily_run(world.services)
    assert (purged(world), report.purged.purged, report.outcome) == (0, [], "failed")
    assert len(report.purged.failed) == 3
    assert all(SAID in said for said in report.purged.failed)
    refused = [e for e in world.ledger.events() if isinstance(e, ev.PurgeRefused)]
    assert {e.guard for e in refused} == {"store"}
    mounted_elsewhere(world, store)
    assert len(daily_run(world.services).purged.purged) == 3


def test_nothing_is_deleted_into_an_empty_store_which_would_then_pass_for_the_right_one(
    deleted, store, tmp_path
) -> None:
    deleted.bi.add("4")
    daily_run(deleted.services)
    deleted.clock.forward(7)
    mounted_elsewhere(deleted, tmp_path / "empty")
    report = daily_run(deleted.services)
    assert report.deleted.removed == []
    (refused,) = [e for e in deleted.ledger.events() if isinstance(e, ev.RemovalRefused)]
    assert (refused.guard, SAID in refused.reason) == ("backup", True)
    assert not (tmp_path / "empty").exists()
    mounted_elsewhere(deleted, store)
    assert daily_run(deleted.services).deleted.removed == [deleted.key("4")]


def test_a_store_of_an_older_version_is_marked_by_the_first_backup_that_is_found(world, store) -> None:
    (store / MARK).unlink()
    assert len(daily_run(world.services).purged.purged) == 3
    assert (store / MARK).is_file()


def test_one_backup_that_is_left_is_enough_to_know_the_store(world, store) -> None:
    (store / MARK).unlink()
    first, *others = sorted(store.rglob("*.zip"))
    for other in others:
        other.unlink()
    assert len(daily_run(world.services).purged.purged) == 3
    assert not first.exists()


def test_in_a_store_that_is_marked_gone_is_gone(world, store) -> None:
    for file in store.rglob("*.zip"):
        file.unlink()
    assert len(daily_run(world.services).purged.purged) == 3


def test_a_purge_that_was_interrupted_stays_open_while_the_store_is_away(world, store, tmp_path) -> None:
    case = world.ledger.state().case(world.key("1"))
    intent = ev.PurgeIntended(at=world.clock.now(), key=case.key, episode=0, backup=case.removal.backup)
    world.ledger.append([intent])
    mounted_elsewhere(world, tmp_path / "empty")
    daily_run(world.services)
    assert purged(world) == 0
    assert world.ledger.state().case(case.key).purge_intended is not None


def test_who_has_lost_all_backups_says_so_with_a_file(world, tmp_path) -> None:
    mounted_elsewhere(world, tmp_path / "new")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / MARK).touch()
    assert len(daily_run(world.services).purged.purged) == 3


def test_doctor_notices_the_wrong_store(world, tmp_path) -> None:
    assert _checked_backups(world.services).startswith("file store, writable and readable")
    mounted_elsewhere(world, tmp_path / "empty")
    with pytest.raises(StoreUnmarked, match=SAID):
        _checked_backups(world.services)


def test_a_store_that_goes_away_in_the_middle_is_noticed(world, store) -> None:
    """Its mark is looked for again each time something is not there."""
    path = next(world.services.backups.paths())
    assert world.services.backups.has(path)
    shutil.rmtree(store)
    with pytest.raises(StorageError, match=SAID):
        world.services.backups.remove(path)


def test_finding_a_backup_needs_no_right_to_write(world, store, monkeypatch) -> None:
    (store / MARK).unlink()
    reading = FsspecBackups(f"file://{store}")
    path = next(reading.paths())

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(reading._fs, "makedirs", refuse)
    assert reading.has(path)
    assert not (store / MARK).exists()
