"""Whatever people call their dashboards, Slack accepts the message and every item is in it, literally."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bi_governance.errors import DeliveryError
from bi_governance.model import Mode, NoticeKind, Person
from bi_governance.notify import SlackNotifier
from bi_governance.notify.blocks import fallback_text, render_blocks, render_lines, size
from bi_governance.notify.compose import TITLE_LIMIT, compose_announcement
from bi_governance.notify.message import ELLIPSIS, Item, Message, shown
from bi_governance.ports import Announcement, DigestItem
from bi_governance.sandbox.slack_blocks import problems as slacks_complaints
from tests.notify.block_rules import problems, texts
from tests.notify.rendering import GOLDEN, composed
from tests.notify.samples import EVERYDAY, NASTY_TITLES, TO_CHANNEL, digest, ended, item, nasty_items

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=600) | st.sampled_from(NASTY_TITLES)
LONG_QUOTES = st.sampled_from(['"' * 500, "\\" * 500, "📊" * 500, "\u0301" * 500])
NAMES = ANY_TEXT | LONG_QUOTES


@st.composite
def items(draw: st.DrawFn) -> DigestItem:
    owner = draw(st.none() | st.builds(Person, id=NAMES, name=NAMES, email=st.none() | NAMES))
    around = [tuple(draw(st.lists(NAMES, max_size=5))) for _ in range(3)]
    found = item(
        draw(st.text(min_size=1, max_size=400) | st.just("42")),
        draw(NAMES),
        owner=owner,
        folder=draw(NAMES),
        url=draw(NAMES.map("https://bi.example/{}".format) | NAMES),
        note=draw(NAMES),
        rule=draw(NAMES),
        lost=tuple(draw(st.lists(NAMES, max_size=2))),
        viewers=draw(st.sampled_from([(0, 0), (1, 1), (123_456_789, 4_321)])),
        part_of=around[0],
        holds=around[1],
        reads=around[2],
    )
    kind = draw(st.sampled_from([None, None, NoticeKind.DELETED, NoticeKind.RESCUED]))
    return ended(found, kind, reason=draw(NAMES), actor=draw(NAMES)) if kind else found


@settings(deadline=None)
@given(
    found=st.lists(
        items(), min_size=1, max_size=SlackNotifier.items_per_message, unique_by=lambda i: i.facts.key
    ),
    kind=st.sampled_from(NoticeKind),
    mode=st.sampled_from(Mode),
)
def test_any_titles_and_owners_make_a_message_slack_accepts(found, kind, mode) -> None:
    sample = digest(kind, mode, *found, recipient=TO_CHANNEL)
    blocks = render_blocks(composed(sample))
    assert problems(blocks) == []
    assert slacks_complaints(blocks) == []
    described = [block for block in blocks if block["type"] == "rich_text"][1:]
    assert len(described) == len(found)
    for each, block in zip(found, described, strict=True):
        title, rest, *_ = texts(block)
        assert_is(title, shown(each.facts.title, TITLE_LIMIT) or "(untitled)")
        assert_is_named(rest.splitlines()[1], shown(str(each.facts.key), 300))


def assert_is(seen: str, full: str) -> None:
    """The whole text, or its beginning with the mark that says so."""
    assert seen == full or (
        seen.endswith(ELLIPSIS) and len(seen) > 20 and full.startswith(seen[:-1].rstrip())
    )


def assert_is_named(line: str, key: str) -> None:
    """The line begins with the key, or with as much of it as there is room for."""
    beginning = line[: line.find(ELLIPSIS, 20)]
    assert f"{line} · ".startswith(f"{key} · ") or (len(beginning) > 20 and key.startswith(beginning))


def test_a_full_message_of_the_longest_items_fits() -> None:
    longest = [item(f"{n}" * 200, '"' * 600, owner=Person("1", "\\" * 600), note='"' * 600, lost=('"' * 600,))
               for n in range(SlackNotifier.items_per_message)]  # fmt: skip
    assert problems(render_blocks(composed(digest(NoticeKind.WARNING, Mode.LIVE, *longest)))) == []


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_the_agreed_blocks_keep_slacks_rules(path: Path) -> None:
    """By two readings of the rules: the one beside these tests and the one of the loopback Slack."""
    blocks = json.loads(path.read_text(encoding="utf-8"))
    assert problems(blocks) == []
    assert slacks_complaints(blocks) == []


def test_nasty_titles_are_shown_as_they_are() -> None:
    most = SlackNotifier.items_per_message
    parts = (nasty_items()[:most], nasty_items()[most:])
    messages = [composed(digest(NoticeKind.WARNING, Mode.LIVE, *part)) for part in parts]
    seen = [text for message in messages for text in texts(render_blocks(message))]
    for title in NASTY_TITLES[:4]:
        assert title in seen
    assert "x" * 500 in seen
    assert "(untitled)" in seen


def test_more_than_fits_is_refused_not_cut_off() -> None:
    many = [item(str(number)) for number in range(60)]
    with pytest.raises(DeliveryError, match="60 items is longer than Slack accepts"):
        render_blocks(composed(digest(NoticeKind.WARNING, Mode.LIVE, *many)))


def test_a_link_that_is_no_web_address_stays_text() -> None:
    (block,) = _item_blocks(digest(NoticeKind.RESCUED, Mode.LIVE, item(url="javascript:alert(1)")))
    assert "link" not in str(block)
    (block,) = _item_blocks(digest(NoticeKind.RESCUED, Mode.LIVE, item(url="https://bi.example/1?a&b")))
    assert block["elements"][0]["elements"][0] == {
        "type": "link", "url": "https://bi.example/1?a&b", "text": "Weekly sales", "style": {"bold": True},
    }  # fmt: skip


def _item_blocks(sample) -> list[dict[str, Any]]:
    return [b for b in render_blocks(composed(sample)) if b["type"] == "rich_text"][1:]


def test_a_key_too_long_for_a_button_gets_none() -> None:
    blocks = render_blocks(composed(digest(NoticeKind.WARNING, Mode.LIVE, item("9" * 290), item("1"))))
    assert [b["block_id"] for b in blocks if b["type"] == "actions"] == ["0 looker_prod:dashboard:1"]


def test_the_text_for_notifications_is_escaped_and_bounded() -> None:
    message = Message("m", "<!channel> & co", items=(Item("k", "x" * 5000),))
    text = fallback_text(message)
    assert text.startswith("&lt;!channel&gt; &amp; co\n\n1. xxx")
    assert len(text) < 4000
    assert text.endswith(ELLIPSIS)


@pytest.mark.parametrize("name", sorted(EVERYDAY))
def test_everyday_messages_are_shown_at_full_length(name: str) -> None:
    assert ELLIPSIS not in str(render_blocks(composed(EVERYDAY[name])))


@given(lines=st.lists(NAMES, max_size=30), title=NAMES)
@settings(deadline=None)
def test_any_announcement_is_accepted(lines, title) -> None:
    assert problems(render_lines(compose_announcement(Announcement("a", title, tuple(lines))))) == []


@pytest.mark.parametrize("count", [0, 1, 40, 500])
def test_an_announcement_says_how_much_of_it_is_missing(count: int) -> None:
    lines = tuple(f"line {number}: {'y' * 100}" for number in range(count))
    blocks = render_lines(compose_announcement(Announcement("a", "Run", lines)))
    assert problems(blocks) == []
    said = [text.strip() for text in texts(blocks)][1:]
    shown_lines = [text for text in said if text.startswith("line")]
    assert shown_lines == list(lines[: len(shown_lines)])
    missing = count - len(shown_lines)
    assert said[len(shown_lines) :] == ([f"{ELLIPSIS} and {missing} more lines"] if missing else [])
    assert (missing > 0) == (count == 500)
    assert size(blocks) > 9000 or not missing


def test_the_rules_would_notice() -> None:
    good = render_blocks(composed(EVERYDAY["warning_owner_live"]))
    assert problems(good) == []
    markup = {"type": "header", "text": {"type": "mrkdwn", "text": "*x*"}}
    too_long = {"type": "header", "text": {"type": "plain_text", "emoji": False, "text": "x" * 151}}
    for bad in ([*good, markup], [*good, too_long], good * 20, [], [{"type": "section"}]):
        assert problems(bad)


def rich(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}


@pytest.mark.parametrize(
    ("block", "complaint"),
    [
        (rich(), "non-empty array"),
        (rich({"type": "text", "text": ""}), "more than 0 characters"),
        (rich({"type": "text", "text": "x" * 3001}), "less than 3001 characters"),
        (rich({"type": "text", "text": "📊" * 1501}), "less than 3001 characters"),
        (rich({"type": "mrkdwn", "text": "x"}), "unsupported type"),
        (rich({"type": "link", "text": "x"}), "missing required field"),
        (rich({"type": "text", "text": "x", "style": {"red": True}}), "unsupported style"),
        ({"type": "rich_text", "elements": [{"type": "text", "text": "x"}]}, "unsupported type"),
    ],
)
def test_the_loopback_slack_would_notice_rich_text(block: dict[str, Any], complaint: str) -> None:
    (said,) = slacks_complaints([block])
    assert complaint in said
