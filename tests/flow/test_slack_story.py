"""Whole runs over a loopback Slack: who has which message, and what it says in the end."""

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bi_governance.notify import SlackNotifier
from bi_governance.run import daily_run
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.server import Fault
from bi_governance.sandbox.slack import SlackSandbox
from bi_governance.sandbox.slack_blocks import problems
from tests.flow.test_daily_run import go_live
from tests.flow.world import START, World
from tests.notify.samples import ZONE

PEOPLE = ("ada", "bob", "eve")


@contextmanager
def company(folder: Path):
    """A world whose messages go to a Slack of its own; both go by one clock."""
    world, clock = World(folder), SimulatedClock(START)
    slack = SlackSandbox(clock)
    for name in PEOPLE:
        slack.add_member(f"{name}@acme.example", name.title())
    slack.add_channel("bi-deprecation")
    slack.add_channel("analytics")
    with slack.serve() as server:
        notifier = SlackNotifier(
            token=slack.token,
            channel="#bi-deprecation",
            admin_channel="#analytics",
            zone=ZONE,
            clock=clock,
            base_url=f"{server.url}/api/",
            sleep=lambda _seconds: None,
        )
        world.services = replace(world.services, notifier=notifier, clock=clock)
        go_live(world)
        yield world, slack
    world.close()


@pytest.fixture
def office(tmp_path):
    with company(tmp_path) as opened:
        yield opened


def later(world, slack, days: float) -> None:
    slack.clock.advance(timedelta(days=days))
    world.clock.moment = slack.clock.now()


def test_one_episode_is_one_conversation_and_its_first_message_never_lies(office) -> None:
    world, slack = office
    world.bi.add("1", "Used again")
    world.bi.add("2", "Let go")
    daily_run(world.services)
    (warning,) = slack.messages_for("ada@acme.example")
    later(world, slack, 4)
    daily_run(world.services)
    world.bi.view("1", at=slack.clock.now())
    later(world, slack, 1)
    daily_run(world.services)
    assert "it stays: " in json.dumps(warning.blocks)
    assert "Will be deleted" in json.dumps(warning.blocks)
    later(world, slack, 2)
    daily_run(world.services)

    first, *replies = slack.messages_for("ada@acme.example")
    assert first is warning
    assert {m.thread_ts for m in replies} == {warning.ts}
    heads = [m.blocks[0]["text"]["text"] for m in replies]
    assert [head.split(":")[0] for head in heads] == [
        "Settled, nothing is left to do",  # the reminder, which went stale with its warning
        "Not to be deleted any more",
        "Deleted",
    ]
    assert [m.options["reply_broadcast"] for m in replies] == [True, False, True]
    assert "it can be restored until" in json.dumps(warning.blocks)
    assert "Will be deleted" not in json.dumps(warning.blocks)
    assert warning.blocks[0]["text"]["text"].startswith("Settled")
    assert problems(warning.blocks) == []


def test_a_slack_that_takes_no_edits_delays_nothing_else(office) -> None:
    world, slack = office
    world.bi.add("1", "Let go")
    daily_run(world.services)
    slack.faults.add(Fault("chat.update", "status", status=500, times=None))
    later(world, slack, 7)
    report = daily_run(world.services)
    assert (report.outcome, world.bi.writes) == ("done", ["remove 1"])
    slack.faults.clear()
    later(world, slack, 1)
    daily_run(world.services)
    assert "it can be restored until" in json.dumps(slack.messages_for("ada@acme.example")[0].blocks)
