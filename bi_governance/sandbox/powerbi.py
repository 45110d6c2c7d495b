"""A Power BI tenant on loopback: Microsoft Entra's token endpoint, the admin APIs and the ordinary one."""

from __future__ import annotations

import threading

from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.faults import Faults
from bi_governance.sandbox.powerbi_access import (
    AUTHORITY,
    TOKEN_PATH,
    PowerBIAccess,
    PowerBIApp,
    error_body,
)
from bi_governance.sandbox.powerbi_members import PowerBIMembers
from bi_governance.sandbox.powerbi_reads import PowerBIReads
from bi_governance.sandbox.powerbi_render import PowerBIRenderer
from bi_governance.sandbox.powerbi_world import PowerBIWorld
from bi_governance.sandbox.rest import Call, RouteTable
from bi_governance.sandbox.server import LoopbackServer, RequestLog

__all__ = ["AUTHORITY", "PowerBIApp", "PowerBISandbox"]


class PowerBISandbox(PowerBIWorld):
    """One emulated tenant; `credentials` are those of an app that may read the admin APIs.

    The authority is served below `AUTHORITY`, the API at the root. Tokens last a simulated hour.
    """

    def __init__(self, clock: SimulatedClock, tenant: str = "acme") -> None:
        super().__init__(clock, tenant)
        self.lock = threading.RLock()
        self.access = PowerBIAccess(self)
        self.settings = self.access.settings
        renderer = PowerBIRenderer(self)
        self.reads = PowerBIReads(self, self.access, renderer)
        members = PowerBIMembers(self, self.access, renderer)
        self.credentials = self.access.register()
        handlers = {**self.reads.handlers(), **members.handlers()}
        handlers[f"POST {AUTHORITY}/{{tenant}}{TOKEN_PATH}"] = self.access.token
        routes = RouteTable(handlers, self.access.authenticate, self.lock, _unknown_route)
        self._server = LoopbackServer(routes.app(), clock=clock, vendor=self)

    @property
    def faults(self) -> Faults:
        return self._server.faults

    @property
    def requests(self) -> RequestLog:
        return self._server.requests

    def serve(self) -> LoopbackServer:
        """The server, to be used in a `with` block."""
        return self._server

    def expire_token(self, token: str) -> None:
        self.access.expire(token)

    def error_body(self, status: int, _method: str, _path: str, /) -> object:
        return error_body(status)

    def is_write(self, method: str, path: str, /) -> bool:
        return method != "GET" and not path.startswith(AUTHORITY) and not path.endswith("/getInfo")


def _unknown_route(_: Call) -> object:
    return error_body(404)
