"""The Slack sandbox as the official client sees it."""

from datetime import timedelta

import pytest
from slack_sdk.errors import SlackApiError

from bi_governance.sandbox.server import Fault
from bi_governance.sandbox.slack import SCOPES
from bi_governance.sandbox.slack_limits import RateLimits

ADA = "ada@acme.example"


@pytest.fixture
def ada(slack):
    return slack.add_member(ADA, "Ada Byron")


@pytest.fixture
def channel(slack):
    return slack.add_channel("bi-deprecation")


def refused(call, *args, **kwargs):
    with pytest.raises(SlackApiError) as error:
        call(*args, **kwargs)
    return error.value.response


def section(text):
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def button(text="Keep", **more):
    return {"type": "button", "text": {"type": "plain_text", "text": text}, "action_id": "keep", **more}


def test_who_am_i(web, slack):
    assert web.auth_test()["user_id"] == slack.bot_user_id


def test_people_are_found_by_mail_and_by_id(web, slack, ada):
    assert web.users_lookupByEmail(email="ADA@acme.example")["user"]["id"] == ada
    assert web.users_info(user=ada)["user"]["profile"]["email"] == "ada@acme.example"
    assert refused(web.users_lookupByEmail, email="bob@acme.example")["error"] == "users_not_found"
    slack.deactivate("ada@acme.example")
    assert refused(web.users_lookupByEmail, email="ada@acme.example")["error"] == "users_not_found"
    assert web.users_info(user=ada)["user"]["deleted"] is True


def test_lists_are_paged_by_cursor(web, slack):
    for number in range(5):
        slack.add_member(f"p{number}@acme.example", f"P {number}")
        slack.add_channel(f"c{number}")
    pages = [len(page["members"]) for page in web.users_list(limit=4)]
    assert pages == [4, 2]
    assert [len(page["channels"]) for page in web.conversations_list(limit=3)] == [3, 2]
    assert refused(web.users_list, cursor="nonsense")["error"] == "invalid_cursor"


def test_a_direct_message_opens_its_channel(web, slack, ada):
    answer = web.chat_postMessage(channel=ada, text="hello")
    assert answer["channel"] == web.conversations_open(users=[ada])["channel"]["id"]
    assert slack.message_for("ada@acme.example").text == "hello"
    assert slack.message_for("bob@acme.example") is None


def test_people_one_cannot_write_to(web, slack):
    gone = slack.add_member("gone@acme.example", "Gone", active=False)
    bot = slack.add_member(None, "Other bot", bot=True)
    assert refused(web.conversations_open, users=[gone])["error"] == "user_disabled"
    assert refused(web.conversations_open, users=[bot])["error"] == "cannot_dm_bot"
    assert refused(web.conversations_open, users=["U999"])["error"] == "user_not_found"
    assert refused(web.chat_postMessage, channel=gone, text="x")["error"] == "channel_not_found"


def test_channels_by_name_id_and_membership(web, slack, channel):
    assert web.chat_postMessage(channel="#bi-deprecation", text="x")["channel"] == channel
    assert refused(web.chat_postMessage, channel="#elsewhere", text="x")["error"] == "channel_not_found"
    other = slack.add_channel("other", joined=False)
    assert refused(web.chat_postMessage, channel=other, text="x")["error"] == "not_in_channel"
    web.conversations_join(channel=other)
    web.chat_postMessage(channel=other, text="x")
    hidden = slack.add_channel("hidden", private=True, joined=False)
    assert refused(web.chat_postMessage, channel=hidden, text="x")["error"] == "channel_not_found"
    old = slack.add_channel("old", archived=True)
    assert refused(web.chat_postMessage, channel=old, text="x")["error"] == "is_archived"
    assert [m.channel for m in slack.messages("#other")] == [other]


def test_timestamps_come_from_the_clock_and_are_never_the_same(web, clock, channel):
    stamps = [web.chat_postMessage(channel=channel, text="x")["ts"] for _ in range(3)]
    assert stamps == [f"{clock.now().timestamp():.0f}.{n:06}" for n in range(3)]


def test_history_newest_first_within_bounds_with_metadata_on_request(web, slack, clock, channel):
    metadata = {"event_type": "digest", "event_payload": {"items": ["a"]}}
    first = web.chat_postMessage(channel=channel, text="one", metadata=metadata)["ts"]
    clock.advance(timedelta(hours=1))
    second = web.chat_postMessage(channel=channel, text="two")["ts"]
    slack.add_member("ada@acme.example", "Ada Byron")
    slack.post_as("ada@acme.example", channel, "mine")
    history = web.conversations_history(channel=channel)
    assert [m["text"] for m in history["messages"]] == ["mine", "two", "one"]
    assert "metadata" not in history["messages"][2]
    exclusive = web.conversations_history(channel=channel, oldest=first, include_all_metadata=True)
    assert [m["text"] for m in exclusive["messages"]] == ["mine", "two"]
    inclusive = web.conversations_history(
        channel=channel, latest=first, inclusive=True, include_all_metadata=True
    )
    assert [m["metadata"] for m in inclusive["messages"]] == [metadata]
    assert [len(p["messages"]) for p in web.conversations_history(channel=channel, limit=2)] == [2, 1]
    assert float(second) > float(first)


def test_messages_are_changed_deleted_and_linked_to(web, slack, channel):
    ts = web.chat_postMessage(channel=channel, text="one")["ts"]
    web.chat_update(channel=channel, ts=ts, text="two", blocks=[section("two")])
    (message,) = slack.messages(channel)
    assert (message.text, len(message.blocks), message.ts) == ("two", 1, ts)
    assert web.chat_getPermalink(channel=channel, message_ts=ts)["permalink"].endswith(ts.replace(".", ""))
    web.chat_delete(channel=channel, ts=ts)
    assert slack.messages() == []
    assert refused(web.chat_update, channel=channel, ts=ts, text="x")["error"] == "message_not_found"


def test_only_ones_own_messages(web, slack, channel, ada):
    theirs = slack.post_as("ada@acme.example", channel, "mine")
    assert refused(web.chat_update, channel=channel, ts=theirs.ts, text="x")["error"] == "cant_update_message"
    assert refused(web.chat_delete, channel=channel, ts=theirs.ts)["error"] == "cant_delete_message"


GOOD = [
    [section("x" * 3000)],
    [{"type": "header", "text": {"type": "plain_text", "text": "x" * 150}}],
    [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2000}] * 10}],
    [{"type": "actions", "elements": [button(value="v" * 2000, style="danger")]}, {"type": "divider"}],
    [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}]}],
    [section("x")] * 50,
]
BAD = [
    [section("x" * 3001)],
    [section("")],
    [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
    [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
    [{"type": "section"}],
    [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}],
    [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}],
    [{"type": "actions", "elements": [button("x" * 76)]}],
    [{"type": "actions", "elements": [button(value="v" * 2001)]}],
    [{"type": "actions", "elements": [button(style="loud")]}],
    [{"type": "actions", "elements": [button(), button()]}],
    [{"type": "actions", "elements": []}],
    [{"type": "actions", "elements": [{"type": "lever"}]}],
    [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}],
    [{**section("x"), "block_id": "same"}, {**section("x"), "block_id": "same"}],
    [{"type": "marquee"}],
    [section("x")] * 51,
]


@pytest.mark.parametrize("blocks", GOOD)
def test_blocks_that_slack_takes(web, channel, blocks):
    assert web.chat_postMessage(channel=channel, text="x", blocks=blocks)["ok"]


@pytest.mark.parametrize("blocks", BAD)
def test_blocks_that_slack_refuses(web, slack, channel, blocks):
    answer = refused(web.chat_postMessage, channel=channel, text="x", blocks=blocks)
    assert answer["error"] == "invalid_blocks"
    assert answer["response_metadata"]["messages"][0].startswith("[ERROR]")
    assert slack.messages() == []


def test_texts_too_long_or_missing(web, channel):
    assert refused(web.chat_postMessage, channel=channel, text="x" * 40_001)["error"] == "msg_too_long"
    assert refused(web.api_call, "chat.postMessage", json={"channel": channel})["error"] == "no_text"
    bad = refused(web.chat_postMessage, channel=channel, text="x", metadata={"event_type": "a"})
    assert bad["error"] == "invalid_metadata_format"


def test_every_scope_is_asked_for(web, slack, ada, channel):
    calls = {
        "users:read": web.users_list,
        "users:read.email": lambda: web.users_lookupByEmail(email="ada@acme.example"),
        "im:write": lambda: web.conversations_open(users=[ada]),
        "im:history": lambda: web.conversations_history(channel=slack.direct_channel(ada).id),
        "channels:read": web.conversations_list,
        "channels:join": lambda: web.conversations_join(channel=channel),
        "channels:manage": lambda: web.conversations_setTopic(channel=channel, topic="x"),
        "channels:history": lambda: web.conversations_history(channel=channel),
        "chat:write": lambda: web.chat_postMessage(channel=channel, text="x"),
        "pins:read": lambda: web.pins_list(channel=channel),
        "pins:write": lambda: web.pins_add(channel=channel, timestamp=slack.post_as(ADA, channel, "x").ts),
    }
    assert calls.keys() == SCOPES
    for scope, call in calls.items():
        assert call()["ok"]
        slack.scopes = SCOPES - {scope}
        answer = refused(call)
        assert (answer["error"], answer["needed"]) == ("missing_scope", scope)
        slack.scopes = SCOPES


def test_a_wrong_token_is_invalid_and_writes_are_logged(web, slack, channel):
    web.chat_postMessage(channel=channel, text="x")
    web.token = "xoxb-other"
    assert refused(web.auth_test)["error"] == "invalid_auth"
    assert [r.path for r in slack.requests.writes()] == ["/api/chat.postMessage"]


def test_too_many_requests_and_named_errors(web, slack, channel):
    slack.faults.add(
        Fault("chat.postMessage", "status", status=429, retry_after=30),
        Fault("chat.postMessage", "status", status=200, body={"ok": False, "error": "fatal_error"}),
        Fault("chat.postMessage", "expire_token"),
    )
    limited = refused(web.chat_postMessage, channel=channel, text="x")
    assert (limited.status_code, limited["error"], limited.headers["retry-after"]) == (
        429,
        "ratelimited",
        "30",
    )
    assert refused(web.chat_postMessage, channel=channel, text="x")["error"] == "fatal_error"
    assert refused(web.chat_postMessage, channel=channel, text="x")["error"] == "invalid_auth"
    assert slack.messages() == []


def test_unknown_methods(web):
    assert refused(web.api_call, "chat.shout")["error"] == "unknown_method"


# Channels


def test_a_channel_is_made_with_us_in_it_and_its_name_is_taken_then(web, slack):
    made = web.conversations_create(name="tidy-up")["channel"]
    assert (made["name"], made["is_member"], made["is_private"]) == ("tidy-up", True, False)
    for name, error in {
        "tidy-up": "name_taken",
        "Tidy up": "invalid_name_specials",
        "": "invalid_name_required",
    }.items():
        assert refused(web.conversations_create, name=name)["error"] == error
    assert [c["name"] for c in web.users_conversations()["channels"]] == ["tidy-up"]


def test_what_stands_above_a_channel_is_kept_as_slack_keeps_it(web, slack, channel):
    web.conversations_setTopic(channel=channel, topic="R&D <first>")
    web.conversations_setPurpose(channel=channel, purpose="why")
    shown = web.conversations_info(channel=channel)["channel"]
    assert (shown["topic"]["value"], shown["purpose"]["value"]) == ("R&amp;D &lt;first&gt;", "why")
    assert refused(web.conversations_setTopic, channel=channel, topic="x" * 251)["error"] == "too_long"
    assert [m["subtype"] for m in web.conversations_history(channel=channel)["messages"]] == [
        "channel_purpose",
        "channel_topic",
    ]


def test_pins_show_messages_without_their_metadata(web, slack, channel):
    metadata = {"event_type": "e", "event_payload": {}}
    ts = web.chat_postMessage(channel=channel, text="hello", metadata=metadata)["ts"]
    web.pins_add(channel=channel, timestamp=ts)
    (item,) = web.pins_list(channel=channel)["items"]
    assert (item["message"]["ts"], item["message"]["bot_id"], "metadata" in item["message"]) == (
        ts,
        "B0SANDBOX",
        False,
    )
    assert refused(web.pins_add, channel=channel, timestamp=ts)["error"] == "already_pinned"
    assert refused(web.pins_add, channel=channel, timestamp="1.0")["error"] == "message_not_found"


def test_an_invitation_is_for_all_or_nobody_unless_forced(web, slack, ada, channel):
    guest = slack.add_member("guest@acme.example", "Guest", guest=True)
    answer = refused(web.conversations_invite, channel=channel, users=[ada, guest, "U999"])
    assert answer["error"] == "cant_invite"
    assert [(e["user"], e["error"]) for e in answer["errors"]] == [
        (guest, "cant_invite"),
        ("U999", "user_not_found"),
    ]
    assert web.conversations_members(channel=channel)["members"] == [slack.bot_user_id]
    answer = web.conversations_invite(channel=channel, users=[ada, guest], force=True)
    assert [e["user"] for e in answer["errors"]] == [guest]
    assert ada in web.conversations_members(channel=channel)["members"]
    assert refused(web.conversations_invite, channel=channel, users=[ada])["error"] == "already_in_channel"
    many = [f"U{number}" for number in range(1001)]
    assert refused(web.conversations_invite, channel=channel, users=many)["error"] == "too_many_users"


def test_calls_beyond_the_published_rates_are_refused_for_a_while(slack, web, clock, channel):
    slack.limits = RateLimits()
    web.chat_postMessage(channel=channel, text="x")
    answer = refused(web.chat_postMessage, channel=channel, text="y")
    assert (answer.status_code, answer["error"], answer.headers["retry-after"]) == (429, "ratelimited", "1")
    other = slack.add_channel("other")
    assert web.chat_postMessage(channel=other, text="y")["ok"]
    clock.advance(timedelta(seconds=1))
    assert web.chat_postMessage(channel=channel, text="y")["ok"]
    for _ in range(20):
        web.users_list()
    assert refused(web.users_list).headers["retry-after"] == "60"
    clock.advance(timedelta(seconds=60))
    assert web.users_list()["ok"]
