"""`restore --all --since`: a bad night is undone, whatever single one of it resists."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bi_governance import events as ev
from bi_governance.cli import main
from bi_governance.errors import LeaseLost, SourceConflict
from bi_governance.model import RemovalRoute, VisualKey
from bi_governance.ports import RestoreOutcome
from bi_governance.restore import removed_since, restore_all
from bi_governance.run import daily_run, one_runner
from tests.flow.test_daily_run import go_live
from tests.flow.world import START, ThingWriter, World


@pytest.fixture
def night(world) -> World:
    """Three boards that live again and again deleted: one a day, `1` first, `3` last."""
    for number in (1, 2, 3):
        world.bi.add(str(number), children=("3",) if number == 2 else ())
    go_live(world)
    daily_run(world.services)
    world.clock.forward(7)
    world.services = replace(world.services, limits=replace(world.services.limits, delete_per_run=1))
    for _ in range(3):
        assert len(daily_run(world.services).deleted.removed) == 1
        world.clock.forward(1)
    return world


def back(world: World, keys) -> tuple[list[str], list[str]]:
    with one_runner(world.services) as lease:
        report = restore_all(world.services, keys, actor="ada", lease=lease)
    return [r.key.native_id for r in report.restored], [key.native_id for key, _ in report.failed]


def ids(world: World, since=None, source=None) -> list[str]:
    return [key.native_id for key in removed_since(world.ledger.state(), since, source)]


def test_the_newest_deletion_comes_back_first(night) -> None:
    assert ids(night) == ["3", "2", "1"]
    assert back(night, removed_since(night.ledger.state(), None)) == (["3", "2", "1"], [])
    assert all(thing.exists for thing in night.bi.things.values())
    assert ids(night) == []


def test_since_includes_its_own_moment_and_leaves_earlier_ones(night) -> None:
    removed = {e.key.native_id: e.at for e in night.ledger.events() if isinstance(e, ev.Removed)}
    assert ids(night, removed["2"]) == ["3", "2"]
    assert ids(night, removed["2"] + timedelta(seconds=1)) == ["3"]
    assert ids(night, source="another") == []


def test_what_came_back_with_its_container_is_not_restored_twice(night) -> None:
    assert back(night, [night.key("2"), night.key("3")]) == (["3", "2"], [])
    assert night.bi.writes.count("restore 3") == 1


class Stubborn(ThingWriter):
    """A platform that refuses one of them."""

    def restore(self, key, route, saved):
        if key.native_id == "2":
            raise SourceConflict("its folder is gone", source=key.source)
        return super().restore(key, route, saved)


def test_one_that_fails_does_not_keep_the_others_away(night) -> None:
    night.arms.restorer = lambda source: Stubborn(night.bi)
    assert back(night, removed_since(night.ledger.state(), None)) == (["3", "1"], ["2"])
    assert ids(night) == ["2"]
    assert [e.key.native_id for e in night.ledger.events() if isinstance(e, ev.RestoreFailed)] == ["2"]


def test_a_lost_lease_ends_it(night) -> None:
    lease = night.ledger.acquire("first", night.clock.now(), 10)
    night.clock.forward(1)
    night.ledger.acquire("second", night.clock.now(), 900)
    with pytest.raises(LeaseLost):
        restore_all(night.services, removed_since(night.ledger.state(), None), actor="ada", lease=lease)
    assert [w for w in night.bi.writes if w.startswith("restore")] == []


class Renaming(ThingWriter):
    """A platform that gives what comes back another id."""

    def restore(self, key, route, saved):
        super().restore(key, route, saved)
        thing = self.truth.things[key.native_id]
        self.truth.add(f"{key.native_id}b", thing.title)
        return RestoreOutcome(f"{key.native_id}b")


def test_history_goes_on_under_the_new_id(night) -> None:
    night.arms.restorer = lambda source: Renaming(night.bi)
    back(night, [night.key("1")])
    state = night.ledger.state()
    old, new = state.case(night.key("1")), state.case(night.key("1b"))
    assert (old.removal, new.removal) == (None, None)
    assert new.immune_until == old.immune_until == night.clock.now() + night.services.policy.immunity
    (restored,) = [e for e in night.ledger.events() if isinstance(e, ev.Restored)]
    assert (restored.key, restored.native_id) == (night.key("1"), "1b")


# The command


@pytest.fixture
def configured(tmp_path, monkeypatch) -> None:
    """A ledger with a deletion of a source that is not configured (any more)."""
    monkeypatch.chdir(tmp_path)
    world = World(tmp_path)
    key = VisualKey("old", "board", "1")
    world.ledger.append(
        [ev.Removed(at=START, key=key, episode=0, route=RemovalRoute.HARD, backup="a/episode-0000.x.zip")]
    )
    world.close()
    text = f"ledger: {{url: 'sqlite:///{tmp_path}/ledger.db'}}\nschedule: {{timezone: Europe/Amsterdam}}\n"
    (tmp_path / "bi.yml").write_text(text, encoding="utf-8")


def command(capsys, *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["-c", "bi.yml", "restore", *words])
    return ended.value.code or 0, *capsys.readouterr()


def test_a_failure_is_said_and_ends_with_1(configured, capsys) -> None:
    status, said, _ = command(capsys, "--all", "--since", "2026-03-02", "--yes", "--json")
    assert status == 1
    (failed,) = json.loads(said)["failed"]
    assert failed["key"] == "old:board:1"
    assert "source 'old' is not configured" in failed["reason"]


def test_a_date_begins_at_midnight_where_the_team_lives(configured, capsys) -> None:
    """Deleted at 7 in the morning in Amsterdam, before or after the time of the daily run all the same."""
    assert command(capsys, "--all", "--since", "2026-03-03", "--yes")[:2] == (
        0,
        "0 visual(s) are back, 0 failed.\n",
    )
    assert command(capsys, "--all", "--since", "2026-03-02", "--yes")[0] == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "restore needs a KEY, or --all"),
        (("a:b:c", "--all"), "either one KEY or --all, not both"),
        (("a:b:c", "--since", "2026-03-02"), "restore needs a KEY, or --all with perhaps --since"),
        (("--all", "--since", "soon"), "'soon' is not a date"),
        (("--all",), "this needs a confirmation"),
    ],
)
def test_what_is_not_clear_is_refused(configured, capsys, words, why) -> None:
    status, _, said = command(capsys, *words)
    assert status == 2
    assert why in said
