"""Containers: what is used inside something is used through it, and goes only after it."""

from __future__ import annotations

from typing import Any

import pytest

from bi_governance.cases import Case
from bi_governance.lifecycle import fold
from bi_governance.model import Action, Facts
from bi_governance.rules import Match, Policy, Rule
from bi_governance.usage import Neighbourhood
from tests.core.estate import KEY, ago, codes, judge, key, removed, visual, warned

BOARD = visual("9", idle=200)
LOOK = visual(idle=200, containers=(BOARD.key,))


def inside(*containers: Facts, **known: Any) -> Facts:
    return visual(**{"idle": 200, "containers": tuple(c.key for c in containers), **known})


def test_a_look_is_used_whenever_its_dashboard_is() -> None:
    board = visual("9", idle=4)
    decision = judge(inside(board), board)
    assert decision.action is Action.NONE
    assert (decision.usage.last_used, decision.usage.how, decision.usage.via) == (ago(4), "viewed", board.key)
    assert decision.reasons[0].text.startswith("last viewed through looker_prod:dashboard:9 on 2026-05-28")


def test_its_own_later_use_is_named_as_its_own() -> None:
    board = visual("9", idle=4)
    assert judge(inside(board, idle=3), board).usage.via is None


def test_a_container_nobody_knows_hides_no_protection_of_the_next() -> None:
    board = visual("9", idle=200, is_certified=True)
    look = visual(idle=200, containers=(key("gone"), board.key))
    assert codes(judge(look, board)) == ["container_protected"]


def test_use_reaches_through_every_level() -> None:
    outer = visual("8", idle=4)
    inner = visual("9", idle=200, containers=(outer.key,))
    assert judge(inside(inner), inner, outer).usage.via == outer.key


def test_a_restored_dashboard_counts_as_used_for_what_it_holds() -> None:
    assert judge(LOOK, BOARD, cases=[Case(BOARD.key, restored_at=ago(3))]).usage.how == "restored"


@pytest.mark.parametrize("known", [{"active_schedules": 1}, {"published_links": 2}])
def test_a_dashboard_somebody_subscribed_to_spares_what_it_holds(known: dict[str, Any]) -> None:
    board = visual("9", idle=200, **known)
    decision = judge(inside(board), board)
    assert decision.action is Action.NONE
    assert codes(decision) == ["scheduled" if "active_schedules" in known else "published"]
    assert decision.reasons[0].text.startswith("contained in looker_prod:dashboard:9: ")
    assert judge(inside(board), board, case=warned(inside(board), 3)).action is Action.RESCUE


def test_deletion_waits_while_a_dashboard_that_holds_it_exists() -> None:
    decision = judge(LOOK, BOARD, case=warned(LOOK, 30))
    assert (decision.action, codes(decision)) == (Action.NONE, ["contained"])
    assert str(decision.reasons[0]) == "looker_prod:dashboard:9 still contains it"


def test_a_trashed_dashboard_holds_nothing_any_more() -> None:
    gone = visual("9", idle=1, is_trashed=True, active_schedules=1)
    assert judge(inside(gone), gone, case=warned(inside(gone), 30)).action is Action.DELETE


def test_what_a_trashed_dashboard_was_part_of_no_longer_matters() -> None:
    outer = visual("8", idle=1)
    gone = visual("9", idle=200, is_trashed=True, containers=(outer.key,))
    assert judge(inside(gone), gone, outer, case=warned(inside(gone), 30)).action is Action.DELETE


def test_a_dashboard_nobody_knows_counts_as_alive() -> None:
    assert codes(judge(LOOK, case=warned(LOOK, 30))) == ["contained"]


def test_a_dashboard_nobody_knows_does_not_hide_the_use_of_another() -> None:
    board = visual("9", idle=4)
    look = visual(idle=200, containers=(key("gone"), board.key))
    assert judge(look, board).usage.via == board.key


def test_a_neighbour_nothing_happened_to_has_an_empty_case() -> None:
    assert Neighbourhood({}, {}).case(KEY) == Case(KEY)


def test_every_dashboard_that_holds_it_is_named_once_nearest_first() -> None:
    top = visual("7", idle=200)
    left, right = (visual(n, idle=200, containers=(top.key,)) for n in ("8", "9"))
    look = inside(left, right)
    around = Neighbourhood({f.key: f for f in (look, left, right, top)}, {})
    assert around.containers(look.key) == (left.key, right.key, top.key)
    assert codes(judge(look, left, right, top, case=warned(look, 30))) == ["contained"] * 3


def test_containers_that_hold_each_other_end_the_search() -> None:
    left, right = visual("8", containers=(key("9"),)), visual("9", containers=(key("8"), KEY))
    look = inside(left)
    around = Neighbourhood({f.key: f for f in (look, left, right)}, {})
    assert around.containers(look.key) == (left.key, right.key)


def test_a_visual_that_lists_itself_is_not_its_own_container() -> None:
    alone = visual(idle=200, containers=(KEY,))
    assert judge(alone, case=warned(alone, 30)).action is Action.DELETE


@pytest.mark.parametrize(
    ("known", "case"),
    [
        ({"is_certified": True}, None),
        ({"is_system": True}, None),
        ({"folder": "Executive"}, None),
        ({}, Case(BOARD.key, exempt_reason="board pack")),
        ({}, Case(BOARD.key, kept_until=ago(-1))),
        ({}, Case(BOARD.key, immune_until=ago(-1))),
    ],
)
def test_a_protected_dashboard_protects_what_it_holds(known: dict[str, Any], case: Case | None) -> None:
    policy = Policy(rules=(Rule(name="top", match=Match(folder="Executive"), protect=True),))
    board = visual("9", idle=200, **known)
    decision = judge(inside(board), board, cases=[case] if case else [], policy=policy)
    assert (decision.action, codes(decision)) == (Action.PROTECT, ["container_protected"])
    assert str(decision.reasons[0]) == "contained in looker_prod:dashboard:9, which is protected"


def test_an_exempt_dashboard_that_is_trashed_protects_nothing() -> None:
    gone = visual("9", is_trashed=True, is_certified=True)
    assert judge(inside(gone), gone).action is Action.WARN


def test_a_warned_look_put_on_a_dashboard_is_rescued_by_its_use() -> None:
    board = visual("9", idle=2, created_at=ago(2))
    decision = judge(inside(board), board, case=warned(inside(board), 5))
    assert (decision.action, decision.rescue_code) == (Action.RESCUE, "used")


def test_a_dashboard_may_go_although_it_holds_things() -> None:
    assert judge(BOARD, LOOK, case=warned(BOARD, 8)).action is Action.DELETE


def test_a_visual_we_removed_is_not_decided_on_until_it_is_seen_again() -> None:
    case = fold([removed(KEY, ago(1))]).case(KEY)
    for facts in (visual(idle=200), visual(is_certified=True), visual(is_trashed=True)):
        decision = judge(facts, case=case)
        assert (decision.action, codes(decision)) == (Action.NONE, ["removed"])
        assert str(decision.reasons[0]) == "deleted by us on 2026-05-31 and not seen again since"
