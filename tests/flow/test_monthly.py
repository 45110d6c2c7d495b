"""The month's summary: once, on the first run after it, whatever day that is, with what really happened."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bi_governance import events as ev
from bi_governance.errors import DeliveryError
from bi_governance.lifecycle import State
from bi_governance.monthly import Month, due_month
from bi_governance.restore import restore
from bi_governance.run import daily_run, one_runner
from bi_governance.run_report import summary
from bi_governance.window import ActionWindow
from tests.flow.test_daily_run import go_live, run_days
from tests.flow.world import START


def months(world) -> list[str]:
    return [a.message_id for a in world.post.announced if a.message_id.startswith("month-")]


def lines(world) -> list[str]:
    (found,) = [a for a in world.post.announced if a.message_id.startswith("month-")]
    return list(found.lines)


def test_a_month_is_summed_up_once_by_the_first_run_after_it(world):
    for name in "123":
        world.bi.add(name, f"Board <{name}>")
    go_live(world)
    run_days(world, 1)
    world.bi.view("1")
    run_days(world, 7)
    with one_runner(world.services) as lease:
        restore(world.services, world.key("2"), actor="grace", lease=lease)
    run_days(world, 21)
    assert months(world) == []
    run_days(world, 4)
    assert months(world) == ["month-2026-03"]
    said = lines(world)
    assert said[0] == "Deleted: 2. Wanted back: 1 (50%)."
    assert "Warned of: 3, in messages to 1 readers." in said
    assert "Rescued: 1 because somebody used them, 0 for another reason, 0 kept." in said
    assert "bi: 1 of 3 warned visuals (33%) got a reaction before their date." in said
    assert "Restored: 1." in said
    assert "Deleted: Board <2> (bi:board:2), restored since" in said
    assert "Deleted: Board <3> (bi:board:3)" in said
    assert said[-1] == "Nothing is due within 31 days."


def test_the_trial_is_summed_up_as_one(world):
    world.bi.add("1")
    world.bi.add("2")
    run_days(world, 8)
    world.bi.view("1")
    run_days(world, 23)
    assert "In the trial, would have been deleted: 2. Wanted after all: 1 (50%)." in lines(world)


def test_an_outage_over_the_first_of_the_month_delays_the_summary_and_no_more(world):
    run_days(world, 1)
    world.clock.forward(40)
    run_days(world, 3)
    assert months(world) == ["month-2026-03"]


def test_a_summary_that_was_not_accepted_is_sent_by_the_next_run(world):
    run_days(world, 1)
    world.clock.forward(30)
    tell = world.post.announce
    world.post.announce = lambda announcement: (_ for _ in ()).throw(DeliveryError("Slack is down"))
    said = summary(daily_run(world.services))[1]
    assert "Not told: the summary of the month: Slack is down" in said
    world.post.announce = tell
    run_days(world, 2)
    assert months(world) == ["month-2026-03"]


def test_a_crash_after_the_summary_was_accepted_does_not_double_it(world):
    run_days(world, 1)
    world.clock.forward(30)
    append = world.ledger.append

    def dies(events, lease=None):
        if any(isinstance(e, ev.MonthReported) for e in events):
            raise KeyboardInterrupt
        return append(events, lease)

    world.ledger.append = dies
    with pytest.raises(KeyboardInterrupt):
        daily_run(world.services)
    world.ledger.append = append
    run_days(world, 2)
    assert months(world) == ["month-2026-03"]
    assert world.ledger.state().months_reported == {"2026-03"}


def test_the_month_ends_where_the_team_lives(world):
    state = State(first_run=START)
    turn = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)  # half past midnight, 1 April, in Amsterdam
    assert due_month(state, turn, UTC) is None
    assert due_month(state, turn, ZoneInfo("Europe/Amsterdam")) == Month(2026, 3)
    world.services = replace(world.services, notice_window=ActionWindow(ZoneInfo("Europe/Amsterdam")))
    run_days(world, 1)
    world.clock.moment = turn
    assert daily_run(world.services).month == "2026-03"


def test_nothing_is_due_in_the_first_month_and_january_follows_december():
    assert due_month(State(), START, UTC) is None
    assert due_month(State(first_run=START), START + timedelta(days=1), UTC) is None
    assert Month(2026, 1).before == Month(2025, 12)
