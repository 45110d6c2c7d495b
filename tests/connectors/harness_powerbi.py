"""Power BI in the shared connector suite."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

from bi_governance.model import VisualKey
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.powerbi import AUTHORITY, PowerBISandbox
from bi_governance.sandbox.server import LoopbackServer
from tests.connectors.harness import LONG, SOURCE, Paths

ADA, GRACE = "ada@acme.example", "grace@acme.example"


class QuickTime:
    """Stands in for the client's `time`: what is slept passes at once. Each has budgets of its own."""

    def __init__(self) -> None:
        self.slept = 0.0

    def time(self) -> float:
        return time.time() + self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


class PowerBIHarness:
    """A Power BI tenant with Ada and her workspace, in which our app is a contributor."""

    platform = "powerbi"
    page_size = 5
    feed = "powerbi_report"
    id_column = "report_id"
    access_id_column = "report_id"
    paths = Paths(
        login="POST /login",
        visuals="GET /v1.0/myorg/admin/reports$",
        visual="GET /v1.0/myorg/admin/reports$",
        history="GET /v1.0/myorg/admin/activityevents$",
    )

    def __init__(self, clock: SimulatedClock, instance: str) -> None:
        self.clock = clock
        self.sandbox = PowerBISandbox(clock, instance)
        self.ada = self.sandbox.add_person(ADA, "Ada Byron")
        me = self.sandbox.credentials.object_id
        self.workspace = self.sandbox.add_workspace("Sales", **{self.ada: "Admin", me: "Contributor"})
        self.dataset = self.sandbox.add_dataset(self.workspace, "orders")

    def serve(self) -> AbstractContextManager[LoopbackServer]:
        return self.sandbox.serve()

    def options(self, url: str) -> dict[str, Any]:
        app = self.sandbox.credentials
        return {
            "tenant_id": self.sandbox.tenant_id,
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "api_url": url,
            "authority_url": url + AUTHORITY,
            "page_size": self.page_size,
            "history_days": 30,
            "backoff": 0,
            "poll_seconds": 0,
        }

    def add_visual(self, title: str, age: timedelta = LONG) -> VisualKey:
        id_ = self.sandbox.add_report(
            title,
            workspace_id=self.workspace,
            by=self.ada,
            dataset_id=self.dataset,
            created_at=self.clock.now() - age,
        )
        return VisualKey(SOURCE, "report", id_)

    def access_id(self, key: VisualKey) -> str:
        return key.native_id

    def view(self, key: VisualKey, at: datetime) -> None:
        self.sandbox.view("report", key.native_id, by=self.ada, at=at)

    def own_run(self, key: VisualKey, at: datetime) -> None:
        self.sandbox.view("report", key.native_id, by=self.sandbox.credentials.client_id, at=at)

    def rename(self, key: VisualKey, title: str) -> None:
        self.sandbox.reports[key.native_id].name = title

    def give_to_somebody_else(self, key: VisualKey) -> str:
        self.sandbox.add_person(GRACE, "Grace Hopper")
        roles = self.sandbox.workspaces[self.sandbox.reports[key.native_id].workspace_id].roles
        roles[self.ada], roles[GRACE] = "Viewer", "Admin"
        return GRACE

    def join(self, group: str) -> None:
        """Entra keeps groups, and nothing of them shows here."""

    def schedule(self, key: VisualKey) -> None:
        self.sandbox.subscribe("report", key.native_id, user=self.ada)

    def lose(self, key: VisualKey) -> None:
        self.sandbox.remove_report(key.native_id)

    def title_there(self, key: VisualKey) -> str | None:
        report = self.sandbox.reports.get(key.native_id)
        return report.name if report else None


def make(clock: SimulatedClock, instance: str) -> PowerBIHarness:
    """A tenant of its own for every instance."""
    return PowerBIHarness(clock, instance)
