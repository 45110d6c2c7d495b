"""How the samples are rendered for the golden files; `python -m tests.notify.rendering` writes them anew."""

import json
from collections.abc import Iterator
from pathlib import Path

from bi_governance.notify.blocks import render_blocks, render_lines
from bi_governance.notify.compose import Reading, compose_announcement, compose_digest
from bi_governance.notify.message import Message
from bi_governance.notify.pages import render_html
from bi_governance.notify.text import render_text
from bi_governance.ports import Digest, Recipient
from tests.notify.samples import ANNOUNCEMENT, EVERYDAY, TO_ADA, TO_CHANNEL, ZONE, digest, nasty_items

GOLDEN = Path(__file__).parent / "golden"


def composed(sample: Digest, *, has_buttons: bool = True) -> Message:
    is_owner = sample.recipient == TO_ADA
    return compose_digest(sample, Reading(ZONE, "in #bi-deprecation", is_owner, has_buttons))


def rendered() -> Iterator[tuple[str, str]]:
    """File names and their content."""
    nasty = EVERYDAY["warning_channel_live"]
    samples = {
        **{name: (composed(sample), sample.recipient) for name, sample in EVERYDAY.items()},
        "warning_nasty": (composed(digest(nasty.kind, nasty.mode, *nasty_items())), TO_CHANNEL),
        "warning_no_buttons": (composed(EVERYDAY["warning_owner_live"], has_buttons=False), TO_ADA),
        "announcement": (compose_announcement(ANNOUNCEMENT), Recipient("#analytics", "#analytics")),
    }
    for name, (message, recipient) in samples.items():
        render = render_lines if name == "announcement" else render_blocks
        yield f"{name}.txt", render_text(message)
        yield f"{name}.json", json.dumps(render(message), ensure_ascii=False, indent=2) + "\n"
        yield f"{name}.html", render_html(message, recipient)


def write() -> None:
    """Replace every golden file; read the difference before keeping it."""
    for old in GOLDEN.iterdir():
        old.unlink()
    for name, content in rendered():
        (GOLDEN / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write()
