"""Rules: which visuals they speak about, which one wins, and what an unknown owner does to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bi_governance.model import Action, Person
from bi_governance.rules import Match, Policy, Rule, terms_for
from bi_governance.window import YearPart
from tests.core.estate import ALICE, NOW, ago, days, judge, owned_by, visual

FACTS = visual(
    title="Weekly Sales [EU]",
    folder="Sales/EMEA",
    tags=("finance", "Quarter-End"),
    owner_groups=("All Users", "Finance EMEA"),
)


def rule(name: str = "r", **given_: Any) -> Rule:
    terms = {k: given_.pop(k) for k in ("protect", "idle_days", "warning_days") if k in given_}
    return Rule(name=name, match=Match(**given_), **terms)


@pytest.mark.parametrize(
    ("given_", "fits"),
    [
        ({}, True),
        ({"source": "looker_prod"}, True),
        ({"source": "looker_*"}, True),
        ({"source": "looker"}, False),
        ({"platform": "looker"}, True),
        ({"platform": "tableau"}, False),
        ({"type": "dashboard"}, True),
        ({"type": "dash"}, False),
        ({"type": "DASH*"}, True),
        ({"title": "weekly*"}, True),
        ({"title": "weekly ?ales*"}, True),
        ({"title": "sales"}, False),
        ({"title": "*[EU]"}, True),
        ({"title": "*[XE]U*"}, False),
        ({"tag": "finance"}, True),
        ({"tag": "quarter-*"}, True),
        ({"tag": "fin"}, False),
        ({"owner": "alice@acme.test"}, True),
        ({"owner": "*@ACME.test"}, True),
        ({"owner": "Alice *"}, True),
        ({"owner": "7"}, True),
        ({"owner": "bob@acme.test"}, False),
        ({"owner": ("bob*", "*@acme.test")}, True),
        ({"owner": ("bob*", "eve*")}, False),
        ({"group": "finance*"}, True),
        ({"group": "Finance"}, False),
        ({"group": ("Legal", "all users")}, True),
        ({"group": ("Legal", "HR*")}, False),
        ({"title_regex": r"sales \[(eu|us)\]$"}, True),
        ({"title_regex": r"^sales"}, False),
        ({"certified": False}, True),
        ({"certified": True}, False),
        ({"created_within_days": 1001}, True),
        ({"created_within_days": 1000}, True),
        ({"created_within_days": 999}, False),
        ({"type": "dashboard", "folder": "Sales/**", "owner": "alice*"}, True),
        ({"type": "dashboard", "folder": "Sales/**", "owner": "bob*"}, False),
        ({"type": "look", "folder": "Sales/**", "owner": "alice*"}, False),
        ({"type": "dashboard", "tag": "none"}, False),
    ],
)
def test_every_given_part_must_fit(given_: dict[str, Any], fits: bool) -> None:
    assert Match(**given_).fits(FACTS, NOW) is fits


@pytest.mark.parametrize(
    ("glob", "folder", "fits"),
    [
        ("Executive/**", "Executive", True),
        ("Executive/**", "Executive/Board", True),
        ("Executive/**", "Executive/Board/2026", True),
        ("Executive/**", "Executives", False),
        ("Executive/**", "Sales/Executive", False),
        ("executive/**", "/Executive/", True),
        ("/Executive/", "Executive", True),
        ("Executive", "Executive/Board", False),
        ("Executive/*", "Executive/Board", True),
        ("Executive/*", "Executive/Board/2026", False),
        ("Executive/*", "Executive", False),
        ("Exec*", "Executive", True),
        ("Exec*", "Executive/Board", False),
        ("**/Board", "Board", True),
        ("**/Board", "Executive/2026/Board", True),
        ("**/Board", "Executive/Boards", False),
        ("A/**/Z", "A/Z", True),
        ("A/**/Z", "A/b/c/Z", True),
        ("A/**/Z", "A/b/Zz", False),
        ("**", "anything/at all", True),
        ("**", "", True),
        ("*", "one", True),
        ("*", "one/two", False),
        ("Q?", "Q3", True),
        ("Q?", "Q", False),
        ("?", "/", False),
        ("a?c", "a/c", False),
        ("a.c", "abc", False),
        ("X-rays/**", "X-rays", True),
        ("[EU]", "[EU]", True),
        ("[EU]", "E", False),
        ("Two\nlines/**", "two\nlines/x\ny", True),
    ],
)
def test_folder_globs_know_levels(glob: str, folder: str, fits: bool) -> None:
    assert Match(folder=glob).fits(visual(folder=folder), NOW) is fits


def test_the_first_rule_that_fits_wins() -> None:
    policy = Policy(
        rules=(
            rule("other", type="look", protect=True),
            rule("first", folder="Sales/**", idle_days=90),
            rule("second", type="dashboard", idle_days=120, protect=True, warning_days=1),
        )
    )
    terms = terms_for(FACTS, policy, NOW)
    assert (terms.rule, terms.idle, terms.warning, terms.protected_by) == ("first", days(90), days(7), "")


def test_a_rule_may_be_stricter_than_the_general_terms() -> None:
    terms = terms_for(
        FACTS, Policy(rules=(rule("drafts", title="weekly*", idle_days=14, warning_days=2),)), NOW
    )
    assert (terms.idle, terms.warning) == (days(14), days(2))


def test_zero_days_in_a_rule_means_zero_not_unset() -> None:
    terms = terms_for(FACTS, Policy(rules=(rule("now", idle_days=0, warning_days=0),)), NOW)
    assert (terms.idle, terms.warning) == (days(0), days(0))


def test_a_rule_without_a_match_speaks_about_everything() -> None:
    assert (
        judge(visual(idle=500), policy=Policy(rules=(Rule(name="all", protect=True),))).action
        is Action.PROTECT
    )


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (rule(folder="Sales/**"), "fits"),
        (rule(folder="HR/**", type="look", owner="alice*"), "does not fit: type, folder"),
        (rule(group="all*"), "fits"),
        (rule(group="HR"), "does not fit: group (the owner is in none of HR)"),
        (rule(group=("HR", "Le*"), tag="x"), "does not fit: tag, group (the owner is in none of HR, Le*)"),
        (
            Rule(name="r", protect=True, between=YearPart((12, 1), (2, 15))),
            "it holds from 12-01 to 02-15 only",
        ),
    ],
)
def test_a_rule_says_which_part_of_it_does_not_fit(asked: Rule, why: str) -> None:
    assert asked.why(FACTS, NOW, UTC).endswith(why)


def test_every_part_of_a_rule_is_called_what_the_configuration_calls_it() -> None:
    texts = dict.fromkeys(("source", "platform", "type", "title", "tag", "title_regex"), "other")
    asked = {**texts, "certified": True, "folder": "other", "owner": "other", "created_within_days": 1}
    assert rule(**asked).why(FACTS, NOW, UTC) == f"does not fit: {', '.join(asked)}"


def test_a_part_of_the_year_is_asked_about_where_the_team_lives() -> None:
    """At NOW it is still the last of May further west."""
    asked = Rule(name="r", between=YearPart((5, 31), (5, 31)))
    assert asked.why(FACTS, NOW, timezone(-days(0.5))) == "fits"


def test_a_rule_says_what_is_not_known() -> None:
    asked = rule(owner="alice*", created_within_days=30)
    facts = owned_by(visual(created_at=None), None)
    assert asked.why(facts, NOW, UTC) == "cannot be told: owner, created_within_days not known"


def test_a_decision_names_its_rule() -> None:
    assert judge(FACTS, policy=Policy(rules=(rule("mine", folder="Sales/**"),))).rule == "mine"


# --- unknown owners

STRICT = rule("strict", owner="alice@acme.test", idle_days=10, warning_days=2)
MILD = rule("mild", owner="alice@acme.test", idle_days=90, warning_days=14)
PROTECTING = rule("vip", owner="alice@acme.test", protect=True)


@pytest.mark.parametrize(
    ("owner", "fits"),
    [
        (None, None),
        (Person("9"), None),
        (Person("9", "Bob"), None),
        (Person("9", "", "bob@acme.test"), False),
        (Person("7", "", None), None),
    ],
)
def test_whether_an_owner_fits_may_not_be_tellable(owner: Person | None, fits: bool | None) -> None:
    assert Match(owner="alice*").fits(owned_by(FACTS, owner), NOW) is fits


# --- groups that are not known


def test_groups_that_were_not_read_are_not_an_empty_list() -> None:
    """The owner may be in any: what the rule protects stays protected."""
    policy = Policy(rules=(rule("finance", group="Finance*", protect=True),))
    for unread in (replace(FACTS, owner_groups=None), owned_by(FACTS, None)):
        assert Match(group="Finance*").fits(unread, NOW) is None
        assert judge(unread, policy=policy).action is Action.PROTECT
        assert policy.rules[0].why(unread, NOW, UTC) == "cannot be told: group not known"
    assert Match(group="Finance*").fits(replace(FACTS, owner_groups=()), NOW) is False


def test_where_a_platform_has_no_groups_no_rule_by_group_fits() -> None:
    asked = rule("finance", group="Finance*", protect=True)
    facts = replace(FACTS, owner_groups=None, has_groups=False)
    assert asked.match.fits(facts, NOW) is False
    assert asked.why(facts, NOW, UTC) == "does not fit: group (groups are not known at this platform)"


@pytest.mark.parametrize(
    ("match", "asked"),
    [
        ({"group": "Finance"}, True),
        ({"group": "Finance", "source": "LOOKER_*"}, True),
        ({"group": "Finance", "platform": "looker", "source": "*"}, True),
        ({"group": "Finance", "source": "superset"}, False),
        ({"group": "Finance", "platform": "tableau"}, False),
        ({"owner": "alice*"}, False),
    ],
)
def test_groups_are_asked_for_only_where_a_rule_by_group_may_fit(match: dict[str, Any], asked: bool) -> None:
    policy = Policy(rules=(rule(folder="Sales/**"), rule(**match)))
    assert policy.asks_for_groups("looker_prod", "looker") is asked


@pytest.mark.parametrize(
    ("first_seen", "fits"), [(None, None), (ago(20), None), (ago(30), None), (ago(40), False)]
)
def test_whether_it_is_new_may_not_be_tellable(first_seen: datetime | None, fits: bool | None) -> None:
    """What was first seen long ago is not new; what we saw first lately may be old all the same."""
    facts = visual(created_at=None, first_seen_at=first_seen)
    assert Match(created_within_days=30).fits(facts, NOW) is fits
    if fits is None:
        policy = Policy(rules=(rule("new things", created_within_days=30, protect=True),))
        assert judge(facts, policy=policy).action is Action.PROTECT


def test_new_things_can_be_protected() -> None:
    policy = Policy(rules=(rule("new things", created_within_days=100, protect=True),))
    assert judge(visual(idle=70, created_at=ago(90)), policy=policy).action is Action.PROTECT
    assert judge(visual(idle=70, created_at=ago(110)), policy=policy).action is Action.WARN


def test_what_fails_elsewhere_needs_no_owner() -> None:
    assert Match(owner="alice*", type="look").fits(owned_by(FACTS, None), NOW) is False


@pytest.mark.parametrize(
    ("rules", "idle", "warning", "protected_by"),
    [
        ((STRICT,), 60, 7, ""),
        ((MILD,), 90, 14, ""),
        ((PROTECTING,), 60, 7, "vip"),
        ((MILD, PROTECTING), 90, 14, "vip"),
        ((rule("sales", folder="Sales/**", idle_days=30), PROTECTING, MILD), 30, 7, ""),
        ((MILD, rule("sales", folder="Sales/**", idle_days=30), PROTECTING), 90, 14, ""),
        ((rule("tight", owner="alice*", warning_days=2, idle_days=70),), 70, 7, ""),
    ],
)
def test_an_unknown_owner_gets_the_mildest_of_what_might_hold(
    rules: tuple[Rule, ...], idle: int, warning: int, protected_by: str
) -> None:
    terms = terms_for(owned_by(FACTS, None), Policy(rules=rules), NOW)
    assert (terms.idle, terms.warning, terms.protected_by) == (days(idle), days(warning), protected_by)


rule_lists = st.lists(
    st.builds(
        Rule,
        name=st.sampled_from(["a", "b", "c"]),
        match=st.builds(
            Match,
            owner=st.sampled_from([None, "alice@acme.test", ("bob@acme.test", "alice*"), "*"]),
            group=st.sampled_from([None, None, "Finance*", ("HR", "Legal")]),
            created_within_days=st.sampled_from([None, None, 30, 2000]),
            folder=st.sampled_from([None, "Sales/**", "HR/**"]),
        ),
        protect=st.booleans(),
        idle_days=st.sampled_from([None, 10, 60, 90]),
        warning_days=st.sampled_from([None, 1, 7, 14]),
    ),
    max_size=4,
)


@settings(max_examples=300, deadline=None)
@given(
    rule_lists,
    st.sampled_from([ALICE, None, Person("7"), Person("7", "Alice Ames")]),
    st.sampled_from([FACTS.owner_groups, None]),
)
def test_knowing_less_about_an_owner_never_makes_terms_stricter(
    rules: list[Rule], less: Person | None, groups: tuple[str, ...] | None
) -> None:
    policy = Policy(rules=tuple(rules))
    known, vague = (
        terms_for(owned_by(FACTS, ALICE), policy, NOW),
        terms_for(replace(owned_by(FACTS, less), owner_groups=groups), policy, NOW),
    )
    assert vague.idle >= known.idle
    assert vague.warning >= known.warning
    assert vague.protected_by or not known.protected_by
