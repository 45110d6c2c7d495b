"""The hash chain: every event's row carries a hash over itself and the row before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

from bi_governance.errors import StorageError
from bi_governance.events import KINDS, Event, VisualEvent, from_record, to_record
from bi_governance.ledger.schema import canonical, in_utc

# What the first event's `prev_hash` holds.
GENESIS = "0" * 64
HASHED = (
    "at",
    "kind",
    "source",
    "visual_key",
    "episode",
    "run_id",
    "actor",
    "data",
    "once",
    "prev_hash",
)


def link(events: Iterable[Event], last: str) -> list[dict[str, Any]]:
    """Rows for new events, chained onto the hash `last`; ValueError when one holds a naive datetime."""
    rows: list[dict[str, Any]] = []
    for event in events:
        row = {**_row(_in_utc(event)), "prev_hash": last}
        last = row["hash"] = digest(row)
        rows.append(row)
    return rows


def digest(row: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of everything in a row but its own number and hash."""
    content = {name: row[name] for name in HASHED}
    content["at"] = in_utc(row["at"]).isoformat()
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def check(row: Mapping[str, Any], last: str) -> str:
    """The row's hash, when it fits its content and the row before; StorageError names the row otherwise."""
    if row["prev_hash"] != last:
        raise StorageError(
            f"The ledger has been tampered with: event {row['seq']} does not follow the event before it."
        )
    if row["hash"] != digest(row):
        raise StorageError(
            f"The ledger has been tampered with: event {row['seq']} is not what was once recorded."
        )
    return str(row["hash"])


def event_of(row: Mapping[str, Any]) -> Event:
    """The event a row stands for; StorageError when only a newer version knows its kind."""
    if row["kind"] not in KINDS:
        raise StorageError(
            f"The ledger's event {row['seq']} is of the kind '{row['kind']}', which this version does not "
            "know; upgrade bi-governance."
        )
    return from_record(row["kind"], row["at"], row["actor"], row["run_id"], row["data"])


def _row(event: Event) -> dict[str, Any]:
    key = event.key if isinstance(event, VisualEvent) else None
    return {
        "at": event.at,
        "kind": event.kind,
        "source": key.source if key else getattr(event, "source", None),
        "visual_key": str(key) if key else None,
        "episode": getattr(event, "episode", None),
        "run_id": event.run_id,
        "actor": event.actor,
        "data": to_record(event),
        "once": event.once,
    }


def _in_utc(event: Event) -> Event:
    values = {f.name: getattr(event, f.name) for f in fields(event)}
    moments: dict[str, Any] = {name: in_utc(v) for name, v in values.items() if isinstance(v, datetime)}
    return replace(event, **moments)
