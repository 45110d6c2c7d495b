"""The preview of a notice is the message the next run sends, and looking at it changes nothing."""

from dataclasses import replace
from datetime import UTC

import pytest

from bi_governance.errors import ConfigurationError, RecipientUnknown
from bi_governance.keep import exempt
from bi_governance.model import OF_OTHERS, Mode, NoticeKind
from bi_governance.notify.compose import Reading, compose_digest
from bi_governance.ports import Recipient, TrialNotices
from bi_governance.preview import preview
from bi_governance.run import daily_run
from bi_governance.told import ASKING
from tests.flow.test_daily_run import go_live
from tests.flow.world import DAY, START


def keys(digest):
    return [item.facts.key.native_id for item in digest.items]


def collect_only(world):
    """A run that warns nobody, because its messages are refused."""
    world.post.refuse = "not yet"
    daily_run(world.services)
    world.post.refuse = None


def test_the_preview_is_what_the_next_run_sends(world):
    for number in ("1", "2", "3"):
        world.bi.add(number)
    world.bi.add("4", owner="bob")
    go_live(world)
    collect_only(world)
    shown = {number: preview(world.services, f"bi:board:{number}") for number in ("1", "2", "3", "4")}
    daily_run(world.services)
    sent = {key: digest for digest, _ in world.post.accepted.values() for key in keys(digest)}
    assert sorted(map(keys, {id(d): d for d in sent.values()}.values())) == [["1", "2"], ["3"], ["4"]]
    for number, found in shown.items():
        assert replace(found.digest, message_id="") == replace(sent[number], message_id="")
        assert found.remarks == ()


def test_looking_records_and_sends_nothing(world):
    world.bi.add("1")
    go_live(world)
    collect_only(world)
    before = list(world.ledger.events())
    preview(world.services, "bi:board:1")
    assert list(world.ledger.events()) == before
    assert world.post.accepted == {}


def test_a_reminder_is_shown_as_one(world):
    world.bi.add("1")
    go_live(world)
    daily_run(world.services)
    world.clock.forward(4)
    collect_only(world)
    found = preview(world.services, "bi:board:1").digest
    assert (found.kind, keys(found), found.items[0].decision.days_before) == (NoticeKind.REMINDER, ["1"], 3)


def test_what_is_not_due_is_shown_alone_and_said_so(world):
    world.bi.add("1")
    world.bi.add("2")
    go_live(world)
    collect_only(world)
    exempt(world.services, world.key("1"), actor="admin", reason="board pack")
    found = preview(world.services, "bi:board:1")
    assert (found.digest.kind, keys(found.digest)) == (NoticeKind.WARNING, ["1"])
    (remark,) = found.remarks
    assert "would not send this" in remark
    assert "board pack" in remark


@pytest.mark.parametrize(
    ("told", "remarks"),
    [
        (TrialNotices.CHANNEL, ["In dry-run the owner is not told; the analytics team is"]),
        (TrialNotices.NONE, ["In dry-run nobody is told"]),
        (TrialNotices.OWNERS, []),
    ],
)
def test_in_dry_run_it_says_who_is_told(world, told, remarks):
    world.bi.add("1")
    collect_only(world)
    found = preview(replace(world.services, trial_notices=told), "bi:board:1")
    assert found.digest.mode is Mode.DRY_RUN
    assert found.digest.recipient.address == "ada@acme.example"
    assert [said.partition(" (")[0] for said in found.remarks] == remarks


@pytest.mark.parametrize("kind", list(NoticeKind))
@pytest.mark.parametrize("live", [True, False])
def test_every_kind_can_be_looked_at_before_anything_is_due(world, kind, live):
    world.bi.add("1")
    world.bi.view("1", "bob", START - 75 * DAY)
    if live:
        go_live(world)
    collect_only(world)
    world.post.team = lambda why: Recipient("#team", "#team", why)
    services = replace(world.services, trial_notices=TrialNotices.OWNERS, viewers_at_most=1)
    found = preview(services, "bi:board:1", kind)
    assert (found.digest.kind, keys(found.digest)) == (kind, ["1"])
    (shown,) = found.digest.items
    assert (shown.ending is None) == (kind in ASKING or kind in OF_OTHERS)
    assert (shown.viewed is not None) == (kind is NoticeKind.VIEWER)
    assert (shown.restorable_until is not None) == (live and kind is NoticeKind.DELETED)
    assert (found.remarks == ()) == (kind is NoticeKind.WARNING)
    message = compose_digest(found.digest, Reading(UTC, "the team", is_owner=True))
    assert message.items[0].title == "Board 1"


def test_where_no_viewer_would_be_told_none_is_made_up(world):
    world.bi.add("1")
    collect_only(world)
    with pytest.raises(ConfigurationError, match=r"no viewer of bi:board:1 would be told"):
        preview(world.services, "bi:board:1", NoticeKind.VIEWER)


def test_a_kind_that_is_due_is_shown_as_it_will_go_out(world):
    world.bi.add("1")
    world.bi.add("2")
    go_live(world)
    daily_run(world.services)
    world.clock.forward(4)
    collect_only(world)
    found = preview(world.services, "bi:board:1", NoticeKind.REMINDER)
    assert (keys(found.digest), found.remarks) == (["1", "2"], ())


def test_an_unknown_key_names_the_nearest(world):
    world.bi.add("1")
    daily_run(world.services)
    with pytest.raises(ConfigurationError, match="did you mean bi:board:1"):
        preview(world.services, "bi:board:11")


def test_nobody_to_tell_is_said_plainly(world):
    world.bi.add("1")
    daily_run(world.services)
    world.post.unreachable.add("ada")
    with pytest.raises(RecipientUnknown):
        preview(world.services, "bi:board:1")
