"""The announcement pinned in the deprecation channel: why it exists and what everybody gains."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from string import Template

from bi_governance.errors import ConfigurationError
from bi_governance.notify.compose import HEADING_LIMIT, LINE_LIMIT
from bi_governance.notify.message import Message, shown

# The first line is the title; a blank line starts a new paragraph. A company brings its own in a file.
ANNOUNCEMENT = """\
Tidying up, so that everybody finds their numbers faster

Over the years our BI tools have filled up with dashboards and reports nobody opens any more. They come up in
every search, look as trustworthy as the right ones, and slow the tools down. This channel is about retiring
them.

It is not about deleting anybody's work. What is used stays, and whoever uses their dashboards need not do
anything.

How it works: what nobody has used for about $idle_days days is put on a list, and its owner is told at least
$warning_days days before anything happens. Opening it once keeps it. What is deleted is backed up first where
the platform allows it, and can be asked for again for $retention_days days.

What you gain: searches that find the right dashboard, fewer copies that contradict each other, and tools that
answer faster.

Questions are welcome here. When we cannot reach an owner, the message about their dashboards is posted here
too: if you know who needs one, tell them or tell us.
"""


def compose_channel_announcement(template: str, values: Mapping[str, object]) -> Message:
    """The announcement with its `$names` filled in; ConfigurationError for other names."""
    try:
        text = Template(template).substitute({name: str(value) for name, value in values.items()})
    except (KeyError, ValueError) as error:
        known = ", ".join(f"${name}" for name in values)
        raise ConfigurationError(
            f"the announcement says {_culprit(error)}, which means nothing; it may name {known}, "
            "and writes a dollar sign as $$."
        ) from error
    title, _, rest = text.strip().partition("\n")
    parts = (shown(part, LINE_LIMIT) for part in re.split(r"\n\s*\n", rest))
    paragraphs = tuple(part for part in parts if part)
    if not title or not paragraphs:
        raise ConfigurationError(
            "the announcement needs a title in its first line and a text below, after a blank line."
        )
    return Message("channel-announcement", shown(title, HEADING_LIMIT), paragraphs)


def version(message: Message) -> str:
    """A short text that changes whenever the announcement's words do."""
    words = json.dumps([message.title, *message.paragraphs])
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _culprit(error: KeyError | ValueError) -> str:
    return f"${error.args[0]}" if isinstance(error, KeyError) else "a $ without a name behind it"
