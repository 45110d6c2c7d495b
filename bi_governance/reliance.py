"""Reliance: which backups a restore could need, and whether the store at hand is the one they were put in."""

from __future__ import annotations

from collections.abc import Iterator

from bi_governance.cases import Case
from bi_governance.errors import StoreUnmarked
from bi_governance.lifecycle import State
from bi_governance.ports import Services

# An unmarked store of an older version holds at least one of these, or it is not the store.
LOOKED_FOR = 100


def relied_upon(state: State) -> Iterator[Case]:
    """The visuals that are gone because of us (or may be: an interrupted deletion), in a fixed order."""
    for key in sorted(state.cases):
        case = state.cases[key]
        if case.removal is not None or case.removal_intended is not None:
            yield case


def backup_of(case: Case) -> str:
    """The path of the backup a restore would read; empty where the deletion had none."""
    holder = case.removal or case.removal_intended
    return holder.backup if holder is not None else ""


def must_be_the_store(services: Services) -> None:
    """Raise StoreUnmarked where the ledger knows backups and the store shows no sign of ever having had any.

    A folder or bucket that is mounted empty by mistake would pass for one whose backups are all gone, and
    a new backup in it could not be found once the right one is back.
    """
    doubt: StoreUnmarked | None = None
    for path in _newest(services.ledger.state()):
        try:
            services.backups.has(path)
        except StoreUnmarked as error:
            doubt = doubt or error
        else:
            return
    if doubt is not None:
        raise doubt


def _newest(state: State) -> list[str]:
    dated = [
        (holder.at, path)
        for case in relied_upon(state)
        if (holder := case.removal or case.removal_intended) is not None and (path := backup_of(case))
    ]
    return [path for _, path in sorted(dated, reverse=True)[:LOOKED_FOR]]
