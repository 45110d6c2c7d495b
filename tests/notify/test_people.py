"""Who somebody is on Slack: asked once, remembered for a while, also over processes, forgotten in time."""

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bi_governance.errors import DeliveryError
from bi_governance.model import Person
from bi_governance.notify import SlackNotifier
from bi_governance.notify.memory import MISS, Found, Memory
from bi_governance.notify.people import BOT, DEACTIVATED, ELSEWHERE, NOT_ON_SLACK
from bi_governance.people import NO_ADDRESS
from bi_governance.ports import Reach, Recipient
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.slack import SlackSandbox
from tests.notify.samples import ZONE, item
from tests.notify.test_slack import warning

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
WEEK, SECOND = timedelta(days=7), timedelta(seconds=1)
ADA = Person("7", "Ada", "ada@acme.example")


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START)


@pytest.fixture
def slack(clock: SimulatedClock) -> Iterator[SlackSandbox]:
    slack = SlackSandbox(clock)
    slack.add_channel("analytics")
    with slack.serve():
        yield slack


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "people.jsonl"


def process(
    slack: SlackSandbox, clock: SimulatedClock, file: Path | None = None, **ids: str
) -> SlackNotifier:
    """A process that starts now."""
    return SlackNotifier(
        token=slack.token, channel="", admin_channel="#analytics", zone=ZONE, clock=clock,
        base_url=f"{slack.serve().url}/api/", memory=Memory(clock, WEEK, file),
        slack_ids={key.replace("_at_", "@").replace("__", ":"): id_ for key, id_ in ids.items()},
    )  # fmt: skip


def asked(slack: SlackSandbox) -> int:
    """How often Slack was asked about somebody; its log is complete once the server stopped."""
    slack.serve().stop()
    return len(slack.requests.matching("users."))


def test_another_process_knows_who_was_found_and_who_was_not(slack, clock, file) -> None:
    member = slack.add_member("ada@acme.example", "Ada Lovelace")
    nobody = Person("8", "", "nobody@acme.example")
    first = process(slack, clock, file)
    reached = first.reach(ADA, "bi"), first.reach(nobody, "bi")
    assert reached == (Reach(Recipient(member, "Ada Lovelace")), Reach(None, NOT_ON_SLACK))
    again = process(slack, clock, file)
    assert (again.reach(ADA, "bi"), again.reach(nobody, "bi")) == reached
    assert asked(slack) == 2


def test_that_somebody_is_not_on_slack_is_asked_again_the_next_day(slack, clock, file) -> None:
    assert process(slack, clock, file).reach(ADA, "bi").problem == NOT_ON_SLACK
    member = slack.add_member("ada@acme.example", "Ada")
    clock.advance(MISS - SECOND)
    assert process(slack, clock, file).reach(ADA, "bi").problem == NOT_ON_SLACK
    clock.advance(SECOND)
    assert process(slack, clock, file).reach(ADA, "bi") == Reach(Recipient(member, "Ada"))


def test_who_somebody_is_is_asked_again_after_a_week(slack, clock, file) -> None:
    slack.add_member("ada@acme.example", "Ada")
    assert process(slack, clock, file).reach(ADA, "bi").recipient
    slack.deactivate("ada@acme.example")
    clock.advance(WEEK - SECOND)
    assert process(slack, clock, file).reach(ADA, "bi").recipient
    clock.advance(SECOND)
    assert process(slack, clock, file).reach(ADA, "bi").problem == NOT_ON_SLACK


def test_whoever_slack_refuses_to_write_to_is_looked_up_again(slack, clock, file) -> None:
    slack.add_member("ada@acme.example", "Ada")
    first = process(slack, clock, file)
    recipient = first.reach(ADA, "bi").recipient
    slack.deactivate("ada@acme.example")
    with pytest.raises(DeliveryError, match="user_disabled"):
        first.deliver(warning(recipient, item()))
    assert first.reach(ADA, "bi").problem == NOT_ON_SLACK
    assert process(slack, clock, file).reach(ADA, "bi").problem == NOT_ON_SLACK


@pytest.mark.parametrize(
    ("member", "problem"),
    [
        ({}, ""),
        ({"guest": True}, ""),
        ({"active": False}, DEACTIVATED),
        ({"bot": True}, BOT),
        ({"team": "T0ELSEWHERE"}, ELSEWHERE),
    ],
)
def test_a_configured_member_is_checked_like_any_other(slack, clock, member, problem) -> None:
    id_ = slack.add_member("ada@home.example", "Ada", **member)
    for ids in ({"ada_at_acme.example": id_}, {"bi__7": id_}):
        reached = process(slack, clock, None, **ids).reach(ADA, "bi")
        assert reached.problem == problem
        assert reached.is_guest is member.get("guest", False)
        assert (reached.recipient is None) is bool(problem)


def test_a_configured_member_is_meant_at_one_source_only(slack, clock) -> None:
    id_ = slack.add_member("ada@home.example", "Ada")
    notifier = process(slack, clock, None, eu__7=id_)
    assert notifier.reach(Person("7"), "EU").recipient == Recipient(id_, "Ada")
    assert notifier.reach(Person("7"), "us").problem == NO_ADDRESS


def test_a_configured_member_slack_does_not_have_is_nobody(slack, clock) -> None:
    notifier = process(slack, clock, None, bi__7="U0NOBODY00")
    assert notifier.reach(ADA, "bi").problem == NOT_ON_SLACK


# The file


def test_what_expired_is_gone_from_the_file_and_nobody_else_can_read_it(clock, file) -> None:
    memory = Memory(clock, WEEK, file)
    memory.put("old@acme.example", Found(clock.now(), "U1", "Old"))
    clock.advance(WEEK - SECOND)
    memory.put("new@acme.example", Found(clock.now(), "U2", "New"))
    clock.advance(SECOND)
    later = Memory(clock, WEEK, file)
    assert (later.get("old@acme.example"), later.get("new@acme.example").id) == (None, "U2")
    assert "old@" not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_line_cut_off_or_of_another_version_is_one_answer_less(clock, file) -> None:
    memory = Memory(clock, WEEK, file)
    memory.put("a@acme.example", Found(clock.now(), "U1"))
    memory.put("b@acme.example", Found(clock.now(), "U2"))
    lines = file.read_text().splitlines()
    newer = json.dumps({**json.loads(lines[0]), "address": "c@acme.example", "mood": "good"})
    file.write_text("\n".join((lines[0], newer, "[]", lines[1][:-9])))
    read = Memory(clock, WEEK, file)
    assert [read.get(f"{name}@acme.example") is not None for name in "abc"] == [True, False, False]


def test_an_answer_from_the_future_is_not_believed(clock, file) -> None:
    Memory(clock, WEEK, file).put("a@acme.example", Found(clock.now() + SECOND, "U1"))
    assert Memory(clock, WEEK, file).get("a@acme.example") is None


def test_a_file_that_cannot_be_kept_is_one_sentence(clock, tmp_path) -> None:
    (tmp_path / "plain").write_text("")
    with pytest.raises(DeliveryError, match=r"cannot be kept in .*plain/people"):
        Memory(clock, WEEK, tmp_path / "plain" / "people.jsonl").put("a", Found(clock.now()))
