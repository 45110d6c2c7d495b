"""What became of a visual and of its backup."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bi_governance.events.base import VisualEvent
from bi_governance.model import RemovalRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalIntended(VisualEvent, kind="removal.intended"):
    """We are about to remove the visual; its backup has been verified (or is known not to exist)."""

    episode: int
    route: RemovalRoute
    backup: str
    plan_digest: str
    owner_id: str = ""
    restorable_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed(VisualEvent, kind="removal.done"):
    """The visual is gone from the platform, verified by reading back.

    `restorable_until` is what people are told: its backup is not purged before.
    """

    episode: int
    route: RemovalRoute
    backup: str
    owner_id: str = ""
    restorable_until: datetime | None = None

    @property
    def once(self) -> str | None:
        return f"removed:{self.key}:{self.episode}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalFailed(VisualEvent, kind="removal.failed"):
    """The removal did not happen; the visual is still there."""

    episode: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalRefused(VisualEvent, kind="removal.refused"):
    """A guard in the removal step said no to a planned deletion."""

    episode: int
    guard: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalSimulated(VisualEvent, kind="removal.simulated"):
    """Dry-run: this is where live would have deleted the visual."""

    episode: int
    plan_digest: str

    @property
    def once(self) -> str | None:
        return f"simulated:{self.key}:{self.episode}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreIntended(VisualEvent, kind="restore.intended"):
    """We are about to bring a removed visual back."""

    route: RemovalRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored(VisualEvent, kind="restore.done"):
    """The visual is back; restoring counts as use and grants immunity until `immune_until`."""

    immune_until: datetime
    native_id: str = ""
    lost: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreFailed(VisualEvent, kind="restore.failed"):
    """The visual could not be brought back."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillIntended(VisualEvent, kind="drill.intended"):
    """We are about to build a copy of a deleted visual from its backup, told apart by `mark`."""

    mark: str
    backup: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled(VisualEvent, kind="drill.done"):
    """The copy was compared with the backup and removed; `differences` is empty when all came back."""

    mark: str
    differences: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillFailed(VisualEvent, kind="drill.failed"):
    """The copy could not be built, compared or removed; the next run looks for what is left of it."""

    mark: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillCleaned(VisualEvent, kind="drill.cleaned"):
    """Nothing is left of a drill that was interrupted or failed."""

    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeIntended(VisualEvent, kind="purge.intended"):
    """We are about to delete the backup of a removed visual; the promise to restore it is over."""

    episode: int
    backup: str
    restorable_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged(VisualEvent, kind="visual.purged"):
    """The backup of a removed visual is gone for good; a copy in a platform's trash is not ours to empty."""

    episode: int = 0
    backup: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeRefused(VisualEvent, kind="purge.refused"):
    """A guard in the purge said no to a planned one."""

    guard: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeFailed(VisualEvent, kind="purge.failed"):
    """The backup is still there."""

    episode: int
    reason: str
