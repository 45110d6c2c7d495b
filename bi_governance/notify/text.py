"""A message as plain text: for notifications, screen readers and terminals."""

from __future__ import annotations

from collections.abc import Iterator

from bi_governance.notify.message import Item, Message


def render_text(message: Message) -> str:
    """The whole message, one blank line between its parts, ending in a line break."""
    parts = [message.title, *message.paragraphs]
    parts += ["\n".join(_lines(number, item)) for number, item in enumerate(message.items, start=1)]
    parts += ["\n".join(message.footer)] if message.footer else []
    return "\n\n".join(parts) + "\n"


def _lines(number: int, item: Item) -> Iterator[str]:
    yield f"{number}. {item.title}"
    yield f"   {' · '.join((item.key, *item.labels))}"
    if item.link:
        yield f"   {item.link}"
    for fact in item.facts:
        yield f"   {fact.name}: {fact.text}"
