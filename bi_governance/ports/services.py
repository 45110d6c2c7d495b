"""Everything one run works with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bi_governance.exemptions import Exemptions
from bi_governance.guards import Limits
from bi_governance.model import VisualKey
from bi_governance.people import People
from bi_governance.ports.ledger import Ledger
from bi_governance.ports.platform import Armory, BackupContent, Reader
from bi_governance.ports.post import Notifier
from bi_governance.ports.warehouse import Transformer, Warehouse
from bi_governance.rules import Policy
from bi_governance.window import ActionWindow


class Clock(Protocol):
    """The one source of time, injected where the product is wired together."""

    def now(self) -> datetime:
        """The present moment, aware UTC."""
        ...


@dataclass(frozen=True, slots=True)
class BackupRef:
    """A saved backup: where it is and what it must hash to."""

    path: str
    sha256: str
    size: int


class BackupStore(Protocol):
    """Keeps backups; raises StorageError when it cannot."""

    def check(self) -> str:
        """Prove that backups can be written, read and moved; says where."""
        ...

    def save(self, key: VisualKey, episode: int, content: BackupContent, at: datetime) -> BackupRef:
        """Write the whole backup or nothing."""
        ...

    def load(self, path: str) -> BackupContent:
        """Read, check the checksum and parse; BackupUnreadable or NotInBackup otherwise."""
        ...

    def has(self, path: str) -> bool:
        """Whether a backup is there, whatever its condition; StoreUnmarked where absence proves nothing."""
        ...

    def remove(self, path: str) -> None:
        """Delete one backup for good; NotInBackup when there is none. `purge` alone may ask for it."""
        ...

    def paths(self) -> Iterator[str]:
        """The paths of all files in the store, backups or not, as they come."""
        ...


class Progress(Protocol):
    """Shows how far long work is."""

    def update(self, source: str, feed: str, rows: int) -> None:
        """`rows` of this feed have been read so far."""
        ...

    def done(self, source: str, feed: str, status: str) -> None:
        """The feed ended."""
        ...


class TrialNotices(StrEnum):
    """Who is told in dry-run."""

    CHANNEL = "channel"
    OWNERS = "owners"
    NONE = "none"


class ExemptionList(Protocol):
    """The team's reviewed exemptions, as they are written at the moment they are asked for."""

    def read(self) -> Exemptions:
        """Raises ConfigurationError when there are mistakes in them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything one run works with, put together by `app.py`."""

    readers: Mapping[str, Reader]
    armory: Armory
    warehouse: Warehouse
    transformer: Transformer
    ledger: Ledger
    notifier: Notifier
    backups: BackupStore
    clock: Clock
    progress: Progress
    policy: Policy
    limits: Limits
    config_digest: str = ""
    trial_notices: TrialNotices = TrialNotices.CHANNEL
    notice_window: ActionWindow = field(default_factory=ActionWindow)
    retention_days: int = 30
    robots: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    canaries: Mapping[str, tuple[VisualKey, ...]] = field(default_factory=dict)
    people: People = field(default_factory=People)
    viewers_at_most: int = 0
    allow_unrecoverable: frozenset[str] = frozenset()
    history_days: int = 0
    reread_days: int = 3
    holder: str = "bi-governance"
    lease_seconds: int = 900
    exemptions: ExemptionList | None = None

    def policy_now(self) -> Policy:
        """The policy with the exemptions as their file says now; ConfigurationError for mistakes in it."""
        if self.exemptions is None:
            return self.policy
        return replace(self.policy, exemptions=self.exemptions.read())
