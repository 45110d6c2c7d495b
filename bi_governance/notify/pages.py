"""A message as a page: HTML for browsers and mail programs, Markdown for whoever passes it on as text.

Text from outside is escaped for the language of the page, so that it is shown as it was written.
"""

from __future__ import annotations

import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from bi_governance.notify.message import Message, shown
from bi_governance.ports import Recipient

# An underscore inside a word is no markup, and most keys have one.
MARKUP = re.compile(r"([\\`*\[\]<>~&#|$!]|(?<![^\W_])_|_(?![^\W_]))")
# What makes a list or a rule of a line that begins with it.
LINE_START = re.compile(r"^(\d*)([-+=.)])")


def render_html(message: Message, recipient: Recipient) -> str:
    """The whole message as one HTML page that needs nothing from elsewhere."""
    return _render("message.html.j2", message, recipient)


def render_markdown(message: Message, recipient: Recipient) -> str:
    """The whole message as Markdown."""
    return _render("message.md.j2", message, recipient)


def escape_markdown(text: str) -> str:
    """The text so that Markdown shows it as it is."""
    return LINE_START.sub(r"\1\\\2", MARKUP.sub(r"\\\1", text))


def code_markdown(text: str) -> str:
    """The text as a Markdown code span, which shows it as it is and lets it be copied."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def reader_line(recipient: Recipient) -> str:
    """Who a message is for, e.g. `Ada Lovelace (ada@acme.example)`."""
    name, address = shown(recipient.name, 100), shown(recipient.address, 100)
    return name if name == address else f"{name} ({address})"


def _render(template: str, message: Message, recipient: Recipient) -> str:
    return _templates().get_template(template).render(message=message, reader=reader_line(recipient))


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("bi_governance.notify"),
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["markdown"] = escape_markdown
    templates.filters["code"] = code_markdown
    return templates
