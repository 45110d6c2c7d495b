"""A message as data: what is said, with no word about how a medium writes it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

ELLIPSIS = "…"
# Invisible marks that turn the reading direction around and so can make one name look like another.
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to know about an item, e.g. `Last used` and `Tue 6 Jan 2026`.

    `moment` is the time the text names, between `before` and `after`: a medium that knows its reader's
    own time zone shows it in that.
    """

    name: str
    text: str
    moment: datetime | None = None
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reader can do about an item where the medium has buttons; `value` is the item's name there.

    What `is_minor` may be left out where there is no room for everything.
    """

    action: str
    label: str
    value: str
    is_minor: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One visual in a message; `link` is empty or an http(s) address, `key` is how commands name it.

    A settled one asks nothing any more.
    """

    key: str
    title: str
    link: str = ""
    labels: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    choices: tuple[Choice, ...] = ()
    is_settled: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """A title, paragraphs, items and closing lines: plain text everywhere, escaped by whoever renders it."""

    id: str
    title: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()
    footer: tuple[str, ...] = ()


def shown(text: str, limit: int) -> str:
    """The text as one line no longer than `limit` (in UTF-16 units, as vendors count), cut visibly.

    Line breaks and control characters become spaces; what cannot be written in UTF-8 becomes U+FFFD.
    """
    clean = "".join(_printable(character) for character in text if character not in TURNING)
    return shorten(" ".join(clean.split()), limit)


def shorten(text: str, limit: int) -> str:
    """At most `limit` UTF-16 units of the text, with an ellipsis where something is missing."""
    if width(text) <= limit:
        return text
    while text and width(text) > limit - 1:
        text = text[: min(len(text) - 1, limit - 1)]
    return text.rstrip() + ELLIPSIS


def width(text: str) -> int:
    """How long the text is in UTF-16 units; an emoji is two or more."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def web_link(url: str) -> str:
    """The address when it is one a browser may safely be sent to, else nothing."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    is_clean = not any(c.isspace() or unicodedata.category(c) in ("Cc", "Cs") for c in url)
    return url if parts.scheme in ("http", "https") and parts.netloc and is_clean else ""


def _printable(character: str) -> str:
    match unicodedata.category(character):
        case "Cs":
            return "\ufffd"
        case "Cc":
            return " "
        case _:
            return character
