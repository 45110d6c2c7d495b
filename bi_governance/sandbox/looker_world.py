"""What a Looker instance holds, and the ways people and machines change it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.looker_records import (
    ALL_USERS,
    DEFAULT_EXPLORE,
    LOOKML_FOLDER,
    SHARED_FOLDER,
    USERS_FOLDER,
    Kind,
    LookerAlert,
    LookerBoard,
    LookerFolder,
    LookerGroup,
    LookerPlan,
    LookerQuery,
    LookerTile,
    LookerUser,
    LookerVisual,
)
from bi_governance.sandbox.timeline import Timeline, from_micros


class LookerWorld:
    """The state of one instance, and the ways people change it; `at` defaults to the clock everywhere."""

    def __init__(self, clock: SimulatedClock) -> None:
        self.clock = clock
        self.history = Timeline()
        self.users: dict[str, LookerUser] = {}
        self.groups: dict[str, LookerGroup] = {ALL_USERS: LookerGroup(ALL_USERS, "All Users")}
        self.folders: dict[str, LookerFolder] = {}
        self.visuals: dict[str, LookerVisual] = {}
        self.queries: dict[str, LookerQuery] = {}
        self.tiles: dict[str, LookerTile] = {}
        self.plans: dict[str, LookerPlan] = {}
        self.alerts: dict[str, LookerAlert] = {}
        self.boards: dict[str, LookerBoard] = {}
        self.merges: dict[str, list[str]] = {}
        self.explores: dict[str, str] = {DEFAULT_EXPLORE: "analytics.marts.orders"}
        self._tiles_of: dict[str, dict[str, LookerTile]] = {}
        self._numbers: dict[str, Iterator[int]] = {}
        for id_, name in (
            (SHARED_FOLDER, "Shared"),
            (USERS_FOLDER, "Users"),
            (LOOKML_FOLDER, "LookML Dashboards"),
        ):
            self.folders[id_] = LookerFolder(id_, name, None)

    def next_id(self, what: str, first: int = 1) -> str:
        return str(next(self._numbers.setdefault(what, itertools.count(first))))

    def visual(self, kind: Kind, id_: str) -> LookerVisual:
        """Raises KeyError when there is none, trash included."""
        return self.visuals[f"{kind}:{id_}"]

    def visuals_of(self, kind: Kind) -> list[LookerVisual]:
        return [v for v in self.visuals.values() if v.kind == kind]

    def tiles_of(self, dashboard_id: str) -> list[LookerTile]:
        return list(self._tiles_of.get(dashboard_id, {}).values())

    def add_person(
        self, email: str | None, name: str, *, active: bool = True, service_account: bool = False
    ) -> str:
        """Add somebody and return the user id; everybody has a personal folder."""
        first, _, last = name.partition(" ")
        user = LookerUser(self.next_id("user"), first, last, email, not active, service_account)
        self.users[user.id] = user
        user.personal_folder_id = self.add_folder(
            name, parent_id=USERS_FOLDER, creator_id=user.id, personal=True
        )
        return user.id

    def add_group(self, name: str, *members: str, parent_id: str | None = None) -> str:
        """Add a group of these users, inside another one if that is named, and return its id."""
        id_ = self.next_id("group", int(ALL_USERS) + 1)
        self.groups[id_] = LookerGroup(id_, name, [parent_id] if parent_id else [], set(members))
        return id_

    def add_folder(
        self,
        name: str,
        *,
        parent_id: str = SHARED_FOLDER,
        creator_id: str | None = None,
        personal: bool = False,
        private: bool = False,
    ) -> str:
        folder = LookerFolder(self.next_id("folder", 10), name, parent_id, creator_id, personal, private)
        folder.created_at = self.clock.now()
        self.folders[folder.id] = folder
        return folder.id

    def personal_folder(self, user_id: str) -> str:
        return self.users[user_id].personal_folder_id or USERS_FOLDER

    def add_query(self, explore: str = DEFAULT_EXPLORE, **extra: object) -> str:
        """Save a query on `model.view` and return its id."""
        model, _, view = explore.partition(".")
        self.explores.setdefault(explore, f"analytics.marts.{view}")
        query = LookerQuery(self.next_id("query"), model, view, (f"{view}.count",), dict(extra))
        self.queries[query.id] = query
        return query.id

    def add_merge(self, explores: Iterable[str]) -> str:
        """Save a result merged from one query on each explore, and return its id."""
        id_ = self.next_id("merge")
        self.merges[id_] = [self.add_query(explore) for explore in explores]
        return id_

    def add_dashboard(
        self,
        title: str,
        *,
        owner_id: str | None,
        folder_id: str = SHARED_FOLDER,
        created_at: datetime | None = None,
        tiles: Iterable[str] = (DEFAULT_EXPLORE,),
    ) -> str:
        """Add a dashboard with one tile per explore named, and return its id."""
        visual = self._add("dashboard", self.next_id("dashboard"), title, owner_id, folder_id, created_at)
        for explore in tiles:
            self.add_tile(visual.id, explore=explore)
        return visual.id

    def add_look(
        self,
        title: str,
        *,
        owner_id: str | None,
        folder_id: str = SHARED_FOLDER,
        created_at: datetime | None = None,
        explore: str = DEFAULT_EXPLORE,
    ) -> str:
        visual = self._add("look", self.next_id("look"), title, owner_id, folder_id, created_at)
        visual.query_id = self.add_query(explore)
        return visual.id

    def add_lookml_dashboard(self, model: str, name: str, title: str) -> str:
        """Add a dashboard kept as code; its id is `model::name` and it has no owner."""
        visual = self._add("dashboard", f"{model}::{name}", title, None, LOOKML_FOLDER, None)
        visual.lookml = True
        return visual.id

    def _add(
        self, kind: Kind, id_: str, title: str, owner_id: str | None, folder_id: str, at: datetime | None
    ) -> LookerVisual:
        moment = at or self.clock.now()
        visual = LookerVisual(kind, id_, title, owner_id, folder_id, moment, moment, f"s{kind[0]}{id_}")
        self.visuals[visual.key] = visual
        return visual

    def add_tile(
        self,
        dashboard_id: str,
        *,
        title: str = "Tile",
        look_id: str | None = None,
        explore: str = DEFAULT_EXPLORE,
    ) -> str:
        """Put a linked look (`look_id`) or a query on an explore on a dashboard, and return the tile's id."""
        query_id = None if look_id else self.add_query(explore)
        tile = LookerTile(self.next_id("tile"), dashboard_id, title, look_id, query_id)
        self.tiles[tile.id] = tile
        self._tiles_of.setdefault(dashboard_id, {})[tile.id] = tile
        return tile.id

    def add_schedule(
        self,
        kind: Kind,
        id_: str,
        *,
        owner_id: str,
        emails: Iterable[str] = (),
        crontab: str = "0 6 * * 1",
        enabled: bool = True,
        next_run_at: datetime | None = None,
    ) -> str:
        plan = LookerPlan(
            self.next_id("plan"),
            f"Delivery of {self.visual(kind, id_).title}",
            owner_id,
            kind,
            id_,
            crontab,
            tuple(emails),
            self.clock.now(),
            enabled,
            next_run_at=next_run_at,
        )
        self.plans[plan.id] = plan
        return plan.id

    def add_alert(
        self, tile_id: str, *, owner_id: str, emails: Iterable[str] = (), disabled: bool = False
    ) -> str:
        alert = LookerAlert(self.next_id("alert"), tile_id, owner_id, tuple(emails), disabled)
        self.alerts[alert.id] = alert
        return alert.id

    def add_board(self, title: str, *, user_id: str, items: Iterable[tuple[Kind, str]] = ()) -> str:
        board = LookerBoard(self.next_id("board"), title, user_id, self.clock.now(), list(items))
        self.boards[board.id] = board
        return board.id

    def certify(self, kind: Kind, id_: str, *, by: str) -> None:
        self.visual(kind, id_).certified_by = by

    def view(self, kind: Kind, id_: str, *, by: str, at: datetime | None = None) -> None:
        """Somebody opens a visual in the browser: history rows (one per tile), counters and dates move."""
        moment = at or self.clock.now()
        visual = self._run(kind, id_, by, moment, source=kind)
        visual.view_count += 1
        visual.last_viewed_at = _later(visual.last_viewed_at, moment)

    def machine_run(
        self, kind: Kind, id_: str, *, by: str, at: datetime | None = None, source: str = "api4"
    ) -> None:
        """A program runs a visual: history and `last_accessed_at` move, views do not."""
        self._run(kind, id_, by, at or self.clock.now(), source)

    def deliver(
        self, plan_id: str, *, at: datetime | None = None, next_run_at: datetime | None = None
    ) -> None:
        """A schedule runs."""
        plan, moment = self.plans[plan_id], at or self.clock.now()
        self._run(plan.kind, plan.visual_id, plan.user_id, moment, "scheduled_task")
        plan.last_run_at, plan.next_run_at = moment, next_run_at

    def _run(self, kind: Kind, id_: str, by: str, moment: datetime, source: str) -> LookerVisual:
        visual = self.visual(kind, id_)
        rows = max(1, len(self.tiles_of(id_))) if kind == "dashboard" else 1
        for _ in range(rows):
            self.history.append(moment, visual.key, by, source)
        visual.last_accessed_at = _later(visual.last_accessed_at, moment)
        return visual

    def bulk_views(self, rows: Iterable[tuple[int, str, str, str]]) -> None:
        """Record many accesses of (microseconds since 1970, `kind:id`, user id, source), one row each."""
        self.history.extend(self._touching(rows))

    def _touching(self, rows: Iterable[tuple[int, str, str, str]]) -> Iterator[tuple[int, str, str, str]]:
        latest: dict[str, int] = {}
        counts: dict[str, int] = {}
        for row in rows:
            latest[row[1]] = max(latest.get(row[1], 0), row[0])
            counts[row[1]] = counts.get(row[1], 0) + 1
            yield row
        for key, micros in latest.items():
            visual = self.visuals[key]
            visual.last_viewed_at = visual.last_accessed_at = _later(
                visual.last_viewed_at, from_micros(micros)
            )
            visual.view_count += counts[key]

    def edit(
        self, kind: Kind, id_: str, *, by: str, at: datetime | None = None, title: str | None = None
    ) -> None:
        """Somebody saves a visual, perhaps under a new title."""
        visual = self.visual(kind, id_)
        visual.title = title or visual.title
        visual.updated_at, visual.last_updater_id = at or self.clock.now(), by

    def move(self, kind: Kind, id_: str, *, folder_id: str) -> None:
        self.visual(kind, id_).folder_id = folder_id

    def set_owner(self, kind: Kind, id_: str, *, owner_id: str) -> None:
        self.visual(kind, id_).owner_id = owner_id

    def set_trash(self, visual: LookerVisual, *, deleted: bool, by: str) -> None:
        """Move to the trash or bring back under the same id."""
        visual.deleted = deleted
        visual.deleted_at = self.clock.now() if deleted else None
        visual.deleter_id = by if deleted else None

    def remove(self, visual: LookerVisual) -> None:
        """Delete for good, with tiles, schedules and alerts."""
        del self.visuals[visual.key]
        gone = self._tiles_of.pop(visual.id, {}) if visual.kind == "dashboard" else {}
        for tile_id in gone:
            del self.tiles[tile_id]
        self.alerts = {i: a for i, a in self.alerts.items() if a.tile_id not in gone}
        self.plans = {
            i: p for i, p in self.plans.items() if (p.kind, p.visual_id) != (visual.kind, visual.id)
        }

    def deactivate(self, user_id: str) -> None:
        self.users[user_id] = replace(self.users[user_id], disabled=True)


def _later(known: datetime | None, moment: datetime) -> datetime:
    return moment if known is None else max(known, moment)
