"""What a partial collection leaves behind: the inventory before it, and every visual's record."""

from datetime import timedelta

from bi_governance.errors import IncompleteFeed
from bi_governance.keep import keep_until
from bi_governance.model import Action
from bi_governance.run import daily_run
from tests.flow.test_daily_run import go_live, run_days


def test_an_inventory_cut_short_leaves_the_one_before(world):
    world.bi.add("1")
    world.bi.add("2")
    daily_run(world.services)
    world.bi.things["2"].exists = False
    world.bi.failing["inventory"] = IncompleteFeed("1 of 2 boards", source="bi")
    world.clock.forward(1)
    daily_run(world.services)
    assert [thing.native_id for thing in world.store.things["bi"]] == ["1", "2"]


def test_what_vanished_for_a_day_is_not_judged_and_keeps_its_record(world):
    for name in "123":
        world.bi.add(name)
    go_live(world)
    keep_until(world.services, world.key("2"), world.clock.now() + timedelta(days=90), actor="ada")
    run_days(world, 1)
    gone = [world.bi.things[name] for name in "12"]
    for thing in gone:
        thing.exists = False
    report = run_days(world, 1)
    assert [decision.key for decision in report.plan.decisions] == [world.key("3")]
    for thing in gone:
        thing.exists = True
    report = run_days(world, 1)
    assert report.plan.decision(world.key("2")).action is Action.PROTECT
    run_days(world, 5)
    assert sorted(world.bi.writes) == ["remove 1", "remove 3"]
    assert world.post.told().count(("ada@acme.example", "warning", "1")) == 1
