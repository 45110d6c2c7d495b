"""A Looker sandbox being served and the connectors opened on it, for what is special about Looker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bi_governance.connectors.looker import LookerReader, LookerRemover
from bi_governance.model import Interval, VisualKey
from bi_governance.ports import Row
from bi_governance.sandbox.looker import LookerSandbox
from bi_governance.sandbox.server import LoopbackServer

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=60)


class Bench:
    """A Looker sandbox being served, and connectors opened on it."""

    def __init__(self, looker: LookerSandbox, server: LoopbackServer) -> None:
        self.looker, self.server = looker, server
        self.ada = looker.add_person("ada@acme.example", "Ada Byron")
        self._opened: list[LookerReader | LookerRemover] = []

    def options(self, **settings: object) -> dict[str, Any]:
        keys = self.looker.credentials
        given = {"client_id": keys.client_id, "client_secret": keys.client_secret}
        return {"base_url": self.server.url, "page_size": 3, "backoff": 0, **given, **settings}

    def reader(self, **settings: object) -> LookerReader:
        made = LookerReader("acme", self.options(**settings))
        self._opened.append(made)
        return made

    def remover(self, **settings: object) -> LookerRemover:
        made = LookerRemover("acme", self.options(**settings))
        self._opened.append(made)
        return made

    def dashboard(self, title: str = "Revenue", **details: Any) -> VisualKey:
        return VisualKey("acme", "dashboard", self.looker.add_dashboard(title, owner_id=self.ada, **details))

    def look(self, title: str = "Orders", **details: Any) -> VisualKey:
        return VisualKey("acme", "look", self.looker.add_look(title, owner_id=self.ada, **details))

    def close(self) -> None:
        self.server.faults.clear()
        for connector in self._opened:
            connector.close()


def rows(reader: LookerReader, feed: str) -> list[Row]:
    return [row for page in reader.read_inventory(feed) for row in page]


def read(reader: LookerReader, start: datetime, end: datetime) -> list[Row]:
    return [row for page in reader.read_history(Interval(start, end)) for row in page]
