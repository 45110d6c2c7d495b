"""Tableau Server with its own database as the history, for tests that bring a PostgreSQL along."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bi_governance.model import VisualKey
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.tableau_repository import TableauRepository
from tests.connectors.harness import START
from tests.connectors.harness_tableau import TableauHarness


class RepositoryHarness(TableauHarness):
    """Tableau Server: opening a view is written down in its database; somebody signs in every day."""

    def __init__(self, url: str) -> None:
        super().__init__(SimulatedClock(START), "acme")
        self.repository = TableauRepository(self.sandbox, url)
        self._alive_since: datetime | None = None

    def options(self, url: str) -> dict[str, Any]:
        return {**super().options(url), "history": "repository", "repository_url": self.repository.url}

    def close(self) -> None:
        self.repository.close()

    def view(self, key: VisualKey, at: datetime) -> None:
        self._opened(key, at, self.ada)

    def own_run(self, key: VisualKey, at: datetime) -> None:
        self._opened(key, at, self.sandbox.me)

    def be_alive(self, since: datetime) -> None:
        """Sign-ins of every day from then on."""
        until = self._alive_since or START
        if since < until:
            self.repository.sign_ins(since, until - timedelta(seconds=1), by=self.ada)
            self._alive_since = since

    def _opened(self, key: VisualKey, at: datetime, by: str) -> None:
        view = self.access_id(key)
        self.sandbox.view(view, by=by, at=at)
        self.repository.record("Access View", at, by=by, view_id=view)
        self.be_alive(at)
