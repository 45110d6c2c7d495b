"""A message after an answer: the item's buttons give way to one line that says who did what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bi_governance.notify.blocks import Block, button_row
from bi_governance.notify.buttons import STILL_OPEN, buttons
from bi_governance.notify.message import shown

SAID = "said "
LINE_LIMIT = 500

# For the handle of an item: outcome and line of its last heeded answer, None while nobody answered.
LastAnswer = Callable[[str], tuple[str, str] | None]


def rewritten(blocks: Sequence[Block], last_answer: LastAnswer) -> list[Block]:
    """The blocks of a message with every answered item as it stands now; doing it again changes nothing."""
    found: list[Block] = []
    told: set[str] = set()
    for block in blocks:
        handle = _handle(block)
        answer = last_answer(handle) if handle else None
        if answer is None:
            found.append(block)
        elif handle not in told:  # a line and the buttons after it are one place
            told.add(handle)
            found += _place(handle, *answer)
    return found


def _handle(block: Block) -> str:
    block_id = str(block.get("block_id", ""))
    if block.get("type") == "actions":
        return block_id
    is_line = block.get("type") == "context" and block_id.startswith(SAID)
    return block_id.removeprefix(SAID) if is_line else ""


def _place(handle: str, outcome: str, said: str) -> Iterator[Block]:
    line: dict[str, Any] = {"type": "plain_text", "text": shown(said, LINE_LIMIT), "emoji": False}
    yield {"type": "context", "block_id": f"{SAID}{handle}", "elements": [line]}
    yield from button_row(buttons(STILL_OPEN.get(outcome, ()), handle))
