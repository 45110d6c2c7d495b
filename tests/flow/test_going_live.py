"""Going live and staying so: the trial, the outlook, a second admin; seen from the platform."""

from dataclasses import replace
from datetime import UTC

import pytest

from bi_governance import events as ev
from bi_governance.batches import outlook, outlook_lines
from bi_governance.errors import DeliveryError, RefusedForSafety
from bi_governance.guards import Limits
from bi_governance.model import Action, Mode
from bi_governance.run import daily_run
from bi_governance.switch import EVERYWHERE, go_live, may_go_live
from tests.flow.test_daily_run import go_live as go_live_by_itself
from tests.flow.test_daily_run import run_days
from tests.flow.world import DAY, START, World

LIMITS = Limits(trial_days=7, ramp_first=2, ramp_clean_days=7, delete_percent=100.0)


@pytest.fixture
def tried(tmp_path):
    """Five boards nobody uses, after a whole trial that would have deleted them."""
    world = World(tmp_path, limits=LIMITS)
    for number in "12345":
        world.bi.add(number)
    run_days(world, 8)
    yield world
    world.close()


def mode(world):
    return world.ledger.state().mode_of("bi")


def live(world, actor="ann", **more):
    return go_live(world.services, actor=actor, reason="the trial went well", **more)


# --- flipping live, from the servers' side


def test_flipping_live_deletes_nothing_of_the_trials_pile_and_then_small_batches(tried):
    """What the trial would have deleted is warned of anew, and goes a week later, a few at a time."""
    assert live(tried) == "all sources: live from now on."
    before = len(tried.post.told())
    run_days(tried, 7)
    assert tried.bi.writes == []
    warned = [number for _, kind, number in tried.post.told()[before:] if kind == "warning"]
    assert sorted(warned) == ["1", "2", "3", "4", "5"]
    daily_run(tried.services)
    assert len(tried.bi.writes) == 4  # a week without regret doubled the first batch of two
    tried.clock.forward(1)
    daily_run(tried.services)
    assert len(tried.bi.writes) == 5


def test_flipping_back_and_forth_shortens_nobodys_week(tried):
    live(tried)
    run_days(tried, 6)
    tried.ledger.append([ev.ModeChanged(at=tried.clock.now(), mode=Mode.DRY_RUN, reason="stop")])
    run_days(tried, 1)
    live(tried)
    run_days(tried, 7)
    assert tried.bi.writes == []
    daily_run(tried.services)
    assert tried.bi.writes != []


# --- the trial


def test_a_trial_that_was_not_used_in_time_has_to_be_done_again(tried):
    tried.clock.forward(61)
    with pytest.raises(RefusedForSafety, match=r"bi \(0 of 7 days; an earlier one is too old\)"):
        live(tried)
    assert mode(tried) is Mode.DRY_RUN


def test_a_dry_run_that_goes_on_keeps_its_trial_good(tried):
    tried.clock.forward(61)
    run_days(tried, 1)
    assert live(tried) == "all sources: live from now on."


def test_live_by_itself_without_a_good_trial_deletes_nothing(tried):
    """A mode written by somebody who went around every question."""
    tried.clock.forward(61)
    go_live_by_itself(tried)
    run_days(tried, 9)
    assert tried.bi.writes == []
    assert "trial_completed" in {v.guard for v in daily_run(tried.services).plan.vetoes}


def test_a_trial_without_a_limit_is_good_for_ever(tried):
    tried.services = replace(tried.services, limits=replace(LIMITS, trial_valid_days=None))
    tried.clock.forward(600)
    may_go_live(tried.services)


def test_renewing_does_not_need_another_trial(tried):
    live(tried)
    tried.clock.forward(100)
    assert live(tried) == "all sources: live from now on."


def test_what_stays_in_dry_run_by_a_switch_of_its_own_is_named(tried):
    stop = ev.ModeChanged(at=tried.clock.now(), mode=Mode.DRY_RUN, reason="stop", source="bi")
    tried.ledger.append([stop])
    assert live(tried).endswith("Still in dry-run, by a switch of their own: bi.")
    assert live(tried, source="bi") == "bi: live from now on."


# --- the outlook


def test_the_outlook_is_what_then_happens(tried):
    found = outlook(tried.services)
    assert (found.owners, len(found.plan.of(Action.WARN))) == (1, 5)
    assert [(b.on, len(b.keys), b.due) for b in found.batches] == [
        (tried.clock.now() + 7 * DAY, 4, 5),
        (tried.clock.now() + 8 * DAY, 1, 1),
    ]
    assert mode(tried) is Mode.DRY_RUN, "looking ahead records nothing"
    live(tried)
    run_days(tried, 9)
    expected = [f"remove {key.native_id}" for batch in found.batches for key in batch.keys]
    assert tried.bi.writes == expected


def test_the_outlook_says_who_is_warned_and_what_goes_first(tried):
    lines = list(outlook_lines(outlook(tried.services), UTC))
    assert lines[0] == "The next run would warn 1 owner(s) of 5 visual(s)."
    day = f"{START + 15 * DAY:%Y-%m-%d}"
    assert lines[1] == (
        f"bi: on {day} at the earliest, unless somebody uses or keeps them, 4 would be deleted "
        "(1 more due, waiting for their turn):"
    )
    assert "  bi:board:1" in lines


def test_the_outlook_under_a_cap_of_zero_deletes_nothing(tried):
    tried.services = replace(tried.services, limits=replace(LIMITS, delete_per_run=0))
    assert "Nothing would be deleted within 60 days." in outlook_lines(outlook(tried.services), UTC)


def test_the_outlook_of_what_is_live_goes_on_from_its_warnings(tried):
    live(tried)
    run_days(tried, 4)
    found = outlook(tried.services)
    assert found.batches[0].on == tried.clock.now() + 3 * DAY


# --- a second admin


class TestSecondAdmin:
    """`trial.second_admin`: who asks is not who confirms."""

    @pytest.fixture
    def careful(self, tried):
        tried.services = replace(tried.services, limits=replace(LIMITS, second_admin=True))
        return tried

    def test_one_asks_and_another_confirms(self, careful):
        said = live(careful, "ann")
        assert "Another admin has to confirm going live with all sources" in said
        assert mode(careful) is Mode.DRY_RUN
        [told] = [a for a in careful.post.announced if "second admin" in a.title]
        assert told.lines[0] == "ann asked for it: the trial went well"
        assert live(careful, "bob") == "all sources: live from now on."
        switched = [e for e in careful.ledger.events() if isinstance(e, ev.ModeChanged)][-1]
        assert switched.actor == "bob"
        assert switched.reason == "the trial went well (asked for by ann: the trial went well)"

    @pytest.mark.parametrize(
        ("first", "second"),
        [("ann", "ann"), ("slack:U1 ann@acme.example (V1)", "slack:U1 ann@acme.example (V2)")],
    )
    def test_the_same_person_cannot_confirm(self, careful, first, second):
        live(careful, first)
        with pytest.raises(RefusedForSafety, match="another admin has to confirm it"):
            live(careful, second)
        assert mode(careful) is Mode.DRY_RUN

    @pytest.mark.parametrize(
        ("first", "second"), [("ann", "slack:U1 ann@acme.example (V1)"), ("slack:U1 (V1)", "ann")]
    )
    def test_nor_can_somebody_who_may_be_the_same_person(self, careful, first, second):
        live(careful, first)
        with pytest.raises(RefusedForSafety, match="confirm it there, too"):
            live(careful, second)
        assert mode(careful) is Mode.DRY_RUN

    @pytest.mark.parametrize(("days", "done"), [(7, Mode.LIVE), (7.01, Mode.DRY_RUN)])
    def test_a_request_holds_for_seven_days(self, careful, days, done):
        live(careful, "ann")
        careful.clock.forward(days)
        live(careful, "bob")
        assert mode(careful) is done

    def test_what_was_asked_for_is_what_can_be_confirmed(self, careful):
        live(careful, "ann", source="bi")
        assert "has to confirm" in live(careful, "bob")
        assert mode(careful) is Mode.DRY_RUN

    def test_a_stop_takes_the_request_back(self, careful):
        live(careful, "ann")
        careful.ledger.append([ev.ModeChanged(at=careful.clock.now(), mode=Mode.DRY_RUN, reason="stop")])
        live(careful, "bob")
        assert mode(careful) is Mode.DRY_RUN

    def test_asking_needs_a_finished_trial_too(self, careful):
        careful.services = replace(careful.services, limits=replace(careful.services.limits, trial_days=21))
        with pytest.raises(RefusedForSafety, match="trial is not finished"):
            live(careful, "ann")
        assert not careful.ledger.state().standing.requests

    def test_renewing_takes_two_as_well(self, careful):
        live(careful, "ann")
        live(careful, "bob")
        confirmed = careful.ledger.state().standing.confirmed_at("bi")
        careful.clock.forward(3)
        live(careful, "ann")
        assert careful.ledger.state().standing.confirmed_at("bi") == confirmed
        live(careful, "bob")
        assert careful.ledger.state().standing.confirmed_at("bi") == careful.clock.now()

    def test_a_channel_that_cannot_be_told_keeps_nobody_from_asking(self, careful, monkeypatch):
        def refuse(announcement):
            raise DeliveryError("channel_not_found")

        monkeypatch.setattr(careful.post, "announce", refuse)
        assert live(careful, "ann").endswith("The channel could not be told: channel_not_found")
        assert EVERYWHERE in live(careful, "bob")
        assert mode(careful) is Mode.LIVE


def test_the_outlook_says_that_deletions_will_need_an_approval(tried):
    said = "Each of these waits for an admin's approval when its day has come (limits.approval)."
    assert said not in list(outlook_lines(outlook(tried.services), UTC))
    limits = replace(tried.services.limits, approval=True)
    asked = replace(tried.services, limits=limits)
    assert list(outlook_lines(outlook(asked), UTC))[-1] == said
