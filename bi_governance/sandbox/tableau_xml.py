"""Tableau's XML: answers, lists with their pagination, and errors by their six-digit codes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from xml.etree import ElementTree

from starlette.responses import Response

from bi_governance.sandbox.rest import Call, Refusal

Element = ElementTree.Element
_NAMESPACE = "http://tableau.com/api"


def element(tag: str, *children: Element, **attributes: object) -> Element:
    """An element; None leaves an attribute out, times and flags are written as Tableau does."""
    made = ElementTree.Element(tag, {k: _text(v) for k, v in attributes.items() if v is not None})
    made.extend(children)
    return made


def answer(*children: Element, status: int = 200) -> Response:
    return Response(_document(*children), status, media_type="application/xml")


def listing(call: Call, plural: str, rows: Sequence[Element]) -> Response:
    """One page of rows; 400006 for a page beyond the end, 403014 for one that is too large."""
    size, number = int(call.query.get("pageSize", 100)), int(call.query.get("pageNumber", 1))
    if size > 1000:
        raise refusal(403014, "Page size limit exceeded", "The maximum page size is 1000")
    if number > 1 and (number - 1) * size >= len(rows):
        raise refusal(400006, "Invalid page number", f"The page number {number} is out of range")
    pagination = element("pagination", pageNumber=number, pageSize=size, totalAvailable=len(rows))
    return answer(pagination, element(plural, *rows[(number - 1) * size : number * size]))


def refusal(code: int, summary: str, detail: str) -> Refusal:
    """The error whose first three digits are the HTTP status."""
    return Refusal(code // 1000, answer(_error(code, summary, detail), status=code // 1000))


def error_text(status: int) -> str:
    return _document(_error(status * 1000, "Error", f"Simulated error {status}")).decode()


def parsed(raw: bytes) -> Element:
    """The first child of a request; raises the refusal 400000 when it is not XML."""
    try:
        return ElementTree.fromstring(raw)[0]  # noqa: S314 - sent by tests
    except (ElementTree.ParseError, IndexError) as error:
        raise refusal(400000, "Bad Request", "Payload is malformed") from error


def _error(code: int, summary: str, detail: str) -> Element:
    words = [ElementTree.Element("summary"), ElementTree.Element("detail")]
    words[0].text, words[1].text = summary, detail
    return element("error", *words, code=code)


def _document(*children: Element) -> bytes:
    root = ElementTree.Element("tsResponse", {"xmlns": _NAMESPACE})
    root.extend(children)
    written: bytes = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return written


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value).lower() if isinstance(value, bool) else str(value)
