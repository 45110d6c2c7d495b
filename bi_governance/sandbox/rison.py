"""Just enough of Rison, the compact notation of Superset's `q` parameter, to read what clients send."""

from __future__ import annotations

import re
from typing import Any

_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE]-?\d+)?")
_WORD = re.compile(r"[^\s'!:(),*@$]+")
_CONSTANTS = {"t": True, "f": False, "n": None}


class RisonError(ValueError):
    """The text is not Rison."""


def loads(text: str) -> Any:
    """Objects `(a:1)`, lists `!(1,2)`, strings `'it!'s'` or bare words, numbers, `!t`, `!f`, `!n`."""
    value, rest = _value(text)
    if rest:
        raise RisonError(f"unexpected '{rest}'")
    return value


def _value(text: str) -> tuple[Any, str]:
    if text.startswith("("):
        return _object(text[1:])
    if text.startswith("!("):
        return _list(text[2:])
    if text.startswith("!") and text[1:2] in _CONSTANTS:
        return _CONSTANTS[text[1]], text[2:]
    if text.startswith("'"):
        return _string(text[1:])
    return _bare(text)


def _bare(text: str) -> tuple[Any, str]:
    match = _WORD.match(text)
    if match is None:
        raise RisonError(f"unexpected '{text}'")
    word = match[0]
    if _NUMBER.fullmatch(word):
        return (float(word) if set(word) & set(".eE") else int(word)), text[match.end() :]
    return word, text[match.end() :]


def _object(text: str) -> tuple[dict[str, Any], str]:
    found: dict[str, Any] = {}
    while not text.startswith(")"):
        key, text = _value(text)
        if not text.startswith(":"):
            raise RisonError("an object needs ':' after each key")
        found[str(key)], text = _value(text[1:])
        text = _after_item(text)
    return found, text[1:]


def _list(text: str) -> tuple[list[Any], str]:
    found: list[Any] = []
    while not text.startswith(")"):
        item, text = _value(text)
        found.append(item)
        text = _after_item(text)
    return found, text[1:]


def _after_item(text: str) -> str:
    if text.startswith(","):
        return text[1:]
    if text.startswith(")"):
        return text
    raise RisonError("missing ',' or ')'")


def _string(text: str) -> tuple[str, str]:
    match = re.match(r"((?:[^'!]|!['!])*)'", text)
    if match is None:
        raise RisonError("unfinished string")
    return re.sub(r"!(.)", r"\1", match[1]), text[match.end() :]
