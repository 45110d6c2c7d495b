"""How large an inventory is expected to be: as large as it was, less what our own removals took away.

A guard that trips on its own work gets switched off; one that forgives more than our work explains is none.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bi_governance.model import EarlierRun, FeedStatus

# Feeds, by what follows the platform in their names, that no removal of a visual makes smaller.
LASTING = frozenset({"user", "folder", "project", "workspace"})


@dataclass(frozen=True, slots=True)
class OwnRemoval:
    """When we removed a visual that is still gone, and the feed that had listed it."""

    at: datetime
    feed: str


def usual_rows(feed: FeedStatus, feeds: Iterable[FeedStatus], removals: Sequence[OwnRemoval]) -> float | None:
    """The median of a feed's earlier sizes, each less what went with our removals since; None without any.

    A visual takes along what the feed has per visual of its kind - the tiles of a dashboard, the views of a
    workbook, its own row - and never less than one row. Sizes come from earlier runs only: an inventory that
    collapsed today must not excuse another.
    """
    if not feed.earlier:
        return None
    if feed.feed.partition("_")[2] in LASTING:
        return statistics.median(run.rows for run in feed.earlier)
    kinds = {other.feed: _median(other.earlier) for other in feeds}
    return statistics.median(
        max(0.0, run.rows - _taken_since(run, feed, kinds, removals)) for run in feed.earlier
    )


def _taken_since(
    run: EarlierRun, feed: FeedStatus, kinds: Mapping[str, float], removals: Iterable[OwnRemoval]
) -> float:
    since = (removal.feed for removal in removals if run.finished_at < removal.at < feed.finished_at)
    return sum(1.0 if kind == feed.feed else _rows_each(run.rows, kinds.get(kind)) for kind in since)


def _rows_each(rows: int, visuals: float | None) -> float:
    return max(1.0, rows / visuals) if visuals else 1.0


def _median(earlier: Sequence[EarlierRun]) -> float:
    return statistics.median(run.rows for run in earlier) if earlier else 0
