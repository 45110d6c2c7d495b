"""The team's exemptions file: which visuals a row protects, until when, and what happens after that."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from bi_governance.exemptions import Exemption, Exemptions
from bi_governance.lifecycle import fold
from bi_governance.model import Action
from bi_governance.purging import decide_purge
from bi_governance.rules import Match, Policy, Rule
from bi_governance.window import ActionWindow
from tests.core.estate import KEY, NOW, ago, codes, covered, days, judge, removed, visual, warned

TODAY = NOW.date()


def row(key: str = "looker_prod:dashboard:42", until: date | None = TODAY) -> Exemption:
    return Exemption(key, "audited", "cfo@acme.test", until)


def listing(*rows: Exemption, **known: object) -> Policy:
    return Policy(exemptions=Exemptions.of(rows), **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "is_protected"),
    [
        ("looker_prod:dashboard:42", True),
        ("Looker_Prod:dashboard:42", True),
        ("looker_prod:dashboard:*", True),
        ("looker_*:*:4?", True),
        ("looker_prod:dashboard:421", False),
        ("looker_prod:look:*", False),
    ],
)
def test_a_row_protects_what_its_key_says(key: str, *, is_protected: bool) -> None:
    decision = judge(visual(idle=500), policy=listing(row(key)))
    assert decision.action is (Action.PROTECT if is_protected else Action.WARN)


def test_the_reason_says_until_when_who_and_why() -> None:
    (reason,) = judge(visual(), policy=listing(row())).reasons
    assert reason.code == "listed"
    assert reason.text == (
        "in the exemptions file: exempt until 2026-06-01, approved by cfo@acme.test: audited"
    )
    (endless,) = judge(visual(), policy=listing(row(until=None))).reasons
    assert endless.text.startswith("in the exemptions file: exempt for ever, approved by ")


def test_a_row_holds_through_its_last_day_where_the_team_lives() -> None:
    """22:30 UTC on 1 June is 2 June in Amsterdam."""
    late = datetime(2026, 6, 1, 22, 30, tzinfo=UTC)
    facts = visual(coverage=covered(400, -2))
    assert judge(facts, policy=listing(row()), now=late).action is Action.PROTECT
    there = listing(row(), window=ActionWindow(zone=ZoneInfo("Europe/Amsterdam")))
    assert judge(facts, policy=there, now=late).action is Action.WARN


def test_an_expired_row_counts_as_none_and_another_may_still_hold() -> None:
    old, wide = row(until=TODAY - timedelta(days=1)), row("looker_prod:*:*")
    assert judge(visual(), policy=listing(old)).action is Action.WARN
    assert judge(visual(), policy=listing(old, wide)).action is Action.PROTECT
    assert Exemptions.of([old, wide]).expired(TODAY) == (old,)


def test_what_lies_on_a_listed_container_is_protected_too() -> None:
    board = replace(visual(), key=replace(KEY, native_id="board"))
    tile = visual(idle=500, containers=(board.key,))
    assert codes(judge(tile, board, policy=listing(row(str(board.key))))) == ["container_protected"]


def test_no_rule_gets_round_a_row_of_the_file() -> None:
    strict = Rule(name="drafts go fast", match=Match(folder="Sales"), idle_days=2, warning_days=1)
    facts = visual(idle=500)
    policy = listing(row(), rules=(strict,), protect_certified=False)
    assert judge(facts, policy=policy).action is Action.PROTECT
    assert judge(facts, case=warned(facts, 8), policy=policy).action is Action.RESCUE


def test_what_is_listed_during_its_warning_is_rescued() -> None:
    facts = visual()
    decision = judge(facts, case=warned(facts, 7), policy=listing(row()))
    assert (decision.action, decision.rescue_code) == (Action.RESCUE, "listed")


def test_a_row_that_came_and_went_during_the_warning_starts_the_cycle_again() -> None:
    """No run may have seen it; the owner who did relied on it."""
    facts = visual(idle=70)
    case = warned(facts, 8)
    assert judge(facts, case=case).action is Action.DELETE
    lapsed = judge(facts, case=case, policy=listing(row(until=ago(3).date())))
    assert (lapsed.action, lapsed.rescue_code) == (Action.RESCUE, "exemption_lapsed")
    assert judge(facts, case=case, policy=listing(row(until=ago(9).date()))).action is Action.DELETE


def test_the_days_of_a_row_are_those_where_the_team_lives() -> None:
    """Warned at 06:00 UTC: further west that is the day before, and further east it is tomorrow by now."""
    facts = visual(idle=70)
    case = warned(facts, 8)
    for zone, until in ((timezone(-days(0.5)), ago(9)), (timezone(days(0.9)), NOW)):
        policy = replace(listing(row(until=until.date())), window=ActionWindow(zone))
        assert judge(facts, case=case, policy=policy).rescue_code == "exemption_lapsed"


def test_the_backup_of_what_is_listed_is_not_purged() -> None:
    case = fold([removed(KEY, ago(100))]).case(KEY)
    policy = Policy(purge_after=days(30))
    assert decide_purge(case, policy, NOW) is not None
    assert decide_purge(case, replace(policy, exemptions=Exemptions.of([row()])), NOW) is None
