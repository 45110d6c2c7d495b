"""What the use cases need from the outside: protocols and the plain values that cross them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol

from bi_governance.events import Event
from bi_governance.exemptions import Exemptions
from bi_governance.fidelity import Held
from bi_governance.guards import Limits
from bi_governance.lifecycle import State
from bi_governance.model import (
    Coverage,
    Facts,
    FeedStatus,
    Interval,
    Mode,
    NoticeKind,
    Person,
    RemovalRoute,
    Role,
    SourceDay,
    Viewer,
    VisualKey,
)
from bi_governance.people import People
from bi_governance.plan import Plan
from bi_governance.policy import Decision
from bi_governance.rules import Policy
from bi_governance.told import Ending
from bi_governance.window import ActionWindow

# One raw-table row without its `source`, `run_id` and `collected_at`, which the warehouse adds.
Row = Mapping[str, object]
Page = Sequence[Row]


class Clock(Protocol):
    """The one source of time, injected where the product is wired together."""

    def now(self) -> datetime:
        """The present moment, aware UTC."""
        ...


class FeedResult(StrEnum):
    """How reading a feed ended; only COMPLETE may lead to a decision."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    FAILED = "failed"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """One row of the raw table `collection`: how one feed (one window of it) ended."""

    source: str
    platform: str
    run_id: str
    feed: str
    status: FeedResult
    rows: int
    started_at: datetime
    finished_at: datetime
    window_start: datetime | None = None
    window_end: datetime | None = None
    detail: str = ""


class Staging(Protocol):
    """The inventory of one source on its way in; nothing is visible before `commit`."""

    def write(self, table: str, page: Page) -> None:
        """Add rows to the staged table (streamed; memory stays flat)."""
        ...

    def commit(self, at: datetime) -> None:
        """Replace the source's rows in every staged table, in one transaction."""
        ...

    def discard(self) -> None:
        """Forget everything staged; the previous inventory stays as it was."""
        ...


class Warehouse(Protocol):
    """Raw tables in, marts out. Raises StorageBusy when somebody else holds the file."""

    def prepare(self) -> None:
        """Create what is missing; safe to repeat."""
        ...

    def stage(self, source: str, run_id: str, tables: Sequence[str]) -> Staging:
        """Begin replacing the source's rows in these inventory tables."""
        ...

    def append_history(self, table: str, source: str, run_id: str, at: datetime, page: Page) -> int:
        """Add access rows, de-duplicated by `event_key`; returns how many were new."""
        ...

    def covered_windows(self, source: str) -> list[Interval]:
        """The history windows of the source that `collection` says are complete."""
        ...

    def record_collection(self, outcomes: Sequence[Collected]) -> None:
        """Append to the raw table `collection`."""
        ...

    def set_robots(self, source: str, accounts: Sequence[Person], at: datetime) -> None:
        """Say which accounts of the source never count as viewers."""
        ...

    def facts(self) -> list[Facts]:
        """The mart `visual_last_access` (coverage not filled in) with its containers."""
        ...

    def witnessed(self) -> Mapping[VisualKey, Interval]:
        """Per visual, the stretch for which the platform's own last-access field proves non-use."""
        ...

    def upstream(self, keys: Sequence[VisualKey]) -> Mapping[VisualKey, tuple[str, ...]]:
        """The tables, datasets and explores these visuals read, by name; nothing where none is known."""
        ...

    def viewers(self, keys: Collection[VisualKey]) -> Mapping[VisualKey, tuple[Viewer, ...]]:
        """The mart `visual_viewer` for these visuals: who used them most lately, in that order."""
        ...

    def last_views(self, keys: Collection[VisualKey]) -> Mapping[VisualKey, date]:
        """The last UTC day on which history shows a person viewing each of these, also if it is gone."""
        ...

    def uses_around(self, day: date, days: int, *, deliveries: bool) -> Mapping[VisualKey, date]:
        """Per visual the UTC day of use nearest to `day`, at most `days` away, where one is known."""
        ...

    def source_days(self) -> list[SourceDay]:
        """The mart `source_coverage`, newest 200 days."""
        ...

    def feed_statuses(self) -> list[FeedStatus]:
        """Per source and feed the worst status within its newest run (that run's rows and latest finish),

        with the row counts of complete runs of up to 7 earlier days, newest first.
        """
        ...

    def close(self) -> None:
        """Release connections, and with them the lock on a DuckDB file."""
        ...


@dataclass(frozen=True, slots=True)
class FailedTest:
    """A dbt node that failed; `platform` is empty when it concerns all sources."""

    name: str
    platform: str
    message: str


@dataclass(frozen=True, slots=True)
class TransformReport:
    """What a dbt build did."""

    built: int
    tests: int
    failed: tuple[FailedTest, ...]
    seconds: float


class Transformer(Protocol):
    """Builds the marts from the raw tables."""

    def build(self) -> TransformReport:
        """Run dbt build; TransformError when dbt itself cannot run."""
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to be the one runner; `token` grows with every holder (fencing)."""

    name: str
    holder: str
    token: int
    expires_at: datetime


class Ledger(Protocol):
    """The append-only record of what we decided and did."""

    def append(self, events: Sequence[Event], lease: Lease | None = None) -> int:
        """Record events in one transaction; those whose `once` is already there are left out.

        With a lease, LeaseLost is raised - and nothing recorded - when it is no longer ours.
        """
        ...

    def events(self, key: VisualKey | None = None, run_id: str | None = None) -> Iterator[Event]:
        """All events oldest first, or those of one visual or one run."""
        ...

    def state(self) -> State:
        """Everything folded."""
        ...

    def save_plan(self, plan: Plan, lease: Lease | None = None) -> None:
        """Keep the whole plan as JSON under its digest."""
        ...

    def plans(self, limit: int = 10) -> list[dict[str, Any]]:
        """The newest plans, newest first, as written by Plan.to_json."""
        ...

    def acquire(self, holder: str, now: datetime, seconds: int) -> Lease:
        """Become the one runner; LeaseHeld names who is."""
        ...

    def renew(self, lease: Lease, now: datetime, seconds: int) -> Lease:
        """Stay the one runner; LeaseLost when somebody took over."""
        ...

    def release(self, lease: Lease) -> None:
        """Let the next runner start at once."""
        ...


@dataclass(frozen=True, slots=True)
class Thread:
    """A delivered message that others can answer: where it is, as its Delivery said."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where a message goes, and as what its reader gets it.

    `succession` says why that may not be the owner, or why the owner may not see it; it gives a longer grace.
    With `thread` it goes there as a reply to an earlier message.
    """

    address: str
    name: str
    succession: str = ""
    thread: Thread | None = None
    role: Role = Role.OWNER


@dataclass(frozen=True, slots=True)
class Reach:
    """Where somebody can be told, or (without a recipient) why not: what follows `its owner ...`.

    A guest can be told about what is theirs, but does not stand in for anybody.
    """

    recipient: Recipient | None
    problem: str = ""
    is_guest: bool = False


@dataclass(frozen=True, slots=True)
class DigestItem:
    """One visual in a message.

    `part_of` and `holds` name the visuals around it, `reads` the tables and explores it is built on.
    With an `ending`, nothing is asked about it any more: the message says what became of it.
    """

    facts: Facts
    decision: Decision
    deadline: datetime | None = None
    note: str = ""
    lost_on_restore: tuple[str, ...] = ()
    route: RemovalRoute | None = None
    part_of: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    restorable_until: datetime | None = None
    ending: Ending | None = None
    viewed: Viewer | None = None


@dataclass(frozen=True, slots=True)
class Digest:
    """What one recipient is to be told at once; `message_id` finds it again after a crash."""

    message_id: str
    kind: NoticeKind
    mode: Mode
    recipient: Recipient
    items: tuple[DigestItem, ...]
    retention_days: int = 30


@dataclass(frozen=True, slots=True)
class Announcement:
    """Something the analytics team is told in its channel: a title and lines of plain text."""

    message_id: str
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """The acknowledgement of an accepted message."""

    channel: str
    ts: str
    at: datetime


class Notifier(Protocol):
    """Tells people; raises DeliveryError when a message was not accepted."""

    items_per_message: int

    def check(self) -> str:
        """Prove that messages can be sent, without sending one; says as whom and where."""
        ...

    def recipient(self, owner: Person | None) -> Recipient:
        """The owner if reachable, else the team's channel; RecipientUnknown when nobody is left."""
        ...

    def reach(self, person: Person, source: str) -> Reach:
        """Where somebody `source` knows can be told; DeliveryError when that cannot be told now.

        Whether they left, or are a service account, is asked before (`succession`).
        """
        ...

    def team(self, why: str) -> Recipient:
        """Who is told when nobody else can be, because of `why`; RecipientUnknown when nobody is."""
        ...

    def trial_recipient(self) -> Recipient:
        """Where dry-run notices go that owners are not to be bothered with."""
        ...

    def deliver(self, digest: Digest) -> Delivery:
        """Send one message; returning means accepted."""
        ...

    def announce(self, announcement: Announcement) -> Delivery:
        """Tell the analytics team."""
        ...

    def restate(self, digest: Digest, sent: Thread) -> None:
        """Make a delivered message say what its digest says now; doing it twice changes nothing.

        Raises NotEditable when that can never be done, another DeliveryError when it failed this time.
        """
        ...

    def find(self, message_id: str, recipient: Recipient, since: datetime) -> Delivery | None:
        """A message that was accepted although we never recorded it; None when it was not.

        DeliveryError when that cannot be told now, OutcomeUnknown when it can never be told.
        """
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
