"""The warehouse port on SQL: what the product asks of a warehouse, put together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.schema import CreateSchema, CreateTable

from bi_governance.errors import StorageError
from bi_governance.model import BiUser, Facts, FeedStatus, Interval, Person, SourceDay, Viewer, VisualKey
from bi_governance.ports import Collected, Page
from bi_governance.warehouse import marts
from bi_governance.warehouse.database import Database, warehouse_url
from bi_governance.warehouse.loading import Stamp, loader_for
from bi_governance.warehouse.rows import to_batch, unique_events
from bi_governance.warehouse.staging import InventoryStaging, staging_targets
from bi_governance.warehouse.tables import Kind, RawSchema, raw_table

_Read = TypeVar("_Read")
_MARTS = (
    "visual_last_access",
    "visual_containment",
    "visual_viewer",
    "visual_usage_daily",
    "bi_user",
    "source_coverage",
)


class SqlWarehouse:
    """Implements ports.Warehouse; safe to use from several threads.

    Raw tables live in `raw_schema`, the marts dbt builds in `schema`. `bulk` False takes the plain
    inserts that every database understands. Raises StorageBusy and StorageError.
    """

    def __init__(self, url: str, *, raw_schema: str, schema: str, bulk: bool = True) -> None:
        self._database = Database(warehouse_url(url))
        self._loader = loader_for(self._database.url.get_backend_name(), bulk=bulk)
        self._raw = RawSchema.named(raw_schema)
        self._raw_schema = raw_schema
        self._schema = schema

    def prepare(self) -> None:
        """Create the raw schema, its tables, and columns an earlier version did not have."""
        with self._database.writing() as connection:
            connection.execute(CreateSchema(self._raw_schema, if_not_exists=True))
            for table in self._raw.all:
                connection.execute(CreateTable(table, if_not_exists=True))
            self._add_columns(connection)

    def stage(self, source: str, run_id: str, tables: Sequence[str]) -> InventoryStaging:
        """Begin replacing the source's rows; KeyError for a table that is no inventory."""
        targets = staging_targets(tables, dict(self._raw.tables))
        return InventoryStaging(self._database, self._loader, targets, source, run_id)

    def append_history(self, table: str, source: str, run_id: str, at: datetime, page: Page) -> int:
        """Add the events not known yet; KeyError for a table that is no history."""
        declared = raw_table(table, Kind.HISTORY)
        if not page:
            return 0
        batch = to_batch(declared, unique_events(page))
        with self._database.writing() as connection:
            return self._loader.insert_new(
                connection, self._raw.tables[table], batch, Stamp(source, run_id, at)
            )

    def record_collection(self, outcomes: Sequence[Collected]) -> None:
        """Append how feeds ended."""
        if not outcomes:
            return
        rows = [_collection_row(outcome) for outcome in outcomes]
        with self._database.writing() as connection:
            connection.execute(sa.insert(self._raw.collection), rows)

    def set_robots(self, source: str, accounts: Sequence[Person], at: datetime) -> None:
        """Replace the source's robots."""
        robot = self._raw.robot
        rows = [
            {
                "source": source,
                "account_id": person.id,
                "name": person.name,
                "email": person.email,
                "collected_at": at,
            }
            for person in accounts
        ]
        with self._database.writing() as connection:
            connection.execute(sa.delete(robot).where(robot.c.source == source))
            if rows:
                connection.execute(sa.insert(robot), rows)

    def facts(self) -> list[Facts]:
        """Every visual of every source; StorageError before the first transform."""
        return self._read_mart(marts.read_facts)

    def witnessed(self) -> Mapping[VisualKey, Interval]:
        """What platforms' own last-access fields prove; StorageError before the first transform."""
        return self._read_mart(marts.read_witnessed)

    def viewers(self, keys: Collection[VisualKey]) -> Mapping[VisualKey, tuple[Viewer, ...]]:
        """Who used these visuals most lately; StorageError before the first transform."""
        return self._read_mart(lambda connection, schema: marts.read_viewers(connection, schema, keys))

    def bi_users(self) -> list[BiUser]:
        """Every account of every source; StorageError before the first transform."""
        return self._read_mart(marts.read_bi_users)

    def upstream(self, keys: Sequence[VisualKey]) -> Mapping[VisualKey, tuple[str, ...]]:
        """What these visuals read, by name; StorageError before the first transform."""
        return self._read_mart(lambda connection, schema: marts.read_upstream(connection, schema, keys))

    def last_views(self, keys: Collection[VisualKey]) -> Mapping[VisualKey, date]:
        """The last UTC day a person viewed each; StorageError before the first transform."""
        return self._read_mart(lambda connection, schema: marts.read_last_views(connection, schema, keys))

    def uses_around(self, day: date, days: int, *, deliveries: bool) -> Mapping[VisualKey, date]:
        """The day of use nearest to `day`, per visual; StorageError before the first transform."""
        return self._read_mart(
            lambda connection, schema: marts.read_uses_around(
                connection, schema, day, days, deliveries=deliveries
            )
        )

    def source_days(self) -> list[SourceDay]:
        """The newest 200 days per source, oldest first; StorageError before the first transform."""
        return self._read_mart(marts.read_source_days)

    def covered_windows(self, source: str) -> list[Interval]:
        """The history windows of the source that were read completely."""
        with self._database.reading() as connection:
            return marts.read_covered_windows(connection, self._raw.collection, source)

    def feed_statuses(self) -> list[FeedStatus]:
        """How the newest run of every feed ended; one failed window makes the run a failed one."""
        with self._database.reading() as connection:
            return marts.read_feed_statuses(connection, self._raw.collection)

    def close(self) -> None:
        """Let go of the database; the next call opens it again."""
        self._database.close()

    def _read_mart(self, read: Callable[[sa.Connection, str], _Read]) -> _Read:
        with self._database.reading() as connection:
            if not _has_marts(connection, self._schema):
                raise StorageError(
                    f"There are no marts in schema {self._schema} of the warehouse yet; "
                    "start with: bi-governance run"
                )
            return read(connection, self._schema)

    def _add_columns(self, connection: sa.Connection) -> None:
        present = marts.columns_in(connection, self._raw_schema)
        quote = connection.dialect.identifier_preparer
        for table in self._raw.all:
            for column in table.columns:
                if (table.name, column.name) not in present:
                    definition = f"{quote.quote(column.name)} {column.type.compile(connection.dialect)}"
                    connection.exec_driver_sql(
                        f"alter table {quote.format_table(table)} add column {definition}"
                    )


def _collection_row(outcome: Collected) -> dict[str, object]:
    return {
        "source": outcome.source,
        "platform": outcome.platform,
        "run_id": outcome.run_id,
        "feed": outcome.feed,
        "status": outcome.status.value,
        "rows": outcome.rows,
        "started_at": outcome.started_at,
        "finished_at": outcome.finished_at,
        "window_start": outcome.window_start,
        "window_end": outcome.window_end,
        "detail": outcome.detail,
    }


def _has_marts(connection: sa.Connection, schema: str) -> bool:
    return set(_MARTS) <= {table for table, _ in marts.columns_in(connection, schema)}
