"""What would change a verdict: what `explain` promises happens when it is tried."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timezone

import pytest

from bi_governance import events as ev
from bi_governance.cases import Case
from bi_governance.exemptions import Exemption, Exemptions
from bi_governance.guards import ADVICE
from bi_governance.lifecycle import fold
from bi_governance.model import Action, Coverage, Facts, Reason
from bi_governance.otherwise import otherwise
from bi_governance.policy import Decision
from bi_governance.rules import Match, Policy, Rule
from bi_governance.window import ActionWindow, YearPart
from tests.core.estate import KEY, NOW, ago, covered, days, judge, plan_for, removed, visual, warned


def said(facts: Facts, *, case: Case | None = None, policy: Policy | None = None) -> tuple[str, ...]:
    decision = judge(facts, case=case, policy=policy)
    return otherwise(decision, facts, case or Case(KEY), policy or Policy(), NOW, ())


def later(facts: Facts, count: int, case: Case | None = None, policy: Policy | None = None) -> Action:
    """The verdict so many days later, if nobody uses it and every day is covered."""
    there = replace(facts, coverage=covered(400, -count))
    return judge(there, case=case, policy=policy, now=NOW + days(count)).action


def test_what_is_used_is_warned_of_on_the_day_that_is_named() -> None:
    facts = visual(idle=40)
    (sentence,) = said(facts)
    assert sentence.startswith("13 more covered day(s) without use: then, on 2026-06-14 at the earliest")
    assert (later(facts, 12), later(facts, 13)) == (Action.NONE, Action.WARN)


def test_what_is_kept_is_kept_until_the_day_that_is_named() -> None:
    case = fold([ev.KeptUntil(at=ago(1), key=KEY, until=ago(-10))]).case(KEY)
    assert said(visual(), case=case) == ("The keep ends on 2026-06-11.",)
    assert (later(visual(), 9, case), later(visual(), 10, case)) == (Action.PROTECT, Action.WARN)


def test_a_season_ends_on_the_day_that_is_named() -> None:
    facts = visual(idle=500, last_year_use=date(2025, 6, 4))
    assert said(facts)[0].startswith("The end of its season, on 2026-07-02")
    assert (later(facts, 31), later(facts, 32)) == (Action.PROTECT, Action.WARN)


def test_a_row_of_the_file_ends_on_the_day_that_is_named() -> None:
    policy = Policy(exemptions=Exemptions.of([Exemption(str(KEY), "r", "cfo", date(2026, 6, 3))]))
    assert said(visual(), policy=policy) == (
        "Its row taken out of the exemptions file, or its last day, 2026-06-03, over.",
    )
    endless = Policy(exemptions=Exemptions.of([Exemption(str(KEY), "r", "cfo")]))
    assert said(visual(), policy=endless) == ("Its row taken out of the exemptions file.",)


def test_several_protections_have_to_end_together() -> None:
    rules = (Rule(name="sales", match=Match(folder="Sales"), protect=True),)
    sentences = said(visual(is_certified=True), policy=Policy(rules=rules))
    assert sentences == (
        "All of these together:",
        "The rule 'sales' changed, or one put before it that fits.",
        "Its certification taken away at the platform, or protect.certified: false.",
    )


def test_what_is_warned_of_is_spared_by_a_use_before_its_date() -> None:
    facts = visual(idle=57)
    case = warned(facts, 4)
    (sentence,) = said(facts, case=case)
    assert sentence.startswith("Any view, edit")
    assert sentence.endswith("before 2026-06-04.")
    assert judge(replace(facts, last_viewed_at=ago(1)), case=case).action is Action.RESCUE


@pytest.mark.parametrize(
    ("facts", "starts"),
    [
        (visual(active_schedules=1), "Its schedules"),
        (visual(published_links=1), "Its public links"),
        (visual(coverage=Coverage()), "Access history that covers it"),
        (visual(is_system=True), "Nothing"),
        (visual(idle=500), "Any view"),
    ],
)
def test_every_situation_has_its_sentence(facts: Facts, starts: str) -> None:
    assert [sentence.startswith(starts) for sentence in said(facts)] == [True]


def test_what_is_gone_can_be_restored() -> None:
    case = fold([removed(KEY, ago(3))]).case(KEY)
    assert said(visual(), case=case) == (f"A restore brings it back: bi-governance restore {KEY}.",)


def test_a_veto_says_what_is_to_be_done() -> None:
    facts = visual(idle=500)
    plan = plan_for(facts, evidence=[])
    vetoed: Decision = plan.decisions[0]
    first, *_ = otherwise(vetoed, facts, Case(KEY), Policy(), NOW, ())
    assert first == "Its source in the configuration again."
    decision = replace(vetoed, reasons=(replace(vetoed.reasons[0], code="veto"),))
    advice = ADVICE["feed_fresh"]
    assert otherwise(decision, facts, Case(KEY), Policy(), NOW, [advice]) == (f"The veto lifted. {advice}",)


# --- what the sentences are filled with

WEST = timezone(-days(1) / 24 * 7)  # at NOW it is still the evening before there
CLOSED = ActionWindow(WEST, opens=time(9), closes=time(16))


def restored_until(days_ahead: float) -> Case:
    restored = ev.Restored(at=ago(1), key=KEY, immune_until=ago(-days_ahead))
    return fold([removed(KEY, ago(3)), restored]).case(KEY)


def test_what_was_restored_is_left_alone_until_the_day_that_is_named() -> None:
    assert said(visual(), case=restored_until(10)) == ("Its immunity after the restore ends on 2026-06-11.",)


def test_a_day_is_the_day_where_the_team_lives() -> None:
    policy = Policy(window=ActionWindow(WEST))
    kept = fold([ev.KeptUntil(at=ago(1), key=KEY, until=ago(-10))]).case(KEY)
    assert said(visual(), case=kept, policy=policy) == ("The keep ends on 2026-06-10.",)
    (immune,) = said(visual(), case=restored_until(10), policy=policy)
    assert immune.endswith("ends on 2026-06-10.")
    (used,) = said(visual(idle=40), policy=policy)
    assert "on 2026-06-13 at the earliest" in used
    (spares,) = said(visual(), case=warned(visual(), 6), policy=policy)
    assert spares.endswith("before 2026-06-01.")


def test_a_closed_window_opens_on_the_day_that_is_named() -> None:
    policy = Policy(window=replace(CLOSED, holidays=frozenset({date(2026, 6, 1)})))
    facts = visual(idle=500)
    due = warned(facts, 12)
    assert said(facts, case=due, policy=policy) == ("The deletion window opens on 2026-06-02.",)


def test_a_window_that_opens_on_the_evening_before_is_named_by_that_day() -> None:
    decision = replace(judge(visual()), reasons=(Reason("window", "closed"),))
    policy = Policy(window=ActionWindow(WEST, opens=time(23)))
    (sentence,) = otherwise(decision, visual(), Case(KEY), policy, NOW, ())
    assert sentence == "The deletion window opens on 2026-05-31."


def test_before_there_is_a_date_it_is_spared_until_its_deletion() -> None:
    assert said(visual(idle=500))[0].endswith("an exemption spares it, before its deletion.")


def test_a_use_long_ago_that_ended_a_warning_leaves_nothing_to_wait_for() -> None:
    facts = visual(idle=95)
    (sentence,) = said(facts, case=warned(facts, 100))
    assert sentence.startswith("0 more covered day(s) without use: then, on 2026-06-01 at the earliest")


def test_a_rule_for_a_part_of_the_year_is_named_while_it_holds() -> None:
    rules = (Rule(name="half-year", match=Match(), protect=True, between=YearPart((5, 20), (6, 10))),)
    assert said(visual(), policy=Policy(rules=rules)) == (
        "The rule 'half-year' changed, or one put before it that fits.",
    )


def test_what_no_inventory_shows_any_more_can_be_restored_all_the_same() -> None:
    case = fold([removed(KEY, ago(3))]).case(KEY)
    decision = judge(visual(), case=case)
    policy = Policy(rules=(Rule(name="sales", match=Match(folder="Sales"), protect=True),))
    assert otherwise(decision, None, case, policy, NOW, ()) == (
        f"A restore brings it back: bi-governance restore {KEY}.",
    )


def test_a_veto_also_stops_what_is_not_due_yet_but_is_no_matter_to_what_is_protected() -> None:
    due, kept = judge(visual(idle=500)), judge(visual(is_certified=True))
    advice = ["Collect again.", "Ask an admin."]
    *_, last = otherwise(due, visual(idle=500), Case(KEY), Policy(), NOW, advice)
    assert last == "The veto lifted. Collect again. Ask an admin."
    (only,) = otherwise(kept, visual(is_certified=True), Case(KEY), Policy(), NOW, advice)
    assert only.startswith("Its certification taken away")
