"""A warehouse in memory: it keeps what was collected and works out the facts by itself, without SQL or dbt.

`RowStore` keeps the windows and counts the feeds; what is known of every visual is told here a second time,
independently of the models in `dbt_project`, for Looker and Superset.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from bi_governance.model import EarlierRun, Facts, FeedStatus, Interval, Person, SourceDay, Viewer, VisualKey
from bi_governance.ports import Collected, Page
from tests.flow.world import RowStore

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DELIVERIES = ("scheduled_task", "schedule", "scheduled", "scheduler", "alerts", "alert", "data_delivery")
Row = Mapping[str, Any]


class MemoryStage:
    """The inventory of one source on its way in: all of its tables change places at once."""

    def __init__(self, store: MemoryWarehouse, source: str, tables: Sequence[str]) -> None:
        self._store, self._source = store, source
        self._rows: dict[str, list[Row]] = {table: [] for table in tables}

    def write(self, table: str, page: Page) -> None:
        self._rows[table].extend(page)

    def commit(self, at: datetime) -> None:
        self._store.tables[self._source] = self._rows
        self._store.note_seen(self._source, at)

    def discard(self) -> None:
        self._rows = {}


class MemoryWarehouse(RowStore):
    """What was collected from Looker and Superset, and the facts that follow from it."""

    def __init__(self, platforms: Mapping[str, str]) -> None:
        """`platforms` names the platform of every source."""
        super().__init__()
        self.platforms = platforms
        self.tables: dict[str, dict[str, list[Row]]] = {}
        self.first_seen: dict[VisualKey, datetime] = {}
        self.read_at: dict[str, datetime] = {}
        self.trashed: dict[VisualKey, bool] = {}
        self.returned: dict[VisualKey, datetime] = {}
        self.builds = 0

    def stage(self, source: str, run_id: str, tables: Sequence[str]) -> MemoryStage:
        return MemoryStage(self, source, tables)

    def note_seen(self, source: str, at: datetime) -> None:
        self.read_at[source] = at
        for facts in self._facts_of(source):
            self.first_seen.setdefault(facts.key, at)

    def build(self) -> None:
        """What changed between the inventories of two builds is remembered, as by dbt."""
        self.builds += 1
        for facts in self.facts():
            if self.trashed.get(facts.key, False) and not facts.is_trashed:
                self.returned[facts.key] = self.read_at[facts.key.source]
            self.trashed[facts.key] = facts.is_trashed

    def facts(self) -> list[Facts]:
        return sorted((f for source in self.tables for f in self._facts_of(source)), key=lambda f: f.key)

    def _facts_of(self, source: str) -> Iterator[Facts]:
        yield from self._told(source).facts()

    def _told(self, source: str) -> _Looker | _Superset:
        return (_Looker if self.platforms[source] == "looker" else _Superset)(self, source)

    def rows(self, source: str, table: str) -> list[Row]:
        return self.tables.get(source, {}).get(table, [])

    def machines(self, source: str, users: Mapping[str, Person]) -> set[str]:
        """The accounts that never count as viewers, by id."""
        named = self.robots.get(source, set())
        return named | {p.id for p in users.values() if {p.email, p.login} & named}

    def source_days(self) -> list[SourceDay]:
        """Per day, how far complete windows reach from the first one on, and how much people did."""
        windows: dict[tuple[str, datetime], list[Interval]] = defaultdict(list)
        for c in self.collected:
            if c.status == "complete" and c.window_start is not None and c.window_end is not None:
                windows[c.source, _midnight(c.window_start)].append(Interval(c.window_start, c.window_end))
        volumes: dict[tuple[str, datetime], int] = defaultdict(int)
        for source, rows in self.history.items():
            machines = self._told(source).machines
            for row in rows.values():
                if row["user_id"] not in machines:
                    volumes[source, _midnight(row["accessed_at"])] += 1  # type: ignore[arg-type]
        return [
            SourceDay(source, day, *_reach(found), volumes[source, day])
            for (source, day), found in sorted(windows.items())
        ]

    def feed_statuses(self) -> list[FeedStatus]:
        """How feeds ended; what was usual is told by the last complete run of each earlier day."""
        return [
            replace(status, earlier=tuple(self._earlier(status.source, status.feed)))
            for status in super().feed_statuses()
        ]

    def _earlier(self, source: str, feed: str) -> list[EarlierRun]:
        runs: dict[str, list[Collected]] = defaultdict(list)
        for c in self.collected:
            if (c.source, c.feed) == (source, feed):
                runs[c.run_id].append(c)
        *earlier, newest = runs.values()
        days = {
            run[0].finished_at.date(): EarlierRun(max(c.finished_at for c in run), sum(c.rows for c in run))
            for run in earlier
            if all(c.status == "complete" for c in run)
        }
        days.pop(newest[0].finished_at.date(), None)
        return [days[day] for day in sorted(days, reverse=True)[:7]]

    def viewers(self, keys: Collection[VisualKey]) -> dict[VisualKey, tuple[Viewer, ...]]:
        return {}

    def last_views(self, keys: Collection[VisualKey]) -> dict[VisualKey, date]:
        told = {source: self._told(source) for source in {key.source for key in keys}}
        seen = {key: told[key.source].last(key.type, key.native_id, "human", None) for key in keys}
        return {key: at.date() for key, at in seen.items() if at is not None}

    def uses_around(self, day: date, days: int, *, deliveries: bool) -> dict[VisualKey, date]:
        """No world lives long enough to have been used a year ago."""
        return {}

    def upstream(self, keys: Sequence[VisualKey]) -> dict[VisualKey, tuple[str, ...]]:
        return {}


def _reach(windows: Sequence[Interval]) -> tuple[datetime, datetime]:
    """The stretch from the first window on; what lies behind a gap is not proven to be all there was."""
    ordered = sorted(windows, key=lambda w: (w.start, w.end))
    start, end = ordered[0].start, ordered[0].end
    for window in ordered[1:]:
        if window.start > end:
            break
        end = max(end, window.end)
    return start, end


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


class _Told:
    """One source's visuals, with who used each and when."""

    def __init__(self, store: MemoryWarehouse, source: str) -> None:
        self.store, self.source = store, source
        self.users = self.people()
        self.machines = store.machines(source, self.users)
        self.uses: dict[tuple[str, str], list[tuple[datetime, str]]] = defaultdict(list)
        for row in store.history.get(source, {}).values():
            for type_, id_ in self.touched(row):
                self.uses[type_, id_].append((row["accessed_at"], self.how(row)))  # type: ignore[arg-type]

    def rows(self, table: str) -> list[Row]:
        return self.store.rows(self.source, table)

    def people(self) -> dict[str, Person]:
        raise NotImplementedError

    def groups(self, table: str, user_id: str | None) -> tuple[str, ...] | None:
        """What somebody is a member of; None for who is not listed, and where it was not read."""
        told = next((row["group_names"] for row in self.rows(table) if row["user_id"] == user_id), None)
        return None if told is None else tuple(json.loads(told))

    def touched(self, row: Row) -> Iterator[tuple[str, str]]:
        raise NotImplementedError

    def how(self, row: Row) -> str:
        """`human`, `delivery` or `machine`."""
        if row["user_id"] in self.machines:
            return "machine"
        return "delivery" if self.is_delivery(row) else "human"

    def is_delivery(self, row: Row) -> bool:
        raise NotImplementedError

    def facts(self) -> Iterator[Facts]:
        raise NotImplementedError

    def key(self, type_: str, id_: str) -> VisualKey:
        return VisualKey(self.source, type_, id_)

    def last(self, type_: str, id_: str, how: str, since: datetime | None) -> datetime | None:
        """The newest use of that sort; what is older than the visual was another's with the same id."""
        found = (at for at, kind in self.uses[type_, id_] if kind == how and (since is None or at >= since))
        return max(found, default=None)


class _Looker(_Told):
    """What Looker's tables say."""

    def people(self) -> dict[str, Person]:
        return {
            row["user_id"]: Person(
                row["user_id"],
                row["display_name"] or "",
                row["email"],
                not row["is_disabled"],
                "",
                bool(row["is_service_account"]),
            )
            for row in self.rows("looker_user")
        }

    def touched(self, row: Row) -> Iterator[tuple[str, str]]:
        for type_ in ("dashboard", "look"):
            if row[f"{type_}_id"] is not None:
                yield type_, row[f"{type_}_id"]

    def is_delivery(self, row: Row) -> bool:
        return str(row["source_kind"]).lower() in DELIVERIES

    def facts(self) -> Iterator[Facts]:
        folders = {row["folder_id"]: row for row in self.rows("looker_folder")}
        for type_ in ("dashboard", "look"):
            for row in self.rows(f"looker_{type_}"):
                yield self._facts(type_, row, folders.get(row["folder_id"]) or {})

    def _facts(self, type_: str, row: Row, folder: Row) -> Facts:
        id_, made = row[f"{type_}_id"], row["created_at"]
        viewed = self.last(type_, id_, "human", made)
        boards = {
            item["board_id"] for item in self.rows("looker_board_item") if item.get(f"{type_}_id") == id_
        }
        plans = [p for p in self.rows("looker_schedule") if p["enabled"] and id_ == p[f"{type_}_id"]]
        runs = (p["last_run_at"] for p in plans if p["last_run_at"] is not None)
        delivered = (self.last(type_, id_, "delivery", made), max(runs, default=None))
        return Facts(
            self.key(type_, id_),
            "looker",
            row["title"],
            url=row["url"],
            folder=folder.get("path") or "",
            owner=self._who(row["user_id"]),
            owner_groups=self.groups("looker_user", row["user_id"]),
            folder_owner=self._who(folder.get("creator_id")),
            created_at=made,
            updated_at=row["updated_at"],
            first_seen_at=self.store.first_seen.get(self.key(type_, id_)),
            returned_at=self.store.returned.get(self.key(type_, id_)),
            last_viewed_at=max(filter(None, (viewed, self._claimed(type_, id_, row))), default=None),
            last_delivered_at=max(filter(None, delivered), default=None),
            active_schedules=len(plans),
            published_links=len(boards) + bool(row.get("is_public")) + bool(folder.get("is_embed")),
            containers=tuple(sorted(self._containers(type_, id_))),
            is_certified=row["is_certified"],
            is_code_managed=bool(row.get("is_lookml")),
            is_personal=bool(folder.get("is_personal")),
            is_trashed=row["deleted"],
        )

    def _who(self, id_: str | None) -> Person | None:
        return None if id_ is None else self.users.get(id_) or Person(id_)

    def _claimed(self, type_: str, id_: str, row: Row) -> datetime | None:
        """Looker's own last access, unless history shows that it was a machine's."""
        claim = row["last_accessed_at"]
        if claim is None:
            return None
        near = {kind for at, kind in self.uses[type_, id_] if claim - HOUR <= at <= claim + HOUR}
        return claim if near <= {"human"} or "human" in near else None

    def _containers(self, type_: str, id_: str) -> set[VisualKey]:
        if type_ != "look":
            return set()
        tiles = self.rows("looker_dashboard_element")
        return {self.key("dashboard", tile["dashboard_id"]) for tile in tiles if tile["look_id"] == id_}


class _Superset(_Told):
    """What Superset's tables say; its log knows numbers, which stand for uuids."""

    def people(self) -> dict[str, Person]:
        return {
            row["user_id"]: Person(
                row["user_id"],
                f"{row['first_name']} {row['last_name']}".strip(),
                row["email"],
                row["active"],
                row["username"],
            )
            for row in self.rows("superset_user")
        }

    def touched(self, row: Row) -> Iterator[tuple[str, str]]:
        for type_ in ("dashboard", "chart"):
            number = row[f"{type_}_id"]
            if number is not None:
                known = row[f"{type_}_uuid"] or self._uuid(type_, number)
                if known:
                    yield type_, known

    def _uuid(self, type_: str, number: str) -> str | None:
        rows = self.rows(f"superset_{type_}")
        return next((row["uuid"] for row in rows if row[f"{type_}_id"] == number), None)

    def is_delivery(self, row: Row) -> bool:
        return bool(row["access_kind"] == "delivery")

    def facts(self) -> Iterator[Facts]:
        for type_ in ("dashboard", "chart"):
            for row in self.rows(f"superset_{type_}"):
                yield self._facts(type_, row)

    def _facts(self, type_: str, row: Row) -> Facts:
        id_, number = row["uuid"], row[f"{type_}_id"]
        plans = [
            p for p in self.rows("superset_schedule") if p["active"] and str(p[f"{type_}_id"]) == str(number)
        ]
        runs = (p["last_run_at"] for p in plans if p["last_run_at"] is not None)
        delivered = (self.last(type_, id_, "delivery", None), max(runs, default=None))
        return Facts(
            self.key(type_, id_),
            "superset",
            row["title"],
            url=row["url"],
            owner=self.users.get(row["owner_id"]) or (Person(row["owner_id"]) if row["owner_id"] else None),
            owner_groups=self.groups("superset_user", row["owner_id"]),
            updated_at=row["changed_at"],
            first_seen_at=self.store.first_seen.get(self.key(type_, id_)),
            returned_at=self.store.returned.get(self.key(type_, id_)),
            last_viewed_at=self.last(type_, id_, "human", None),
            last_delivered_at=max(filter(None, delivered), default=None),
            active_schedules=len(plans),
            published_links=int(bool(row.get("is_embedded"))),
            containers=tuple(sorted(self._containers(type_, number))),
            tags=tuple(json.loads(row["tags"] or "[]")),
            is_certified=bool(row["certified_by"]),
            is_code_managed=bool(row["is_managed_externally"]),
            is_trashed=row.get("deleted_at") is not None,
        )

    def _containers(self, type_: str, number: str) -> Iterator[VisualKey]:
        for placed in self.rows("superset_dashboard_chart"):
            if type_ == "chart" and placed["chart_id"] == number:
                on = self._uuid("dashboard", placed["dashboard_id"])
                if on:
                    yield self.key("dashboard", on)
