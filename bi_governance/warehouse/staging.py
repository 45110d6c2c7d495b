"""A source's inventory on its way in: spooled to disk while it is read, swapped in at once at the end."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import datetime
from typing import IO

import pyarrow as pa
import sqlalchemy as sa

from bi_governance.ports import Page
from bi_governance.warehouse.database import Database
from bi_governance.warehouse.loading import Loader, Stamp
from bi_governance.warehouse.rows import arrow_schema, to_batch
from bi_governance.warehouse.tables import Kind, RawTable, raw_table


class _Spool:
    """One table's pages in an unlinked temporary file: a crash leaves neither rows nor a file behind."""

    def __init__(self, table: RawTable) -> None:
        self._table = table
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._writer = pa.ipc.new_stream(self._file, arrow_schema(table))

    def write(self, page: Page) -> None:
        self._writer.write_batch(to_batch(self._table, page))

    def read(self) -> pa.RecordBatchReader:
        self._writer.close()
        self._file.seek(0)
        return pa.ipc.open_stream(self._file)

    def close(self) -> None:
        self._file.close()


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
        self._spools = {name: _Spool(raw_table(name, Kind.INVENTORY)) for name in targets}

    def write(self, table: str, page: Page) -> None:
        """Add rows; KeyError when the table is not part of this staging."""
        self._spools[table].write(page)

    def commit(self, at: datetime) -> None:
        """Replace the source's rows in all tables or in none (StorageError); nothing stays staged."""
        stamp = Stamp(self._source, self._run_id, at)
        try:
            with self._database.writing() as connection:
                for name, target in self._targets.items():
                    connection.execute(sa.delete(target).where(target.c.source == self._source))
                    self._loader.insert(connection, target, self._spools[name].read(), stamp)
        finally:
            self.discard()

    def discard(self) -> None:
        for spool in self._spools.values():
            spool.close()


def staging_targets(tables: Sequence[str], known: dict[str, sa.Table]) -> dict[str, sa.Table]:
    """The SQL tables by name; KeyError for one that is no inventory table."""
    return {name: known[raw_table(name, Kind.INVENTORY).name] for name in tables}
