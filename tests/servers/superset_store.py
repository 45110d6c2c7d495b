"""What a Superset itself knows: its metadata database, read behind its back and moved into the past."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from tests.servers.superset_boot import DATABASE

LOCK_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class StoredVisual:
    """A dashboard or chart as stored. Times are naive UTC, owners are user names in alphabetical order."""

    id: int
    uuid: str
    title: str
    owners: tuple[str, ...]
    created_on: datetime
    changed_on: datetime


@dataclass(frozen=True, slots=True)
class LogRow:
    """One row of Superset's ``logs``; ``dttm`` is naive UTC, ``json`` the text as stored."""

    id: int
    action: str
    username: str | None
    dashboard_id: int | None
    slice_id: int | None
    dttm: datetime
    json: str


class SupersetStore:
    """The SQLite metadata database in one server's home; the server may run meanwhile."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def dashboards(self) -> list[StoredVisual]:
        """Every dashboard, by id."""
        return self._visuals("dashboards", "dashboard_title", "dashboard_user", "dashboard_id")

    def dashboard(self, dashboard_id: int) -> StoredVisual | None:
        """One dashboard, or None when it is gone."""
        return next((found for found in self.dashboards() if found.id == dashboard_id), None)

    def charts(self) -> list[StoredVisual]:
        """Every chart, by id."""
        return self._visuals("slices", "slice_name", "slice_user", "slice_id")

    def charts_on(self, dashboard_id: int) -> list[int]:
        """The ids of the charts placed on a dashboard."""
        query = "select slice_id from dashboard_slices where dashboard_id = ? order by slice_id"
        with self._open() as database:
            return [int(row["slice_id"]) for row in database.execute(query, [dashboard_id])]

    def rows(self, table: str) -> list[dict[str, object]]:
        """Every row of one of Superset's tables, as stored."""
        with self._open() as database:
            return [dict(row) for row in database.execute(f"select * from {table}")]

    def log_rows(self, dashboard_id: int | None = None) -> list[LogRow]:
        """The access log in the order written, of one dashboard if given."""
        query = """
            select logs.id, action, username, dashboard_id, slice_id, dttm, json
            from logs left join ab_user on ab_user.id = logs.user_id
            where ?1 is null or dashboard_id = ?1 order by logs.id"""
        with self._open() as database:
            rows = [dict(row) for row in database.execute(query, [dashboard_id])]
        return [LogRow(**row | {"dttm": datetime.fromisoformat(row["dttm"])}) for row in rows]

    def shift_log(self, days: float, dashboard_id: int | None = None, chart_id: int | None = None) -> int:
        """Move log rows into the past, those of one dashboard or chart if given; returns how many."""
        with self._open(days) as database:
            return database.execute(
                "update logs set dttm = earlier(dttm)"
                " where (?1 is null or dashboard_id = ?1) and (?2 is null or slice_id = ?2)",
                [dashboard_id, chart_id],
            ).rowcount

    def age_objects(self, days: float, dashboard_id: int | None = None, chart_id: int | None = None) -> None:
        """Move creation and change times into the past: of one dashboard, of one chart, or of everything."""
        everything = dashboard_id is None and chart_id is None
        with self._open(days) as database:
            database.execute(
                "update dashboards set created_on = earlier(created_on), changed_on = earlier(changed_on)"
                " where ?1 or id = ?2",
                [everything, dashboard_id],
            )
            database.execute(
                "update slices set created_on = earlier(created_on), changed_on = earlier(changed_on),"
                " last_saved_at = earlier(last_saved_at) where ?1 or id = ?2",
                [everything, chart_id],
            )

    def move(self, began: datetime, ended: datetime, days: float, but: str = "") -> None:
        """Let what was logged, made or changed between two moments (naive UTC) be that much earlier.

        A negative number of days makes it later. Only times within the span move: an object made long
        before and changed within it keeps its creation. What the account `but` did stays in the log as it
        is: whoever looks for a call just made must not find one of the future.
        """
        columns = {
            "logs": ("dttm",),
            "dashboards": ("created_on", "changed_on"),
            "slices": ("created_on", "changed_on", "last_saved_at"),
        }
        span = [moment.isoformat(sep=" ", timespec="microseconds") for moment in (began, ended)]
        with self._open(days) as database:
            for table, times in columns.items():
                for time in times:
                    others = (
                        "and user_id is not (select id from ab_user where username = ?)"
                        if table == "logs"
                        else "and ? is not null"
                    )
                    database.execute(
                        f"update {table} set {time} = earlier({time}) where {time} between ? and ? {others}",
                        [*span, but],
                    )

    def _visuals(self, table: str, title: str, owned: str, key: str) -> list[StoredVisual]:
        owners = (
            f"select username from {owned} join ab_user u on u.id = user_id where {key} = v.id order by 1"
        )
        query = f"""
            select id, hex(uuid) as uuid, {title} as title, created_on, changed_on,
                   (select group_concat(username) from ({owners})) as owners
            from {table} v order by id"""
        with self._open() as database:
            return [_visual(row) for row in database.execute(query)]

    @contextmanager
    def _open(self, days: float = 0) -> Iterator[sqlite3.Connection]:
        """One transaction; in it the SQL function ``earlier`` takes ``days`` from a stored time."""
        with closing(sqlite3.connect(self.home / DATABASE, timeout=LOCK_SECONDS)) as database, database:
            database.row_factory = sqlite3.Row
            database.create_function("earlier", 1, lambda stored: _earlier(stored, timedelta(days=days)))
            yield database


def _visual(row: sqlite3.Row) -> StoredVisual:
    return StoredVisual(
        id=row["id"],
        uuid=str(UUID(row["uuid"])),
        title=row["title"],
        owners=tuple(row["owners"].split(",")) if row["owners"] else (),
        created_on=datetime.fromisoformat(row["created_on"]),
        changed_on=datetime.fromisoformat(row["changed_on"]),
    )


def _earlier(stored: str | None, by: timedelta) -> str | None:
    """SQLAlchemy reads what follows the seconds as microseconds, whatever its length: write six digits."""
    if stored is None:
        return None
    return (datetime.fromisoformat(stored) - by).isoformat(sep=" ", timespec="microseconds")
