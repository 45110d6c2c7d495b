"""The plan: vetoes and caps only take away, and the digest stands for everything that matters."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from bi_governance import events as ev
from bi_governance.guards import Evidence, Limits, SourceEvidence
from bi_governance.lifecycle import fold
from bi_governance.model import Action, Facts, Mode, SourceDay
from bi_governance.plan import EFFECTS, Plan, make_plan
from bi_governance.rules import Policy
from tests.core.estate import (
    KEY,
    LIVE,
    NOW,
    actions,
    ago,
    busy_days,
    healthy,
    notice,
    plan_for,
    removed,
    visual,
)

A, B = "looker_prod", "tableau_eu"
STATES = {"fresh": None, "warn": None, "remind": 6.0, "delete": 8.0, "rescue": 8.0}


def five(source: str) -> list[Facts]:
    """One visual for every action a plan can want."""
    return [
        visual(f"{n}-{source}", idle=3 if n in ("fresh", "rescue") else 200, source=source) for n in STATES
    ]


def warned_all(*estate: Facts) -> list[ev.Event]:
    ages = {f.key: STATES[f.key.native_id.split("-")[0]] for f in estate}
    return [notice(f, age) for f in estate if (age := ages[f.key]) is not None]


ESTATE = [*five(A), *five(B)]
HISTORY = warned_all(*ESTATE)
WANTED = {"fresh": "none", "warn": "warn", "remind": "remind", "delete": "delete", "rescue": "rescue"}


def at(plan: Plan, source: str) -> dict[str, str]:
    return {k.split("-")[0]: v for k, v in actions(plan).items() if k.endswith(source)}


def test_a_plan_decides_on_every_visual() -> None:
    plan = plan_for(*ESTATE, history=HISTORY)
    assert at(plan, A) == at(plan, B) == WANTED
    assert (plan.run_id, plan.as_of, plan.vetoes) == ("r1", NOW, ())
    assert plan.modes == {A: Mode.DRY_RUN, B: Mode.DRY_RUN}
    assert plan.counts() == {"delete": 2, "none": 2, "remind": 2, "rescue": 2, "warn": 2}


FEED = healthy(A).feeds[0]
TRIPPED: dict[str, dict[str, Any]] = {
    "collection_complete": {"feeds": (replace(FEED, status="partial"),)},
    "feed_fresh": {"days": busy_days(30)[:-5]},
    "transform_current": {"transformed_at": ago(1)},
    "volume_plausible": {"days": (*busy_days(30)[:-1], SourceDay(A, ago(1.25), ago(1.25), ago(0.25), 0))},
    "inventory_plausible": {"feeds": (replace(FEED, rows=10),)},
    "tests_passed": {"failed_tests": ("unique_key",)},
    "same_instance": {"fingerprint": "other"},
}


def assert_only_a_is_stopped(plan: Plan, guard: str) -> None:
    assert at(plan, A) == {**WANTED, "warn": "unknown", "remind": "unknown", "delete": "unknown"}
    assert at(plan, B) == WANTED
    assert {v.guard for v in plan.vetoes} == {guard}
    assert plan.vetoed_sources() == {A}
    for decision in plan.of(Action.UNKNOWN):
        assert decision.reasons[0].code == "veto"
        assert decision.reasons[0].text == f"veto {guard}: {plan.vetoes[0].reason}"
        assert len(decision.reasons) > 1


@pytest.mark.parametrize("guard", TRIPPED)
def test_a_veto_stops_warnings_and_deletions_there_but_no_rescue_and_no_other_source(guard: str) -> None:
    evidence = [healthy(A, **TRIPPED[guard]), healthy(B)]
    assert_only_a_is_stopped(plan_for(*ESTATE, history=HISTORY, evidence=evidence), guard)


def test_a_live_source_without_a_trial_is_stopped_like_by_any_other_guard() -> None:
    live = ev.ModeChanged(at=ago(300), mode=Mode.LIVE, reason="go", source=A)
    live_notices = [replace(n, mode=Mode.LIVE) if n.key.source == A else n for n in warned_all(*ESTATE)]  # type: ignore[type-var]
    plan = plan_for(*ESTATE, history=[live, *live_notices], limits=Limits())
    assert_only_a_is_stopped(plan, "trial_completed")
    assert plan.modes == {A: Mode.LIVE, B: Mode.DRY_RUN}


def test_several_vetoes_are_all_told() -> None:
    evidence = [healthy(A, fingerprint="other", failed_tests=("t",)), healthy(B)]
    plan = plan_for(*ESTATE, history=HISTORY, evidence=evidence)
    assert [r.code for r in plan.of(Action.UNKNOWN)[0].reasons][:3] == ["veto", "veto", "idle"]


def test_a_source_that_is_not_configured_gets_nothing_but_rescues() -> None:
    plan = plan_for(*ESTATE, history=HISTORY, evidence=[healthy(B)])
    assert at(plan, A) == {**WANTED, "warn": "unknown", "remind": "unknown", "delete": "unknown"}
    assert at(plan, B) == WANTED
    unknown = plan.of(Action.UNKNOWN)
    assert {d.reasons[0].code for d in unknown} == {"not_configured"}
    assert str(unknown[0].reasons[0]) == "its source is not configured"


def test_only_what_reaches_people_or_platforms_is_an_effect() -> None:
    assert {Action.WARN, Action.REMIND, Action.DELETE, Action.PURGE} == EFFECTS


# --- caps


def due(count: int, source: str = A) -> list[Facts]:
    """Visuals due for deletion, each a day longer idle than the one before."""
    return [visual(f"{n:02}", idle=100 + n, source=source) for n in range(count)]


@pytest.mark.parametrize("cap", [*range(7), 25])
def test_deletions_never_exceed_the_cap(cap: int) -> None:
    estate = due(5)
    limits = Limits(trial_days=0, delete_per_run=cap)
    plan = plan_for(*estate, history=[notice(f, 8) for f in estate], limits=limits)
    assert len(plan.of(Action.DELETE)) == min(cap, 5)
    spared = plan.of(Action.NONE)
    assert len(spared) == 5 - min(cap, 5)
    text = f"more than {cap} visuals are due to delete in this run; its turn comes later"
    assert all((d.reasons[0].code, str(d.reasons[0])) == ("delete_cap", text) for d in spared)


def test_the_longest_idle_go_first() -> None:
    estate = due(5)
    plan = plan_for(
        *estate, history=[notice(f, 8) for f in estate], limits=Limits(trial_days=0, delete_per_run=2)
    )
    assert [d.key.native_id for d in plan.of(Action.DELETE)] == ["04", "03"]


def test_each_source_has_its_own_cap() -> None:
    estate = [*due(3), *due(3, B)]
    history = [notice(f, 8) for f in estate]
    plan = plan_for(*estate, history=history, limits=Limits(trial_days=0, delete_per_run=2))
    assert [d.key.source for d in plan.of(Action.DELETE)] == [A, A, B, B]


def test_the_percent_breaker_counts_living_visuals_only() -> None:
    idle = [*due(3)]
    rest = [visual(f"r{n}", idle=1, is_trashed=n >= 50) for n in range(70)]
    plan = plan_for(*idle, *rest, history=[notice(f, 8) for f in idle], limits=Limits(trial_days=0))
    assert len(plan.of(Action.DELETE)) == 1
    fewer = plan_for(*idle, *rest[:46], history=[notice(f, 8) for f in idle], limits=Limits(trial_days=0))
    assert len(fewer.of(Action.DELETE)) == 3


def test_what_was_deleted_today_counts_when_planning_again() -> None:
    estate = due(4)
    history = [*(notice(f, 8) for f in estate), removed(visual("99").key, NOW)]
    plan = plan_for(*estate, history=history, limits=Limits(trial_days=0, delete_per_run=3))
    assert len(plan.of(Action.DELETE)) == 2
    assert "more than 2 " in str(plan.of(Action.NONE)[0].reasons[0])


@pytest.mark.parametrize("cap", [0, 1, 3, 200])
def test_warnings_never_exceed_their_cap(cap: int) -> None:
    plan = plan_for(*due(3), limits=Limits(trial_days=0, warn_per_run=cap))
    assert [d.key.native_id for d in plan.of(Action.WARN)] == ["02", "01", "00"][:cap]
    text = f"more than {cap} visuals are due to warn in this run; its turn comes later"
    assert all((d.reasons[0].code, str(d.reasons[0])) == ("warn_cap", text) for d in plan.of(Action.NONE))


def test_the_warning_cap_does_not_hold_up_reminders_or_deletions() -> None:
    limits = Limits(trial_days=0, warn_per_run=0)
    assert at(plan_for(*ESTATE, history=HISTORY, limits=limits), A) == {**WANTED, "warn": "none"}
    no_deletions = Limits(trial_days=0, delete_per_run=0)
    assert at(plan_for(*ESTATE, history=HISTORY, limits=no_deletions), A) == {**WANTED, "delete": "none"}


def test_warning_caps_are_per_source() -> None:
    plan = plan_for(*due(2), *due(2, B), limits=Limits(trial_days=0, warn_per_run=1))
    assert [d.key.source for d in plan.of(Action.WARN)] == [A, B]


# --- reading a plan


def test_decisions_are_ordered_by_source_action_idleness_and_key() -> None:
    same = [visual(n, idle=300) for n in ("b", "a")]
    plan = plan_for(visual("z", idle=2), *due(2), *same, visual("1", idle=200, source=B))
    assert [d.key.native_id for d in plan.decisions] == ["z", "a", "b", "01", "00", "1"]


def test_a_decision_can_be_looked_up() -> None:
    plan = plan_for(*ESTATE, history=HISTORY)
    assert plan.decision(ESTATE[0].key) is plan.of(Action.NONE)[0]
    assert plan.decision(KEY) is None
    assert {d.action for d in plan.of(Action.WARN, Action.DELETE)} == {Action.WARN, Action.DELETE}


def test_a_plan_reads_as_plain_json() -> None:
    board = visual("9", idle=199)
    facts = visual(idle=200, containers=(board.key,))
    history = [notice(facts, 6), LIVE]
    plan = plan_for(facts, board, history=history, evidence=[healthy(A, failed_tests=("t",))])
    body = json.loads(json.dumps(plan.to_json()))
    assert body["digest"] == plan.digest
    assert {k: body[k] for k in ("run_id", "as_of", "config_digest", "modes", "vetoes")} == {
        "run_id": "r1",
        "as_of": "2026-06-01T06:00:00+00:00",
        "config_digest": "",
        "modes": {A: "live"},
        "vetoes": [{"source": A, "guard": "tests_passed", "reason": "dbt: t"}],
    }
    assert [d["key"] for d in body["decisions"]] == ["looker_prod:dashboard:42", "looker_prod:dashboard:9"]
    assert body["decisions"][0] == {
        "key": "looker_prod:dashboard:42",
        "action": "unknown",
        "episode": 1,
        "reasons": [
            {"code": "veto", "text": "veto tests_passed: dbt: t"},
            {
                "code": "idle",
                "text": "last viewed through looker_prod:dashboard:9 on 2025-11-14; "
                "idle 199 covered days (limit 60)",
            },
        ],
        "rule": "",
        "deadline": None,
        "last_used": "2025-11-14T06:00:00+00:00",
        "used_how": "viewed",
        "used_via": "looker_prod:dashboard:9",
        "idle_days": 199,
        "gap_days": 0,
        "covered_through": "2026-06-01T06:00:00+00:00",
        "days_before": None,
    }
    assert "digest" not in plan.to_json(with_digest=False)


def test_a_reminder_reads_with_its_deadline_and_day() -> None:
    facts = visual(idle=200)
    (decision,) = plan_for(facts, history=[notice(facts, 6)]).to_json()["decisions"]
    assert (decision["deadline"], decision["days_before"]) == ("2026-06-02T06:00:00+00:00", 1)
    assert (decision["used_via"], decision["last_used"]) == (None, "2025-11-13T06:00:00+00:00")


def test_what_is_not_known_reads_as_null() -> None:
    nothing = visual(created_at=None, last_viewed_at=None, coverage=visual().coverage.until(ago(500)))
    (decision,) = plan_for(nothing).to_json()["decisions"]
    assert (decision["last_used"], decision["covered_through"], decision["deadline"]) == (None, None, None)


# --- the digest


def test_the_digest_is_that_of_the_canonical_json() -> None:
    plan = plan_for(*ESTATE, history=HISTORY)
    canonical = json.dumps(plan.to_json(with_digest=False), sort_keys=True, separators=(",", ":"))
    assert plan.digest == hashlib.sha256(canonical.encode()).hexdigest()


def test_the_same_plan_has_the_same_digest_whatever_the_order_of_its_input() -> None:
    one = plan_for(*ESTATE, history=HISTORY)
    two = plan_for(*reversed(ESTATE), history=reversed(HISTORY))
    assert one.digest == two.digest
    assert len(one.digest) == 64


def test_the_digest_ignores_the_order_of_the_sources_vetoed() -> None:
    evidence = [healthy(A, fingerprint="x"), healthy(B, fingerprint="x")]
    one = plan_for(*ESTATE, history=HISTORY, evidence=evidence)
    assert one.digest == plan_for(*ESTATE, history=HISTORY, evidence=reversed(evidence)).digest


@pytest.mark.parametrize("index", range(len(ESTATE)))
def test_any_changed_decision_changes_the_digest(index: int) -> None:
    plan = plan_for(*ESTATE, history=HISTORY)
    decision = plan.decisions[index]
    other = Action.PURGE
    changed = replace(decision, action=other)
    swapped = (*plan.decisions[:index], changed, *plan.decisions[index + 1 :])
    assert replace(plan, decisions=swapped).digest != plan.digest
    without = (*plan.decisions[:index], *plan.decisions[index + 1 :])
    assert replace(plan, decisions=without).digest != plan.digest


@pytest.mark.parametrize(
    "change",
    [
        {"run_id": "r2"},
        {"as_of": ago(1)},
        {"config_digest": "c"},
        {"modes": {A: Mode.LIVE, B: Mode.DRY_RUN}},
    ],
)
def test_what_a_plan_was_made_under_is_part_of_the_digest(change: dict[str, Any]) -> None:
    plan = plan_for(*ESTATE, history=HISTORY)
    assert replace(plan, **change).digest != plan.digest


def test_a_plan_keeps_the_digest_of_the_configuration() -> None:
    plan = make_plan([], fold([]), Evidence({}), Policy(), Limits(), now=NOW, run_id="r", config_digest="c")
    assert (plan.config_digest, plan.to_json()["config_digest"]) == ("c", "c")


def test_a_veto_changes_the_digest_even_if_no_decision_does() -> None:
    quiet = [visual(idle=1)]
    stopped: list[SourceEvidence] = [healthy(failed_tests=("t",))]
    assert plan_for(*quiet).digest != plan_for(*quiet, evidence=stopped).digest


def test_planning_changes_no_state() -> None:
    state = fold(HISTORY)
    plan_for(*ESTATE, state=state)
    assert state == fold(HISTORY)


def test_facts_of_the_moment_decide_together_with_the_policy() -> None:
    facts = visual(idle=20)
    policy = Policy(idle_days=20, warning_days=5)
    assert actions(plan_for(facts, policy=policy)) == {"42": "warn"}
    assert actions(plan_for(facts, policy=policy, now=ago(10))) == {"42": "none"}


def test_what_is_only_reported_is_counted_by_source_and_reason() -> None:
    estate = [
        *(visual(str(n), idle=200, source=A, obstacle="no way") for n in range(2)),
        visual("3", idle=3, source=A, obstacle="no way"),
        visual("4", idle=200, source=A),
        visual("5", idle=200, source=B, obstacle="no way either"),
    ]
    plan = plan_for(*estate)
    assert plan.only_reported() == (
        f"{A}: 2 unused, only reported: no way",
        f"{B}: 1 unused, only reported: no way either",
    )
    assert [d.key.native_id for d in plan.of(*EFFECTS)] == ["4"]
