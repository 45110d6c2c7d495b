"""A message as Slack's Block Kit, within Slack's limits and with nothing but literal text from outside.

Names and titles only ever go into `rich_text` and `plain_text`, where Slack reads no markup. Limits:
50 blocks a message, 150 characters a header, 75 a button, 255 the id of a block (docs.slack.dev, Block Kit
reference); Slack also refuses about 13,000 characters over all blocks together, containers included
(msg_blocks_too_long; undocumented, measured by slackapi/bolt-js issue 2509).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bi_governance.errors import DeliveryError
from bi_governance.notify.message import ELLIPSIS, Choice, Fact, Item, Message, shorten, width
from bi_governance.notify.text import render_text

Block = dict[str, Any]

MAX_BLOCKS = 50
MAX_HEADER = 150
MAX_BUTTON = 75
# Of the 255 a block id may have; the line that takes the place of buttons has a prefix before it.
MAX_HANDLE = 250
MAX_TEXT = 3000
MAX_LINK = 3000
# How Slack writes a moment (docs.slack.dev, date element).
MOMENT = "{date_long}, {time}"
# Below the 13,172 at which Slack was seen to refuse, counted in compact JSON.
MAX_TOTAL = 11_500


@dataclass(frozen=True, slots=True)
class _Space:
    """How much room each part of an item gets, in characters; 0 leaves the part out."""

    title: int
    link: int
    key: int
    label: int
    fact: int
    handle: int
    has_minor_choices: bool = True


ROOMY = _Space(title=500, link=1000, key=300, label=100, fact=400, handle=250)
SNUG = _Space(title=150, link=1000, key=300, label=100, fact=400, handle=250)
TIGHT = _Space(title=100, link=200, key=200, label=60, fact=120, handle=250)
TIGHTEST = _Space(title=50, link=0, key=100, label=0, fact=50, handle=120, has_minor_choices=False)


def render_blocks(message: Message) -> list[Block]:
    """The blocks of a message; every item is in them, shortened where there are many long ones.

    Raises DeliveryError when even the shortest form does not fit: nothing is ever left out silently.
    """
    for space in (ROOMY, SNUG, TIGHT, TIGHTEST):
        blocks = _blocks(message, space)
        if size(blocks) <= MAX_TOTAL and len(blocks) <= MAX_BLOCKS:
            return blocks
    raise DeliveryError(
        f"Message '{message.title}' with {len(message.items)} items is longer than Slack accepts; "
        "send fewer at once."
    )


def render_lines(message: Message) -> list[Block]:
    """The blocks of an announcement: as many of its lines as fit, and how many more there are."""
    lines = list(message.paragraphs)
    while True:
        left_out = len(message.paragraphs) - len(lines)
        closing = (f"{ELLIPSIS} and {left_out} more lines",) if left_out else ()
        blocks = _blocks(replace(message, paragraphs=(*lines, *closing)), ROOMY)
        if (size(blocks) <= MAX_TOTAL and len(blocks) <= MAX_BLOCKS) or not lines:
            return blocks
        del lines[-1 - len(lines) // 10 :]


def fallback_text(message: Message) -> str:
    """What notifications and screen readers get: plain text with Slack's three special characters escaped."""
    text = shorten(render_text(message).strip(), MAX_TEXT // 2)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def size(blocks: Sequence[Block]) -> int:
    """The length of the blocks as compact JSON, in UTF-16 units."""
    return width(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))


def _blocks(message: Message, space: _Space) -> list[Block]:
    blocks: list[Block] = [_header(message.title)]
    if message.paragraphs:
        blocks.append(_rich_text(*(_text(f"{text}\n") for text in message.paragraphs)))
    for item in message.items:
        blocks += _item(item, space)
    if message.footer:
        footer = [{"type": "plain_text", "text": " ".join(message.footer), "emoji": False}]
        blocks.append({"type": "context", "elements": footer})
    return blocks


def _header(title: str) -> Block:
    text = {"type": "plain_text", "text": shorten(title, MAX_HEADER), "emoji": False}
    return {"type": "header", "text": text}


def _item(item: Item, space: _Space) -> Iterator[Block]:
    yield _rich_text(_title(item, space), *_joined(_lines(item, space)))
    choices = [c for c in item.choices if space.has_minor_choices or not c.is_minor]
    yield from button_row(choices, space.handle)


def button_row(choices: Sequence[Choice], limit: int = MAX_HANDLE) -> Iterator[Block]:
    """The buttons of one item; none where its name is longer than a block id may be."""
    if choices and width(choices[0].value) <= min(limit, MAX_HANDLE):
        elements = [_button(choice) for choice in choices]
        yield {"type": "actions", "block_id": choices[0].value, "elements": elements}


def _title(item: Item, space: _Space) -> Block:
    text, bold = shorten(item.title, space.title), {"bold": True}
    if item.link and width(item.link) <= min(space.link, MAX_LINK):
        return {"type": "link", "url": item.link, "text": text, "style": bold}
    return _text(text) | {"style": bold}


def _joined(lines: Iterator[str | Block]) -> list[Block]:
    """Neighbouring texts as one element, so that a message stays small; dates stand by themselves."""
    elements: list[Block] = []
    for part in lines:
        if isinstance(part, str) and elements and elements[-1]["type"] == "text":
            elements[-1]["text"] += part
        else:
            elements.append(_text(part) if isinstance(part, str) else part)
    return elements


def _lines(item: Item, space: _Space) -> Iterator[str | Block]:
    labels = [shorten(label, space.label) for label in item.labels] if space.label else []
    yield "\n" + " · ".join((shorten(item.key, space.key), *labels))
    for fact in item.facts:
        yield f"\n{fact.name}: "
        yield from _fact(fact, space)


def _fact(fact: Fact, space: _Space) -> Iterator[str | Block]:
    """Slack shows a moment in its reader's own time zone; the text beside it is for where it cannot."""
    if fact.moment is None:
        yield shorten(fact.text, space.fact)
        return
    if fact.before:
        yield fact.before
    named = fact.text.removeprefix(fact.before).removesuffix(fact.after)
    yield {
        "type": "date",
        "timestamp": int(fact.moment.timestamp()),
        "format": MOMENT,
        "fallback": named,
        "style": {"bold": True},
    }
    if fact.after:
        yield fact.after


def _button(choice: Choice) -> Block:
    text = {"type": "plain_text", "text": shorten(choice.label, MAX_BUTTON), "emoji": False}
    return {"type": "button", "action_id": choice.action, "text": text}


def _rich_text(*elements: Block) -> Block:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(elements)}]}


def _text(text: str) -> Block:
    return {"type": "text", "text": text}
