"""Thresholds: when a visual counts as idle, and what counts as use of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from bi_governance.cases import Case
from bi_governance.model import Action, Coverage, Facts, Interval
from bi_governance.policy import Decision
from bi_governance.rules import Match, Policy, Rule, terms_for
from bi_governance.usage import KnownUse, Neighbourhood, Usage, known_use, usage_of
from tests.core.estate import KEY, NOW, ago, codes, covered, days, judge, visual, warned

SECOND = timedelta(seconds=1)
SLOW_LOOKS = Policy(rules=(Rule(name="slow", match=Match(type="dashboard"), idle_days=90),))


def only_reason(decision: Decision) -> str:
    (reason,) = decision.reasons
    return reason.text


@pytest.mark.parametrize(
    ("policy", "idle", "action"),
    [
        (Policy(), days(53) - SECOND, Action.NONE),
        (Policy(), days(53), Action.WARN),
        (SLOW_LOOKS, days(83) - SECOND, Action.NONE),
        (SLOW_LOOKS, days(83), Action.WARN),
        (Policy(idle_days=10, warning_days=2), days(8), Action.WARN),
    ],
)
def test_a_warning_comes_a_week_before_the_threshold(policy: Policy, idle: timedelta, action: Action) -> None:
    assert judge(visual(last_viewed_at=NOW - idle), policy=policy).action is action


@pytest.mark.parametrize(
    ("policy", "idle", "action"),
    [
        (Policy(), days(60) - SECOND, Action.NONE),
        (Policy(), days(60), Action.DELETE),
        (SLOW_LOOKS, days(90) - SECOND, Action.NONE),
        (SLOW_LOOKS, days(90), Action.DELETE),
    ],
)
def test_a_deletion_comes_at_the_threshold_and_not_a_second_before(
    policy: Policy, idle: timedelta, action: Action
) -> None:
    facts = visual(last_viewed_at=NOW - idle)
    quiet = Policy(rules=policy.rules, reminder_days=())
    assert judge(facts, case=warned(facts, 7), policy=quiet).action is action


@pytest.mark.parametrize(("since", "action"), [(days(7) - SECOND, Action.NONE), (days(7), Action.DELETE)])
def test_a_deletion_waits_for_the_whole_week_after_the_notice(since: timedelta, action: Action) -> None:
    facts = visual(idle=200)
    case = warned(facts, since / days(1))
    assert judge(facts, case=case, policy=Policy(reminder_days=())).action is action


def test_a_decision_tells_last_use_idle_time_and_limit() -> None:
    facts = visual(idle=61)
    decision = judge(facts)
    assert (decision.key, decision.episode, decision.rule) == (KEY, 0, "")
    assert codes(decision) == ["idle"]
    assert only_reason(decision) == "last viewed on 2026-04-01; idle 61 covered days (limit 60)"
    assert decision.deadline is None
    deletion = judge(facts, case=warned(facts, 8))
    assert codes(deletion) == ["idle", "warned"]
    assert str(deletion.reasons[1]) == "alice@acme.test was warned on 2026-05-24"
    assert deletion.deadline == ago(1)
    named = judge(facts, case=warned(facts, 8, reader="Alice Ames"))
    assert str(named.reasons[1]) == "Alice Ames was warned on 2026-05-24"


def test_a_visual_in_use_tells_how_far_it_is() -> None:
    decision = judge(visual(idle=12))
    assert (decision.action, codes(decision)) == (Action.NONE, ["used"])
    assert only_reason(decision) == "last viewed on 2026-05-20; idle 12 of 60 covered days"


# --- what counts as use


@pytest.mark.parametrize(
    ("known", "how"),
    [
        ({"last_viewed_at": ago(5)}, "viewed"),
        ({"last_delivered_at": ago(5)}, "delivered"),
        ({"updated_at": ago(5)}, "changed"),
        ({"returned_at": ago(5)}, "taken out of the trash"),
        ({"created_at": ago(5)}, "created"),
        ({"created_at": None, "first_seen_at": ago(5)}, "created"),
    ],
)
def test_any_of_these_moments_is_a_use(known: dict[str, Any], how: str) -> None:
    decision = judge(visual(**{"idle": 200, **known}))
    assert decision.action is Action.NONE
    assert (decision.usage.last_used, decision.usage.how, decision.usage.via) == (ago(5), how, None)
    assert decision.usage.idle == days(5)


def test_a_restore_is_a_use() -> None:
    decision = judge(visual(idle=200), case=Case(KEY, restored_at=ago(5)))
    assert (decision.action, decision.usage.how) == (Action.NONE, "restored")


def test_the_newest_use_counts() -> None:
    facts = visual(idle=90, updated_at=ago(70), last_delivered_at=ago(80))
    assert (judge(facts).usage.last_used, judge(facts).usage.how) == (ago(70), "changed")


@pytest.mark.parametrize(("counted", "action"), [(True, Action.NONE), (False, Action.WARN)])
def test_deliveries_count_only_where_the_policy_says_so(counted: bool, action: Action) -> None:
    facts = visual(idle=200, last_delivered_at=ago(5))
    assert judge(facts, policy=Policy(count_deliveries=counted)).action is action


def test_first_seen_means_nothing_where_the_platform_knows_when_it_was_made_or_changed() -> None:
    assert judge(visual(idle=200, first_seen_at=ago(5))).action is Action.WARN
    changed = visual(idle=200, created_at=None, updated_at=ago(100), first_seen_at=ago(5))
    assert judge(changed).action is Action.WARN


def test_a_visual_never_used_is_idle_since_it_was_made() -> None:
    fresh = visual(last_viewed_at=None, created_at=ago(52))
    old = visual(last_viewed_at=None, created_at=ago(53))
    assert judge(fresh).action is Action.NONE
    assert judge(old).action is Action.WARN
    assert only_reason(judge(old)).startswith("last created on 2026-04-09; idle 53 covered days")


def test_a_use_dated_in_the_future_happened_now() -> None:
    decision = judge(visual(idle=-3))
    assert (decision.action, decision.usage.last_used, decision.usage.idle) == (Action.NONE, NOW, days(0))


# --- unknown is not unused


def test_a_visual_without_any_date_is_unknown() -> None:
    decision = judge(visual(last_viewed_at=None, created_at=None))
    assert (decision.action, codes(decision)) == (Action.UNKNOWN, ["unknown"])
    assert only_reason(decision) == "no date at all is known for it"
    assert decision.usage == Usage(None, "no known use", None, days(0), None, days(0), NOW)


def test_a_visual_no_history_covers_is_unknown_not_unused() -> None:
    decision = judge(visual(idle=200, coverage=Coverage()))
    assert (decision.action, codes(decision)) == (Action.UNKNOWN, ["unknown"])
    assert only_reason(decision) == "no access history covers it yet"
    assert decision.usage == Usage(ago(200), "viewed", None, days(0), None, days(0), None)
    board = visual("9", idle=100)
    inside = judge(visual(idle=200, coverage=Coverage(), containers=(board.key,)), board)
    assert inside.usage == Usage(ago(100), "viewed", board.key, days(0), None, days(0), None)


@pytest.mark.parametrize("known", [{"coverage": Coverage()}, {"last_viewed_at": None, "created_at": None}])
def test_not_knowing_pauses_an_open_episode_and_deletes_nothing(known: dict[str, Any]) -> None:
    facts = visual(idle=200)
    assert judge(visual(**{"idle": 200, **known}), case=warned(facts, 30)).action is Action.UNKNOWN


def test_history_that_starts_after_now_covers_nothing() -> None:
    future = Coverage((Interval(ago(-1), ago(-2)),))
    assert judge(visual(idle=200, coverage=future)).action is Action.UNKNOWN


# --- coverage and gaps


@pytest.mark.parametrize(("history", "action"), [(52, Action.NONE), (53, Action.WARN)])
def test_idle_is_measured_only_where_history_reaches(history: int, action: Action) -> None:
    decision = judge(visual(idle=500, coverage=covered(history)))
    assert (decision.action, decision.usage.idle, decision.usage.idle_since) == (
        action,
        days(history),
        ago(history),
    )


def test_history_that_stops_early_proves_less() -> None:
    decision = judge(visual(idle=500, coverage=covered(55, 3)))
    assert (decision.action, decision.usage.idle, decision.usage.through) == (Action.NONE, days(52), ago(3))


def test_days_after_now_do_not_count() -> None:
    assert judge(visual(idle=50, coverage=covered(400, -30))).usage.idle == days(50)


def test_a_gap_is_not_idle_time() -> None:
    holed = Coverage.of([Interval(ago(400), ago(40)), Interval(ago(30), NOW)])
    decision = judge(visual(idle=62, coverage=holed))
    assert (decision.action, decision.usage.idle, decision.usage.gap) == (Action.NONE, days(52), days(10))
    later = judge(visual(idle=63, coverage=holed))
    assert later.action is Action.WARN
    assert only_reason(later).endswith("idle 53 covered days (limit 60, 10 uncovered days not counted)")


def test_a_gap_before_the_last_use_changes_nothing() -> None:
    holed = Coverage.of([Interval(ago(400), ago(100)), Interval(ago(90), NOW)])
    usage = judge(visual(idle=60, coverage=holed)).usage
    assert (usage.idle, usage.gap) == (days(60), days(0))


def test_use_within_the_uncovered_present_leaves_nothing_idle() -> None:
    usage = judge(visual(idle=1, coverage=covered(400, 3))).usage
    assert (usage.last_used, usage.idle, usage.gap) == (ago(1), days(0), days(0))


def test_usage_can_be_asked_for_without_a_decision() -> None:
    facts = visual(idle=60)
    usage = usage_of(facts, Neighbourhood({facts.key: facts}, {}), Policy(), ago(10))
    assert (usage.idle, usage.through) == (days(50), ago(10))


def test_general_terms_hold_where_no_rule_fits() -> None:
    terms = terms_for(visual(), Policy(idle_days=45, warning_days=5), NOW)
    assert (terms.idle, terms.warning, terms.rule, terms.protected_by) == (days(45), days(5), "", "")


def test_now_is_whatever_the_caller_says() -> None:
    later: datetime = NOW + days(3)
    facts = visual(idle=50, coverage=covered(400, -30))
    assert judge(facts).action is Action.NONE
    assert judge(facts, now=later).action is Action.WARN


@pytest.mark.parametrize(
    ("idle", "said"), [(52, ["used"]), (53, ["not_removable", "idle"]), (300, ["not_removable", "idle"])]
)
def test_of_what_can_never_be_removed_nobody_is_warned(idle: int, said: list[str]) -> None:
    decision = judge(visual(idle=idle, obstacle="this source has no way to remove dashboards"))
    assert (decision.action, codes(decision), decision.deadline) == (Action.NONE, said, None)


@pytest.mark.parametrize(
    ("facts", "known"),
    [
        (visual(idle=52), KnownUse.USED),
        (visual(idle=53), KnownUse.UNUSED),
        (visual(idle=200, coverage=Coverage()), KnownUse.UNKNOWN),
        (visual(idle=200, created_at=None, last_viewed_at=None), KnownUse.UNKNOWN),
    ],
    ids=["a day before its warning", "due for a warning", "no history", "no date at all"],
)
def test_what_history_does_not_reach_is_unknown_and_never_unused(facts: Facts, known: KnownUse) -> None:
    policy = Policy()
    usage = usage_of(facts, Neighbourhood({facts.key: facts}, {}), policy, NOW)
    assert known_use(usage, terms_for(facts, policy, NOW)) is known
