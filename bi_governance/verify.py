"""Verify: whether every backup the ledger relies on can still be read, and what else lies in the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bi_governance import events as ev
from bi_governance.errors import BackupLocked, NotInBackup, StorageError
from bi_governance.model import VisualKey
from bi_governance.ports import BackupStore, Services
from bi_governance.reliance import backup_of, relied_upon


class Condition(StrEnum):
    """How one backup was found; all but WHOLE are wrong."""

    WHOLE = "whole"
    MISSING = "missing"
    DAMAGED = "damaged"
    LOCKED = "locked"  # encrypted with a key that is not configured
    FOREIGN = "foreign"  # whole, but of another visual


@dataclass(frozen=True, slots=True)
class Checked:
    """One backup the ledger relies on, and in which condition it is; `detail` says what is wrong."""

    key: VisualKey
    path: str
    condition: Condition
    detail: str = ""


@dataclass(slots=True)
class VerifyReport:
    """What was found: how many are whole, what is wrong, what has no backup, and what nobody knows."""

    whole: int = 0
    wrong: list[Checked] = field(default_factory=list)
    without: list[VisualKey] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {
            "whole": self.whole,
            "wrong": [
                {"key": str(c.key), "path": c.path, "condition": str(c.condition), "detail": c.detail}
                for c in self.wrong
            ],
            "without_backup": [str(key) for key in self.without],
            "orphans": self.orphans,
        }


def verify(services: Services, *, source: str | None = None) -> VerifyReport:
    """Read every backup a restore could need, one at a time; with `source` only that source's.

    Files that no event names are listed and left alone: a deletion refused after its backup leaves one.
    StorageError when the store cannot even be listed.
    """
    report = VerifyReport()
    for case in relied_upon(services.ledger.state()):
        if source is not None and case.key.source != source:
            continue
        path = backup_of(case)
        if not path:
            report.without.append(case.key)
            continue
        checked = check(services.backups, case.key, path)
        if checked.condition is Condition.WHOLE:
            report.whole += 1
        else:
            report.wrong.append(checked)
    known = set(named(services))
    report.orphans = sorted(path for path in services.backups.paths() if path not in known)
    return report


def check(store: BackupStore, key: VisualKey, path: str) -> Checked:
    """Read one backup as a restore would: checksum, form, and whose it is."""
    try:
        saved = store.load(path)
    except NotInBackup as error:
        return Checked(key, path, Condition.MISSING, str(error))
    except BackupLocked as error:
        return Checked(key, path, Condition.LOCKED, str(error))
    except StorageError as error:
        return Checked(key, path, Condition.DAMAGED, str(error))
    said = saved.manifest.get("key")
    if said != str(key):
        return Checked(key, path, Condition.FOREIGN, f"it says it is of {said}, not of {key}")
    return Checked(key, path, Condition.WHOLE)


def named(services: Services) -> Iterator[str]:
    """The path of every backup any event names."""
    for event in services.ledger.events():
        if isinstance(event, ev.RemovalIntended | ev.Removed) and event.backup:
            yield event.backup
