"""Reading what dbt built, and how the newest collections ended, as values of the core."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from bi_governance.model import (
    BiUser,
    EarlierRun,
    Facts,
    FeedStatus,
    Interval,
    Person,
    SourceDay,
    Viewer,
    VisualKey,
)
from bi_governance.warehouse.tables import UtcTime

_TIMES = ("created_at", "updated_at", "first_seen_at", "last_viewed_at", "last_delivered_at")
# Columns of `visual_last_access` that its earlier versions lack.
_LATER: Mapping[str, sa.types.TypeEngine[Any]] = {"owner_groups": sa.Text(), "returned_at": UtcTime()}
_VIEWER = ("visual_key", "source", "viewer_id", "views", "viewer_rank")
_SEEN = ("last_viewed_at",)
_KEYS_PER_QUERY = 500
_WITNESSED = ("witnessed_from", "witnessed_through")
_PLAIN = ("source", "platform", "type", "native_id", "title", "url", "folder", "last_viewed_by", "tags")
_OWNERS = ("owner_id", "folder_owner_id")
_USER = ("source", "user_id", "name", "email", "login", "is_active", "is_robot", "is_service_account")
_COUNTS = ("view_count", "viewer_count", "schedules", "published_links")
_FLAGS = ("is_certified", "is_code_managed", "is_personal", "is_system", "is_trashed")
_DAYS = 200
_KEYS_AT_ONCE = 500
_RUNS = 30
_EARLIER = 7
# The worse outcome first: a run with one failed window is a failed run.
_SEVERITY = ("failed", "partial", "complete")


def read_facts(connection: sa.Connection, schema: str) -> list[Facts]:
    """Every row of `visual_last_access` with its containers; coverage is left empty."""
    mart = _mart("visual_last_access", schema, (*_PLAIN, *_OWNERS, *_COUNTS, *_FLAGS), _TIMES)
    containers, people = _containers(connection, schema), _people(connection, schema)
    query = sa.select(mart, *_later(connection, schema))
    rows = connection.execute(query.order_by(mart.c.source, mart.c.type, mart.c.native_id))
    return [_facts(row, containers, people) for row in rows]


def read_viewers(
    connection: sa.Connection, schema: str, keys: Collection[VisualKey]
) -> Mapping[VisualKey, tuple[Viewer, ...]]:
    """The ranked viewers of these visuals, each as the platform knows them now."""
    mart = _mart("visual_viewer", schema, _VIEWER, _SEEN)
    users = _mart("bi_user", schema, _USER)
    joined = mart.join(
        users, sa.and_(mart.c.source == users.c.source, mart.c.viewer_id == users.c.user_id), isouter=True
    )
    query = sa.select(mart, users).select_from(joined).order_by(mart.c.visual_key, mart.c.viewer_rank)
    found: dict[VisualKey, list[Viewer]] = {}
    names = sorted(str(key) for key in keys)
    for start in range(0, len(names), _KEYS_PER_QUERY):
        some = names[start : start + _KEYS_PER_QUERY]
        for row in connection.execute(query.where(mart.c.visual_key.in_(some))):
            person = _person(row) if row.user_id is not None else Person(row.viewer_id)
            viewer = Viewer(person, int(row.views), row.last_viewed_at)
            found.setdefault(VisualKey.parse(row.visual_key), []).append(viewer)
    return {key: tuple(viewers) for key, viewers in found.items()}


def read_witnessed(connection: sa.Connection, schema: str) -> Mapping[VisualKey, Interval]:
    """Per visual, the stretch its platform's own last-access field vouches for."""
    mart = _mart("visual_last_access", schema, _PLAIN, _WITNESSED)
    query = sa.select(
        mart.c.source, mart.c.type, mart.c.native_id, mart.c.witnessed_from, mart.c.witnessed_through
    ).where(mart.c.witnessed_from.is_not(None), mart.c.witnessed_through.is_not(None))
    return {
        VisualKey(row.source, row.type, row.native_id): Interval(row.witnessed_from, row.witnessed_through)
        for row in connection.execute(query)
    }


def read_bi_users(connection: sa.Connection, schema: str) -> list[BiUser]:
    """Every account of every source, also the disabled ones and the robots."""
    mart = _mart("bi_user", schema, ("source", "user_id", "name", "email", "is_active", "is_robot"))
    rows = connection.execute(sa.select(mart).order_by(mart.c.source, mart.c.user_id))
    return [
        BiUser(row.source, row.user_id, row.name or "", row.email, row.is_active, bool(row.is_robot))
        for row in rows
    ]


def read_source_days(connection: sa.Connection, schema: str) -> list[SourceDay]:
    """The newest 200 covered days of every source, oldest first."""
    mart = _mart(
        "source_coverage",
        schema,
        ["source", "day", "counted_events", "busiest_actor_id", "busiest_actor_visuals"],
        ["covered_from", "covered_through"],
    )
    people = _people(connection, schema)
    newest = sa.func.row_number().over(partition_by=mart.c.source, order_by=mart.c.day.desc())
    ranked = sa.select(mart, newest.label("recency")).subquery()
    query = sa.select(ranked).where(ranked.c.recency <= _DAYS).order_by(ranked.c.source, ranked.c.day)
    return [
        SourceDay(
            row.source,
            datetime.combine(row.day, time.min, UTC),
            row.covered_from,
            row.covered_through,
            int(row.counted_events),
            _known(people, row.source, row.busiest_actor_id),
            int(row.busiest_actor_visuals),
        )
        for row in connection.execute(query)
    ]


def read_last_views(
    connection: sa.Connection, schema: str, keys: Collection[VisualKey]
) -> Mapping[VisualKey, date]:
    """Per visual the last UTC day with a view of a person, whether it is still there or not."""
    mart = _mart("visual_usage_daily", schema, ("visual_key", "view_count", "day"))
    query = sa.select(mart.c.visual_key, sa.func.max(mart.c.day).label("day")).where(mart.c.view_count > 0)
    found: dict[VisualKey, date] = {}
    names = sorted(str(key) for key in keys)
    for start in range(0, len(names), _KEYS_PER_QUERY):
        some = query.where(mart.c.visual_key.in_(names[start : start + _KEYS_PER_QUERY]))
        for row in connection.execute(some.group_by(mart.c.visual_key)):
            found[VisualKey.parse(row.visual_key)] = row.day
    return found


def read_uses_around(
    connection: sa.Connection, schema: str, day: date, days: int, *, deliveries: bool
) -> Mapping[VisualKey, date]:
    """Per visual the day of use nearest to `day`, at most `days` before or after it; of two, the earlier."""
    mart = _mart("visual_usage_daily", schema, ["visual_key", "day", "view_count", "delivery_count"])
    used = mart.c.view_count > 0
    if deliveries:
        used = sa.or_(used, mart.c.delivery_count > 0)
    length = timedelta(days=days)
    query = sa.select(
        mart.c.visual_key,
        sa.func.max(sa.case((mart.c.day <= day, mart.c.day))).label("before"),
        sa.func.min(sa.case((mart.c.day >= day, mart.c.day))).label("after"),
    ).where(used, mart.c.day.between(day - length, day + length))
    return {
        VisualKey.parse(row.visual_key): min(
            (found for found in (row.before, row.after) if found), key=lambda found: abs(found - day)
        )
        for row in connection.execute(query.group_by(mart.c.visual_key))
    }


def read_upstream(
    connection: sa.Connection, schema: str, keys: Sequence[VisualKey]
) -> Mapping[VisualKey, tuple[str, ...]]:
    """Per visual, the names of what it reads; what its platform does not name is left out."""
    mart = _mart("visual_dependency", schema, ["visual_key", "dependency_kind", "name"])
    found: dict[VisualKey, list[str]] = {}
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        asked = [str(key) for key in keys[start : start + _KEYS_AT_ONCE]]
        query = sa.select(mart.c.visual_key, mart.c.name).where(
            mart.c.visual_key.in_(asked), mart.c.dependency_kind != "unknown", mart.c.name.is_not(None)
        )
        for row in connection.execute(query.distinct().order_by(mart.c.visual_key, mart.c.name)):
            found.setdefault(VisualKey.parse(row.visual_key), []).append(row.name)
    return {key: tuple(names) for key, names in found.items()}


def read_covered_windows(connection: sa.Connection, collection: sa.Table, source: str) -> list[Interval]:
    """Every history window of the source that was read completely."""
    columns = (collection.c.window_start, collection.c.window_end)
    query = sa.select(*columns).where(
        collection.c.source == source,
        collection.c.status == "complete",
        collection.c.window_start.is_not(None),
        collection.c.window_end.is_not(None),
    )
    return [Interval(row.window_start, row.window_end) for row in connection.execute(query.distinct())]


def read_feed_statuses(connection: sa.Connection, collection: sa.Table) -> list[FeedStatus]:
    """The newest run of every source and feed, with the row counts of runs of up to 7 earlier days."""
    rows = connection.execute(_recent_outcomes(collection)).all()
    feeds = itertools.groupby(rows, key=attrgetter("source", "feed"))
    return [_feed_status(list(outcomes)) for _, outcomes in feeds]


def _later(connection: sa.Connection, schema: str) -> list[sa.ColumnElement[Any]]:
    """The columns an earlier version did not build, null until the marts are built anew.

    Then it is not known of anything, and nothing takes that for its absence.
    """
    there = columns_in(connection, schema)
    return [
        sa.column(name, type_) if ("visual_last_access", name) in there else sa.null().label(name)
        for name, type_ in _LATER.items()
    ]


def columns_in(connection: sa.Connection, schema: str) -> set[tuple[str, str]]:
    """Every table of the schema with every column it has."""
    catalog = sa.table(
        "columns",
        sa.column("table_schema"),
        sa.column("table_name"),
        sa.column("column_name"),
        schema="information_schema",
    )
    query = sa.select(catalog.c.table_name, catalog.c.column_name).where(catalog.c.table_schema == schema)
    return {(row.table_name, row.column_name) for row in connection.execute(query)}


def _facts(
    row: sa.Row[Any],
    containers: Mapping[VisualKey, list[VisualKey]],
    people: Mapping[tuple[str, str], Person],
) -> Facts:
    key = VisualKey(row.source, row.type, row.native_id)
    return Facts(
        key=key,
        platform=row.platform,
        title=row.title,
        url=row.url,
        folder=row.folder,
        owner=_known(people, row.source, row.owner_id),
        folder_owner=_known(people, row.source, row.folder_owner_id),
        owner_groups=None if row.owner_groups is None else tuple(json.loads(row.owner_groups)),
        created_at=row.created_at,
        updated_at=row.updated_at,
        first_seen_at=row.first_seen_at,
        returned_at=row.returned_at,
        last_viewed_at=row.last_viewed_at,
        last_viewed_by=row.last_viewed_by,
        last_delivered_at=row.last_delivered_at,
        view_count=int(row.view_count),
        viewer_count=int(row.viewer_count),
        active_schedules=int(row.schedules),
        published_links=int(row.published_links),
        containers=tuple(containers.get(key, ())),
        tags=tuple(json.loads(row.tags)),
        is_certified=row.is_certified,
        is_code_managed=row.is_code_managed,
        is_personal=row.is_personal,
        is_system=row.is_system,
        is_trashed=row.is_trashed,
    )


def _known(people: Mapping[tuple[str, str], Person], source: str, id_: str | None) -> Person | None:
    """Whoever has the account; somebody without a row of their own is known by the id alone."""
    return None if id_ is None else people.get((source, id_)) or Person(id_)


def _people(connection: sa.Connection, schema: str) -> Mapping[tuple[str, str], Person]:
    rows = connection.execute(sa.select(_mart("bi_user", schema, _USER)))
    return {(row.source, row.user_id): _person(row) for row in rows}


def _person(row: sa.Row[Any]) -> Person:
    is_service = bool(row.is_robot or row.is_service_account)
    return Person(row.user_id, row.name or "", row.email, row.is_active, row.login or "", is_service)


def _containers(connection: sa.Connection, schema: str) -> Mapping[VisualKey, list[VisualKey]]:
    mart = _mart("visual_containment", schema, ["visual_key", "container_key"])
    found: dict[VisualKey, list[VisualKey]] = {}
    for row in connection.execute(sa.select(mart).order_by(mart.c.visual_key, mart.c.container_key)):
        found.setdefault(VisualKey.parse(row.visual_key), []).append(VisualKey.parse(row.container_key))
    return found


def _mart(name: str, schema: str, plain: Iterable[str], times: Iterable[str] = ()) -> sa.TableClause:
    columns = (
        *(sa.column(column) for column in plain),
        *(sa.column(column, UtcTime) for column in times),
    )
    return sa.table(name, *columns, schema=schema)


def _recent_outcomes(collection: sa.Table) -> sa.Select[Any]:
    """The newest outcome per window of the newest runs of every feed, newest run first."""
    c = collection.c
    feed = (c.source, c.feed)
    again = sa.func.row_number().over(
        partition_by=(*feed, c.run_id, c.window_start), order_by=c.finished_at.desc()
    )
    ended = sa.func.max(c.finished_at, type_=UtcTime).over(partition_by=(*feed, c.run_id))
    last = sa.select(collection, again.label("again"), ended.label("ended")).subquery()
    recency = sa.func.dense_rank().over(
        partition_by=(last.c.source, last.c.feed), order_by=(last.c.ended.desc(), last.c.run_id)
    )
    ranked = sa.select(last, recency.label("recency")).where(last.c.again == 1).subquery()
    return (
        sa.select(ranked)
        .where(ranked.c.recency <= _RUNS)
        .order_by(ranked.c.source, ranked.c.feed, ranked.c.recency, ranked.c.window_start)
    )


def _feed_status(outcomes: list[sa.Row[Any]]) -> FeedStatus:
    runs = [list(rows) for _, rows in itertools.groupby(outcomes, key=attrgetter("recency"))]
    newest = runs[0]
    worst = min(newest, key=lambda row: _SEVERITY.index(row.status))
    return FeedStatus(
        source=worst.source,
        feed=worst.feed,
        status=worst.status,
        rows=_row_count(newest),
        finished_at=worst.ended,
        detail=worst.detail,
        earlier=tuple(EarlierRun(run[0].ended, _row_count(run)) for run in _earlier_days(runs)[:_EARLIER]),
    )


def _earlier_days(runs: Sequence[list[sa.Row[Any]]]) -> list[list[sa.Row[Any]]]:
    """The newest complete run of each earlier day, newest first.

    Runs repeated on one day count once: else what is missing today would soon be usual.
    """
    days = {runs[0][0].ended.date(): runs[0]}
    for run in runs[1:]:
        if _is_complete(run):
            days.setdefault(run[0].ended.date(), run)
    return list(days.values())[1:]


def _row_count(run: list[sa.Row[Any]]) -> int:
    return sum(int(row.rows) for row in run)


def _is_complete(run: list[sa.Row[Any]]) -> bool:
    return all(row.status == "complete" for row in run)
