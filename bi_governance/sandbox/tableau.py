"""A Tableau site on loopback: REST, Metadata API and VizQL Data Service over a world tests can change."""

from __future__ import annotations

import threading

from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.faults import Faults
from bi_governance.sandbox.rest import Call, RouteTable
from bi_governance.sandbox.server import LoopbackServer, RequestLog
from bi_governance.sandbox.tableau_access import TableauAccess
from bi_governance.sandbox.tableau_reads import TableauReads
from bi_governance.sandbox.tableau_services import METADATA, QUERY, TableauServices
from bi_governance.sandbox.tableau_world import TableauWorld
from bi_governance.sandbox.tableau_writes import TableauWrites
from bi_governance.sandbox.tableau_xml import error_text, refusal

ROBOT_NAME = "bi-governance@acme.example"


class TableauSandbox(TableauWorld):
    """One emulated site; `token` is a personal access token of an administrator."""

    def __init__(self, clock: SimulatedClock, site: str = "acme") -> None:
        super().__init__(clock, site)
        self.lock = threading.RLock()
        self.access = TableauAccess(self)
        self.me = self.add_person(ROBOT_NAME, "BI Governance", "SiteAdministratorExplorer")
        self.token = self.access.issue("bi-governance", self.me)
        reads = TableauReads(self, self.access)
        handlers = {
            "GET /api/{version}/serverInfo": self.access.server_info,
            "POST /api/{version}/auth/signin": self.access.sign_in,
            "POST /api/{version}/auth/signout": self.access.sign_out,
            **reads.handlers(),
            **TableauWrites(self, self.access, reads).handlers(),
            **TableauServices(self, self.access).handlers(),
        }
        routes = RouteTable(handlers, self.access.authenticate, self.lock, _unknown_route)
        self._server = LoopbackServer(routes.app(), clock=clock, vendor=self)

    @property
    def faults(self) -> Faults:
        return self._server.faults

    @property
    def requests(self) -> RequestLog:
        return self._server.requests

    def serve(self) -> LoopbackServer:
        """The server, to be used in a `with` block: `with tableau.serve() as server: server.url`."""
        return self._server

    def expire_token(self, token: str) -> None:
        self.access.expire(token)

    def error_body(self, status: int, _method: str, path: str, /) -> object:
        return {"message": f"Simulated error {status}"} if path in (METADATA, QUERY) else error_text(status)

    def is_write(self, method: str, path: str, /) -> bool:
        return method != "GET" and path not in (METADATA, QUERY) and "/auth/" not in path


def _unknown_route(_: Call) -> object:
    return refusal(404000, "Not found", "There is no such resource").body
