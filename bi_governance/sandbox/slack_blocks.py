"""Slack's rules for Block Kit: what `chat.postMessage` would refuse as `invalid_blocks`, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

MAX_BLOCKS = 50
Block = Mapping[str, Any]
Problems = Iterator[str]

_TEXT_TYPES = ("plain_text", "mrkdwn")


def problems(blocks: object) -> list[str]:
    """Slack's complaints about a list of blocks, in its words; empty when it would take them."""
    if not isinstance(blocks, list):
        return [_error("must be an array", "/blocks")]
    if len(blocks) > MAX_BLOCKS:
        return [_error(f"no more than {MAX_BLOCKS} items allowed", "/blocks")]
    found = [problem for n, block in enumerate(blocks) for problem in _block(block, f"/blocks/{n}")]
    ids = [b["block_id"] for b in blocks if isinstance(b, dict) and b.get("block_id")]
    if len(set(ids)) < len(ids):
        found.append(_error("block_id must be unique", "/blocks"))
    return found


def _error(message: str, pointer: str) -> str:
    return f"[ERROR] {message} [json-pointer:{pointer}]"


def _block(block: object, at: str) -> Problems:
    if not isinstance(block, dict) or block.get("type") not in _BLOCKS:
        yield _error("unsupported type", f"{at}/type")
        return
    yield from _length(block.get("block_id"), 255, f"{at}/block_id")
    yield from _BLOCKS[block["type"]](block, at)


def _length(text: object, most: int, at: str, *, required: bool = False) -> Problems:
    if text is None:
        if required:
            yield _error("missing required field", at)
    elif not isinstance(text, str):
        yield _error("must be a string", at)
    elif required and not text:
        yield _error("must be more than 0 characters", at)
    elif len(text.encode("utf-16-le", "surrogatepass")) // 2 > most:
        yield _error(f"must be less than {most + 1} characters", at)


def _text(value: object, most: int, at: str, *, plain: bool = False) -> Problems:
    if not isinstance(value, dict):
        yield _error("missing required field", at)
        return
    if value.get("type") not in (("plain_text",) if plain else _TEXT_TYPES):
        yield _error("unsupported type", f"{at}/type")
    yield from _length(value.get("text"), most, f"{at}/text", required=True)


def _items(value: object, most: int, at: str, check: Callable[[Any, str], Problems]) -> Problems:
    if not isinstance(value, list) or not value:
        yield _error("must provide a non-empty array", at)
    elif len(value) > most:
        yield _error(f"no more than {most} items allowed", at)
    else:
        for number, item in enumerate(value):
            yield from check(item, f"{at}/{number}")


def _section(block: Block, at: str) -> Problems:
    if "text" not in block and "fields" not in block:
        yield _error("must define either `fields` or `text`", at)
    if "text" in block:
        yield from _text(block["text"], 3000, f"{at}/text")
    if "fields" in block:
        yield from _items(block["fields"], 10, f"{at}/fields", lambda item, place: _text(item, 2000, place))
    if "accessory" in block:
        yield from _element(block["accessory"], f"{at}/accessory")


def _header(block: Block, at: str) -> Problems:
    yield from _text(block.get("text"), 150, f"{at}/text", plain=True)


def _context(block: Block, at: str) -> Problems:
    yield from _items(block.get("elements"), 10, f"{at}/elements", _context_element)


def _context_element(item: Any, at: str) -> Problems:
    if isinstance(item, dict) and item.get("type") == "image":
        yield from _image(item, at)
    else:
        yield from _text(item, 3000, at)


def _image(block: Block, at: str) -> Problems:
    yield from _length(block.get("image_url"), 3000, f"{at}/image_url", required=True)
    yield from _length(block.get("alt_text"), 2000, f"{at}/alt_text", required=True)


def _actions(block: Block, at: str) -> Problems:
    yield from _items(block.get("elements"), 25, f"{at}/elements", _element)
    elements = block.get("elements")
    actions = (
        [e.get("action_id") for e in elements if isinstance(e, dict)] if isinstance(elements, list) else []
    )
    named = [a for a in actions if a]
    if len(set(named)) < len(named):
        yield _error("action_id must be unique within the block", f"{at}/elements")


def _rich_text(block: Block, at: str) -> Problems:
    yield from _items(block.get("elements"), 50, f"{at}/elements", _rich_element)


def _rich_element(item: Any, at: str) -> Problems:
    if not isinstance(item, dict) or item.get("type") not in _RICH_CONTAINERS:
        yield _error("unsupported type", f"{at}/type")
        return
    inner = _rich_element if item["type"] == "rich_text_list" else _rich_leaf
    yield from _items(item.get("elements"), 1000, f"{at}/elements", inner)


def _rich_leaf(item: Any, at: str) -> Problems:
    """Slack documents no limit for one text; the 3,000 of its other texts is held to."""
    if not isinstance(item, dict) or item.get("type") not in _RICH_LEAVES:
        yield _error("unsupported type", f"{at}/type")
        return
    for name in _RICH_LEAVES[item["type"]]:
        yield from _length(item.get(name), 3000, f"{at}/{name}", required=True)
    if item["type"] == "link":
        yield from _length(item.get("text"), 3000, f"{at}/text")
    if item["type"] == "date":
        if not isinstance(item.get("timestamp"), int):
            yield _error("must be a number", f"{at}/timestamp")
        yield from _length(item.get("fallback"), 3000, f"{at}/fallback")
    style = item.get("style", {})
    if not isinstance(style, dict) or set(style) - {"bold", "italic", "strike", "code"}:
        yield _error("unsupported style", f"{at}/style")


def _nothing(_block: Block, _at: str) -> Problems:
    return iter(())


def _element(item: Any, at: str) -> Problems:
    if not isinstance(item, dict) or item.get("type") not in _ELEMENTS:
        yield _error("unsupported type", f"{at}/type")
        return
    yield from _length(item.get("action_id"), 255, f"{at}/action_id")
    if "confirm" in item:
        yield from _confirm(item["confirm"], f"{at}/confirm")
    yield from _ELEMENTS[item["type"]](item, at)


def _button(item: Block, at: str) -> Problems:
    yield from _text(item.get("text"), 75, f"{at}/text", plain=True)
    yield from _length(item.get("value"), 2000, f"{at}/value")
    yield from _length(item.get("url"), 3000, f"{at}/url")
    if item.get("style") not in (None, "primary", "danger"):
        yield _error("style must be primary or danger", f"{at}/style")


def _select(item: Block, at: str) -> Problems:
    yield from _items(item.get("options"), 100, f"{at}/options", _option)


def _overflow(item: Block, at: str) -> Problems:
    yield from _items(item.get("options"), 5, f"{at}/options", _option)


def _option(item: Any, at: str) -> Problems:
    if not isinstance(item, dict):
        yield _error("must be an object", at)
        return
    yield from _text(item.get("text"), 75, f"{at}/text", plain=True)
    yield from _length(item.get("value"), 150, f"{at}/value", required=True)


def _confirm(item: Any, at: str) -> Problems:
    if not isinstance(item, dict):
        yield _error("must be an object", at)
        return
    for name, most in (("title", 100), ("confirm", 30), ("deny", 30)):
        yield from _text(item.get(name), most, f"{at}/{name}", plain=True)
    yield from _text(item.get("text"), 300, f"{at}/text")


_BLOCKS: Mapping[str, Callable[[Block, str], Problems]] = {
    "section": _section,
    "header": _header,
    "divider": _nothing,
    "context": _context,
    "actions": _actions,
    "image": _image,
    "rich_text": _rich_text,
}
_RICH_CONTAINERS = ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote")
# What each element of a rich text must have.
_RICH_LEAVES: Mapping[str, tuple[str, ...]] = {
    "text": ("text",),
    "link": ("url",),
    "emoji": ("name",),
    "user": ("user_id",),
    "usergroup": ("usergroup_id",),
    "channel": ("channel_id",),
    "broadcast": ("range",),
    "date": ("format",),
}
_ELEMENTS: Mapping[str, Callable[[Block, str], Problems]] = {
    "button": _button,
    "static_select": _select,
    "overflow": _overflow,
    "datepicker": _nothing,
    "image": _image,
    "users_select": _nothing,
    "checkboxes": _select,
}
