"""One BI platform, as the use cases see it: read by all, changed by whom the armory hands the means to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from bi_governance.fidelity import Held
from bi_governance.model import Coverage, Interval, Person, RemovalRoute, VisualKey

# One raw-table row without its `source`, `run_id` and `collected_at`, which the warehouse adds.
Row = Mapping[str, object]
Page = Sequence[Row]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can do, declared as data.

    `history_days` is how far back its access history reaches (None: as far as it was not pruned);
    `routes` says per visual type how a removal happens; a type not listed is never removed, hence nobody
    is warned of it: it is only reported; `why_no_route` says for such a type why, or what would change it;
    `lost_on_restore` lists per type, in words for people, what no restore brings back; `backups_hold` where
    in a backup each part of a visual is found; `why_no_drill` says, as what follows `because`, why restores
    are not rehearsed there. A reader whose settings take a route away declares its own.
    `groups` is what people are members of there, in words (`groups`, `roles and groups`), where the feed of
    users tells it when the option `groups` asks for it; empty: groups are not known at this platform.
    """

    history_days: int | None
    routes: Mapping[str, RemovalRoute]
    lost_on_restore: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    why_no_route: Mapping[str, str] = field(default_factory=dict)
    backups_hold: Held = field(default_factory=dict)
    why_no_drill: str = ""
    groups: str = ""

    def obstacle(self, visual_type: str) -> str:
        """Why visuals of the type can never be removed, in words; empty where they can."""
        if visual_type in self.routes:
            return ""
        why = self.why_no_route.get(visual_type)
        return f"this source has no way to remove {visual_type}s" + (f"; {why}" if why else "")


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing `doctor` checked at a source; `advice` says what to do when it is not ok.

    What is not ok stops every deletion at the source, unless `is_needed` says that none depends on it.
    """

    name: str
    ok: bool
    detail: str
    advice: str = ""
    is_needed: bool = True


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the platform itself says about one visual right now.

    `last_used_at` is its newest use by anybody but us and the configured robots; `references` are
    the living things (schedules, alerts, containers, links) that use it, in words. `folder` and
    `owner_id` are built the same way as in the inventory feeds.
    """

    exists: bool
    is_trashed: bool = False
    title: str = ""
    owner_id: str = ""
    folder: str = ""
    last_used_at: datetime | None = None
    updated_at: datetime | None = None
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BackupContent:
    """Everything saved about one visual: named files, and a manifest of plain JSON values.

    The manifest holds at least `key`, `title`, `owner`, `folder`, `url`, `children` (keys of visuals
    inside) and `lost` (what a restore cannot bring back); `platform_version` where the platform tells it.
    `fidelity` is added before it is saved: what the backup holds and lacks (see `fidelity.py`).
    """

    files: Mapping[str, bytes]
    manifest: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RestoreOutcome:
    """A visual that is back: under which native id, and what was lost, in words."""

    native_id: str
    lost: tuple[str, ...] = ()


class Reader(Protocol):
    """One source, read only; there is no method here that changes anything at the platform.

    Every method raises SourceError (a subclass that says why) when the platform refuses or fails.
    """

    name: str
    platform: str
    capabilities: Capabilities
    inventory_feeds: tuple[str, ...]
    history_feed: str

    def fingerprint(self) -> str:
        """A short text that stays the same for this instance and differs for any other."""
        ...

    def own_accounts(self) -> tuple[Person, ...]:
        """The accounts our own traffic shows up under, which never count as viewers."""
        ...

    def read_inventory(self, feed: str) -> Iterator[Page]:
        """Pages of rows for the raw table `feed`, to exhaustion.

        Running out normally means complete; IncompleteFeed means provably not everything.
        """
        ...

    def history_start(self, wanted: datetime, now: datetime, proven: Coverage) -> datetime:
        """The earliest moment at or after `wanted` from which history can be read completely.

        `proven` is what earlier collections proved already: a platform that keeps no history, only
        counters, can tell what happened since its counters were first read.
        """
        ...

    def read_history(self, window: Interval) -> Iterator[Page]:
        """Pages of access rows within the window, which never crosses a UTC midnight."""
        ...

    def look(self, key: VisualKey, since: datetime) -> Sighting:
        """The visual as it is right now, with uses after `since` searched for."""
        ...

    def backup(self, key: VisualKey) -> BackupContent:
        """Everything needed to bring the visual back; SourceConflict where it cannot be exported."""
        ...

    def probe(self) -> Iterable[Probe]:
        """Check connection, permissions and settings, one by one."""
        ...

    def close(self) -> None:
        """Log out and release connections."""
        ...


class Remover(Protocol):
    """The only thing that takes something away from a platform; it is never built in dry-run."""

    def remove(self, key: VisualKey) -> None:
        """Remove by the platform's declared route; SourceMissing when it is already gone."""
        ...

    def close(self) -> None:
        """Log out and release connections."""
        ...


class Restorer(Protocol):
    """The only thing that puts something back; used by the `restore` command alone."""

    def restore(self, key: VisualKey, route: RemovalRoute, saved: BackupContent) -> RestoreOutcome:
        """Bring a removed visual back, from the platform's trash or from the backup."""
        ...

    def close(self) -> None:
        """Log out and release connections."""
        ...


class Rehearser(Protocol):
    """Tries out a backup as a copy beside what lives; used by the `backups drill` command alone.

    `mark` tells one rehearsal's copies from everything else, also after a crash.
    """

    def refusal(self, key: VisualKey) -> str:
        """Why such a visual cannot be rehearsed here, as what follows `because`; empty where it can."""
        ...

    def rehearse(self, key: VisualKey, saved: BackupContent, mark: str) -> tuple[str, ...]:
        """Build a copy, read it back, remove it; what came back otherwise than saved, in words."""
        ...

    def clean_up(self, key: VisualKey, saved: BackupContent, mark: str) -> None:
        """Remove the copies that an interrupted rehearsal left; nothing there is fine."""
        ...

    def close(self) -> None:
        """Log out and release connections."""
        ...


class Armory(Protocol):
    """Hands out what can change a platform: removers only for sources that are live when asked."""

    def remover(self, source: str) -> Remover:
        """A remover for a source that is live now; RefusedForSafety in dry-run."""
        ...

    def restorer(self, source: str) -> Restorer:
        """A restorer, in any mode: undoing our own deletion must never need going live."""
        ...

    def rehearser(self, source: str) -> Rehearser | None:
        """What rehearses restores at the source, in any mode; None where none is built."""
        ...
