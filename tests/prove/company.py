"""A small company on sandbox servers: what its people do, and what the servers saw of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bi_governance.model import VisualKey
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.looker import LookerSandbox
from bi_governance.sandbox.looker_records import LookerVisual
from bi_governance.sandbox.slack import SlackSandbox
from bi_governance.sandbox.superset import SupersetSandbox
from bi_governance.sandbox.superset_records import SupersetVisual

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
START = datetime(2026, 3, 2, 6, tzinfo=UTC)  # a Monday
BORN = START - 200 * DAY
HISTORY_DAYS = 14  # how long its people have used things when the product arrives
LOOKER, SUPERSET = "looker_prod", "superset"
SOURCES = {LOOKER: "looker", SUPERSET: "superset"}
# Carol is not on Slack: what is hers is told in the channel. Vera's things are protected by a rule.
PEOPLE = ("ada", "ben", "carol", "vera")
ON_SLACK = ("ada", "ben", "vera")
CHANNEL, TEAM = "#bi-deprecation", "#analytics"
BUSY = 3  # visuals of each source that everybody opens every day


class WitnessedLooker(LookerSandbox):
    """A Looker that calls a witness the moment our account takes a visual away."""

    witness: Callable[[str, str, str], None] = staticmethod(lambda *_: None)

    def set_trash(self, visual: LookerVisual, *, deleted: bool, by: str) -> None:
        if deleted and by == self.credentials.user_id and not visual.deleted:
            self.witness(LOOKER, visual.kind, visual.id)
        super().set_trash(visual, deleted=deleted, by=by)


class WitnessedSuperset(SupersetSandbox):
    """A Superset that calls a witness the moment a visual is taken away over its API."""

    witness: Callable[[str, str, str], None] = staticmethod(lambda *_: None)

    def remove(self, visual: SupersetVisual) -> None:
        self.witness(SUPERSET, visual.kind, visual.uuid)
        super().remove(visual)

    def lose(self, visual: SupersetVisual) -> None:
        """Somebody of the company deletes it."""
        super().remove(visual)


@dataclass(slots=True)
class Item:
    """One visual, known by a handle that is part of its title and of no other title."""

    handle: str
    key: VisualKey
    owner: str
    title: str
    made_at: datetime
    uses: list[datetime] = field(default_factory=list)
    edits: list[datetime] = field(default_factory=list)  # and restores: what counts as use
    returns: list[tuple[datetime, datetime]] = field(default_factory=list)  # into the trash, and out of it
    changes: list[datetime] = field(default_factory=list)  # what else makes another thing of it
    held_by: Item | None = None
    scheduled: Any = None
    certified: bool = False


class Company:
    """The servers, the people and what they have."""

    def __init__(self) -> None:
        self.clock = SimulatedClock(BORN)
        self.looker, self.superset = WitnessedLooker(self.clock), WitnessedSuperset(self.clock)
        self.slack = SlackSandbox(self.clock)
        self.servers = {LOOKER: self.looker, SUPERSET: self.superset, "slack": self.slack}
        self.items: list[Item] = []
        self.busy: list[Item] = []
        self.people = {name: self._hire(name) for name in PEOPLE}
        for name in (CHANNEL, TEAM):
            self.slack.add_channel(name)
        self.dataset = self.superset.add_dataset("orders", owner_id=self.people["vera"][SUPERSET])
        self._numbers = iter(range(10_000))
        for source in SOURCES:
            self.busy += [self._make(source, "dashboard", "vera") for _ in range(BUSY)]
        self._furnish()
        self._live_before()

    def _hire(self, name: str) -> dict[str, Any]:
        email, full = f"{name}@acme.example", name.title()
        if name in ON_SLACK:
            self.slack.add_member(email, full)
        return {
            LOOKER: self.looker.add_person(email, full),
            SUPERSET: self.superset.add_person(email, full),
        }

    def _furnish(self) -> None:
        for owner, source, type_ in (
            ("ada", LOOKER, "dashboard"),
            ("ben", LOOKER, "dashboard"),
            ("carol", LOOKER, "look"),
            ("ada", LOOKER, "look"),
            ("vera", LOOKER, "dashboard"),
            ("ben", SUPERSET, "dashboard"),
            ("ada", SUPERSET, "chart"),
            ("carol", SUPERSET, "dashboard"),
            ("ben", SUPERSET, "chart"),
        ):
            self.items.append(self._make(source, type_, owner))

    def _live_before(self) -> None:
        """The days before the product: everybody opens what is busy, and each thing was opened once."""
        first = START - HISTORY_DAYS * DAY
        for number, item in enumerate(self.items):
            self.clock.set(first + (number + 1) * HOUR)
            self.use(item)
        self.clock.set(first + 12 * HOUR)
        for _ in range(HISTORY_DAYS - 1):
            self.clock.advance(DAY)
            self.live()
        self.clock.set(START + 6 * HOUR)

    @contextmanager
    def serving(self) -> Iterator[Company]:
        with ExitStack() as stack:
            for sandbox in self.servers.values():
                stack.enter_context(sandbox.serve())
            yield self

    # -- what people do ----------------------------------------------------------------------------

    def live(self) -> None:
        """Everybody opens what is busy, now."""
        for item in self.busy:
            for name in PEOPLE:
                self.use(item, name)

    def make(self, source: str, type_: str, owner: str) -> Item:
        item = self._make(source, type_, owner)
        self.items.append(item)
        return item

    def _make(self, source: str, type_: str, owner: str) -> Item:
        handle, now = f"Q{next(self._numbers):04d}", self.clock.now()
        title, mine = f"{handle} sales", {"owner_id": self.people[owner][source], "created_at": now}
        if source == LOOKER:
            add = self.looker.add_look if type_ == "look" else self.looker.add_dashboard
            native = add(title, **mine)
        elif type_ == "chart":
            native = self.superset.charts[
                self.superset.add_chart(title, dataset_id=self.dataset, **mine)
            ].uuid
        else:
            native = self.superset.dashboards[self.superset.add_dashboard(title, **mine)].uuid
        return Item(handle, VisualKey(source, type_, native), owner, title, now)

    def there(self, item: Item) -> Any:
        """The visual in its server's own state, None when it is gone (Looker's trash is gone, too)."""
        key = item.key
        if key.source == LOOKER:
            found = self.looker.visuals.get(f"{key.type}:{key.native_id}")
            return None if found is None or found.deleted else found
        visuals = self.superset.visuals(key.type).values()
        return next((v for v in visuals if v.uuid == key.native_id), None)

    def is_there(self, item: Item) -> bool:
        return self.there(item) is not None

    def holder_of(self, item: Item) -> Item | None:
        """What it is shown in, while that is there."""
        holder = item.held_by
        return holder if holder is not None and self.is_there(holder) else None

    def use(self, item: Item, who: str = "ben") -> None:
        """Somebody opens it, and with it what it shows."""
        visual = self.there(item)
        if visual is None:
            return
        source, now = item.key.source, self.clock.now()
        self.servers[source].view(item.key.type, visual.id, by=self.people[who][source], at=now)
        item.uses.append(now)
        for held in self.items:
            if held.held_by is item and self.is_there(held):
                if source == LOOKER:
                    self.looker.view(held.key.type, held.key.native_id, by=self.people[who][source], at=now)
                held.uses.append(now)

    def robot_use(self, item: Item) -> None:
        """Our own account runs it, which is no use."""
        visual = self.there(item)
        if visual is not None:
            sandbox = self.servers[item.key.source]
            sandbox.machine_run(item.key.type, visual.id, by=sandbox.credentials.user_id)

    def edit(self, item: Item, *, rename: bool) -> None:
        visual = self.there(item)
        if visual is not None:
            item.title += "+" if rename else ""
            by = self.people[item.owner][item.key.source]
            self.servers[item.key.source].edit(item.key.type, visual.id, by=by, title=item.title)
            item.edits.append(self.clock.now())

    def give(self, item: Item, owner: str) -> None:
        visual = self.there(item)
        if visual is None or owner == item.owner:
            return
        item.owner, number = owner, self.people[owner][item.key.source]
        if item.key.source == LOOKER:
            visual.owner_id = number
        else:
            visual.owner_ids = [number]
        item.changes.append(self.clock.now())

    def schedule(self, item: Item) -> None:
        visual = self.there(item)
        if visual is None or item.scheduled:
            return
        by = self.people["ada"][item.key.source]
        if item.key.source == LOOKER:
            item.scheduled = self.looker.add_schedule(item.key.type, visual.id, owner_id=by)
        else:
            about = {f"{item.key.type}_id": visual.id}
            item.scheduled = self.superset.add_report(f"Report {item.handle}", owner_id=by, **about)
        item.changes.append(self.clock.now())

    def unschedule(self, item: Item) -> None:
        if item.scheduled:
            plans = self.looker.plans if item.key.source == LOOKER else self.superset.reports
            plans.pop(item.scheduled, None)
            item.scheduled = None
            item.changes.append(self.clock.now())

    def certify(self, item: Item, *, certified: bool) -> None:
        visual = self.there(item)
        if visual is not None and item.certified is not certified:
            item.certified = certified
            visual.certified_by = "vera" if certified else None
            item.changes.append(self.clock.now())

    def put_on(self, item: Item, holder: Item) -> None:
        """A look or a chart is shown on a dashboard of the same source."""
        inside, outside = self.there(item), self.there(holder)
        fits = item.key.type in ("look", "chart") and holder.key.type == "dashboard"
        same = item.key.source == holder.key.source and item.held_by is None
        if not (fits and same and inside and outside):
            return
        if item.key.source == LOOKER:
            self.looker.add_tile(outside.id, look_id=inside.id)
        else:
            outside.chart_ids.append(inside.id)
        item.held_by = holder

    def lose(self, item: Item) -> None:
        """Somebody deletes it at the platform."""
        visual = self.there(item)
        if visual is None:
            return
        if item.key.source == LOOKER:
            self.looker.set_trash(visual, deleted=True, by=self.people["ada"][LOOKER])
        else:
            self.superset.lose(visual)

    def bring_back(self, item: Item) -> None:
        """Somebody takes it out of Looker's trash."""
        visual = self.looker.visuals.get(f"{item.key.type}:{item.key.native_id}")
        if item.key.source == LOOKER and visual is not None and visual.deleted:
            lost_at, by_us = visual.deleted_at, visual.deleter_id == self.looker.credentials.user_id
            self.looker.set_trash(visual, deleted=False, by=self.people["ada"][LOOKER])
            if by_us or lost_at is None:
                item.edits.append(self.clock.now())
            else:
                item.returns.append((lost_at, self.clock.now()))

    # -- what the servers say ----------------------------------------------------------------------

    def population(self, source: str) -> int:
        if source == LOOKER:
            return sum(1 for v in self.looker.visuals.values() if not v.deleted)
        return len(self.superset.dashboards) + len(self.superset.charts)

    def writes(self, source: str) -> int:
        """How many changing calls of ours the server saw, refused ones included."""
        return len(self.servers[source].requests.writes())


def settings(company: Company, folder: Path, **changes: Any) -> dict[str, Any]:
    """A configuration file's content for this company; thresholds are short, so that much happens."""
    looker, superset = company.looker.credentials, company.superset.credentials
    base = {
        "warehouse": {"url": f"duckdb:///{folder}/warehouse.duckdb", "dbt_target": f"{folder}/dbt"},
        "ledger": {"url": f"sqlite:///{folder}/ledger.db"},
        "backups": {"url": f"file://{folder}/backups"},
        "sources": {
            LOOKER: {
                "platform": "looker",
                "base_url": company.looker.serve().url,
                "client_id": looker.client_id,
                "client_secret": looker.client_secret,
                "backoff": 0,
            },
            SUPERSET: {
                "platform": "superset",
                "base_url": company.superset.serve().url,
                "username": superset.username,
                "password": superset.password,
                "backoff": 0,
            },
        },
        "policy": {
            "idle_days": 8,
            "warning_days": 3,
            "reminder_days": [1],
            "restore_immunity_days": 4,
            "succession_grace_days": 2,
            "rules": [
                {
                    "name": "vera's are never touched",
                    "match": {"owner": "vera@acme.example"},
                    "protect": True,
                },
                # Nobody is in it; it has groups and roles read, and compared.
                {"name": "the board's are never touched", "match": {"group": "Board*"}, "protect": True},
            ],
        },
        "trial": {"days": 0},
        "viewers": {"at_most": 0},
        "people": {"cache": f"{folder}/people.jsonl"},
        "slack": {
            "bot_token": company.slack.token,
            "base_url": f"{company.slack.serve().url}/api/",
        },
    }
    return {**base, **changes}
