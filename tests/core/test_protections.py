"""Protections: what must never be touched, whatever else holds."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from bi_governance.cases import Case
from bi_governance.model import Action, Facts
from bi_governance.rules import Match, Policy, Rule
from tests.core.estate import KEY, NOW, ago, codes, days, judge, visual, warned

POLICY = Policy(
    protect_personal=True,
    rules=(Rule(name="executives", match=Match(folder="Executive/**"), protect=True),),
)
FACTS: dict[str, dict[str, Any]] = {
    "rule": {"folder": "Executive/Board"},
    "certified": {"is_certified": True},
    "personal": {"is_personal": True},
    "code_managed": {"is_code_managed": True},
    "system": {"is_system": True},
    "trashed": {"is_trashed": True},
}
CASES: dict[str, dict[str, Any]] = {
    "exempt": {"exempt_reason": "board pack"},
    "kept": {"kept_until": ago(-10)},
    "restored": {"immune_until": ago(-10)},
}
ORDER = ["exempt", "kept", "restored", "rule", "certified", "personal", "code_managed", "system", "trashed"]
TEXTS = {
    "exempt": "exempt: board pack",
    "kept": "kept until 2026-06-11",
    "restored": "restored; immune until 2026-06-11",
    "rule": "protected by rule 'executives'",
    "certified": "certified content",
    "personal": "in a personal folder",
    "code_managed": "managed as code: change it there",
    "system": "platform or governance content",
    "trashed": "already in the platform's trash",
}


def protected(*names: str) -> tuple[Facts, Case]:
    facts, case = visual(idle=200), Case(KEY)
    for name in names:
        facts = replace(facts, **FACTS.get(name, {}))
        case = replace(case, **CASES.get(name, {}))
    return facts, case


@pytest.mark.parametrize("name", ORDER)
def test_each_protection_alone_is_enough_and_says_why(name: str) -> None:
    facts, case = protected(name)
    decision = judge(facts, case=case, policy=POLICY)
    assert (decision.action, codes(decision)) == (Action.PROTECT, [name])
    assert str(decision.reasons[0]) == TEXTS[name]


@pytest.mark.parametrize("name", ORDER)
def test_each_protection_rescues_a_visual_about_to_be_deleted(name: str) -> None:
    facts, case = protected(name)
    due = replace(warned(facts, 30), **CASES.get(name, {}))
    decision = judge(facts, case=due, policy=POLICY)
    assert (decision.action, decision.rescue_code, decision.deadline) == (Action.RESCUE, name, None)
    assert case.episode == decision.episode


@pytest.mark.parametrize("names", [c for n in (2, 3, 9) for c in itertools.combinations(ORDER, n)], ids=str)
def test_protections_never_cancel_each_other(names: tuple[str, ...]) -> None:
    facts, case = protected(*names)
    decision = judge(facts, case=case, policy=POLICY)
    assert (decision.action, codes(decision)) == (Action.PROTECT, [n for n in ORDER if n in names])


@pytest.mark.parametrize("name", ORDER)
@pytest.mark.parametrize(
    "use", [{"active_schedules": 1}, {"last_viewed_at": ago(1)}, {"coverage": visual().coverage}]
)
def test_a_protection_is_told_even_when_something_else_spares_the_visual(
    name: str, use: dict[str, Any]
) -> None:
    facts, case = protected(name)
    assert codes(judge(replace(facts, **use), case=case, policy=POLICY)) == [name]


@pytest.mark.parametrize(
    ("field", "fact"),
    [
        ("protect_certified", "is_certified"),
        ("protect_personal", "is_personal"),
        ("protect_code_managed", "is_code_managed"),
    ],
)
def test_three_protections_can_be_switched_off(field: str, fact: str) -> None:
    facts = visual(idle=200, **{fact: True})
    assert judge(facts, policy=Policy(**{field: True})).action is Action.PROTECT
    assert judge(facts, policy=Policy(**{field: False})).action is Action.WARN


def test_personal_content_is_governed_unless_asked_otherwise() -> None:
    assert judge(visual(is_personal=True)).action is Action.WARN
    assert judge(visual(is_certified=True)).action is Action.PROTECT
    assert judge(visual(is_code_managed=True)).action is Action.PROTECT


@pytest.mark.parametrize("field", ["kept_until", "immune_until"])
def test_a_keep_and_an_immunity_end_at_their_moment(field: str) -> None:
    until = NOW + days(1)
    case = replace(Case(KEY), **{field: until})
    facts = visual(idle=200, coverage=visual(idle=0).coverage)
    assert judge(facts, case=case).action is Action.PROTECT
    assert judge(facts, case=case, now=until).action is Action.WARN


def test_when_a_keep_expires_the_whole_cycle_starts_again() -> None:
    case = Case(KEY, episode=1, kept_until=ago(0))
    facts = visual(idle=200)
    assert judge(facts, case=case).action is Action.WARN
    assert judge(facts, case=replace(warned(facts, 6.9), kept_until=ago(6.9))).action is not Action.DELETE


@pytest.mark.parametrize(
    ("known", "code", "text"),
    [
        ({"active_schedules": 2}, "scheduled", "2 active schedule(s) or alert(s) use it"),
        ({"published_links": 1}, "published", "1 public link(s), embed(s) or board(s) show it"),
    ],
)
def test_what_machines_use_is_spared_as_long_as_they_do(known: dict[str, Any], code: str, text: str) -> None:
    facts = visual(idle=200, **known)
    decision = judge(facts)
    assert (decision.action, codes(decision), str(decision.reasons[0])) == (Action.NONE, [code], text)
    late = judge(facts, case=warned(facts, 30))
    assert (late.action, late.rescue_code) == (Action.RESCUE, code)


def test_schedules_spare_a_visual_even_where_deliveries_do_not_count() -> None:
    facts = visual(idle=200, active_schedules=1, published_links=1)
    assert codes(judge(facts, policy=Policy(count_deliveries=False))) == ["scheduled", "published"]
