"""A real Superset with people and a dataset, and the connector opened on it as an administrator."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from bi_governance.connectors.superset import SupersetReader, SupersetRemover
from bi_governance.model import Interval, VisualKey
from bi_governance.ports import BackupContent, Row
from tests.servers.superset import SupersetServer
from tests.servers.superset_store import StoredVisual

NAMES = itertools.count(1)


@dataclass(frozen=True, slots=True)
class World:
    """One Superset with people and a dataset, read and changed as its administrator `gov`."""

    server: SupersetServer
    reader: SupersetReader
    remover: SupersetRemover
    owner: int
    database: int
    dataset: int
    table: str
    shared_chart: int
    options: dict[str, object]

    def dashboard(self, *charts: int, slug: str | None = None) -> tuple[int, VisualKey]:
        """A dashboard; never an empty one, which Superset shows to administrators only."""
        title, shown = f"Board {next(NAMES)}", charts or (self.shared_chart,)
        number = self.server.create_dashboard(title, [self.owner], charts=shown, slug=slug)
        return number, self.dashboard_key(number)

    def chart(self, dataset: int | None = None) -> tuple[int, VisualKey]:
        number = self.server.create_chart(f"Chart {next(NAMES)}", dataset or self.dataset, [self.owner])
        return number, VisualKey("ss", "chart", self._uuid(self.server.charts(), number))

    def own_dataset(self, name: str | None = None) -> int:
        """Another dataset on the shared database."""
        return _virtual_dataset(self.server, self.database, name or f"orders_{next(NAMES)}")

    def dashboard_key(self, number: int) -> VisualKey:
        return VisualKey("ss", "dashboard", self._uuid(self.server.dashboards(), number))

    def number_of(self, key: VisualKey) -> int | None:
        visuals = self.server.dashboards() if key.type == "dashboard" else self.server.charts()
        return next((v.id for v in visuals if v.uuid == key.native_id), None)

    def owners_of(self, key: VisualKey) -> tuple[str, ...]:
        visuals = self.server.dashboards() if key.type == "dashboard" else self.server.charts()
        return next(v.owners for v in visuals if v.uuid == key.native_id)

    def feed(self, name: str) -> list[Row]:
        return [row for page in self.reader.read_inventory(name) for row in page]

    def history(self, start: datetime, end: datetime | None = None) -> list[Row]:
        window = Interval(start, end or datetime.now(UTC))
        return [row for page in self.reader.read_history(window) for row in page]

    def lose(self, key: VisualKey) -> BackupContent:
        saved = self.reader.backup(key)
        self.remover.remove(key)
        return saved

    @staticmethod
    def _uuid(visuals: Sequence[StoredVisual], number: int) -> str:
        return next(v.uuid for v in visuals if v.id == number)


@contextmanager
def open_world(server: SupersetServer) -> Iterator[World]:
    """Add what is missing on a server that other test modules may share."""
    owner = _person(server, "owen", "Alpha")
    _person(server, "vera", "Alpha")
    _person(server, "gov", "Admin")
    name = f"sales_{next(NAMES)}"
    database = server.create_database(name)
    with closing(sqlite3.connect(server.home / f"{name}.sqlite")) as file:
        file.execute(f"create table {name} as select * from orders")
        file.commit()
    dataset = server.create_dataset(database, name)
    chart = server.create_chart("Shared", dataset, [owner])
    options = {"base_url": server.url, "username": "gov", "password": server.passwords["gov"]}
    reader, remover = SupersetReader("ss", options), SupersetRemover("ss", options)
    yield World(server, reader, remover, owner, database, dataset, name, chart, options)
    reader.close()
    remover.close()


def _person(server: SupersetServer, name: str, role: str) -> int:
    if name not in server.passwords:
        return server.create_user(name, f"{name}@example.com", role=role)
    listed = server.call("GET", "/api/v1/security/users/?q=(page_size:100)")["result"]
    return next(int(user["id"]) for user in listed if user["username"] == name)


def _virtual_dataset(server: SupersetServer, database: int, name: str) -> int:
    """A dataset of SQL; on SQLite Superset wants every dataset's name to be unique."""
    body = {"database": database, "schema": "main", "table_name": name, "sql": "select * from orders"}
    return int(server.call("POST", "/api/v1/dataset/", body)["id"])
