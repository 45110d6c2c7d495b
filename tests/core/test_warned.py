"""After the warning: deadlines, reminders, rescues, and what makes a deletion wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bi_governance import events as ev
from bi_governance.cases import Case
from bi_governance.lifecycle import fold
from bi_governance.model import Action, Coverage, Facts, Interval, Mode, NoticeKind, Person, RemovalRoute
from bi_governance.policy import deadline_of, projected_deadline
from bi_governance.rules import Policy, Rule, terms_for
from bi_governance.window import ActionWindow
from tests.core.estate import (
    ALICE,
    KEY,
    NOW,
    ago,
    codes,
    covered,
    days,
    judge,
    notice,
    reminder,
    visual,
    warned,
)

SECOND = timedelta(seconds=1)
OFFICE = ActionWindow(ZoneInfo("Europe/Amsterdam"), frozenset({0, 1, 2, 3}), time(9), time(16))


def reminded(facts: Facts, warned_ago: float, *sent: int) -> Case:
    reminders = [reminder(facts, 0.5, n) for n in sent]
    return fold([notice(facts, warned_ago), *reminders]).case(facts.key)


# --- deadlines


def test_the_deadline_is_a_week_after_the_notice_for_what_was_idle_long_before() -> None:
    facts = visual(idle=200)
    decision = judge(facts, case=warned(facts, 5), policy=Policy(reminder_days=()))
    assert (decision.action, decision.deadline) == (Action.NONE, NOW + days(2))
    assert str(decision.reasons[0]) == "warned; deletion not before 2026-06-03 06:00 UTC"


def test_the_deadline_is_the_threshold_when_that_comes_later() -> None:
    facts = visual(idle=55)
    assert judge(facts, case=warned(facts, 2)).deadline == ago(55) + days(60)


def test_a_gap_in_coverage_moves_the_deadline_by_the_gap() -> None:
    holed = Coverage.of([Interval(ago(400), ago(30)), Interval(ago(28), NOW)])
    facts = visual(idle=61, coverage=holed)
    decision = judge(facts, case=warned(facts, 8))
    assert (decision.action, decision.deadline) == (Action.REMIND, NOW + days(1))


def test_history_that_starts_late_moves_the_deadline() -> None:
    facts = visual(idle=300, coverage=covered(58))
    assert judge(facts, case=warned(facts, 5)).deadline == NOW + days(2)


def test_the_deadline_the_owner_read_is_kept_even_if_it_could_be_earlier_now() -> None:
    facts = visual(idle=200)
    promised = warned(facts, 8, deadline=NOW + days(5))
    assert judge(facts, case=promised).deadline == NOW + days(5)
    assert judge(facts, case=promised).action is Action.NONE
    overtaken = warned(facts, 5, deadline=ago(3))
    assert judge(facts, case=overtaken).deadline == NOW + days(2)


def test_the_deadline_moves_to_the_next_opening_of_the_window() -> None:
    facts = visual(idle=200)
    case = warned(facts, 10)  # a week later is Friday 06:00 UTC
    policy = Policy(window=OFFICE)
    assert judge(facts, case=case, policy=policy).deadline == datetime(2026, 6, 1, 7, tzinfo=UTC)
    assert judge(facts, case=case, policy=policy).action is Action.REMIND
    opened = judge(facts, case=case, policy=policy, now=datetime(2026, 6, 1, 7, tzinfo=UTC))
    assert opened.action is Action.DELETE


def test_a_due_deletion_waits_while_the_window_is_closed() -> None:
    facts = visual(idle=200)
    decision = judge(facts, case=warned(facts, 30), policy=Policy(window=OFFICE))
    assert (decision.action, codes(decision)) == (Action.NONE, ["window"])
    assert str(decision.reasons[0]) == "due, but the deletion window is closed at this hour"


def test_whoever_stands_in_for_the_owner_gets_more_time() -> None:
    facts = visual(idle=200)
    case = warned(facts, 20, succession="manager of a leaver")
    assert judge(facts, case=case).deadline == NOW + days(1)
    assert judge(facts, case=case, policy=Policy(succession_grace_days=0)).deadline == ago(13)


def test_without_a_warning_or_known_idle_time_there_is_no_deadline() -> None:
    facts = visual(idle=200)
    usage = judge(facts).usage
    terms = terms_for(facts, Policy(), NOW)
    assert deadline_of(Case(KEY), usage, terms, Policy()) is None
    assert deadline_of(warned(facts, 5), replace(usage, idle_since=None), terms, Policy()) is None


def test_a_deadline_can_be_foretold_before_the_notice_is_sent() -> None:
    facts = visual(idle=55)
    terms = terms_for(facts, Policy(), NOW)

    def foretold(*, succession: bool) -> datetime | None:
        return projected_deadline(NOW, judge(facts).usage, terms, Policy(), succession=succession)

    assert foretold(succession=False) == NOW + days(7)
    assert foretold(succession=True) == NOW + days(21)
    nothing = replace(judge(facts).usage, idle_since=None)
    assert projected_deadline(NOW, nothing, terms, Policy(), succession=False) is None


# --- reminders


@pytest.mark.parametrize(
    ("warned_ago", "action", "days_before"),
    [
        (4 - 1e-4, Action.NONE, None),
        (4, Action.REMIND, 3),
        (5.9, Action.REMIND, 3),
        (6, Action.REMIND, 1),
        (6.2, Action.REMIND, 1),
        (6.9, Action.REMIND, 0),
        (7, Action.DELETE, None),
    ],
)
def test_reminders_come_three_days_and_one_day_before(
    warned_ago: float, action: Action, days_before: int | None
) -> None:
    facts = visual(idle=200)
    decision = judge(facts, case=warned(facts, warned_ago))
    assert (decision.action, decision.days_before) == (action, days_before)


@pytest.mark.parametrize(
    ("sent", "warned_ago", "due"),
    [((3,), 5, None), ((3,), 6, 1), ((3, 1), 6, None), ((1,), 5, None), ((), 6.2, 1), ((1,), 6.5, 0)],
)
def test_a_reminder_is_sent_once_and_a_missed_one_is_not_made_up_for(
    sent: tuple[int, ...], warned_ago: float, due: int | None
) -> None:
    facts = visual(idle=200)
    assert judge(facts, case=reminded(facts, warned_ago, *sent)).days_before == due


def test_the_order_reminders_are_configured_in_does_not_matter() -> None:
    facts = visual(idle=200)
    for order in ((1, 3), (3, 1)):
        assert judge(facts, case=warned(facts, 6), policy=Policy(reminder_days=order)).days_before == 1


def test_no_reminders_are_sent_where_none_are_configured() -> None:
    facts = visual(idle=200)
    assert judge(facts, case=warned(facts, 6), policy=Policy(reminder_days=())).action is Action.NONE


@pytest.mark.parametrize(("hours_left", "said"), [(0.5, 0), (17.9, 0), (18.1, 1), (0, None)])
def test_the_last_call_is_for_the_day_itself_and_only_before_the_deadline(
    hours_left: float, said: int | None
) -> None:
    """The estate's now is six in the morning, so what is due within eighteen hours is due today."""
    facts = visual(idle=200)
    decision = judge(facts, case=warned(facts, 7 - hours_left / 24))
    assert decision.days_before == said
    assert (decision.action is Action.DELETE) == (hours_left == 0)


def test_the_day_itself_is_the_one_where_the_team_lives() -> None:
    """Two hours before the date it is still the day before in UTC's far west, and so is the date."""
    facts, west = visual(idle=200), Policy(window=ActionWindow(timezone(-days(0.5))))
    assert judge(facts, case=warned(facts, 7 - 2 / 24), policy=west).days_before == 0


def test_a_last_call_is_sent_once_and_no_reminder_comes_after_it() -> None:
    facts = visual(idle=200)
    called = notice(facts, 0.1, notice=NoticeKind.LAST_CALL, days_before=0)
    found = fold([notice(facts, 6.9), called]).case(facts.key)
    assert judge(facts, case=found).action is Action.NONE


def test_the_day_of_a_last_call_is_the_teams() -> None:
    """Half past eleven in the evening, UTC: tomorrow's deadline is today's in Amsterdam."""
    now = NOW.replace(hour=22, minute=30)
    facts, case = visual(idle=200), warned(visual(idle=200), 6)
    late = replace(case.warning, at=now - timedelta(days=6, hours=22), deadline=None)
    found = replace(case, notices=(late,))
    amsterdam = Policy(window=ActionWindow(ZoneInfo("Europe/Amsterdam")))
    assert judge(facts, case=found, policy=Policy(), now=now).days_before == 1
    assert judge(facts, case=found, policy=amsterdam, now=now).days_before == 0


def test_a_reminder_says_until_when() -> None:
    facts = visual(idle=200)
    decision = judge(facts, case=warned(facts, 6))
    assert (codes(decision), decision.deadline) == (["waiting"], NOW + days(1))


def test_past_the_deadline_nobody_is_reminded_even_if_history_lags() -> None:
    facts = visual(idle=62, coverage=covered(400, 3))
    decision = judge(facts, case=warned(facts, 8))
    assert (decision.action, codes(decision)) == (Action.NONE, ["waiting"])


def test_at_the_deadline_itself_nobody_is_reminded() -> None:
    facts = visual(idle=60, coverage=covered(400, 3))
    decision = judge(facts, case=warned(facts, 8))
    assert (decision.action, decision.deadline) == (Action.NONE, NOW)


# --- rescues


@pytest.mark.parametrize(
    ("known", "code"),
    [
        ({"last_viewed_at": ago(1)}, "used"),
        ({"last_delivered_at": ago(1)}, "used"),
        ({"updated_at": ago(1)}, "used"),
        ({"title": "New name"}, "renamed"),
        ({"owner": Person("8", "Bob")}, "owner_changed"),
        ({"owner": None}, "owner_changed"),
        ({"folder": "Marketing"}, "moved"),
        ({"active_schedules": 1}, "scheduled"),
        ({"is_certified": True}, "certified"),
        ({"obstacle": "no way"}, "not_removable"),
        ({"obstacle": "no way", "last_viewed_at": ago(1)}, "used"),
    ],
)
def test_what_happens_to_a_warned_visual_rescues_it(known: dict[str, Any], code: str) -> None:
    decision = judge(visual(**{"idle": 200, **known}), case=warned(visual(idle=200), 30))
    assert (decision.action, decision.rescue_code) == (Action.RESCUE, code)
    assert (decision.deadline, decision.days_before) == (None, None)
    assert codes(decision)[0] == code


def test_a_rescue_names_what_changed() -> None:
    changed = visual(idle=200, title="New", folder="Marketing", owner=Person("8"))
    decision = judge(changed, case=warned(visual(idle=200), 30))
    assert [str(r) for r in decision.reasons] == [
        "title changed since the warning: 'Dashboard 42' -> 'New'",
        "owner changed since the warning: '7' -> '8'",
        "folder changed since the warning: 'Sales' -> 'Marketing'",
    ]


def test_a_rescue_names_the_rule_it_was_made_under() -> None:
    policy = Policy(rules=(Rule(name="all", idle_days=70),))
    decision = judge(visual(idle=1), case=warned(visual(idle=200), 30), policy=policy)
    assert (decision.action, decision.rule) == (Action.RESCUE, "all")


def test_a_use_at_the_very_moment_of_the_notice_is_not_after_it() -> None:
    case = warned(visual(idle=30), 30)
    assert judge(visual(idle=30), case=case, policy=Policy(idle_days=30)).action is Action.DELETE


def test_what_would_just_be_warned_about_now_is_no_rescue() -> None:
    facts = visual(idle=53)
    assert judge(facts, case=warned(facts, 1)).action is Action.NONE


def test_an_owner_who_changes_name_or_mail_is_the_same_owner() -> None:
    married = Person(ALICE.id, "Alice Brown", "alice.brown@acme.test")
    assert judge(visual(idle=200, owner=married), case=warned(visual(idle=200), 30)).action is Action.DELETE


def test_an_owner_nobody_knew_at_the_warning_stays_nobody() -> None:
    facts = visual(idle=200, owner=None)
    assert judge(facts, case=warned(facts, 30)).action is Action.DELETE


def test_a_use_that_arrives_late_rescues_although_it_was_before_the_notice() -> None:
    decision = judge(visual(idle=20), case=warned(visual(idle=200), 5))
    assert (decision.action, decision.rescue_code) == (Action.RESCUE, "used")


@pytest.mark.parametrize("idle", [6, 52.9])
def test_a_use_after_the_notice_rescues_however_long_nobody_looked(idle: float) -> None:
    assert judge(visual(idle=idle), case=warned(visual(idle=200), idle + 1)).action is Action.RESCUE


@pytest.mark.parametrize("idle", [53, 60, 100])
def test_a_scheduler_that_slept_for_months_still_sees_the_use_after_the_notice(idle: float) -> None:
    decision = judge(visual(idle=idle), case=warned(visual(idle=200), idle + 1))
    assert (decision.action, decision.rescue_code) == (Action.RESCUE, "used")


def test_a_short_threshold_sees_the_use_after_the_notice_too() -> None:
    policy = Policy(idle_days=10, warning_days=7, reminder_days=())
    decision = judge(visual(idle=10), case=warned(visual(idle=20), 11), policy=policy)
    assert decision.action is Action.RESCUE


def test_a_late_use_that_leaves_it_idle_only_moves_the_deadline() -> None:
    decision = judge(visual(idle=57), case=warned(visual(idle=200), 5), policy=Policy(reminder_days=()))
    assert (decision.action, decision.deadline) == (Action.NONE, NOW + days(3))


def test_losing_history_makes_a_warned_visual_wait_and_is_no_rescue() -> None:
    facts = visual(idle=200, coverage=covered(20))
    decision = judge(facts, case=warned(facts, 30))
    assert (decision.action, codes(decision), decision.deadline) == (Action.NONE, ["waiting"], NOW + days(40))
    holed = visual(idle=60, coverage=Coverage.of([Interval(ago(400), ago(30)), Interval(ago(20), NOW)]))
    assert judge(holed, case=warned(holed, 8)).action is Action.NONE


def test_a_rule_that_became_milder_rescues() -> None:
    facts = visual(idle=62)
    decision = judge(facts, case=warned(facts, 8), policy=Policy(idle_days=90))
    assert (decision.action, decision.rescue_code) == (Action.RESCUE, "used")


def test_a_warning_whose_date_is_long_past_is_given_anew() -> None:
    facts = visual(idle=200)
    assert judge(facts, case=warned(facts, 37)).action is Action.DELETE
    decision = judge(facts, case=warned(facts, 37.1))
    assert (decision.action, decision.rescue_code) == (Action.RESCUE, "notice_expired")
    assert str(decision.reasons[0]) == (
        "its warning set 2026-05-02 as the date, too long ago to act on; it is warned anew"
    )


def test_the_date_the_owner_read_says_when_a_warning_is_too_old() -> None:
    facts = visual(idle=200)
    assert judge(facts, case=warned(facts, 50, deadline=ago(29))).action is Action.DELETE
    assert judge(facts, case=warned(facts, 50, deadline=ago(31))).action is Action.RESCUE


def test_knowing_less_history_does_not_make_an_old_warning_valid_again() -> None:
    facts = visual(idle=200)
    shorter = visual(idle=200, coverage=covered(65))
    for known in (facts, shorter):
        assert judge(known, case=warned(facts, 40)).rescue_code == "notice_expired"


# --- what makes a due deletion wait


@pytest.mark.parametrize(
    "pending",
    [
        ev.RemovalIntended(
            at=ago(1), key=KEY, episode=0, route=RemovalRoute.HARD, backup="b", plan_digest="d"
        ),
        ev.RestoreIntended(at=ago(1), key=KEY, route=RemovalRoute.HARD),
    ],
)
def test_nothing_is_decided_while_a_removal_or_restore_has_no_known_outcome(pending: ev.VisualEvent) -> None:
    facts = visual(idle=200)
    decision = judge(facts, case=fold([notice(facts, 8), pending]).case(KEY))
    assert (decision.action, codes(decision)) == (Action.NONE, ["unsettled"])
    assert str(decision.reasons[0]) == "what became of it is not known yet; asking again"


@pytest.mark.parametrize(("through", "action"), [(8, Action.NONE), (8 - 1e-4, Action.DELETE)])
def test_without_history_newer_than_the_notice_nothing_is_deleted(through: float, action: Action) -> None:
    facts = visual(idle=200, coverage=covered(400, through))
    decision = judge(facts, case=warned(facts, 8))
    assert decision.action is action
    if action is Action.NONE:
        assert codes(decision) == ["feed_older_than_notice"]
        assert str(decision.reasons[0]) == "no access history newer than the warning"


def test_the_trial_says_once_when_it_would_have_deleted() -> None:
    facts = visual(idle=200)
    simulated = ev.RemovalSimulated(at=ago(1), key=KEY, episode=0, plan_digest="d")
    case = fold([notice(facts, 10), simulated]).case(KEY)
    decision = judge(facts, case=case)
    assert (decision.action, codes(decision)) == (Action.NONE, ["simulated"])
    assert str(decision.reasons[0]) == "trial: would have been deleted on 2026-05-31"
    used = judge(visual(idle=0.5), case=case)
    assert (used.action, used.rescue_code) == (Action.RESCUE, "used")


def test_after_going_live_the_cycle_starts_with_a_new_warning() -> None:
    facts = visual(idle=200)
    history = [notice(facts, 10), ev.ModeChanged(at=ago(1), mode=Mode.LIVE, reason="go")]
    decision = judge(facts, case=fold(history).case(KEY))
    assert (decision.action, decision.episode) == (Action.WARN, 1)
