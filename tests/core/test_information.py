"""Less information never turns a non-deletion into a deletion, whatever the estate and whatever is lost."""

from __future__ import annotations

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from bi_governance import events as ev
from bi_governance.guards import Evidence, Limits
from bi_governance.lifecycle import State, fold
from bi_governance.model import Coverage, Facts, Interval, Person
from bi_governance.rules import Match, Policy, Rule
from tests.core.estate import ALICE, KEY, NOW, ago, busy_days, healthy, key, notice, visual, warned
from tests.core.ignorance import LOSSES, Known, deletions

POLICY = Policy(
    rules=(
        Rule(name="vip", match=Match(owner="vip@acme.test"), protect=True),
        Rule(name="alice", match=Match(owner="alice@acme.test"), idle_days=90),
        Rule(name="finance", match=Match(group="Finance"), protect=True),
        Rule(name="drafts", match=Match(owner="bob*", folder="Drafts"), idle_days=30, warning_days=2),
    )
)
BOB, VIP = Person("8", "Bob", "bob@acme.test"), Person("9", "Vip", "vip@acme.test")
OWNERS = [BOB, BOB, ALICE, VIP, None]
LIMITS = Limits(trial_days=0)

# Losing history in part is where the arithmetic is, around the thresholds most of all.
losses = st.sampled_from([*sorted(LOSSES), *["old history", "some history", "new history"] * 5])
sizes = st.sampled_from([1, 2, 7, 20, 31, 55, 59, 60, 61, 62, 65, 70, 89, 90, 91, 95]) | st.integers(1, 100)

holes = st.lists(st.tuples(st.integers(0, 120), st.integers(1, 20)), max_size=2)


@st.composite
def visuals(draw: st.DrawFn, native: str) -> tuple[Facts, list[ev.Event]]:
    coverage = Coverage((Interval(ago(draw(st.sampled_from([400, 95, 60]))), NOW),))
    for start, length in draw(holes):
        kept = (Interval(i.start, min(i.end, ago(start))) for i in coverage.intervals)
        rest = (Interval(max(i.start, ago(start - length)), i.end) for i in coverage.intervals)
        coverage = Coverage.of([*kept, *rest])
    facts = visual(
        native,
        idle=draw(st.sampled_from([200, 91, 61, 60, 20])),
        owner=draw(st.sampled_from(OWNERS)),
        owner_groups=draw(st.sampled_from([(), ("Sales",), ("Sales", "Finance"), None])),
        folder=draw(st.sampled_from(["Sales", "Sales", "Drafts"])),
        containers=draw(st.sampled_from([(), (), (), (key("1"),), (key("gone"),)])),
        is_trashed=draw(st.sampled_from([False, False, False, True])),
        coverage=coverage,
    )
    warned_ago = draw(st.sampled_from([8, 30, 38, 45, 7, 1, None]))
    return facts, [] if warned_ago is None else [notice(facts, warned_ago)]


@settings(max_examples=600, deadline=None)
@given(st.tuples(*(visuals(n) for n in "123")), losses, sizes)
def test_losing_anything_adds_no_deletion(
    drawn: tuple[tuple[Facts, list[ev.Event]], ...], loss: str, size: int
) -> None:
    estate, state = [facts for facts, _ in drawn], fold(e for _, history in drawn for e in history)
    known: Known = (estate, Evidence({"looker_prod": healthy(days=busy_days(120))}))
    before = deletions(known, state, POLICY, LIMITS, NOW)
    event(f"{len(before)} due")
    assert deletions(LOSSES[loss](known, NOW, size), state, POLICY, LIMITS, NOW) <= before


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_each_loss_takes_away_the_one_deletion_that_was_due_or_leaves_it(loss: str) -> None:
    """The property above must not pass for want of deletions."""
    facts = visual(idle=200, owner=Person("8", "Bob", "bob@acme.test"), owner_groups=("Sales",))
    known: Known = ([facts], Evidence({"looker_prod": healthy(days=busy_days(120))}))
    state = State(cases={KEY: warned(facts, 8)})
    assert deletions(known, state, POLICY, LIMITS, NOW) == {KEY}
    left = deletions(LOSSES[loss](known, NOW, 20), state, POLICY, LIMITS, NOW)
    assert left == ({KEY} if loss == "some history" else set())
