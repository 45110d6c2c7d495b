"""Looker in the shared connector suite."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from bi_governance.model import VisualKey
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.looker import LookerSandbox
from bi_governance.sandbox.server import LoopbackServer
from tests.connectors.harness import LONG, SOURCE, Paths


class LookerHarness:
    """A Looker sandbox with Ada, who owns everything."""

    platform = "looker"
    page_size = 3
    feed = "looker_dashboard"
    id_column = "dashboard_id"
    access_id_column = "dashboard_id"
    paths = Paths(
        login="POST /api/4.0/login",
        visuals="GET /api/4.0/dashboards/search",
        visual="GET /api/4.0/dashboards/[0-9]+$",
        history="POST /api/4.0/queries/run",
        groups="GET /api/4.0/groups/search/with_hierarchy",
    )

    def __init__(self, clock: SimulatedClock, instance: str) -> None:
        self.clock = clock
        self.sandbox = LookerSandbox(clock, name=instance)
        self.ada = self.sandbox.add_person("ada@acme.example", "Ada Byron")
        marketing = self.sandbox.add_folder("Marketing")
        self.folder_id = self.sandbox.add_folder("Weekly", parent_id=marketing)

    def serve(self) -> AbstractContextManager[LoopbackServer]:
        return self.sandbox.serve()

    def options(self, url: str) -> dict[str, Any]:
        keys = self.sandbox.credentials
        return {
            "base_url": url,
            "client_id": keys.client_id,
            "client_secret": keys.client_secret,
            "page_size": self.page_size,
            "backoff": 0,
        }

    def add_visual(self, title: str, age: timedelta = LONG) -> VisualKey:
        then = self.clock.now() - age
        id_ = self.sandbox.add_dashboard(title, owner_id=self.ada, folder_id=self.folder_id, created_at=then)
        return VisualKey(SOURCE, "dashboard", id_)

    def access_id(self, key: VisualKey) -> str:
        return key.native_id

    def view(self, key: VisualKey, at: datetime) -> None:
        self.sandbox.view("dashboard", key.native_id, by=self.ada, at=at)

    def own_run(self, key: VisualKey, at: datetime) -> None:
        me = self.sandbox.credentials.user_id
        self.sandbox.machine_run("dashboard", key.native_id, by=me, at=at)

    def rename(self, key: VisualKey, title: str) -> None:
        self.sandbox.edit("dashboard", key.native_id, by=self.ada, title=title)

    def give_to_somebody_else(self, key: VisualKey) -> str:
        grace = self.sandbox.add_person("grace@acme.example", "Grace Hopper")
        self.sandbox.set_owner("dashboard", key.native_id, owner_id=grace)
        return grace

    def join(self, group: str) -> None:
        self.sandbox.add_group(group, self.ada)

    def schedule(self, key: VisualKey) -> None:
        self.sandbox.add_schedule("dashboard", key.native_id, owner_id=self.ada)

    def lose(self, key: VisualKey) -> None:
        self.sandbox.remove(self.sandbox.visual("dashboard", key.native_id))

    def title_there(self, key: VisualKey) -> str | None:
        visual = self.sandbox.visuals.get(f"dashboard:{key.native_id}")
        return None if visual is None or visual.deleted else visual.title


def make(clock: SimulatedClock, instance: str) -> LookerHarness:
    return LookerHarness(clock, instance)
