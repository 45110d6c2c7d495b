"""`backups verify`: what a restore could need is read before it is needed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bi_governance.backups import FsspecBackups
from bi_governance.cli import main
from bi_governance.restore import restore
from bi_governance.run import one_runner
from bi_governance.verify import Condition, verify
from tests.flow.world import World


@pytest.fixture
def world(deleted):
    return deleted


def file_of(world: World, store: Path, name: str) -> Path:
    removal = world.ledger.state().case(world.key(name)).removal
    assert removal is not None
    return store / removal.backup


def test_a_whole_store_is_said_to_be_whole(world) -> None:
    report = verify(world.services)
    assert (report.whole, report.wrong, report.orphans, report.without) == (3, [], [], [])


def test_each_kind_of_damage_is_named_and_the_others_are_still_read(world, store) -> None:
    file_of(world, store, "1").unlink()
    damaged = file_of(world, store, "2")
    damaged.write_bytes(damaged.read_bytes()[:-1])
    report = verify(world.services)
    found = {c.key.native_id: c.condition for c in report.wrong}
    assert found == {"1": Condition.MISSING, "2": Condition.DAMAGED}
    assert report.whole == 1
    assert "There is no backup" in report.wrong[0].detail
    assert "checksum does not match" in report.wrong[1].detail


def test_a_backup_of_another_visual_in_its_place_is_noticed(world, store) -> None:
    """Whole by itself: only its manifest tells that a restore would bring back something else."""
    first, second = file_of(world, store, "1"), file_of(world, store, "2")
    saved = world.services.backups.load(second.relative_to(store).as_posix())

    class Swapped(FsspecBackups):
        def load(self, path):
            return saved if path == first.relative_to(store).as_posix() else super().load(path)

    (wrong,) = verify(replace(world.services, backups=Swapped(f"file://{store}"))).wrong
    assert (wrong.key, wrong.condition) == (world.key("1"), Condition.FOREIGN)
    assert wrong.detail == "it says it is of bi:board:2, not of bi:board:1"


def test_what_no_event_knows_is_listed_and_left_alone(world, store) -> None:
    stray = store / "bi" / "stray.txt"
    stray.write_text("mine", encoding="utf-8")
    report = verify(world.services)
    assert report.orphans == ["bi/stray.txt"]
    assert report.wrong == []
    assert stray.exists()


def test_what_was_restored_is_not_relied_upon_and_its_backup_is_no_stray(world, store) -> None:
    file = file_of(world, store, "1")
    with one_runner(world.services) as lease:
        restore(world.services, world.key("1"), actor="ada", lease=lease)
    report = verify(world.services)
    assert (report.whole, report.orphans) == (2, [])
    file.unlink()
    assert verify(world.services).wrong == []


def test_one_source_alone(world) -> None:
    assert verify(world.services, source="another").whole == 0


def test_the_command_ends_with_1_when_something_is_wrong(world, store, capsys, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    text = f"ledger: {{url: 'sqlite:///{tmp_path}/ledger.db'}}\nbackups: {{url: 'file://{store}'}}\n"
    (tmp_path / "bi.yml").write_text(text, encoding="utf-8")
    assert command(capsys, "--json") == (0, {"whole": 3, "wrong": [], "without_backup": [], "orphans": []})
    file_of(world, store, "3").unlink()
    status, found = command(capsys, "--json")
    assert (status, found["wrong"][0]["condition"]) == (1, "missing")
    status, text = command(capsys)
    assert status == 1
    assert text.startswith("2 backup(s) are whole, 1 are not.\n  missing: bi:board:3: There is no backup")


def test_show_prints_what_a_backup_holds(world, store, capsys, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    text = f"ledger: {{url: 'sqlite:///{tmp_path}/ledger.db'}}\nbackups: {{url: 'file://{store}'}}\n"
    (tmp_path / "bi.yml").write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["-c", "bi.yml", "backups", "show", "bi:board:1"])
    value = json.loads(capsys.readouterr().out)
    assert value["manifest"]["key"] == "bi:board:1"
    assert value["manifest"]["fidelity"]["holds"] == {"content": ["thing.txt"]}
    assert list(value["files"]) == ["thing.txt"]
    with pytest.raises(SystemExit) as ended:
        main(["-c", "bi.yml", "backups", "show", "bi:board:9"])
    assert ended.value.code == 2
    assert "there is no backup of bi:board:9" in capsys.readouterr().err


def command(capsys, *options: str) -> tuple:
    with pytest.raises(SystemExit) as ended:
        main(["-c", "bi.yml", "backups", "verify", *options])
    said = capsys.readouterr().out
    return ended.value.code or 0, json.loads(said) if "--json" in options else said
