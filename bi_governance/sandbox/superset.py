"""A Superset instance on loopback: the REST API of 6.1.0, or of a newer version, over a changeable world."""

from __future__ import annotations

import threading

from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.faults import Faults
from bi_governance.sandbox.rest import Call, RouteTable
from bi_governance.sandbox.server import LoopbackServer, RequestLog
from bi_governance.sandbox.superset_access import SupersetAccess, SupersetCredentials, error_body
from bi_governance.sandbox.superset_newer import SupersetNewer
from bi_governance.sandbox.superset_reads import SupersetReads
from bi_governance.sandbox.superset_records import Role
from bi_governance.sandbox.superset_render import SupersetRenderer
from bi_governance.sandbox.superset_world import SupersetWorld
from bi_governance.sandbox.superset_writes import SupersetWrites

ROBOT_EMAIL = "bi-governance@acme.example"


class SupersetSandbox(SupersetWorld):
    """One emulated instance; `credentials` are those of an administrator's service account.

    Access tokens last 15 minutes of the simulated clock, refresh tokens 30 days. A newer one has editors
    instead of owners and, unless `has_soft_delete` is taken back, a trash. `switches` are what its
    administrator can switch off.
    """

    def __init__(self, clock: SimulatedClock, *, is_newer: bool = False) -> None:
        super().__init__(clock, is_newer=is_newer)
        self.lock = threading.RLock()
        self.access = SupersetAccess(self)
        self.credentials = self.add_api_user(ROBOT_EMAIL)
        self._server = LoopbackServer(self._routes().app(), clock=clock, vendor=self)

    @property
    def faults(self) -> Faults:
        return self._server.faults

    @property
    def requests(self) -> RequestLog:
        return self._server.requests

    def serve(self) -> LoopbackServer:
        """The server, to be used in a `with` block: `with superset.serve() as server: server.url`."""
        return self._server

    def add_api_user(
        self, email: str, name: str = "BI Governance", *, role: Role = "Admin"
    ) -> SupersetCredentials:
        """Add an account with a password and return what to log in with (provider `db`)."""
        password = f"sandbox-password-{email.partition('@')[0]}"
        user_id = self.add_person(email, name, role=role, password=password)
        return SupersetCredentials(self.users[user_id].username, password, user_id)

    def set_role(self, user_id: int, role: Role) -> None:
        self.users[user_id].role = role

    def expire_token(self, token: str) -> None:
        self.access.expire(token)

    def error_body(self, status: int, _method: str, _path: str, /) -> object:
        return error_body(status)

    def is_write(self, method: str, path: str, /) -> bool:
        return method != "GET" and not path.startswith("/api/v1/security/")

    def _routes(self) -> RouteTable:
        renderer = SupersetRenderer(self)
        reads = SupersetReads(self, self.access, renderer)
        handlers = {**reads.handlers(), **SupersetWrites(self, self.access, reads).handlers()}
        handlers |= SupersetNewer(self, self.access).handlers() if self.is_newer else {}
        handlers["POST /api/v1/security/login"] = self.access.login
        handlers["POST /api/v1/security/refresh"] = self.access.refresh
        handlers["GET /api/v1/security/csrf_token/"] = self.access.csrf_token
        return RouteTable(handlers, self.access.authenticate, self.lock, _unknown_route)


def _unknown_route(_: Call) -> object:
    return error_body(404)
