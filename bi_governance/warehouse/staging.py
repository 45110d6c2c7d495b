"""A source's inventory on its way in: spooled to disk while it is read, swapped in at once at the end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime

import sqlalchemy as sa

from bi_governance.ports import Page
from bi_governance.warehouse.database import Database, OutOfMemory
from bi_governance.warehouse.loading import Loader, Stamp
from bi_governance.warehouse.rows import arrow_schema, to_batch
from bi_governance.warehouse.spool import Spool
from bi_governance.warehouse.tables import Kind, raw_table


class InventoryStaging:
    """Implements ports.Staging on any database; no transaction is open while a platform is read."""

    def __init__(
        self, database: Database, loader: Loader, targets: dict[str, sa.Table], source: str, run_id: str
    ) -> None:
        self._database = database
        self._loader = loader
        self._targets = targets
        self._source = source
        self._run_id = run_id
        self._declared = {name: raw_table(name, Kind.INVENTORY) for name in targets}
        self._spools = {name: Spool(arrow_schema(table)) for name, table in self._declared.items()}

    def write(self, table: str, page: Page) -> None:
        """Add rows; KeyError when the table is not part of this staging."""
        self._spools[table].add(to_batch(self._declared[table], page))

    def commit(self, at: datetime) -> None:
        """Replace the source's rows in all tables or in none (StorageError); nothing stays staged."""
        stamp = Stamp(self._source, self._run_id, at)
        try:
            for spool in self._spools.values():
                spool.finish()
            try:
                self._replace(self._database.replacing(), stamp)
            except OutOfMemory:
                self._replace(self._database.writing(), stamp)
        finally:
            self.discard()

    def _replace(self, transaction: AbstractContextManager[sa.Connection], stamp: Stamp) -> None:
        with transaction as connection:
            for name, target in self._targets.items():
                connection.execute(sa.delete(target).where(target.c.source == self._source))
                self._loader.insert(connection, target, self._spools[name], stamp)

    def discard(self) -> None:
        for spool in self._spools.values():
            spool.close()


def staging_targets(tables: Sequence[str], known: dict[str, sa.Table]) -> dict[str, sa.Table]:
    """The SQL tables by name; KeyError for one that is no inventory table."""
    return {name: known[raw_table(name, Kind.INVENTORY).name] for name in tables}
