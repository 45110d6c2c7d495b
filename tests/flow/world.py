"""A whole small company in memory: one fake per port, around the real ledger, for the use cases' tests.

`Platform` is the truth; `ThingReader`/`ThingWriter` speak for it like a connector, `RowStore` stands for
warehouse and dbt together. Everything can be told to fail. Only the ledger is the real one (SQLite).
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bi_governance.errors import (
    DeliveryError,
    NotInBackup,
    RecipientUnknown,
    RefusedForSafety,
    SourceError,
    SourceMissing,
)
from bi_governance.guards import Limits
from bi_governance.ledger import SqlLedger
from bi_governance.model import (
    Coverage,
    EarlierRun,
    Facts,
    FeedStatus,
    Interval,
    Mode,
    Person,
    RemovalRoute,
    SourceDay,
    Viewer,
    VisualKey,
)
from bi_governance.ports import (
    Announcement,
    BackupContent,
    BackupRef,
    Capabilities,
    Collected,
    Delivery,
    Digest,
    Page,
    Probe,
    Reach,
    Recipient,
    Rehearser,
    RestoreOutcome,
    Services,
    Sighting,
    Thread,
    TransformReport,
)
from bi_governance.rules import Policy

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
DAY = timedelta(days=1)


class Dial:
    """A clock that the test turns."""

    def __init__(self, start: datetime = START) -> None:
        self.moment = start

    def now(self) -> datetime:
        return self.moment

    def forward(self, days: float) -> None:
        self.moment += timedelta(days=days)


@dataclass(slots=True)
class Thing:
    """One visual as the platform has it."""

    native_id: str
    title: str
    owner: str = "ada"
    folder: str = "Shared"
    created_at: datetime = START - 200 * DAY
    updated_at: datetime = START - 200 * DAY
    exists: bool = True
    references: tuple[str, ...] = ()
    schedules: int = 0
    children: tuple[str, ...] = ()


@dataclass(slots=True)
class Platform:
    """The truth at one BI platform, and every call that changed it."""

    name: str
    clock: Dial
    things: dict[str, Thing] = field(default_factory=dict)
    views: list[tuple[datetime, str, str]] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    instance: str = "instance-1"
    failing: dict[str, SourceError] = field(default_factory=dict)
    lacking: list[Probe] = field(default_factory=list)
    probed: int = 0

    def add(self, native_id: str, title: str | None = None, **more: object) -> Thing:
        thing = Thing(native_id, title or f"Board {native_id}", **more)  # type: ignore[arg-type]
        self.things[native_id] = thing
        return thing

    def view(self, native_id: str, who: str = "bob", at: datetime | None = None) -> None:
        self.views.append((at or self.clock.now(), native_id, who))

    def check(self, call: str) -> None:
        if call in self.failing:
            raise self.failing[call]


class ThingReader:
    """Reads a Platform the way a connector would."""

    platform = "fake"
    inventory_feeds = ("fake_board",)
    history_feed = "fake_historical_access"
    capabilities = Capabilities(
        None, {"board": RemovalRoute.HARD}, lost_on_restore={"board": ("favourites are gone",)}
    )

    def __init__(self, truth: Platform) -> None:
        self.truth = truth
        self.name = truth.name

    def fingerprint(self) -> str:
        self.truth.check("fingerprint")
        return self.truth.instance

    def own_accounts(self) -> tuple[Person, ...]:
        self.truth.check("own_accounts")
        return (Person("robot"),)

    def read_inventory(self, feed: str) -> Iterator[Page]:
        for thing in self.truth.things.values():
            if thing.exists:
                yield [{"board_id": thing.native_id, "thing": replace(thing)}]
        self.truth.check("inventory")

    def history_start(self, wanted: datetime, now: datetime, proven: Coverage) -> datetime:
        self.truth.check("history")
        return wanted

    def read_history(self, window: Interval) -> Iterator[Page]:
        self.truth.check("history")
        # Somebody always uses something: a feed that never shows anything is not believed.
        pulse = {
            "event_key": f"pulse {window.start:%F}",
            "at": window.start,
            "thing": "another",
            "who": "eve",
        }
        yield [pulse]
        yield [
            {"event_key": f"{at.isoformat()}{who}{thing}", "at": at, "thing": thing, "who": who}
            for at, thing, who in self.truth.views
            if window.start <= at < window.end
        ]

    def look(self, key: VisualKey, since: datetime) -> Sighting:
        self.truth.check("look")
        thing = self.truth.things.get(key.native_id)
        if thing is None or not thing.exists:
            return Sighting(exists=False)
        used = [
            at
            for at, what, who in self.truth.views
            if what == key.native_id and who != "robot" and at > since
        ]
        return Sighting(
            exists=True,
            title=thing.title,
            owner_id=thing.owner,
            folder=thing.folder,
            last_used_at=max(used, default=None),
            updated_at=thing.updated_at,
            references=thing.references,
        )

    def backup(self, key: VisualKey) -> BackupContent:
        self.truth.check("backup")
        thing = self.truth.things[key.native_id]
        children = [f"{key.source}:board:{c}" for c in thing.children]
        return BackupContent({"thing.txt": repr(thing).encode()}, {"key": str(key), "children": children})

    def probe(self) -> Iterator[Probe]:
        self.truth.probed += 1
        self.truth.check("probe")
        yield Probe("connection", ok=True, detail="fine")
        yield from self.truth.lacking

    def close(self) -> None:
        """Nothing to close."""


class ThingWriter:
    """Changes a Platform, and has it written down."""

    def __init__(self, truth: Platform) -> None:
        self.truth = truth

    def remove(self, key: VisualKey) -> None:
        self.truth.check("remove")
        thing = self.truth.things.get(key.native_id)
        if thing is None or not thing.exists:
            raise SourceMissing("no such board", source=key.source, status=404)
        self.truth.writes.append(f"remove {key.native_id}")
        thing.exists = False

    def restore(self, key: VisualKey, route: RemovalRoute, saved: BackupContent) -> RestoreOutcome:
        self.truth.check("restore")
        self.truth.writes.append(f"restore {key.native_id}")
        self.truth.things[key.native_id].exists = True
        return RestoreOutcome(key.native_id, ("favourites are gone",))

    def close(self) -> None:
        """Nothing to close."""


class Arms:
    """An armory that, like the real one, asks the ledger at the moment of asking."""

    def __init__(self, platforms: Mapping[str, Platform], ledger: SqlLedger) -> None:
        self.platforms = platforms
        self.ledger = ledger
        self.handed_out: list[str] = []
        self.rehearsers: dict[str, Rehearser] = {}

    def remover(self, source: str) -> ThingWriter:
        if self.ledger.state().mode_of(source) is not Mode.LIVE:
            raise RefusedForSafety(f"{source} is in dry-run")
        self.handed_out.append(source)
        return ThingWriter(self.platforms[source])

    def restorer(self, source: str) -> ThingWriter:
        return ThingWriter(self.platforms[source])

    def rehearser(self, source: str) -> Rehearser | None:
        return self.rehearsers.get(source)


class Stage:
    """Inventory on its way into a RowStore."""

    def __init__(self, store: "RowStore", source: str, run_id: str) -> None:
        self.store, self.source, self.run_id = store, source, run_id
        self.rows: list[Thing] = []

    def write(self, table: str, page: Page) -> None:
        self.rows.extend(row["thing"] for row in page if "thing" in row)  # type: ignore[misc]

    def commit(self, at: datetime) -> None:
        self.store.things[self.source] = self.rows

    def discard(self) -> None:
        self.rows = []


class RowStore:
    """Warehouse and marts at once: what was collected, and the facts that follow from it."""

    def __init__(self) -> None:
        self.things: dict[str, list[Thing]] = {}
        self.history: dict[str, dict[str, Mapping[str, object]]] = {}
        self.collected: list[Collected] = []
        self.robots: dict[str, set[str]] = {}
        self.read_orders: set[str] = set()
        self.people: dict[str, Person | None] = {}
        self.folder_owners: dict[str, Person] = {}

    def prepare(self) -> None:
        """Nothing to create."""

    def stage(self, source: str, run_id: str, tables: Sequence[str]) -> Stage:
        return Stage(self, source, run_id)

    def append_history(self, table: str, source: str, run_id: str, at: datetime, page: Page) -> int:
        rows = self.history.setdefault(source, {})
        before = len(rows)
        rows.update({str(row["event_key"]): row for row in page})
        return len(rows) - before

    def covered_windows(self, source: str) -> list[Interval]:
        return [
            Interval(c.window_start, c.window_end)
            for c in self.collected
            if c.source == source and c.status == "complete" and c.window_start and c.window_end
        ]

    def record_collection(self, outcomes: Sequence[Collected]) -> None:
        self.collected.extend(outcomes)

    def set_robots(self, source: str, accounts: Sequence[Person], at: datetime) -> None:
        self.robots[source] = {a.id for a in accounts}

    def facts(self) -> list[Facts]:
        return [self._facts(source, thing) for source, things in self.things.items() for thing in things]

    def _facts(self, source: str, thing: Thing) -> Facts:
        robots = self.robots.get(source, set())
        seen: list[datetime] = [
            row["at"]  # type: ignore[misc]
            for row in self.history.get(source, {}).values()
            if row["thing"] == thing.native_id and row["who"] not in robots
        ]
        return Facts(
            VisualKey(source, "board", thing.native_id),
            "fake",
            thing.title,
            folder=thing.folder,
            owner=self.people.get(thing.owner, _person(thing.owner)),
            folder_owner=self.folder_owners.get(thing.folder),
            created_at=thing.created_at,
            updated_at=thing.updated_at,
            last_viewed_at=max(seen, default=None),
            active_schedules=thing.schedules,
        )

    def viewers(self, keys: Collection[VisualKey]) -> dict[VisualKey, tuple[Viewer, ...]]:
        """As the mart ranks them: by their uses, then by the last one."""
        return {key: found for key in keys if (found := tuple(self._viewers(key)))}

    def _viewers(self, key: VisualKey) -> Iterator[Viewer]:
        robots, seen = self.robots.get(key.source, set()), {}
        for row in self.history.get(key.source, {}).values():
            if row["thing"] == key.native_id and row["who"] not in robots:
                seen.setdefault(str(row["who"]), []).append(row["at"])
        for who in sorted(seen, key=lambda who: (-len(seen[who]), -max(seen[who]).timestamp(), who)):
            yield Viewer(_person(who), len(seen[who]), max(seen[who]))

    def uses_around(self, day: date, days: int, *, deliveries: bool) -> dict[VisualKey, date]:
        found: dict[VisualKey, list[date]] = {}
        for source, rows in self.history.items():
            for row in rows.values():
                used = row["at"].date()  # type: ignore[union-attr]
                if row["who"] not in self.robots.get(source, set()) and abs(used - day) <= days * DAY:
                    found.setdefault(VisualKey(source, "board", str(row["thing"])), []).append(used)
        return {key: min(uses, key=lambda used: abs(used - day)) for key, uses in found.items()}

    def witnessed(self) -> dict[VisualKey, Interval]:
        return {}

    def upstream(self, keys: Sequence[VisualKey]) -> dict[VisualKey, tuple[str, ...]]:
        return {key: ("shop.orders",) for key in keys if key.native_id in self.read_orders}

    def last_views(self, keys: Collection[VisualKey]) -> dict[VisualKey, date]:
        found: dict[VisualKey, date] = {}
        for key in keys:
            robots = self.robots.get(key.source, set())
            for row in self.history.get(key.source, {}).values():
                if row["thing"] == key.native_id and row["who"] not in robots:
                    found[key] = max(found.get(key, date.min), row["at"].date())  # type: ignore[union-attr]
        return found

    def source_days(self) -> list[SourceDay]:
        days: dict[tuple[str, datetime], SourceDay] = {}
        for c in self.collected:
            if c.status != "complete" or c.window_start is None or c.window_end is None:
                continue
            day = c.window_start.replace(hour=0, minute=0, second=0, microsecond=0)
            old = days.get((c.source, day))
            events = [r for r in self.history.get(c.source, {}).values() if day <= r["at"] < day + DAY]  # type: ignore[operator]
            days[c.source, day] = SourceDay(
                c.source,
                day,
                min(c.window_start, old.covered_from) if old else c.window_start,
                max(c.window_end, old.covered_through) if old else c.window_end,
                len(events),
                *self._busiest(c.source, events),
            )
        return sorted(days.values(), key=lambda d: (d.source, d.day))

    def _busiest(self, source: str, events: Sequence[Mapping[str, object]]) -> tuple[Person | None, int]:
        used: dict[str, set[object]] = {}
        for row in events:
            if row["who"] not in self.robots.get(source, set()):
                used.setdefault(str(row["who"]), set()).add(row["thing"])
        if not used:
            return None, 0
        who = min(used, key=lambda who: (-len(used[who]), who))
        return _person(who), len(used[who])

    def feed_statuses(self) -> list[FeedStatus]:
        order = {"complete": 0, "partial": 1, "failed": 2}
        found = []
        for source, feed in {(c.source, c.feed) for c in self.collected}:
            mine = [c for c in self.collected if (c.source, c.feed) == (source, feed)]
            newest = [c for c in mine if c.run_id == mine[-1].run_id]
            worst = max(newest, key=lambda c: order[c.status])
            before = (c for c in mine if c.run_id != mine[-1].run_id and c.status == "complete")
            earlier = tuple(EarlierRun(c.finished_at, c.rows) for c in before)[-7:]
            rows, ended = sum(c.rows for c in newest), max(c.finished_at for c in newest)
            found.append(FeedStatus(source, feed, str(worst.status), rows, ended, worst.detail, earlier))
        return found

    def close(self) -> None:
        """Nothing to close."""


def _person(name: str) -> Person:
    return Person(name, name, f"{name}@acme.example", active=True)


class Marts:
    """dbt, which always succeeds here unless told otherwise."""

    def __init__(self) -> None:
        self.report = TransformReport(1, 1, (), 0.0)

    def build(self) -> TransformReport:
        return self.report


class Post:
    """A notifier that remembers every accepted message by its id."""

    items_per_message = 2

    def __init__(self, clock: Dial) -> None:
        self.clock = clock
        self.accepted: dict[str, tuple[Digest, Delivery]] = {}
        self.announced: list[Announcement] = []
        self.refuse: str | None = None
        self.refuse_edits: DeliveryError | None = None
        self.edits: list[Digest] = []
        self.unreachable: set[str] = set()

    def check(self) -> str:
        return "a letter box"

    def recipient(self, owner: Person | None) -> Recipient:
        if owner is None or owner.id in self.unreachable:
            raise RecipientUnknown("nobody is left to tell")
        return Recipient(owner.email or owner.id, owner.name)

    def reach(self, person: Person, source: str) -> Reach:
        if person.id in self.unreachable:
            return Reach(None, "is not in")
        return Reach(Recipient(person.email or person.id, person.name))

    def team(self, why: str) -> Recipient:
        raise RecipientUnknown(f"nobody is left to tell, because {why}")

    def trial_recipient(self) -> Recipient:
        return Recipient("#analytics", "the analytics team")

    def deliver(self, digest: Digest) -> Delivery:
        if self.refuse:
            raise DeliveryError(self.refuse)
        delivery = Delivery(f"D-{digest.recipient.address}", str(len(self.accepted)), self.clock.now())
        self.accepted[digest.message_id] = (digest, delivery)
        return delivery

    def announce(self, announcement: Announcement) -> Delivery:
        self.announced.append(announcement)
        return Delivery("#analytics", "0", self.clock.now())

    def restate(self, digest: Digest, sent: Thread) -> None:
        if self.refuse_edits is not None:
            raise self.refuse_edits
        old, delivery = self.accepted[digest.message_id]
        assert (delivery.channel, delivery.ts) == (sent.channel, sent.ts)
        assert {i.facts.key for i in old.items} == {i.facts.key for i in digest.items}
        self.edits.append(digest)

    def find(self, message_id: str, recipient: Recipient, since: datetime) -> Delivery | None:
        if self.refuse:
            raise DeliveryError(self.refuse)
        if any(a.message_id == message_id for a in self.announced):
            return Delivery("#analytics", "0", self.clock.now())
        found = self.accepted.get(message_id)
        return found[1] if found else None

    def told(self) -> list[tuple[str, str, str]]:
        """Who was told about what, and how."""
        return [
            (digest.recipient.address, str(digest.kind), item.facts.key.native_id)
            for digest, _ in self.accepted.values()
            for item in digest.items
        ]


class Shelf:
    """A backup store in memory."""

    def __init__(self) -> None:
        self.saved: dict[str, BackupContent] = {}
        self.fail: Callable[[], None] = lambda: None

    def check(self) -> str:
        return "a shelf"

    def save(self, key: VisualKey, episode: int, content: BackupContent, at: datetime) -> BackupRef:
        self.fail()
        path = f"{key}/{episode}"
        self.saved[path] = content
        return BackupRef(path, "0", 1)

    def load(self, path: str) -> BackupContent:
        if path not in self.saved:
            raise NotInBackup(f"no backup at {path}")
        return self.saved[path]

    def has(self, path: str) -> bool:
        return path in self.saved

    def remove(self, path: str) -> None:
        if self.saved.pop(path, None) is None:
            raise NotInBackup(f"no backup at {path}")

    def paths(self) -> Iterator[str]:
        yield from self.saved


class Quiet:
    """Progress nobody watches."""

    def update(self, source: str, feed: str, rows: int) -> None:
        """Not shown."""

    def done(self, source: str, feed: str, status: str) -> None:
        """Not shown."""


class World:
    """The company: platforms, people, and the services one run works with."""

    def __init__(self, folder: Path, *sources: str, **changes: object) -> None:
        self.clock = Dial()
        self.platforms = {name: Platform(name, self.clock) for name in sources or ("bi",)}
        self.ledger = SqlLedger(f"sqlite:///{folder}/ledger.db")
        self.ledger.prepare()
        self.store, self.post, self.shelf, self.marts = RowStore(), Post(self.clock), Shelf(), Marts()
        self.arms = Arms(self.platforms, self.ledger)
        limits = Limits(trial_days=0, ramp_first=None)
        self.services = Services(
            readers={name: ThingReader(truth) for name, truth in self.platforms.items()},
            armory=self.arms,
            warehouse=self.store,
            transformer=self.marts,
            ledger=self.ledger,
            notifier=self.post,
            backups=self.shelf,
            clock=self.clock,
            progress=Quiet(),
            policy=Policy(),
            limits=limits,
            history_days=90,
        )
        self.services = replace(self.services, **changes)  # type: ignore[arg-type]

    @property
    def bi(self) -> Platform:
        return self.platforms["bi"]

    def key(self, native_id: str, source: str = "bi") -> VisualKey:
        return VisualKey(source, "board", native_id)

    def close(self) -> None:
        self.ledger.close()
