"""Workbook files as an emulated Tableau takes them in and hands them out again."""

from __future__ import annotations

import io
import zipfile
from xml.etree import ElementTree

_LOCATION = "repository-location"


def workbook_file(title: str, sheets: tuple[str, ...], *, extracts: bool = False) -> bytes:
    """A package with the workbook's XML, and an extract if there is one."""
    root = ElementTree.Element("workbook", {"version": "18.1", "source-build": "2025.3.0"})
    sources = ElementTree.SubElement(root, "datasources")
    source = ElementTree.SubElement(sources, "datasource", {"caption": "Orders", "name": "federated.1"})
    server = {"class": "snowflake", "server": "acme.example", "dbname": "sales", "username": "bi"}
    ElementTree.SubElement(source, "connection", server)
    if extracts:
        extract = ElementTree.SubElement(source, "extract", {"enabled": "true"})
        inside = {"class": "hyper", "dbname": "Data/Extracts/extract.hyper"}
        ElementTree.SubElement(extract, "connection", inside)
    worksheets = ElementTree.SubElement(root, "worksheets")
    for sheet in sheets:
        ElementTree.SubElement(worksheets, "worksheet", {"name": sheet})
    files = {f"{title}.twb": ElementTree.tostring(root)}
    if extracts:
        files["Data/Extracts/extract.hyper"] = b"HyPe" + b"\r\n--\x00" * 20
    return _packed(files)


def sheets_in(content: bytes) -> tuple[str, ...] | None:
    """The names of the sheets in a package or plain file, or None when it is no workbook."""
    try:
        _, root = _opened(content)
    except (zipfile.BadZipFile, StopIteration, ElementTree.ParseError):
        return None
    if root.tag != "workbook":
        return None
    return tuple(str(sheet.get("name")) for sheet in root.iter("worksheet"))


def as_stored(content: bytes) -> bytes:
    """The file without where it came from: publishing gives it a place of its own."""
    return _rewritten(content, None)


def as_downloaded(content: bytes, address: str, site: str) -> bytes:
    """The file as the server hands it out: the workbook and each sheet say where they are published."""
    path = f"/t/{site}/workbooks"
    placed = {"derived-from": f"https://tableau.example{path}/{address}?rev=1.0", "id": address, "path": path}
    return _rewritten(content, placed)


def _rewritten(content: bytes, location: dict[str, str] | None) -> bytes:
    """With this location on the workbook and its sheets, or none; what is no workbook stays as it is."""
    if sheets_in(content) is None:
        return content
    name, root = _opened(content)
    for place in (root, *root.iter("worksheet")):
        for old in place.findall(_LOCATION):
            place.remove(old)
        if location is not None:
            place.insert(0, ElementTree.Element(_LOCATION, location))
    written: bytes = ElementTree.tostring(root)
    if not name:
        return written
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        files = {each: archive.read(each) for each in archive.namelist()}
    return _packed({**files, name: written})


def _opened(content: bytes) -> tuple[str, ElementTree.Element]:
    """The name of the XML in the package, empty without a package, and its root."""
    if not content.startswith(b"PK"):
        return "", ElementTree.fromstring(content)  # noqa: S314 - published by tests
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".twb"))
        return name, ElementTree.fromstring(archive.read(name))  # noqa: S314 - published by tests


def _packed(files: dict[str, bytes]) -> bytes:
    """The same bytes for the same files, whenever they are packed."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return held.getvalue()
