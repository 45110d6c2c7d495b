"""Tableau in the shared connector suite, with the events of Admin Insights as its history."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from bi_governance.model import VisualKey
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.server import LoopbackServer
from bi_governance.sandbox.tableau import TableauSandbox
from tests.connectors.harness import LONG, SOURCE, Paths


class TableauHarness:
    """A Tableau sandbox with Ada, who owns everything, in the project Sales/Europe."""

    platform = "tableau"
    page_size = 20
    feed = "tableau_workbook"
    id_column = "workbook_id"
    access_id_column = "view_id"
    paths = Paths(
        login="POST /api/[^/]+/auth/signin",
        visuals="GET /api/.*/workbooks$",
        visual="GET /api/.*/workbooks/[^/]+$",
        history="POST /api/v1/vizql-data-service/query-datasource",
        groups="GET /api/.*/groups",
    )

    def __init__(self, clock: SimulatedClock, instance: str) -> None:
        self.clock = clock
        self.sandbox = TableauSandbox(clock, instance)
        self.ada = self.sandbox.add_person("ada@acme.example", "Ada Byron")
        sales = self.sandbox.add_project("Sales", owner_id=self.ada)
        self.project = self.sandbox.add_project("Europe", sales, owner_id=self.ada)

    def serve(self) -> AbstractContextManager[LoopbackServer]:
        return self.sandbox.serve()

    def options(self, url: str) -> dict[str, Any]:
        token = self.sandbox.token
        return {
            "server_url": url,
            "site": self.sandbox.site_name,
            "token_name": token.name,
            "token_value": token.value,
            "history": "admin_insights",
            "page_size": self.page_size,
            "backoff": 0,
        }

    def add_visual(self, title: str, age: timedelta = LONG) -> VisualKey:
        then = self.clock.now() - age
        id_ = self.sandbox.add_workbook(title, owner_id=self.ada, project_id=self.project, created_at=then)
        return VisualKey(SOURCE, "workbook", id_)

    def access_id(self, key: VisualKey) -> str:
        return self.sandbox.views_of(key.native_id)[0].id

    def view(self, key: VisualKey, at: datetime) -> None:
        self.sandbox.view(self.access_id(key), by=self.ada, at=at)

    def own_run(self, key: VisualKey, at: datetime) -> None:
        self.sandbox.view(self.access_id(key), by=self.sandbox.me, at=at)

    def rename(self, key: VisualKey, title: str) -> None:
        self.sandbox.workbooks[key.native_id].title = title

    def give_to_somebody_else(self, key: VisualKey) -> str:
        grace = self.sandbox.add_person("grace@acme.example", "Grace Hopper")
        self.sandbox.workbooks[key.native_id].owner_id = grace
        return grace

    def join(self, group: str) -> None:
        self.sandbox.add_group(group, self.ada)

    def schedule(self, key: VisualKey) -> None:
        self.sandbox.deliver("subscription", "Weekly", user_id=self.ada, target=("Workbook", key.native_id))

    def lose(self, key: VisualKey) -> None:
        self.sandbox.remove_workbook(key.native_id)

    def title_there(self, key: VisualKey) -> str | None:
        found = self.sandbox.workbooks.get(key.native_id)
        return found.title if found else None


def make(clock: SimulatedClock, instance: str) -> TableauHarness:
    """The instance is the name of the site."""
    return TableauHarness(clock, instance)
