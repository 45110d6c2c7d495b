"""A Looker instance on loopback: API 4.0 as the official SDK calls it, over a world that tests can change."""

from __future__ import annotations

import threading
from datetime import timedelta

from starlette.types import ASGIApp

from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.faults import Faults
from bi_governance.sandbox.looker_access import LookerAccess, LookerCredentials, error_body
from bi_governance.sandbox.looker_history import HistoryExplore
from bi_governance.sandbox.looker_reads import LookerReads
from bi_governance.sandbox.looker_records import PERMISSIONS, LookerUser
from bi_governance.sandbox.looker_render import LookerRenderer
from bi_governance.sandbox.looker_world import LookerWorld
from bi_governance.sandbox.looker_writes import LookerWrites
from bi_governance.sandbox.rest import Call, RouteTable
from bi_governance.sandbox.server import LoopbackServer, RequestLog

ROBOT_EMAIL = "bi-governance@acme.example"
_READS_BY_POST = ("/api/4.0/login", "/api/4.0/queries/run/")


class LookerSandbox(LookerWorld):
    """One emulated instance; `credentials` are those of an administrator's service account.

    `history_days` is how far back System Activity reaches (None: forever), `row_cap` the most rows any inline
    query returns whatever limit it asks for, `zone` the time zone of queries that name none, `name` what the
    instance calls itself wherever it is served.
    """

    def __init__(
        self,
        clock: SimulatedClock,
        *,
        history_days: int | None = 90,
        row_cap: int = 5000,
        zone: str = "UTC",
        name: str = "acme",
    ) -> None:
        super().__init__(clock)
        self.name = name
        self.history_days, self.row_cap, self.zone = history_days, row_cap, zone
        self.lock = threading.RLock()
        self.access = LookerAccess(self)
        self.credentials = self.add_api_user(ROBOT_EMAIL)
        self._server = LoopbackServer(self.app(), clock=clock, vendor=self)

    @property
    def faults(self) -> Faults:
        return self._server.faults

    @property
    def requests(self) -> RequestLog:
        return self._server.requests

    def serve(self) -> LoopbackServer:
        """The server, to be used in a `with` block: `with looker.serve() as server: server.url`."""
        return self._server

    def app(self) -> ASGIApp:
        """The API by itself, for a server of one's own."""
        return self._routes().app()

    def add_api_user(
        self, email: str, name: str = "BI Governance", *, permissions: frozenset[str] = PERMISSIONS
    ) -> LookerCredentials:
        """Add a service account and return the key pair to hand to the SDK."""
        return self.access.issue(self.add_person(email, name, service_account=True), permissions)

    def grant(self, permission: str, credentials: LookerCredentials | None = None) -> None:
        user = self._user_of(credentials)
        user.permissions = user.permissions | {permission}

    def revoke(self, permission: str, credentials: LookerCredentials | None = None) -> None:
        """Take one of `looker_records.PERMISSIONS` from an API user."""
        user = self._user_of(credentials)
        user.permissions = user.permissions - {permission}

    def _user_of(self, credentials: LookerCredentials | None) -> LookerUser:
        return self.users[(credentials or self.credentials).user_id]

    def expire_token(self, token: str) -> None:
        self.access.expire(token)

    def expire_tokens(self) -> None:
        """Make every token handed out so far invalid."""
        self.access.expire_all()

    def error_body(self, status: int, method: str, path: str, /) -> object:
        return error_body(status, method, path)

    def is_write(self, method: str, path: str, /) -> bool:
        if method == "POST":
            return not path.startswith(_READS_BY_POST)
        return method in ("PUT", "PATCH", "DELETE") and not path.endswith("/logout")

    def _explore(self) -> HistoryExplore:
        retention = None if self.history_days is None else timedelta(days=self.history_days)
        return HistoryExplore(self, self.zone, retention, self.row_cap)

    def _routes(self) -> RouteTable:
        renderer = LookerRenderer(self)
        reads = LookerReads(self, self.access, renderer, self._explore, f"https://{self.name}.looker.example")
        tables = {**reads.handlers(), **LookerWrites(self, reads, renderer).handlers()}
        handlers = {pattern.replace(" ", " /api/4.0", 1): handler for pattern, handler in tables.items()}
        handlers["POST /api/4.0/login"] = self.access.login
        handlers["DELETE /api/4.0/logout"] = self.access.logout
        handlers["DELETE /api/logout"] = self.access.logout
        return RouteTable(handlers, self.access.authenticate, self.lock, _unknown_route)


def _unknown_route(call: Call) -> object:
    return error_body(404, call.method, call.path)
