"""Slack's published rules for the blocks we use, written down a second time to hold the renderer against.

From the Block Kit reference on docs.slack.dev; the total is what slackapi/bolt-js issue 2509 measured.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

MOST_TOTAL = 13_000


def problems(blocks: list[dict[str, Any]]) -> list[str]:
    """Everything Slack would refuse; empty when the message would be accepted."""
    found = [problem for number, block in enumerate(blocks) for problem in _block(block, f"/{number}")]
    if not 1 <= len(blocks) <= 50:
        found.append(f"{len(blocks)} blocks")
    if len(json.dumps(blocks, ensure_ascii=False).encode("utf-16-le")) // 2 > MOST_TOTAL:
        found.append("msg_blocks_too_long")
    return found


def texts(value: Any) -> Iterator[str]:
    """Every text a reader sees, in order."""
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            yield value["text"]
        if value.get("type") == "date":
            yield value["fallback"]
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def _block(block: dict[str, Any], at: str) -> Iterator[str]:
    match block.get("type"):
        case "header":
            yield from _plain(block["text"], 150, at)
        case "context":
            yield from _count(block["elements"], 10, at)
            for element in block["elements"]:
                yield from _plain(element, 3000, at)
        case "actions":
            yield from _length(block["block_id"], 255, at)
            yield from _actions(block["elements"], at)
        case "rich_text":
            for section in block["elements"]:
                yield from _section(section, at)
        case other:
            yield f"{at}: unknown block {other}"


def _actions(elements: list[dict[str, Any]], at: str) -> Iterator[str]:
    yield from _count(elements, 25, at)
    if len({element["action_id"] for element in elements}) < len(elements):
        yield f"{at}: action ids repeat"
    for element in elements:
        yield from _plain(element["text"], 75, at)
        yield from _length(element["action_id"], 255, at)
        if "value" in element:
            yield from _length(element["value"], 2000, at)


def _section(section: dict[str, Any], at: str) -> Iterator[str]:
    if section["type"] != "rich_text_section" or not section["elements"]:
        yield f"{at}: not a section with something in it"
    for element in section["elements"]:
        if element["type"] == "date":
            yield from _date(element, at)
            continue
        yield from _length(element["text"], 3000, at)
        if element["type"] == "link":
            yield from _length(element["url"], 3000, at)
            if urlsplit(element["url"]).scheme not in ("http", "https"):
                yield f"{at}: link to {element['url']}"
        elif element["type"] != "text":
            yield f"{at}: {element['type']} is not literal text"


def _date(element: dict[str, Any], at: str) -> Iterator[str]:
    if not isinstance(element["timestamp"], int) or "{date" not in element["format"]:
        yield f"{at}: {element['timestamp']} as {element['format']}"
    yield from _length(element["fallback"], 3000, at)


def _plain(text: dict[str, Any], most: int, at: str) -> Iterator[str]:
    if text["type"] != "plain_text":
        yield f"{at}: {text['type']} is read as markup"
    if text.get("emoji") is not False:
        yield f"{at}: :names: would become emoji"
    yield from _length(text["text"], most, at)


def _count(elements: list[Any], most: int, at: str) -> Iterator[str]:
    if not 1 <= len(elements) <= most:
        yield f"{at}: {len(elements)} elements"


def _length(text: str, most: int, at: str) -> Iterator[str]:
    if not 1 <= len(text.encode("utf-16-le")) // 2 <= most:
        yield f"{at}: {len(text)} characters"
