"""Seasonal content: what was used at this time of last year, and rules for a part of every year."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from bi_governance.model import Action, Coverage, Facts
from bi_governance.rules import Match, Policy, Rule, terms_for
from bi_governance.window import ActionWindow, YearPart
from tests.core.estate import NOW, ago, codes, covered, days, judge, owned_by, visual, warned

YEAR_END = YearPart((12, 1), (2, 15))


def used_last_year(offset: int, **known: object) -> Facts:
    """Idle for long, and used `offset` days after the same day of last year."""
    return visual(idle=500, last_year_use=ago(365 - offset).date(), **known)


@pytest.mark.parametrize(
    ("offset", "action"),
    [(0, Action.PROTECT), (28, Action.PROTECT), (-28, Action.PROTECT), (29, Action.WARN), (-29, Action.WARN)],
)
def test_what_was_used_at_this_time_of_last_year_is_protected(offset: int, action: Action) -> None:
    assert judge(used_last_year(offset)).action is action


def test_the_reason_names_the_day_it_was_used() -> None:
    (reason,) = judge(used_last_year(3)).reasons
    assert (reason.code, reason.text) == (
        "seasonal",
        "seasonal: used at this time of last year, on 2025-06-04",
    )


def test_a_visual_is_seasonal_with_the_container_it_lies_on() -> None:
    board = replace(used_last_year(0), key=replace(visual().key, native_id="board"))
    tile = visual(idle=500, containers=(board.key,))
    decision = judge(tile, board)
    assert decision.action is Action.PROTECT
    assert codes(decision) == ["container_protected", "seasonal"]
    assert str(board.key) in decision.reasons[1].text


def test_a_season_of_its_own_counts_also_where_its_container_has_none() -> None:
    board = replace(used_last_year(0), key=replace(visual().key, native_id="board"), folder="Boards")
    tile = visual(idle=500, containers=(board.key,))
    rules = (Rule(name="boards have no season", match=Match(folder="Boards"), season_days=0),)
    assert codes(judge(tile, board, policy=Policy(rules=rules))) == ["seasonal"]


def test_what_becomes_seasonal_during_its_warning_is_rescued() -> None:
    facts = used_last_year(28)
    decision = judge(facts, case=warned(facts, 7))
    assert (decision.action, decision.rescue_code) == (Action.RESCUE, "seasonal")


def test_where_history_does_not_reach_a_year_back_nothing_changes() -> None:
    """No mark: idle things are warned about as ever, and what is protected otherwise stays so."""
    assert judge(visual(idle=500)).action is Action.WARN
    assert judge(visual(idle=500, is_certified=True)).action is Action.PROTECT
    assert judge(visual(idle=500, coverage=Coverage())).action is Action.UNKNOWN


def test_season_days_zero_looks_at_no_other_year() -> None:
    assert judge(used_last_year(0), policy=Policy(season_days=0)).action is Action.WARN


@pytest.mark.parametrize(
    ("season_days", "offset", "action"),
    [(0, 0, Action.WARN), (100, 90, Action.PROTECT), (100, 101, Action.WARN)],
)
def test_a_rule_may_switch_the_season_off_or_widen_it(season_days: int, offset: int, action: Action) -> None:
    rules = (Rule(name="sales", match=Match(folder="Sales"), season_days=season_days),)
    policy = Policy(rules=rules)
    assert judge(used_last_year(offset), policy=policy).action is action
    assert policy.widest_season == max(28, season_days)


def test_with_an_unknown_owner_the_widest_season_that_might_hold_does() -> None:
    policy = Policy(rules=(Rule(name="hers", match=Match(owner="alice*"), season_days=100),))
    assert terms_for(owned_by(visual(), None), policy, NOW).season == days(100)
    assert judge(used_last_year(90, owner=None), policy=policy).action is Action.PROTECT


@pytest.mark.parametrize(
    ("day", "holds"),
    [
        (date(2026, 11, 30), False),
        (date(2026, 12, 1), True),
        (date(2026, 12, 31), True),
        (date(2027, 1, 1), True),
        (date(2027, 2, 15), True),
        (date(2027, 2, 16), False),
        (date(2028, 2, 29), False),
    ],
)
def test_a_part_of_the_year_may_run_over_new_year(day: date, holds: bool) -> None:
    assert YEAR_END.holds(day) is holds
    assert YearPart((2, 16), (11, 30)).holds(day) is not holds


def test_a_part_of_the_year_may_be_a_single_day() -> None:
    may_day = YearPart((5, 1), (5, 1))
    assert [may_day.holds(date(2026, 5, day)) for day in (1, 2)] == [True, False]
    assert not may_day.holds(date(2026, 4, 30))


def test_a_rule_for_a_part_of_the_year_protects_only_then() -> None:
    policy = Policy(rules=(Rule(name="year end", protect=True, between=YEAR_END),))
    december = datetime(2026, 12, 10, tzinfo=UTC)
    facts = visual(coverage=covered(400, -400))
    assert judge(facts, policy=policy).action is Action.WARN
    assert judge(facts, policy=policy, now=december).action is Action.PROTECT


def test_out_of_its_part_of_the_year_the_next_rule_is_asked() -> None:
    rules = (
        Rule(name="year end", protect=True, between=YEAR_END),
        Rule(name="all", idle_days=400),
    )
    assert terms_for(visual(), Policy(rules=rules), NOW).rule == "all"


def test_the_part_of_the_year_is_counted_where_the_team_lives() -> None:
    """23:30 UTC on 30 November is already December in Amsterdam."""
    policy = Policy(
        rules=(Rule(name="year end", protect=True, between=YEAR_END),),
        window=ActionWindow(zone=ZoneInfo("Europe/Amsterdam")),
    )
    evening = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    facts = visual(coverage=covered(400, -400))
    assert judge(facts, policy=policy, now=evening).action is Action.PROTECT
    assert judge(facts, policy=replace(policy, window=ActionWindow()), now=evening).action is Action.WARN


def test_what_a_rule_begins_to_protect_during_its_warning_is_rescued() -> None:
    facts = visual()
    policy = Policy(rules=(Rule(name="june", protect=True, between=YearPart((6, 1), (6, 30))),))
    assert judge(facts, case=warned(facts, 7), policy=policy).action is Action.RESCUE
