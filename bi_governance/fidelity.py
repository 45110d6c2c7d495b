"""Fidelity: which parts of a visual a backup holds, which it lacks, and by whom it was made."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any

from bi_governance import __version__


class Part(StrEnum):
    """What there is to a visual; a backup holds some of it."""

    CONTENT = "content"
    OWNERS = "owners"
    PERMISSIONS = "permissions"
    SCHEDULES = "schedules"
    ALERTS = "alerts"
    FAVOURITES = "favourites"
    PLACE = "place"
    LINKS = "links"
    LINEAGE = "lineage"


# Per visual type and part, the files and manifest keys of a backup that hold it.
Held = Mapping[str, Mapping[Part, tuple[str, ...]]]


def fidelity(
    held: Mapping[Part, tuple[str, ...]], files: Collection[str], manifest: Mapping[str, Any]
) -> dict[str, Any]:
    """What this very backup holds, by where it is found there, and what it lacks.

    A part is held only where one of its places is really there; a platform that declares nothing holds
    its files as content.
    """
    declared = held or {Part.CONTENT: tuple(files)}
    holds = {str(part): found for part in Part if (found := _there(declared.get(part, ()), files, manifest))}
    return {
        "producer": f"bi-governance {__version__}",
        "holds": holds,
        "lacks": [str(part) for part in Part if part not in holds],
    }


def _there(places: Iterable[str], files: Collection[str], manifest: Mapping[str, Any]) -> list[str]:
    return [place for place in places if place in files or manifest.get(place) is not None]
