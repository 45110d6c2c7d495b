"""Approval: where it is asked for, live deletes nothing an admin did not approve in this very episode."""

from __future__ import annotations

import pytest

from bi_governance import events as ev
from bi_governance.guards import Limits
from bi_governance.lifecycle import fold
from bi_governance.model import Action, Mode
from bi_governance.otherwise import otherwise
from bi_governance.plan import Plan
from bi_governance.rules import Policy
from tests.core.estate import KEY, LIVE, NOW, ago, key, mode, notice, plan_for, visual

ASKED = Limits(approval=True, ramp_first=None, trial_days=0)
OLD = visual("42", idle=200)
OLDER = visual("7", idle=300)


def approved(native: str = "42", *, at: float = 1, episode: int = 0) -> ev.RemovalApproved:
    return ev.RemovalApproved(at=ago(at), actor="ann", key=key(native), episode=episode, list_digest="d")


def plan(*more: ev.Event, limits: Limits = ASKED, live: bool = True) -> Plan:
    in_mode = Mode.LIVE if live else Mode.DRY_RUN
    warned = [notice(facts, 8, mode=in_mode) for facts in (OLD, OLDER)]
    history = [*([LIVE] if live else []), *warned, *more]
    return plan_for(OLD, OLDER, history=history, limits=limits)


def going(made: Plan) -> list[str]:
    return sorted(d.key.native_id for d in made.of(Action.DELETE))


def test_nothing_is_deleted_before_it_is_approved() -> None:
    assert going(plan()) == []
    assert sorted(d.key.native_id for d in plan().awaiting_approval()) == ["42", "7"]
    assert going(plan(approved())) == ["42"]
    assert [d.key.native_id for d in plan(approved()).awaiting_approval()] == ["7"]


def test_where_nobody_asks_for_it_nothing_waits() -> None:
    free = plan(limits=Limits(ramp_first=None, trial_days=0))
    assert (going(free), free.awaiting_approval()) == (["42", "7"], ())


def test_a_trial_asks_nobody() -> None:
    assert going(plan(live=False)) == ["42", "7"]


def test_a_source_on_trial_asks_nobody_while_the_others_are_live() -> None:
    history = [LIVE, mode(10, Mode.DRY_RUN, OLD.key.source), notice(OLD, 8)]
    made = plan_for(OLD, history=history, limits=ASKED)
    assert (going(made), made.awaiting_approval()) == (["42"], ())


def test_what_waits_for_its_date_does_not_wait_for_an_approval_yet() -> None:
    early = visual("8", idle=200)
    history = [LIVE, notice(OLD, 8, mode=Mode.LIVE), notice(early, 3, mode=Mode.LIVE)]
    made = plan_for(OLD, early, visual("9", idle=1), history=history, limits=ASKED)
    assert [d.key.native_id for d in made.awaiting_approval()] == ["42"]


def test_what_nobody_approved_takes_nobodys_turn() -> None:
    """The one idle for longest would be first, and is not approved."""
    one = Limits(approval=True, ramp_first=None, trial_days=0, delete_per_run=1, delete_percent=100)
    assert going(plan(approved(), limits=one)) == ["42"]


@pytest.mark.parametrize(
    "history",
    [
        [approved(episode=1)],
        [approved(), ev.KeptUntil(at=ago(0.5), key=KEY, until=ago(0.4))],
        [approved(at=9)],
        [approved(), ev.ModeChanged(at=ago(0.5), mode=Mode.DRY_RUN, reason="stop")],
    ],
    ids=["of another episode", "before a keep", "before its warning", "before a stop"],
)
def test_an_approval_counts_in_its_own_episode_only(history: list[ev.Event]) -> None:
    early = [e for e in history if e.at < ago(8)]
    late = [e for e in history if e not in early]
    state = fold([LIVE, *early, notice(OLD, 8, mode=Mode.LIVE), *late])
    assert state.case(KEY).approved_at is None


def test_an_approval_in_a_trial_counts_for_nothing() -> None:
    assert fold([notice(OLD, 8), approved()]).case(KEY).approved_at is None


def test_the_first_approval_counts() -> None:
    state = fold([LIVE, notice(OLD, 8, mode=Mode.LIVE), approved(at=3), approved(at=1)])
    assert state.case(KEY).approved_at == ago(3)


def test_it_is_explained() -> None:
    decision = plan().decision(KEY)
    assert decision is not None
    assert str(decision.reasons[0]) == "due; an admin has to approve it first"
    said = otherwise(decision, OLD, fold([]).case(KEY), Policy(), NOW, ())
    assert said[0].startswith("An admin's approval: bi-governance approve, or /bi approve on Slack;")
