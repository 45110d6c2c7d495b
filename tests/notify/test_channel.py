"""The deprecation channel and its people, with the official client against a workspace on loopback."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from bi_governance.errors import ConfigurationError, DeliveryError
from bi_governance.invite import NO_ADDRESS, NOT_THERE, NotInvited, Wanted, foresee, guests, sync
from bi_governance.model import BiUser
from bi_governance.notify.announcement import ANNOUNCEMENT, compose_channel_announcement, version
from bi_governance.notify.channel import EVENT_TYPE, GUEST, OBSTACLES, SlackRoom
from bi_governance.notify.slack_api import SlackApi, SlackSilent
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.server import Fault
from bi_governance.sandbox.slack import SlackSandbox
from tests.notify.block_rules import problems, texts

VALUES = {"channel": "#bi-deprecation", "idle_days": 60, "warning_days": 7, "retention_days": 30}
INVITE = "conversations.invite"


@pytest.fixture
def slack() -> Iterator[SlackSandbox]:
    slack = SlackSandbox(SimulatedClock(datetime(2026, 3, 2, 6, tzinfo=UTC)))
    for name in ("ada", "ben", "carol", "dora"):
        slack.add_member(f"{name}@acme.example", name.title())
    with slack.serve():
        yield slack


def room_in(slack: SlackSandbox, channel: str = "#bi-deprecation", text: str = ANNOUNCEMENT) -> SlackRoom:
    api = SlackApi(slack.token, f"{slack.serve().url}/api/", 60, lambda _seconds: None)
    return SlackRoom(api, channel, compose_channel_announcement(text, VALUES))


def wanted(text: str = ANNOUNCEMENT, topic: str = "Tidying", purpose: str = "Who & <why>") -> Wanted:
    return Wanted(topic, purpose, version(compose_channel_announcement(text, VALUES)))


def users(*names: str, **more: object) -> list[BiUser]:
    return [BiUser("looker_prod", name, name.title(), f"{name}@acme.example", **more) for name in names]


def channel_of(slack: SlackSandbox, name: str = "bi-deprecation"):
    (found,) = (c for c in slack.channels.values() if c.name == name)
    return found


def announcements(slack: SlackSandbox) -> list:
    return [m for m in slack.messages() if (m.metadata or {}).get("event_type") == EVENT_TYPE]


def calls(slack: SlackSandbox) -> list[str]:
    """The methods called since last asked, in order."""
    made = [request.path.rpartition("/")[2] for request in slack.requests]
    slack.requests.clear()
    return made


def changes(slack: SlackSandbox) -> list[str]:
    return [request.path.rpartition("/")[2] for request in slack.requests.writes()]


# From nothing


def test_everything_is_set_up_in_as_few_calls_as_there_are(slack) -> None:
    done = sync(room_in(slack), wanted(), users("ada", "ben"))
    channel = channel_of(slack)
    people = {slack.members[id_].name for id_ in channel.members}
    assert people == {"bi-governance", "ada", "ben"}
    assert (channel.private, channel.topic, channel.purpose) == (False, "Tidying", "Who &amp; &lt;why&gt;")
    (posted,) = announcements(slack)
    assert channel.pinned == [posted.ts]
    assert problems(posted.blocks) == []
    assert "at least 7 days before" in " ".join("\n".join(texts(posted.blocks)).split())
    assert (done.opening, done.announcement, sorted(done.invite.values())) == (
        "create",
        ("post", "pin"),
        ["ada@acme.example", "ben@acme.example"],
    )
    assert calls(slack) == [
        "users.conversations",
        "conversations.create",
        "users.list",
        "conversations.setTopic",
        "conversations.setPurpose",
        "chat.postMessage",
        "pins.add",
        INVITE,
    ]


def test_a_second_time_nothing_is_written(slack) -> None:
    sync(room_in(slack), wanted(), users("ada", "ben"))
    slack.requests.clear()
    done = sync(room_in(slack), wanted(), users("ada", "ben"))
    assert done.is_done
    assert done.present == 2
    assert changes(slack) == []
    assert calls(slack) == [
        "users.conversations",
        "pins.list",
        "conversations.history",
        "conversations.members",
        "users.list",
    ]


def test_only_the_newcomers_are_invited(slack) -> None:
    sync(room_in(slack), wanted(), users("ada"))
    slack.requests.clear()
    done = sync(room_in(slack), wanted(), users("ada", "ben"))
    assert (list(done.invite.values()), done.present) == (["ben@acme.example"], 1)
    assert changes(slack) == [INVITE]


def test_seeing_ahead_changes_nothing_and_tells_the_same(slack) -> None:
    ahead = foresee(room_in(slack), wanted(), users("ada", "ghost"))
    assert changes(slack) == []
    done = sync(room_in(slack), wanted(), users("ada", "ghost"))
    assert ahead.invite == done.invite
    assert (ahead.opening, ahead.topic, ahead.purpose) == (done.opening, done.topic, done.purpose)
    assert (ahead.announcement, ahead.left_out) == (done.announcement, done.left_out)
    assert foresee(room_in(slack), wanted(), users("ada", "ghost")).is_done


# The channel


def test_a_channel_that_is_there_is_joined_and_keeps_what_the_settings_leave_alone(slack) -> None:
    slack.add_channel("bi-deprecation", joined=False)
    channel_of(slack).topic = "ours"
    assert foresee(room_in(slack), wanted(topic=""), users("ada")).opening == "join"
    done = sync(room_in(slack), wanted(topic="", purpose=""), users("ada"))
    channel = channel_of(slack)
    assert (done.opening, channel.topic, channel.purpose) == ("join", "ours", "")
    assert slack.bot_user_id in channel.members
    assert len(announcements(slack)) == 1


def test_a_channel_the_bot_left_keeps_its_one_announcement(slack) -> None:
    sync(room_in(slack), wanted(), users("ada"))
    channel_of(slack).members.discard(slack.bot_user_id)
    done = sync(room_in(slack), wanted(), users("ada"))
    assert (done.opening, done.announcement, len(announcements(slack))) == ("join", (), 1)


def test_a_channel_may_be_given_by_its_id(slack) -> None:
    id_ = slack.add_channel("renamed", joined=False)
    assert sync(room_in(slack, id_), wanted(), users("ada")).opening == "join"
    assert sync(room_in(slack, id_), wanted(), users("ada")).is_done
    assert len(channel_of(slack, "renamed").members) == 2


@pytest.mark.parametrize(
    ("channel", "how", "advice"),
    [
        ("#old", {"archived": True}, "The channel #old is archived; unarchive it in Slack or name another"),
        ("#old", {"archived": True, "joined": False}, "The channel #old is archived; unarchive it"),
        ("#secret", {"private": True}, "The name #secret is taken .* make that one public or name another"),
        ("#secret", {"private": True, "joined": False}, "The name #secret is taken"),
        ("#Our Channel", None, r"Slack takes #Our Channel for no channel's name \(invalid_name_specials\)"),
        (f"#{'x' * 81}", None, r"invalid_name_maxlength"),
    ],
)
def test_what_is_in_the_way_is_said_with_what_to_do(slack, channel, how, advice) -> None:
    if how is not None:
        slack.add_channel(channel, **how)
    with pytest.raises(DeliveryError, match=advice):
        sync(room_in(slack, channel), wanted(), users("ada"))
    assert set(changes(slack)) <= {"conversations.create"}
    assert slack.messages() == []


def test_a_private_channel_given_by_its_id_is_refused(slack) -> None:
    id_ = slack.add_channel("secret", private=True)
    with pytest.raises(DeliveryError, match="is private, where nobody can look for it"):
        sync(room_in(slack, id_), wanted(), users("ada"))


def test_a_workspace_where_apps_create_no_channels(slack) -> None:
    refusal = {"ok": False, "error": "restricted_action"}
    slack.faults.add(Fault("conversations.create", "status", status=200, body=refusal))
    with pytest.raises(DeliveryError, match="create #bi-deprecation by hand, invite the bot there"):
        sync(room_in(slack), wanted(), users("ada"))


@pytest.mark.parametrize(
    "scope",
    [
        *("channels:manage", "channels:read", "pins:read", "pins:write", "chat:write"),
        *("users:read", "users:read.email"),
    ],
)
def test_a_missing_scope_is_named(slack, scope) -> None:
    if scope == "pins:read":  # a channel just made has nothing pinned to be asked for
        sync(room_in(slack), wanted(), users("ada", "ben"))
    slack.scopes -= {scope}
    with pytest.raises(DeliveryError, match=f"add the scope {scope} to the Slack app and reinstall it"):
        sync(room_in(slack), wanted(), users("ada", "ben"))


# The announcement


def test_new_words_change_the_message_that_is_there(slack) -> None:
    sync(room_in(slack), wanted(), users("ada"))
    (before,) = (m.ts for m in announcements(slack))
    text = "Welcome\n\nAfter $idle_days days."
    done = sync(room_in(slack, text=text), wanted(text), users("ada"))
    (posted,) = announcements(slack)
    assert (posted.ts, done.announcement) == (before, ("edit",))
    assert "After 60 days.\n" in texts(posted.blocks)
    assert sync(room_in(slack, text=text), wanted(text), users("ada")).is_done


@pytest.mark.parametrize("chat", [0, 1500])
def test_after_a_crash_before_the_pin_it_is_found_and_pinned(slack, chat) -> None:
    slack.faults.add(Fault("pins.add", "status", status=500))
    with pytest.raises(SlackSilent):
        sync(room_in(slack), wanted(), users("ada"))
    channel = channel_of(slack)
    for number in range(chat):
        slack.post_as("ada@acme.example", channel.id, f"chat {number}")
    done = sync(room_in(slack), wanted(), users("ada"))
    (posted,) = announcements(slack)
    assert (done.announcement, channel.pinned) == (("pin",), [posted.ts])


def test_when_the_answer_to_the_post_is_lost_it_is_found(slack) -> None:
    room = room_in(slack)
    real = room.post

    def lost(place):
        real(place)
        raise SlackSilent("the line went dead")

    room.post = lost
    with pytest.raises(SlackSilent):
        sync(room, wanted(), users("ada"))
    assert sync(room_in(slack), wanted(), users("ada")).announcement == ("pin",)
    assert len(announcements(slack)) == 1


def test_what_people_pinned_is_none_of_ours(slack) -> None:
    sync(room_in(slack), wanted(), users("ada"))
    channel = channel_of(slack)
    for number in range(5):
        channel.pinned.append(slack.post_as("ada@acme.example", channel.id, f"pinned {number}").ts)
    slack.requests.clear()
    assert sync(room_in(slack), wanted(), users("ada")).is_done
    assert calls(slack).count("conversations.history") == 1


def test_an_announcement_somebody_deleted_is_posted_again(slack) -> None:
    sync(room_in(slack), wanted(), users("ada"))
    slack.posted = []
    assert sync(room_in(slack), wanted(), users("ada")).announcement == ("post", "pin")
    assert len(announcements(slack)) == 1


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("Title\n\nAfter $days days", r"\$days, which means nothing; it may name \$channel, \$idle_days"),
        ("Title\n\nIt costs 5$.", r"a \$ without a name behind it.*writes a dollar sign as \$\$"),
        ("Title only", "needs a title in its first line and a text below"),
        ("", "needs a title"),
    ],
)
def test_a_template_that_makes_no_sense_is_refused(text, advice) -> None:
    with pytest.raises(ConfigurationError, match=advice):
        compose_channel_announcement(text, VALUES)


def test_the_built_in_words_say_what_it_is_for() -> None:
    message = compose_channel_announcement(ANNOUNCEMENT, VALUES)
    words = " ".join(message.paragraphs)
    assert "not about deleting anybody's work" in words
    assert re.search(r"What you gain: .*faster", words)
    assert "$" not in words


# The people


def test_each_person_is_one_guest_however_written_and_robots_are_none() -> None:
    found = guests(
        [
            *users("ada"),
            BiUser("tableau", "a", "Ada", " ADA@acme.example "),
            BiUser("tableau", "b", "Ben", "ben@acme.example", active=False),
            *users("ben", active=True),
            *users("carol", active=False),
            *users("robot", is_robot=True),
            BiUser("tableau", "r", "Robot", "Robot@acme.example"),
            BiUser("tableau", "n", "Nemo"),
            BiUser("tableau", "m", "", "", active=False),
        ]
    )
    assert set(found.names) == {"ada@acme.example", "ben@acme.example"}
    assert found.left_out == (NotInvited("Nemo (tableau)", NO_ADDRESS),)
    assert (found.robots, found.inactive) == (1, 2)


@pytest.mark.parametrize("others", [(), ("ada", "ben")])
def test_who_cannot_be_invited_is_named_with_the_reason(slack, others) -> None:
    slack.add_member("left@acme.example", "Left", active=False)
    slack.add_member("guest@acme.example", "Guest", guest=True)
    slack.add_member("bot@acme.example", "Bot", bot=True)
    slack.uninvitable.add(slack.add_member("odd@acme.example", "Odd"))
    done = sync(room_in(slack), wanted(), users(*others, "bot", "ghost", "guest", "left", "odd"))
    assert {left.who.partition("@")[0]: left.why for left in done.left_out} == {
        "bot": "a bot in Slack",
        "ghost": NOT_THERE,
        "guest": GUEST,
        "left": "deactivated in Slack",
        "odd": OBSTACLES["cant_invite"],
    }
    assert sorted(done.invite.values()) == [f"{name}@acme.example" for name in others]
    assert len(channel_of(slack).members) == 1 + len(others)


def test_somebody_who_joined_meanwhile_is_no_failure(slack) -> None:
    room = room_in(slack)
    real = room.member_ids
    sync(room, wanted(), users("ada"))
    room.member_ids = lambda place: real(place) - {ada}
    (ada,) = (m.id for m in slack.members.values() if m.name == "ada")
    done = sync(room, wanted(), users("ada", "ben"))
    assert done.left_out == ()
    assert len(channel_of(slack).members) == 3


@pytest.mark.parametrize("names_them", [True, False])
def test_a_call_refused_as_a_whole_is_repeated_without_those_in_the_way(slack, names_them) -> None:
    """What a workspace does that knows nothing of `force`: nobody is invited while one cannot be."""
    sandbox = slack._methods
    scope, real = sandbox[INVITE]

    def unforced(arguments):
        answer = dict(arguments, force=False)
        try:
            return real(answer)
        except Exception as error:
            if not names_them:
                error.details.pop("errors", None)
            raise

    slack._methods = {**sandbox, INVITE: (scope, unforced)}
    slack.uninvitable.add(slack.add_member("odd@acme.example", "Odd"))
    done = sync(room_in(slack), wanted(), users("ada", "ben", "carol", "dora", "odd"))
    assert len(done.invite) == 4
    assert [left.who for left in done.left_out] == ["odd@acme.example"]
    assert len(channel_of(slack).members) == 5


def test_a_refusal_that_concerns_everybody_is_an_error(slack) -> None:
    slack.faults.add(Fault(INVITE, "status", status=200, body={"ok": False, "error": "not_in_channel"}))
    with pytest.raises(DeliveryError, match="not_in_channel"):
        sync(room_in(slack), wanted(), users("ada", "ben"))
