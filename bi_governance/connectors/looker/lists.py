"""Long JSON lists read item by item: what Looker gives in one answer need not be held as one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

_CHUNK_CHARACTERS = 64 * 1024
_BLANK = " \t\r\n"


def objects(text: TextIO) -> Iterator[Mapping[str, Any]]:
    """The objects of a JSON list; ValueError when it is anything else or breaks off."""
    reader = _Reader(text)
    if reader.symbol() != "[":
        raise ValueError("not a list")
    if reader.peek() == "]":
        return
    while True:
        yield reader.object()
        after = reader.symbol()
        if after == "]":
            return
        if after != ",":
            raise ValueError("the list breaks off")


class _Reader:
    """A text read in chunks, of which only what is still needed is kept."""

    def __init__(self, text: TextIO) -> None:
        self._text, self._buffer, self._at = text, "", 0
        self._decoder = json.JSONDecoder()

    def peek(self) -> str:
        """The next character that is not blank, "" at the end."""
        while True:
            while self._at < len(self._buffer):
                if self._buffer[self._at] not in _BLANK:
                    return self._buffer[self._at]
                self._at += 1
            if not self._read_on():
                return ""

    def symbol(self) -> str:
        found = self.peek()
        self._at += len(found)
        return found

    def object(self) -> Mapping[str, Any]:
        if self.peek() != "{":  # only of an object can be told whether it is there to its end
            raise ValueError("the list holds something else than objects")
        while True:
            try:
                value, self._at = self._decoder.raw_decode(self._buffer, self._at)
            except ValueError:
                if not self._read_on():
                    raise
            else:
                found: Mapping[str, Any] = value
                return found

    def _read_on(self) -> bool:
        more = self._text.read(_CHUNK_CHARACTERS)
        self._buffer, self._at = self._buffer[self._at :] + more, 0
        return bool(more)
