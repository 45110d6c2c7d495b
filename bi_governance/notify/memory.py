"""What was found out about addresses, kept in a file: who they are, and that nobody is known by them."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bi_governance.errors import DeliveryError
from bi_governance.ports import Clock

# That nobody is known by an address, or that somebody cannot be told, is believed no longer than this.
MISS = timedelta(hours=20)


@dataclass(frozen=True, slots=True)
class Found:
    """What Slack said about one address or member: a member to write to, or why there is none."""

    at: datetime
    id: str = ""
    name: str = ""
    problem: str = ""
    is_guest: bool = False
    zone: str = ""


class Memory:
    """Answers by address, believed for `lasts` (misses at most 20 hours); without `file` for this run only.

    The file holds personal data: one JSON object per line, readable by its owner alone. What has expired is
    removed when the file is opened. A line that a crash cut off is one answer less. Raises DeliveryError
    when the file cannot be read or written.
    """

    def __init__(self, clock: Clock, lasts: timedelta, file: Path | None = None) -> None:
        self._clock = clock
        self._lasts = lasts
        self._file = file
        self._answers: dict[str, Found] | None = None

    def get(self, address: str) -> Found | None:
        """The answer, if there is one that can still be believed."""
        found = self._known.get(address)
        return found if found is not None and self._holds(found) else None

    def put(self, address: str, found: Found) -> None:
        """Remember an answer instead of any earlier one."""
        self._known[address] = found
        if self._file is not None:
            with _in_our_words(self._file), _appended(self._file) as file:
                file.write(_line(address, found))

    def forget(self, id_: str) -> None:
        """Believe nothing that was said about a member any more."""
        for address in [address for address, found in self._known.items() if found.id == id_]:
            self.put(address, Found(self._clock.now() - self._lasts - MISS, id_))

    @property
    def _known(self) -> dict[str, Found]:
        if self._answers is None:
            self._answers = self._opened() if self._file is not None else {}
        return self._answers

    def _opened(self) -> dict[str, Found]:
        assert self._file is not None
        with _in_our_words(self._file):
            read = dict(_read(self._file))
            kept = {address: found for address, found in read.items() if self._holds(found)}
            if kept != read:
                _replace(self._file, "".join(_line(address, found) for address, found in kept.items()))
        return kept

    def _holds(self, found: Found) -> bool:
        lasts = min(self._lasts, MISS) if found.problem else self._lasts
        return timedelta(0) <= self._clock.now() - found.at < lasts


def _read(path: Path) -> Iterator[tuple[str, Found]]:
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(ValueError, TypeError, KeyError):
            record: dict[str, Any] = json.loads(line)
            address = str(record.pop("address"))
            yield address, Found(**{**record, "at": datetime.fromisoformat(record["at"])})


def _line(address: str, found: Found) -> str:
    return json.dumps({"address": address, **asdict(found), "at": found.at.isoformat()}) + "\n"


@contextlib.contextmanager
def _appended(path: Path) -> Iterator[Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with open(descriptor, "a", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, not a path
        yield file


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    with _appended(partial) as file:
        file.write(text)
    partial.replace(path)


@contextlib.contextmanager
def _in_our_words(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DeliveryError(f"What was found out about people cannot be kept in {path}: {reason}.") from error
