"""A Domo instance on loopback: its public API and its own API on one server, over a world tests can change.

Shapes of the public API follow Domo's published reference; those of the instance API follow what third
parties describe, and were never compared with a real Domo.
"""

from __future__ import annotations

import threading

from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.domo_instance import DEFINITION, READING, DomoInstance
from bi_governance.sandbox.domo_public import DomoPublic, error_body
from bi_governance.sandbox.domo_world import DomoWorld
from bi_governance.sandbox.faults import Faults
from bi_governance.sandbox.rest import Call, RouteTable
from bi_governance.sandbox.server import LoopbackServer, RequestLog

ROBOT_EMAIL = "bi-governance@acme.example"
_READING = {"/oauth/token", *READING, DEFINITION}


class DomoSandbox(DomoWorld):
    """One emulated instance with an administrator's API client and developer token."""

    def __init__(self, clock: SimulatedClock, customer: str = "acme") -> None:
        super().__init__(clock)
        self.lock = threading.RLock()
        self.me = self.add_person(
            ROBOT_EMAIL, "BI Governance", role="Admin", grants=("content.admin", "view.audit")
        )
        self.public = DomoPublic(self, customer, self.me)
        self.instance = DomoInstance(self, self.me)
        handlers = {**self.public.handlers(), **self.instance.handlers()}
        routes = RouteTable(handlers, self._authenticate, self.lock, _unknown_route)
        self._server = LoopbackServer(routes.app(), clock=clock, vendor=self)

    @property
    def faults(self) -> Faults:
        return self._server.faults

    @property
    def requests(self) -> RequestLog:
        return self._server.requests

    def serve(self) -> LoopbackServer:
        """The server, to be used in a `with` block: `with domo.serve() as server: server.url`."""
        return self._server

    def expire_token(self, token: str) -> None:
        self.public.expire(token)

    def error_body(self, status: int, _method: str, _path: str, /) -> object:
        return error_body(status)

    def is_write(self, method: str, path: str, /) -> bool:
        """Some of Domo's reads are POSTs, and reading a card's definition is a PUT."""
        return method != "GET" and path not in _READING

    def _authenticate(self, call: Call) -> str | None:
        if call.path == "/oauth/token":
            return None
        if call.path.startswith("/api/"):
            return self.instance.authenticate(call)
        return self.public.authenticate(call)


def _unknown_route(_: Call) -> object:
    return error_body(404)
