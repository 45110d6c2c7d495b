"""Rows on their way into one table: kept on disk, so that memory does not grow with their number."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

# Rows that are written together; a platform's pages are smaller.
_GROUP = 2_000


class Spool:
    """Record batches of one schema in an unlinked temporary file: a crash leaves nothing behind.

    Parquet, because DuckDB reads that piece by piece; what it is handed as an Arrow stream it reads
    ahead of itself into memory, however much there is.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self.names: list[str] = schema.names
        self._schema = schema
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._writer = pq.ParquetWriter(self._file, schema)
        self._waiting: list[pa.RecordBatch] = []

    def add(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch)
        if sum(len(waiting) for waiting in self._waiting) >= _GROUP:
            self._write()

    def finish(self) -> None:
        """No more is added; from now on it can be read."""
        self._write()
        self._writer.close()
        self._file.flush()

    @property
    def path(self) -> str:
        """Where another reader of this process finds the file, which has no name any more."""
        return f"/dev/fd/{self._file.fileno()}"

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Everything, at most that many rows at a time."""
        return iter(pq.ParquetFile(self._file).iter_batches(_GROUP))

    def close(self) -> None:
        self._writer.close()
        self._file.close()

    def _write(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema))
            self._waiting = []
