"""Plan and apply: what changed since the plan was written is dropped, as the platform sees it."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bi_governance import drift
from bi_governance import events as ev
from bi_governance.errors import ConfigurationError, RefusedForSafety
from bi_governance.explain import current_plan
from bi_governance.keep import exempt
from bi_governance.model import Mode
from bi_governance.run import (
    collect_stage,
    daily_run,
    delete_stage,
    gather,
    one_runner,
    prepare_plan,
    transform,
)
from bi_governance.run_report import RunReport, summary
from tests.flow.test_daily_run import go_live
from tests.flow.world import World


@pytest.fixture
def due(tmp_path):
    """Three boards that today's run would delete."""
    world = World(tmp_path)
    for number in "123":
        world.bi.add(number)
    go_live(world)
    daily_run(world.services)
    world.clock.forward(7)
    read(world)
    yield world
    world.close()


def read(world):
    """Collect, as the run does that comes before `plan -o`."""
    with one_runner(world.services) as lease:
        collect_stage(world.services, "r", lease)
        transform(world.services, "r", lease)


def write(world):
    """The file of `plan -o`, as text."""
    state = world.ledger.state()
    estate = gather(world.services, state)
    plan = current_plan(world.services, state, estate)
    return json.dumps(drift.write(plan, estate.facts, state, {}))


def apply(world, text, *, again=True):
    """What `delete --plan` does with that file."""
    written = drift.read(text, "plan.json")
    if again:
        read(world)
    report = RunReport("later", world.clock.now())
    with one_runner(world.services) as lease:
        prepare_plan(world.services, report, lease)
        delete_stage(world.services, report, lease, written=written)
    return report


def dropped(world):
    return [
        (e.key.native_id, e.reason)
        for e in world.ledger.events()
        if isinstance(e, ev.RemovalRefused) and e.guard == "plan_drift"
    ]


def test_what_is_as_it_was_is_deleted(due):
    report = apply(due, write(due))
    assert sorted(due.bi.writes) == ["remove 1", "remove 2", "remove 3"]
    assert report.deleted.dropped == []


def test_nothing_is_deleted_that_the_file_does_not_list(due):
    exempt(due.services, due.key("3"), actor="ada", reason="board meeting")
    text = write(due)
    due.ledger.append([ev.Unexempted(at=due.clock.now(), key=due.key("3"))])
    due.bi.add("4")
    apply(due, text)
    assert sorted(due.bi.writes) == ["remove 1", "remove 2"]


def test_what_is_due_now_and_was_not_listed_stays(due):
    """The plan was written under a cap of two; today three would go."""
    today = due.services
    due.services = replace(today, limits=replace(today.limits, delete_per_run=2))
    text = write(due)
    due.services = today
    apply(due, text)
    assert sorted(due.bi.writes) == ["remove 1", "remove 2"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": "New"}, "its title was 'Board 1' in that plan and is 'New' now"),
        ({"owner": "eve"}, "its owner was 'ada' in that plan and is 'eve' now"),
        ({"folder": "Elsewhere"}, "its folder was 'Shared' in that plan and is 'Elsewhere' now"),
        ({"exists": False}, "it is not in the present inventory"),
    ],
)
def test_what_changed_since_the_plan_is_dropped_with_the_reason(due, change, said):
    text = write(due)
    for name, value in change.items():
        setattr(due.bi.things["1"], name, value)
    report = apply(due, text)
    assert sorted(due.bi.writes) == ["remove 2", "remove 3"]
    [(key, reason)] = dropped(due)
    assert key == "1"
    assert said in reason
    assert report.deleted.dropped == [f"bi:board:1: {reason}"]
    assert f"Dropped from the plan: bi:board:1: {reason}" in summary(report)[1]


def test_what_was_used_since_the_plan_is_dropped(due):
    text = write(due)
    due.bi.view("2")
    due.clock.forward(0.5)
    apply(due, text)
    assert sorted(due.bi.writes) == ["remove 1", "remove 3"]
    [(key, reason)] = dropped(due)
    assert key == "2"
    assert "its last use was" in reason
    assert "it is not due any more" in reason


def test_what_somebody_keeps_since_the_plan_is_dropped(due):
    text = write(due)
    exempt(due.services, due.key("2"), actor="ada", reason="board meeting")
    apply(due, text)
    assert sorted(due.bi.writes) == ["remove 1", "remove 3"]
    [(key, reason)] = dropped(due)
    assert (key, "exempt: board meeting" in reason) == ("2", True)


def differing(world, **changes):
    """The reasons against the first board when only its written evidence differs from today's."""
    written = drift.read(write(world), "plan.json")
    key = world.key("1")
    known = {**written.due[key], **changes}
    written = replace(written, due={**written.due, key: known})
    report = RunReport("later", world.clock.now())
    with one_runner(world.services) as lease:
        prepare_plan(world.services, report, lease)
        delete_stage(world.services, report, lease, written=written)
    assert sorted(world.bi.writes) == ["remove 2", "remove 3"]
    return dropped(world)[0][1]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("title", "title"),
        ("owner", "owner"),
        ("folder", "folder"),
        ("last_used", "last use"),
        ("episode", "episode"),
        ("noticed_at", "warning"),
    ],
)
def test_each_part_of_the_evidence_alone_is_enough(due, name, said):
    """Also where the visual is due again: the file was agreed to as it stood."""
    value = 7 if name == "episode" else "something else"
    assert differing(due, **{name: value}).startswith(f"its {said} was '{value}' in that plan")


def test_going_live_in_between_leaves_nothing_of_a_plan_made_in_dry_run(tmp_path):
    world = World(tmp_path)
    world.bi.add("1")
    daily_run(world.services)
    world.clock.forward(7)
    read(world)
    text = write(world)
    go_live(world)
    apply(world, text)
    assert world.bi.writes == []
    assert "bi was dry-run in that plan and is live now" in dropped(world)[0][1]
    world.close()


def test_a_source_left_out_is_dropped(due):
    text = write(due)
    due.services = replace(due.services, readers={})
    report = apply(due, text)
    assert due.bi.writes == []
    assert len(report.deleted.dropped) == 3
    assert "left out by --source" in report.deleted.dropped[0]


def test_a_file_that_was_edited_is_refused(due):
    text = write(due)
    exempt(due.services, due.key("3"), actor="ada", reason="board meeting")
    added = json.loads(write(due))
    added["decisions"] = json.loads(text)["decisions"]
    with pytest.raises(ConfigurationError, match=r"plan\.json was changed after"):
        drift.read(json.dumps(added), "plan.json")


def no_plan():
    """A file of ours that matches its digest and is yet no plan."""
    return json.dumps({"file_digest": drift._digest({"decisions": []}), "decisions": []})


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", no_plan()])
def test_what_is_no_plan_is_refused(text):
    with pytest.raises(ConfigurationError, match="is not a plan written by"):
        drift.read(text, "plan.json")


@pytest.mark.parametrize(
    ("days", "config", "said"),
    [
        (7.01, "c", "more than 7 days ago"),
        (1, "another", "under another configuration"),
        (-0.01, "c", "which is yet to come"),
    ],
)
def test_a_plan_that_is_too_old_or_of_another_configuration_is_refused(due, days, config, said):
    due.services = replace(due.services, config_digest="c")
    written = drift.read(write(due), "plan.json")
    with pytest.raises(RefusedForSafety, match=said) as caught:
        drift.must_be_current(written, config, timedelta(days=7), due.clock.now() + timedelta(days=days))
    assert "bi-governance plan -o FILE" in str(caught.value)


def test_a_plan_as_old_as_may_be_is_accepted(due):
    written = drift.read(write(due), "plan.json")
    drift.must_be_current(written, "", timedelta(days=7), due.clock.now() + timedelta(days=7))


def test_in_dry_run_drift_is_listed_too(tmp_path):
    world = World(tmp_path)
    world.bi.add("1")
    world.bi.add("2")
    daily_run(world.services)
    world.clock.forward(7)
    read(world)
    text = write(world)
    world.bi.things["1"].title = "New"
    report = apply(world, text)
    assert report.deleted.simulated == [world.key("2")]
    assert len(report.deleted.dropped) == 1
    assert world.ledger.state().mode_of("bi") is Mode.DRY_RUN
    world.close()
