"""Domo in the shared connector suite."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from bi_governance.model import VisualKey
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.domo import DomoSandbox
from bi_governance.sandbox.domo_world import DomoPage
from bi_governance.sandbox.server import LoopbackServer
from tests.connectors.harness import LONG, SOURCE, Paths


class DomoHarness:
    """A Domo sandbox with Ada, who owns every page."""

    platform = "domo"
    page_size = 50
    feed = "domo_page"
    id_column = "page_id"
    access_id_column = "page_id"
    paths = Paths(
        login="POST /oauth/token",
        visuals="GET /v1/pages$",
        visual=r"GET /v1/pages/\d+$",
        history="GET /v1/audit",
        groups="GET /v1/groups",
    )

    def __init__(self, clock: SimulatedClock, instance: str) -> None:
        self.clock = clock
        self.sandbox = DomoSandbox(clock, instance)
        self.ada = self.sandbox.add_person("ada@acme.example", "Ada Byron")
        self.folder = "bi-governance quarantine"

    def serve(self) -> AbstractContextManager[LoopbackServer]:
        return self.sandbox.serve()

    def options(self, url: str) -> dict[str, Any]:
        return {
            "api_url": url,
            "instance_url": url,
            "client_id": self.sandbox.public.client_id,
            "client_secret": self.sandbox.public.client_secret,
            "developer_token": self.sandbox.instance.developer_token,
            "backoff": 0,
        }

    def add_visual(self, title: str, age: timedelta = LONG) -> VisualKey:
        return VisualKey(SOURCE, "page", str(self.sandbox.add_page(title, owner_id=self.ada)))

    def access_id(self, key: VisualKey) -> str:
        return key.native_id

    def view(self, key: VisualKey, at: datetime) -> None:
        self.sandbox.view("page", int(key.native_id), by=self.ada, at=at)

    def own_run(self, key: VisualKey, at: datetime) -> None:
        self.sandbox.view("page", int(key.native_id), by=self.sandbox.me, at=at)

    def rename(self, key: VisualKey, title: str) -> None:
        self._there(key).name = title

    def give_to_somebody_else(self, key: VisualKey) -> str:
        grace = self.sandbox.add_person("grace@acme.example", "Grace Hopper")
        self._there(key).owner_ids = [grace]
        return str(grace)

    def join(self, group: str) -> None:
        self.sandbox.add_group(group, self.ada)

    def schedule(self, key: VisualKey) -> None:
        self.sandbox.add_report(
            "Weekly", owner_id=self.ada, resource_type="page", resource_id=int(key.native_id)
        )

    def lose(self, key: VisualKey) -> None:
        del self.sandbox.pages[int(key.native_id)]

    def title_there(self, key: VisualKey) -> str | None:
        page = self.sandbox.pages.get(int(key.native_id))
        parent = self.sandbox.pages.get(page.parent_id or 0) if page else None
        return None if page is None or (parent and parent.name == self.folder) else page.name

    def _there(self, key: VisualKey) -> DomoPage:
        return self.sandbox.pages[int(key.native_id)]


def make(clock: SimulatedClock, instance: str) -> DomoHarness:
    return DomoHarness(clock, instance)
