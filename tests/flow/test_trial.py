"""The trial's report: what would have gone, who was told, and what was wanted after all."""

from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from rich.console import Console

from bi_governance import events as ev
from bi_governance.cli.trial import bar, trial_view
from bi_governance.keep import exempt, keep_until
from bi_governance.model import Mode
from bi_governance.run import daily_run
from bi_governance.trial import trials
from tests.flow.test_daily_run import go_live, run_days
from tests.flow.world import DAY, START, World


@pytest.fixture
def tried(world):
    """Five boards nobody uses, after a trial of eight days, in which all would have gone."""
    world.services = replace(world.services, limits=replace(world.services.limits, trial_days=21))
    for number in "12345":
        world.bi.add(number, f"Board {number}")
    run_days(world, 8)
    return world


def the_trial(world):
    (found,) = trials(world.services)
    return found


def regrets(world):
    return [(g.key.native_id, g.how, g.actor) for g in the_trial(world).regrets]


def test_what_would_have_gone_and_who_was_told(tried):
    found = the_trial(tried)
    assert [g.key.native_id for g in found.gone] == ["1", "2", "3", "4", "5"]
    assert {g.title for g in found.gone} == {f"Board {n}" for n in "12345"}
    assert {g.at for g in found.gone} == {START + 7 * DAY}
    assert (found.told, found.readers) == (5, ("the analytics team",))
    assert found.regrets == ()


def test_how_long_it_lasts_and_when_it_is_complete(tried):
    found = the_trial(tried)
    assert (found.lasted, found.is_complete) == (timedelta(days=7), False)
    assert found.complete_at == START + 21 * DAY
    run_days(tried, 14)
    assert the_trial(tried).is_complete


def test_a_trial_too_old_to_go_live_on_says_so(tried):
    run_days(tried, 14)
    valid = tried.services.limits.trial_valid_days
    tried.clock.forward(valid - 1)
    assert not the_trial(tried).is_too_old
    tried.clock.forward(1)
    found = the_trial(tried)
    assert (found.is_too_old, found.to_json()["too_old"]) == (True, True)
    console = Console(width=80, record=True)
    console.print(trial_view([found], UTC))
    assert "21 of 21 days, too old" in console.export_text()


def test_what_was_used_again_is_regret_with_how_and_when(tried):
    tried.bi.view("2")
    tried.clock.forward(1)
    daily_run(tried.services)
    assert regrets(tried) == [("2", "used", "bi-governance")]
    found = the_trial(tried)
    assert found.regrets[0].wanted_at == tried.clock.now()
    assert found.regret_share == pytest.approx(0.2)


def test_what_people_ask_for_is_regret(tried):
    now = tried.clock.now()
    keep_until(tried.services, tried.key("1"), now + 30 * DAY, actor="ada")
    exempt(tried.services, tried.key("3"), actor="bob", reason="board meeting")
    tried.ledger.append(
        [
            ev.ExemptionRequested(at=now, actor="eve", key=tried.key("4"), reason="audit"),
            ev.HandedOver(
                at=now, actor="ada", key=tried.key("5"), to_id="U", to_name="Bob", to_email="b@x.y"
            ),
        ]
    )
    assert [(who, how.split(":")[0], by) for who, how, by in regrets(tried)] == [
        ("1", "kept until 2026-04-09", "ada"),
        ("3", "exempt", "bob"),
        ("4", "asked for", "eve"),
        ("5", "taken over by Bob", "ada"),
    ]


def test_what_was_wanted_twice_is_one_regret_the_first(tried):
    exempt(tried.services, tried.key("3"), actor="bob", reason="first")
    exempt(tried.services, tried.key("3"), actor="bob", reason="second")
    assert regrets(tried) == [("3", "exempt: first", "bob")]


def test_what_the_warning_saved_is_no_regret(world):
    world.bi.add("1")
    world.bi.add("2")
    run_days(world, 3)
    world.bi.view("1")
    keep_until(world.services, world.key("2"), world.clock.now() + 30 * DAY, actor="ada")
    run_days(world, 7)
    found = the_trial(world)
    assert (found.gone, found.saved) == ((), {"kept": 1, "used": 1})


def test_what_was_asked_for_before_anybody_was_told_says_nothing_about_the_trial(world):
    world.bi.add("1")
    exempt(world.services, world.key("1"), actor="ada", reason="needed")
    run_days(world, 2)
    assert the_trial(world).saved == {}


def test_going_live_ends_the_report_and_coming_back_begins_a_new_one(tried):
    go_live(tried)
    exempt(tried.services, tried.key("3"), actor="bob", reason="needed")
    run_days(tried, 2)
    found = the_trial(tried)
    assert (found.mode, len(found.gone), found.regrets) == (Mode.LIVE, 5, ())
    tried.ledger.append([ev.ModeChanged(at=tried.clock.now(), mode=Mode.DRY_RUN, reason="stop")])
    assert len(the_trial(tried).gone) == 5
    run_days(tried, 1)
    found = the_trial(tried)
    assert (found.gone, found.began) == ((), tried.clock.now() - DAY)


def test_a_source_without_a_plan_has_no_trial_yet(world):
    found = the_trial(world)
    assert (found.began, found.complete_at, found.lasted) == (None, None, timedelta(0))


def test_every_source_has_its_own(tmp_path):
    company = World(tmp_path, "bi", "other")
    company.platforms["other"].add("1")
    run_days(company, 8)
    assert [(t.source, len(t.gone)) for t in trials(company.services)] == [("bi", 0), ("other", 1)]
    company.close()


# --- how it looks


def shown(world):
    console = Console(width=160, emoji=False)
    with console.capture() as capture:
        console.print(trial_view(trials(world.services), UTC))
    return capture.get()


def test_the_report_shows_bars_and_every_regret(tried):
    exempt(tried.services, tried.key("3"), actor="bob", reason="board meeting")
    text = shown(tried)
    assert "7 of 21 days, complete from 2026-03-23" in text
    assert "5, of which 1 wanted after all (20%)" in text
    line = next(line for line in text.splitlines() if "bi:board:3" in line or "exempt: board meeting" in line)
    assert "exempt: board meeting (bob)" in line
    assert "█" * 30 in text
    json = the_trial(tried).to_json()
    assert (json["regrets"], json["regret_share"], json["complete"]) == (1, 0.2, False)
    assert json["would_have_gone"][0]["how"] == "exempt: board meeting"


@pytest.mark.parametrize(
    ("parts", "whole", "filled"),
    [(((0, "red"), (0, "cyan")), 0, 0), (((1, "red"), (999, "cyan")), 1000, 30), (((1, "x"),), 3, 10)],
)
def test_a_bar_is_as_long_as_its_parts_and_hides_none(parts, whole, filled):
    drawn = bar(*parts, whole=whole)
    assert len(drawn.plain) == 30
    assert drawn.plain.count("█") == filled
    if whole == 1000:
        assert drawn.spans[0].style == "red"
