"""Trouble on demand: which requests go wrong, how, how often, and from when."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from xml.etree import ElementTree

FaultKind = Literal["status", "drop", "lost", "slow", "empty", "truncate", "html", "expire_token", "latency"]

LOGIN_PAGE = (
    "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form>Sign in</form></body></html>"
)
BAD_GATEWAY_PAGE = (
    "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
)

# Where the vendors put the rows of a list answer that is an object; everything else in it stays as it was.
_ROW_KEYS = ("result", "ids", "members", "channels", "messages", "value", "activityEventEntities")


@dataclass(frozen=True, slots=True)
class Fault:
    """One way for matching requests to fail.

    `match` is a regular expression searched in `METHOD /path`; the first `after` matching requests pass, the
    next `times` (None: all) fail. Kinds:

    - `status`: answer `status` with `body`, or in the vendor's error shape (502: an HTML page), and with
      `retry_after` seconds as a header;
    - `drop`: close the connection unanswered, `lost`: the same after the request was acted on; `slow`: never
      answer, let go when the client gives up or the server stops; `html`: 200 with a login page;
    - `empty`: 200 with no rows; `truncate`: half the rows under the full total;
    - `expire_token`: the token presented is no longer valid;
    - `latency`: answer normally after `latency_ms`; combines with the others.
    """

    match: str
    kind: FaultKind
    times: int | None = 1
    after: int = 0
    status: int = 500
    retry_after: int | None = None
    latency_ms: float = 0.0
    body: object = None


class Faults:
    """The faults in force, each counting the requests it has seen; `met` is set once one of them struck."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: list[tuple[Fault, int]] = []
        self.met = threading.Event()

    def add(self, *faults: Fault) -> None:
        with self._lock:
            self._seen.extend((fault, 0) for fault in faults)

    def clear(self) -> None:
        with self._lock:
            self._seen.clear()

    def take(self, method: str, path: str) -> list[Fault]:
        """The faults this request meets: any latency, then at most one failure; later faults keep waiting."""
        fired: list[Fault] = []
        failing = False
        with self._lock:
            for position, (fault, seen) in enumerate(self._seen):
                if not re.search(fault.match, f"{method} {path}") or (failing and fault.kind != "latency"):
                    continue
                self._seen[position] = (fault, seen + 1)
                if _fires(fault, seen):
                    fired.append(fault)
                    failing = failing or fault.kind != "latency"
        if fired:
            self.met.set()
        return sorted(fired, key=lambda fault: fault.kind != "latency")


def _fires(fault: Fault, seen: int) -> bool:
    return seen >= fault.after and (fault.times is None or seen < fault.after + fault.times)


def without_rows(body: bytes) -> bytes:
    """A list answer (JSON or XML) with its rows taken out and its totals at nought."""
    if body[:1] == b"<":
        return _xml_with(body, lambda _: 0, total="0")
    payload = json.loads(body)
    if isinstance(payload, list):
        return b"[]"
    return json.dumps({key: _emptied(key, value) for key, value in payload.items()}).encode()


def without_tail(body: bytes) -> bytes:
    """A list answer (JSON or XML) that lost the second half of its rows, its totals unchanged."""
    if body[:1] == b"<":
        return _xml_with(body, lambda rows: rows // 2)
    payload = json.loads(body)
    if isinstance(payload, list):
        return json.dumps(_head(payload)).encode()
    kept = {key: _head(value) if _is_rows(key, value) else value for key, value in payload.items()}
    return json.dumps(kept).encode()


def _xml_with(body: bytes, kept: Callable[[int], int], total: str | None = None) -> bytes:
    """An XML list after a `pagination` element, with so many of its rows kept."""
    root = ElementTree.fromstring(body)  # noqa: S314 - the sandbox's own words
    if len(root) == 2 and root[0].tag.endswith("pagination"):
        del root[1][kept(len(root[1])) :]
        if total is not None:
            root[0].set("totalAvailable", total)
    return ElementTree.tostring(root)


def _emptied(key: str, value: Any) -> Any:
    if key == "count":
        return 0
    if key == "response_metadata":
        return {"next_cursor": ""}
    return [] if _is_rows(key, value) else value


def _is_rows(key: str, value: Any) -> bool:
    return key in _ROW_KEYS and isinstance(value, list)


def _head(rows: Sequence[Any]) -> list[Any]:
    return list(rows[: len(rows) // 2])
