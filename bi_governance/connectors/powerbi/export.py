"""A report's file as Power BI hands it out, and whether it is one that can be put back."""

from __future__ import annotations

import io
import zipfile
from xml.parsers import expat

import requests

from bi_governance.connectors.powerbi.client import ORG, PowerBIClient
from bi_governance.errors import (
    SourceAuthFailed,
    SourceBroken,
    SourceConflict,
    SourceError,
    SourceThrottled,
    SourceUnreachable,
)

PBIX, RDL = "report.pbix", "report.rdl"
PAGINATED = "PaginatedReport"
# An import of more than this has to go through a temporary upload location, which is not supported here.
MOST_BYTES = 1_000_000_000
_CHUNK = 1 << 20
_REFUSED = (
    "It is not deleted without a backup. Our service principal may be no contributor of this workspace, or "
    "Power BI does not let this report be downloaded (a model too large, a live connection after a rebind, "
    "a protected label)."
)


def export(client: PowerBIClient, workspace_id: str, report_id: str, *, is_paginated: bool) -> bytes:
    """The .pbix without its model, which stays in the service, or the .rdl; checked to be one.

    SourceConflict when Power BI refuses or the file is too large to be put back; SourceBroken when what
    came is no such file.
    """
    path = f"{ORG}/groups/{workspace_id}/reports/{report_id}/Export"
    params = None if is_paginated else {"downloadType": "LiveConnect"}
    try:
        answer = client.send("GET", path, params=params, stream=True)
    except (SourceThrottled, SourceUnreachable, SourceAuthFailed):
        raise
    except SourceError as error:
        if error.status is not None and error.status >= 500:
            raise
        raise _conflict(f"it cannot be exported: {error.message}", client, path, error.status) from error
    with answer:
        content = _read(client, answer, path)
    flaw = flaw_in(content, is_paginated=is_paginated)
    if flaw:
        raise SourceBroken(f"the export cannot be used: {flaw}", source=client.source, request=f"GET {path}")
    return content


def flaw_in(content: bytes, *, is_paginated: bool) -> str:
    """What is wrong with an exported file; empty when nothing is."""
    return _flaw_in_rdl(content) if is_paginated else _flaw_in_pbix(content)


def _flaw_in_pbix(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            damaged = archive.testzip()
            names = archive.namelist()
    except (zipfile.BadZipFile, EOFError) as error:
        return f"no zip archive ({error})"
    if damaged:
        return f"{damaged} is damaged"
    return "" if any(name.startswith("Report/") for name in names) else "there is no report in the archive"


def _flaw_in_rdl(content: bytes) -> str:
    roots: list[str] = []
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda name, _: roots.append(name) if not roots else None
    try:
        parser.Parse(content, True)  # noqa: FBT003 - the signature is expat's
    except expat.ExpatError as error:
        return f"no XML ({error})"
    return "" if roots[0].rpartition(" ")[2] == "Report" else "no report definition"


def _read(client: PowerBIClient, answer: requests.Response, path: str) -> bytes:
    content = bytearray()
    try:
        for chunk in answer.iter_content(_CHUNK):
            content += chunk
            if len(content) > MOST_BYTES:
                raise _conflict(f"it has more than {MOST_BYTES} bytes", client, path, None)
    except requests.RequestException as error:
        raise SourceUnreachable(
            "the download was cut off", source=client.source, request=f"GET {path}", hint="Run again."
        ) from error
    return bytes(content)


def _conflict(what: str, client: PowerBIClient, path: str, status: int | None) -> SourceConflict:
    return SourceConflict(what, source=client.source, status=status, request=f"GET {path}", hint=_REFUSED)
