"""The part of Tableau Server's own database that tells about use, in a real PostgreSQL.

Tables and columns as in Tableau's data dictionary (github.com/tableau/tableau-data-dictionary, 2025.3), as
far as they concern events, content and people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from bi_governance.sandbox.tableau_world import TableauWorld

READER, READER_PASSWORD = "readonly", "secret of readonly"
SITE, OTHER_SITE = 1, 2

_DDL = """
create table sites (
    id integer primary key, name text, url_namespace text, status text, luid uuid);
create table users (
    id integer primary key, site_id integer, system_user_id integer, luid uuid, login_at timestamp);
create table workbooks (
    id integer primary key, name text, site_id integer, owner_id integer, luid uuid, is_deleted boolean);
create table views (
    id integer primary key, name text, workbook_id integer, site_id integer, luid uuid, is_deleted boolean);
create table hist_sites (id integer primary key, site_id integer, name text, url_namespace text);
create table hist_users (
    id integer primary key, user_id integer, name text, domain_name text, email text, system_user_id integer);
create table hist_workbooks (id integer primary key, workbook_id integer, name text, revision text);
create table hist_views (id integer primary key, view_id integer, name text, revision text);
create table historical_event_types (type_id integer primary key, name text, action_type text);
create table historical_events (
    id bigint generated always as identity primary key,
    historical_event_type_id integer not null, worker text, is_failure boolean, details text,
    created_at timestamp without time zone not null,
    hist_actor_user_id integer, hist_target_user_id integer,
    hist_actor_site_id integer, hist_target_site_id integer,
    hist_workbook_id integer, hist_view_id integer, hist_datasource_id integer);
"""
# Numbers of 84, 86, 99 and 293 as in tableau/community-tableau-server-insights; the others are ours.
EVENT_TYPES: Mapping[str, tuple[int, str]] = {
    "Access View": (84, "Access"),
    "Download View": (86, "Download"),
    "Download Workbook": (99, "Download"),
    "Export Underlying Data": (293, "Export"),
    "Login": (1001, "Login"),
    "Refresh Workbook Extract": (1002, "Update"),
}
TABLES = (
    "sites",
    "users",
    "workbooks",
    "views",
    "hist_sites",
    "hist_users",
    "hist_workbooks",
    "hist_views",
    "historical_event_types",
    "historical_events",
)


class TableauRepository:
    """An empty database at `url`, owned by the caller, made into the repository of a world's site.

    A second site shares the server. Events are only written when the caller says so; `mirror` brings content
    and people up to date, as Tableau does at once.
    """

    def __init__(self, world: TableauWorld, url: str) -> None:
        self._world = world
        self._url = sa.make_url(url)
        self._engine = sa.create_engine(url)
        self._users: dict[str, int] = {}
        with self._engine.begin() as connection:
            for statement in _DDL.split(";\n")[:-1]:
                connection.execute(sa.text(statement))
            self._fill(connection)
            _make_reader(connection, self._url.database or "")

    @property
    def url(self) -> str:
        """For the user `readonly`."""
        made = self._url.set(username=READER, password=READER_PASSWORD)
        return made.render_as_string(hide_password=False)

    def close(self) -> None:
        self._engine.dispose()

    def execute(self, statement: str, **values: object) -> None:
        """As its administrator: grants, settings, anything."""
        with self._engine.begin() as connection:
            connection.execute(sa.text(statement), values)

    def record(
        self,
        event: str,
        at: datetime,
        *,
        by: str,
        view_id: str | None = None,
        workbook_id: str | None = None,
        site: int = SITE,
    ) -> None:
        """Write down that the user (by id) did something to a view, a workbook or neither."""
        self.mirror()
        views, books = self._world.views, self._world.workbooks
        book = views[view_id].workbook_id if view_id else workbook_id
        self.execute(
            """
            insert into historical_events (
                historical_event_type_id, worker, is_failure, created_at, hist_actor_user_id,
                hist_actor_site_id, hist_target_site_id, hist_workbook_id, hist_view_id)
            values (:type, '127.0.0.1', false, :at, :actor, :site, :site, :workbook, :view)
            """,
            type=EVENT_TYPES[event][0],
            at=at.astimezone(UTC).replace(tzinfo=None),
            actor=self._users[by],
            site=site,
            workbook=books[book].number if book else None,
            view=views[view_id].number if view_id else None,
        )

    def sign_ins(self, start: datetime, end: datetime, *, by: str) -> None:
        """Somebody signs in every day from `start` up to `end`, as on a server that is alive."""
        for day in range((end - start) // timedelta(days=1) + 1):
            self.record("Login", start + timedelta(days=day), by=by)

    def mirror(self) -> None:
        """Content and people as they are now; what is gone is null in the copies that events point to."""
        world = self._world
        numbers = {user: self._users.setdefault(user, len(self._users) + 1) for user in world.users}
        people = [
            {"id": numbers[id_], "luid": id_, "name": user.name, "email": user.email}
            for id_, user in world.users.items()
        ]
        books = [
            {"id": book.number, "luid": id_, "name": book.title, "owner": numbers.get(book.owner_id)}
            for id_, book in world.workbooks.items()
        ]
        views = [
            {
                "id": view.number,
                "luid": id_,
                "name": view.name,
                "book": world.workbooks[view.workbook_id].number,
            }
            for id_, view in world.views.items()
        ]
        with self._engine.begin() as connection:
            for table, rows in (("users", people), ("workbooks", books), ("views", views)):
                connection.execute(sa.text(f"delete from {table} where site_id = {SITE}"))  # noqa: S608
                _write(connection, _INSERTS[table], rows)
                _write(connection, _COPIES[table], rows)
                connection.execute(sa.text(_FORGOTTEN[table]))

    def _fill(self, connection: sa.Connection) -> None:
        sites = [
            {"id": SITE, "name": self._world.site_name, "luid": self._world.site_id},
            {"id": OTHER_SITE, "name": "elsewhere", "luid": "00000000-0000-0000-0000-000000000002"},
        ]
        _write(
            connection, "insert into sites values (:id, :name, :name, 'active', cast(:luid as uuid))", sites
        )
        _write(connection, "insert into hist_sites values (:id, :id, :name, :name)", sites)
        types = [{"id": id_, "name": name, "action": kind} for name, (id_, kind) in EVENT_TYPES.items()]
        _write(connection, "insert into historical_event_types values (:id, :name, :action)", types)


_INSERTS = {
    "users": "insert into users values (:id, 1, :id, cast(:luid as uuid), null)",
    "workbooks": "insert into workbooks values (:id, :name, 1, :owner, cast(:luid as uuid), false)",
    "views": "insert into views values (:id, :name, :book, 1, cast(:luid as uuid), false)",
}
_COPIES = {
    "users": "insert into hist_users values (:id, :id, :name, 'local', :email, :id) on conflict do nothing",
    "workbooks": "insert into hist_workbooks values (:id, :id, :name, '1.0') on conflict do nothing",
    "views": "insert into hist_views values (:id, :id, :name, '1.0') on conflict do nothing",
}
_FORGOTTEN = {
    "users": "update hist_users set user_id = null where user_id not in (select id from users)",
    "workbooks": (
        "update hist_workbooks set workbook_id = null where workbook_id not in (select id from workbooks)"
    ),
    "views": "update hist_views set view_id = null where view_id not in (select id from views)",
}


def _write(connection: sa.Connection, statement: str, rows: Iterable[Mapping[str, object]]) -> None:
    if found := [dict(row) for row in rows]:
        connection.execute(sa.text(statement), found)


def _make_reader(connection: sa.Connection, database: str) -> None:
    """The user `readonly`, who belongs to the whole server; the grants are this database's."""
    quoted = connection.dialect.identifier_preparer.quote(database)
    if connection.scalar(sa.text("select 1 from pg_roles where rolname = :name"), {"name": READER}) is None:
        connection.execute(sa.text(f"create role {READER} login password '{READER_PASSWORD}'"))
    connection.execute(sa.text(f"grant connect on database {quoted} to {READER}"))
    connection.execute(sa.text(f"grant select on all tables in schema public to {READER}"))
