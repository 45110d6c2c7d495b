"""Superset in the shared connector suite."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from bi_governance.model import VisualKey
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.server import LoopbackServer
from bi_governance.sandbox.superset import SupersetSandbox
from bi_governance.sandbox.superset_records import SupersetVisual
from tests.connectors.harness import LONG, SOURCE, Paths


class SupersetHarness:
    """A Superset sandbox with Ada, who owns everything."""

    platform = "superset"
    page_size = 100
    feed = "superset_dashboard"
    id_column = "uuid"
    access_id_column = "dashboard_id"
    paths = Paths(
        login="POST /api/v1/security/login",
        visuals="GET /api/v1/dashboard/$",
        visual="GET /api/v1/dashboard/$",
        history="GET /api/v1/log/",
        groups="GET /api/v1/security/users/",
    )

    def __init__(self, clock: SimulatedClock, *, is_newer: bool = False) -> None:
        self.clock = clock
        self.sandbox = SupersetSandbox(clock, is_newer=is_newer)
        self.ada = self.sandbox.add_person("ada@acme.example", "Ada Byron")
        self.dataset = self.sandbox.add_dataset("orders", owner_id=self.ada)

    def serve(self) -> AbstractContextManager[LoopbackServer]:
        return self.sandbox.serve()

    def options(self, url: str) -> dict[str, Any]:
        account = self.sandbox.credentials
        return {"base_url": url, "username": account.username, "password": account.password, "backoff": 0}

    def add_visual(self, title: str, age: timedelta = LONG) -> VisualKey:
        then = self.clock.now() - age
        id_ = self.sandbox.add_dashboard(title, owner_id=self.ada, created_at=then)
        return VisualKey(SOURCE, "dashboard", self.sandbox.dashboards[id_].uuid)

    def access_id(self, key: VisualKey) -> str:
        return str(self._there(key).id)

    def view(self, key: VisualKey, at: datetime) -> None:
        self.sandbox.view("dashboard", self._there(key).id, by=self.ada, at=at)

    def own_run(self, key: VisualKey, at: datetime) -> None:
        me = self.sandbox.credentials.user_id
        self.sandbox.view("dashboard", self._there(key).id, by=me, at=at)

    def rename(self, key: VisualKey, title: str) -> None:
        self.sandbox.edit("dashboard", self._there(key).id, by=self.ada, title=title)

    def give_to_somebody_else(self, key: VisualKey) -> str:
        grace = self.sandbox.add_person("grace@acme.example", "Grace Hopper")
        self._there(key).owner_ids = [grace]
        return str(grace)

    def join(self, group: str) -> None:
        self.sandbox.add_role(group, self.ada)

    def schedule(self, key: VisualKey) -> None:
        self.sandbox.add_report("Weekly", owner_id=self.ada, dashboard_id=self._there(key).id)

    def lose(self, key: VisualKey) -> None:
        self.sandbox.remove(self._there(key))

    def title_there(self, key: VisualKey) -> str | None:
        found = [v for v in self.sandbox.dashboards.values() if v.uuid == key.native_id]
        return found[0].title if found else None

    def _there(self, key: VisualKey) -> SupersetVisual:
        return next(v for v in self.sandbox.dashboards.values() if v.uuid == key.native_id)


def make(clock: SimulatedClock, instance: str) -> SupersetHarness:
    """Superset instances have no name of their own."""
    return SupersetHarness(clock)
