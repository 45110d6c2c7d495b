"""Drills: backups tried out on copies, what differs recorded, and nothing of the copies left behind."""

import json
from dataclasses import replace

import pytest

from bi_governance import events as ev
from bi_governance.cli import main
from bi_governance.drill import drill, sample, settle_drills
from bi_governance.errors import SourceBroken
from bi_governance.model import Mode, RemovalRoute
from bi_governance.run import daily_run, one_runner
from tests.flow.world import World


class Rehearsals:
    """A platform on which copies are made: which are there, and what comes back otherwise."""

    def __init__(self) -> None:
        self.copies: set[str] = set()
        self.tried: list[str] = []
        self.differences: dict[str, tuple[str, ...]] = {}
        self.failing: dict[str, BaseException] = {}
        self.cannot = ""

    def refusal(self, key):
        return self.cannot

    def rehearse(self, key, saved, mark):
        self.tried.append(key.native_id)
        self.copies.add(mark)
        if key.native_id in self.failing:
            raise self.failing[key.native_id]
        self.copies.discard(mark)
        return self.differences.get(key.native_id, ())

    def clean_up(self, key, saved, mark):
        self.copies.discard(mark)

    def close(self):
        """Nothing to close."""


@pytest.fixture
def world(deleted):
    """A platform where copies can be made."""
    deleted.rehearsals = deleted.arms.rehearsers["bi"] = Rehearsals()
    return deleted


def drilled(world: World, *names: str):
    with one_runner(world.services) as lease:
        return drill(world.services, [world.key(n) for n in names], actor="ada", lease=lease)


def kinds(world: World) -> list[str]:
    return [e.kind for e in world.ledger.events() if e.kind.startswith("drill")]


def test_what_came_back_and_what_differs_is_said_and_recorded(world) -> None:
    world.rehearsals.differences["2"] = ("its colour", "its filters")
    report = drilled(world, "1", "2")
    assert report.same == [world.key("1")]
    assert report.different == {world.key("2"): ("its colour", "its filters")}
    done = [e for e in world.ledger.events() if isinstance(e, ev.Drilled)]
    assert [(e.key.native_id, e.differences, e.actor) for e in done] == [
        ("1", "", "ada"),
        ("2", "its colour; its filters", "ada"),
    ]
    assert kinds(world) == ["drill.intended", "drill.done"] * 2
    assert world.bi.writes == ["remove 1", "remove 2", "remove 3"]


def test_a_drill_changes_nothing_about_what_is_deleted(world) -> None:
    before = world.ledger.state().case(world.key("1"))
    drilled(world, "1")
    after = world.ledger.state().case(world.key("1"))
    assert (after.removal, after.episode, after.regrets) == (before.removal, before.episode, before.regrets)


def test_a_failure_is_recorded_and_the_others_are_still_tried(world, store) -> None:
    world.rehearsals.failing["1"] = SourceBroken("no room", source="bi")
    removal = world.ledger.state().case(world.key("2")).removal
    (store / removal.backup).unlink()
    report = drilled(world, "1", "2", "3")
    assert report.same == [world.key("3")]
    assert report.failed[world.key("1")] == "bi: no room"
    assert "There is no backup" in report.failed[world.key("2")]
    assert world.rehearsals.tried == ["1", "3"]


def test_where_it_is_not_possible_it_says_why(world) -> None:
    world.rehearsals.cannot = "no folder is set aside"
    assert drilled(world, "1").impossible == {world.key("1"): "no folder is set aside"}
    world.arms.rehearsers.clear()
    assert drilled(world, "1").impossible == {world.key("1"): "no drill is built for fake yet"}
    reader = world.services.readers["bi"]
    reader.capabilities = replace(reader.capabilities, why_no_drill="copies cannot be taken away there")
    assert drilled(world, "1").impossible == {world.key("1"): "copies cannot be taken away there"}
    assert kinds(world) == []


def test_another_instance_behind_the_same_name_is_not_written_to(world) -> None:
    world.bi.instance = "instance-2"
    report = drilled(world, "1")
    assert "not the pinned instance" in report.failed[world.key("1")]
    assert world.rehearsals.tried == []


def test_the_longest_untried_is_next(world) -> None:
    state = world.ledger.state
    assert [k.native_id for k in sample(state(), 2)] == ["1", "2"]
    drilled(world, "1", "2")
    world.clock.forward(1)
    assert [k.native_id for k in sample(state(), 9)] == ["3", "1", "2"]
    drilled(world, "3", "1")
    assert [k.native_id for k in sample(state(), 1)] == ["2"]
    assert sample(state(), 5, "another") == []


def test_what_was_deleted_without_a_backup_is_not_drilled(world) -> None:
    key = world.key("4")
    gone = ev.Removed(at=world.clock.now(), key=key, episode=0, route=RemovalRoute.HARD, backup="")
    world.ledger.append([gone])
    assert key not in sample(world.ledger.state(), 9)


@pytest.mark.parametrize("mode", list(Mode))
def test_what_a_killed_drill_left_is_removed_by_the_next_run(world, mode) -> None:
    world.rehearsals.failing["1"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        drilled(world, "1")
    assert len(world.rehearsals.copies) == 1
    world.ledger.append([ev.ModeChanged(at=world.clock.now(), mode=mode, reason="r")])
    daily_run(world.services)
    assert world.rehearsals.copies == set()
    assert kinds(world) == ["drill.intended", "drill.cleaned"]
    daily_run(world.services)
    assert kinds(world) == ["drill.intended", "drill.cleaned"]


def test_what_cannot_be_removed_now_stays_open(world) -> None:
    world.rehearsals.failing["1"] = SourceBroken("cut off", source="bi")
    drilled(world, "1")
    world.rehearsals.clean_up = lambda key, saved, mark: (_ for _ in ()).throw(SourceBroken("still"))
    with one_runner(world.services) as lease:
        assert settle_drills(world.services, world.ledger.state(), lease, "r") == []
    assert world.ledger.state().case(world.key("1")).drill_intended is not None


def test_a_copy_that_is_still_there_is_no_success(world) -> None:
    """The platform says the copy was removed; asked again, it still cannot take it away."""
    world.rehearsals.clean_up = lambda key, saved, mark: (_ for _ in ()).throw(SourceBroken("it stays"))
    report = drilled(world, "1")
    assert (report.same, report.failed) == ([], {world.key("1"): "it stays"})


# The command


@pytest.fixture
def configured(world, store, tmp_path, monkeypatch) -> World:
    monkeypatch.chdir(tmp_path)
    text = f"ledger: {{url: 'sqlite:///{tmp_path}/ledger.db'}}\nbackups: {{url: 'file://{store}'}}\n"
    (tmp_path / "bi.yml").write_text(text, encoding="utf-8")
    return world


def command(capsys, *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["-c", "bi.yml", "backups", "drill", *words])
    return ended.value.code or 0, *capsys.readouterr()


def test_a_drill_writes_so_it_wants_to_be_confirmed(configured, capsys) -> None:
    status, _, said = command(capsys)
    assert status == 2
    assert "this needs a confirmation" in said
    assert kinds(configured) == []


def test_the_command_says_what_is_not_possible(configured, capsys) -> None:
    status, said, _ = command(capsys, "--sample", "1", "--yes", "--json")
    assert status == 0
    assert json.loads(said)["not_possible"] == {"bi:board:1": "source 'bi' is not configured"}


def test_a_copy_that_cannot_be_removed_is_told_until_it_is_gone(world) -> None:
    world.rehearsals.failing["1"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        drilled(world, "1")
    real = world.rehearsals.clean_up
    world.rehearsals.clean_up = lambda key, saved, mark: (_ for _ in ()).throw(SourceBroken("it stays"))
    report = daily_run(world.services)
    (mark,) = world.rehearsals.copies
    assert report.outcome == "failed"
    assert any("bi:board:1" in text and f"marked {mark}" in text for text in report.problems)
    world.rehearsals.clean_up = real
    assert daily_run(world.services).problems == []
