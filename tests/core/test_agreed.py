"""The owner's consent: what it waives - waiting for the date - and that it waives nothing else."""

from __future__ import annotations

from datetime import UTC, time

import pytest

from bi_governance import events as ev
from bi_governance.cases import Case
from bi_governance.lifecycle import State, fold
from bi_governance.model import Action, Mode, NoticeKind
from bi_governance.rules import Policy
from bi_governance.window import ActionWindow
from tests.core.estate import KEY, LIVE, NOW, ago, codes, covered, judge, notice, visual
from tests.core.machine import FINE
from tests.core.shell import Luck
from tests.core.test_scenarios import gone, told, world
from tests.core.world import DAY


def agreed(at: float = 0.5, *, episode: int = 0, mode: Mode = Mode.LIVE) -> ev.RemovalAgreed:
    return ev.RemovalAgreed(at=ago(at), key=KEY, episode=episode, mode=mode)


def case(*more: ev.Event, warned_ago: float = 2, idle: float = 60) -> Case:
    facts = visual(idle=idle)
    return fold([notice(facts, warned_ago, mode=Mode.LIVE), *more], State(default_mode=live())).case(KEY)


def live():
    return fold([LIVE]).default_mode


def test_consent_ends_the_waiting() -> None:
    assert judge(visual(idle=60), case=case()).action is Action.NONE
    decision = judge(visual(idle=60), case=case(agreed()))
    assert decision.action is Action.DELETE
    assert "agreed on 2026-05-31 not to wait" in str(decision.reasons[-1])


def test_what_a_warning_takes_is_idle_enough() -> None:
    assert judge(visual(idle=54), case=case(agreed(), idle=54)).action is Action.DELETE
    assert judge(visual(idle=54), case=case(idle=54)).action is not Action.DELETE


def test_history_that_covers_less_than_a_warning_takes_is_not() -> None:
    facts = visual(idle=300, coverage=covered(52))
    assert judge(facts, case=case(agreed(), idle=300)).action is Action.NONE


@pytest.mark.parametrize(
    "event",
    [
        agreed(episode=1),
        agreed(mode=Mode.DRY_RUN),
        ev.KeptUntil(at=ago(0.4), key=KEY, until=ago(0.3)),
        ev.HandedOver(at=ago(0.4), key=KEY, to_id="U", to_name="B", to_email="b@acme.test"),
        ev.ModeChanged(at=ago(0.4), mode=Mode.DRY_RUN, reason="stop"),
    ],
    ids=["another episode", "in a trial", "kept after it", "handed over after it", "stopped after it"],
)
def test_consent_counts_in_its_episode_only(event: ev.Event) -> None:
    before = [] if isinstance(event, ev.RemovalAgreed) else [agreed()]
    assert case(*before, event).agreed_at is None


def test_consent_without_a_warning_is_nothing() -> None:
    assert fold([LIVE, agreed()]).case(KEY).agreed_at is None


def test_agreeing_twice_starts_nothing_anew() -> None:
    assert case(agreed(1), agreed(0.2)).agreed_at == ago(1)


def test_the_window_is_waited_for() -> None:
    office = Policy(window=ActionWindow(UTC, frozenset(range(7)), time(9), time(16)), reminder_days=(3, 1))
    decision = judge(visual(idle=60), case=case(agreed(0.1)), policy=office)
    assert (decision.action, decision.deadline) == (Action.NONE, NOW.replace(hour=9))


def test_who_agreed_is_not_reminded() -> None:
    facts, office = visual(idle=60), Policy(window=ActionWindow(UTC, frozenset({3})))
    assert judge(facts, case=case(agreed()), policy=office).action is Action.NONE


def test_history_newer_than_the_warning_is_waited_for() -> None:
    facts = visual(idle=60, coverage=covered(400, 3))
    decision = judge(facts, case=case(agreed()))
    assert decision.action is Action.NONE
    assert "feed_older_than_notice" in codes(decision)


def test_use_after_the_warning_outweighs_it() -> None:
    assert judge(visual(idle=0.1), case=case(agreed())).action is Action.RESCUE


# --- with the machine's own steps


def test_it_goes_with_the_run_after_the_consent() -> None:
    machine = world()
    machine.live_through(1)
    machine.click(2, "agree")
    machine.live_through(1)
    assert gone(machine) == ["2"]
    assert told(machine, 2) == [NoticeKind.WARNING, NoticeKind.DELETED]
    machine.the_ledger_tells_what_was_done()


@pytest.mark.parametrize("wish", ["keep for long", "exempt", "hand over"])
def test_another_wish_takes_it_back(wish: str) -> None:
    machine = world()
    machine.live_through(1)
    machine.click(2, "agree")
    machine.click(2, wish)
    machine.live_through(2)
    assert gone(machine) == []


def test_a_use_nobody_could_know_of_yet_still_spares_it() -> None:
    machine = world()
    machine.live_through(1)
    machine.click(2, "agree")
    machine.shell.sleep(DAY)
    machine.use(2, True, 0)
    machine.shell.run(FINE, Luck())
    assert gone(machine) == []


def test_consent_given_in_a_trial_hurries_nothing_not_even_the_simulation() -> None:
    """Found by the machine: nobody may answer so in a trial, and if it were recorded it would not count."""
    history = notice(visual(), 1, mode=Mode.DRY_RUN), agreed(0.5, mode=Mode.DRY_RUN)
    assert fold(history).case(KEY).agreed_at is None
