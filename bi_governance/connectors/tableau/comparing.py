"""Two files of one workbook compared, apart from what Tableau itself writes into them at publishing."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.ElementTree import fromstring  # type: ignore[import-untyped]

EXTRACTS = (".hyper", ".tde")
# Lists in which everything has a name of its own, and what to call one of them.
NAMED = {"datasources": "data source", "worksheets": "worksheet", "dashboards": "dashboard"}
# Where a workbook, a sheet or a published data source is at the server, and in which revision.
LOCATION = "repository-location"
OF_A_DATA_SOURCE = frozenset({"id", "path", "site"})
# Pictures of the sheets, drawn by whoever saved the file.
PICTURES = "thumbnails"
# By what the file was written, and at which server.
OF_THE_WRITER = frozenset(
    {
        "original-version",
        "source-build",
        "source-platform",
        "version",
        "{http://www.w3.org/XML/1998/namespace}base",
    }
)
Plain = tuple[object, ...]


class Unreadable(Exception):
    """It is no workbook file; the message says why."""


@dataclass(frozen=True, slots=True)
class WorkbookFile:
    """A .twb or .twbx: its XML, how many extracts are packed with it, and the other files by checksum."""

    root: Element
    extracts: int
    packed: Mapping[str, int]

    @classmethod
    def opened(cls, content: bytes) -> WorkbookFile:
        """The file; Unreadable when it is none."""
        try:
            if not zipfile.is_zipfile(io.BytesIO(content)):
                return cls(_workbook(content), 0, {})
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                files = {each.filename: each.CRC for each in archive.infolist() if not each.is_dir()}
                name = next((name for name in files if name.lower().endswith(".twb")), "")
                root = _workbook(archive.read(name) if name else b"")
        except (zipfile.BadZipFile, ParseError, ValueError) as error:
            raise Unreadable(str(error)) from error
        extracts = [each for each in files if each.lower().endswith(EXTRACTS)]
        rest = {each: sum_ for each, sum_ in files.items() if each not in (name, *extracts)}
        return cls(root, len(extracts), rest)


def differences(before: WorkbookFile, after: WorkbookFile) -> Iterator[str]:
    """What the second file says otherwise than the first, in words; the rows in extracts are not read."""
    if before.extracts != after.extracts:
        yield f"its extracts: {after.extracts} instead of {before.extracts}"
    for name in sorted(before.packed.keys() | after.packed.keys()):
        if before.packed.get(name) != after.packed.get(name):
            yield f"the packed file '{name}'"
    if _attributes(before.root) != _attributes(after.root):
        yield "its settings"
    sections = dict.fromkeys(child.tag for root in (before.root, after.root) for child in root)
    for section in sections:
        if section in NAMED:
            yield from _of_named(section, before.root, after.root)
        elif section not in (LOCATION, PICTURES) and _section(before, section) != _section(after, section):
            yield f"its {section}"


def _section(file: WorkbookFile, tag: str) -> list[Plain]:
    return [_plain(each) for each in file.root.findall(tag)]


def _workbook(text: bytes) -> Element:
    root: Element = fromstring(text)
    if root.tag != "workbook":
        raise Unreadable(f"its XML is a {root.tag}")
    return root


def _of_named(section: str, before: Element, after: Element) -> Iterator[str]:
    kind = NAMED[section]
    old, new = (
        {each.get("name"): each for each in root.iterfind(f"{section}/*")} for root in (before, after)
    )
    for name, item in {**old, **new}.items():
        words = f"{kind} '{item.get('caption') or name}'"
        if name not in new:
            yield f"{words} did not come back"
        elif name not in old:
            yield f"{words}, which was not saved"
        else:
            yield from _of_one(words, old[name], new[name])


def _of_one(words: str, before: Element, after: Element) -> Iterator[str]:
    """Connections by themselves: who restores wants to know of these first."""
    connections = [[_plain(each) for each in item.findall("connection")] for item in (before, after)]
    if connections[0] != connections[1]:
        yield f"the connections of {words}"
    rest = [_plain(item, without="connection") for item in (before, after)]
    if rest[0] != rest[1]:
        yield words


def _plain(element: Element, without: str = "") -> Plain:
    """Tag, attributes, text and children; a sheet's location at the server left out."""
    children = tuple(
        _location(child) if child.tag == LOCATION else _plain(child)
        for child in element
        if child.tag != without and (child.tag != LOCATION or element.tag == "datasource")
    )
    text = (element.text or "").strip()
    return (element.tag, tuple(sorted(_attributes(element).items())), text, children)


def _location(element: Element) -> Plain:
    """Which published data source it is; its revision and the address it was reached at may be newer."""
    return (LOCATION, *sorted((k, v) for k, v in element.items() if k in OF_A_DATA_SOURCE))


def _attributes(element: Element) -> Mapping[str, Any]:
    """Without what the writer of the file says of itself, and without where in the package an extract is."""
    kept = dict(element.items())
    if element.tag == "workbook":
        return {name: value for name, value in kept.items() if name not in OF_THE_WRITER}
    if element.tag == "connection" and str(kept.get("dbname", "")).lower().endswith(EXTRACTS):
        del kept["dbname"]
    return kept
