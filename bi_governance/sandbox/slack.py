"""A Slack workspace on loopback: the Web API as the official client calls it, and what was posted."""

from __future__ import annotations

import threading
from typing import Any
from urllib.parse import parse_qsl

from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.faults import Faults
from bi_governance.sandbox.rest import Call, Refusal, RouteTable
from bi_governance.sandbox.server import LoopbackServer, RequestLog
from bi_governance.sandbox.slack_channels import SlackChannelMethods
from bi_governance.sandbox.slack_interaction import SlackInteraction
from bi_governance.sandbox.slack_limits import RateLimits
from bi_governance.sandbox.slack_methods import SlackError
from bi_governance.sandbox.slack_socket import SocketServer
from bi_governance.sandbox.slack_world import SlackWorld

BOT_TOKEN = "xoxb-sandbox-token"  # noqa: S105 - opens nothing but the sandbox
APP_TOKEN = "xapp-sandbox-token"  # noqa: S105 - likewise
SCOPES = frozenset(
    {
        "users:read",
        "users:read.email",
        "im:write",
        "im:history",
        "channels:read",
        "channels:join",
        "channels:manage",
        "channels:history",
        "chat:write",
        "pins:read",
        "pins:write",
    }
)
_WRITES = (
    *("chat.postMessage", "chat.update", "chat.delete", "pins.add"),
    *("conversations.open", "conversations.join", "conversations.create", "conversations.invite"),
    *("conversations.setTopic", "conversations.setPurpose"),
)
_ERRORS = {401: "invalid_auth", 403: "access_denied", 404: "unknown_method", 429: "ratelimited"}


class SlackSandbox(SlackWorld):
    """One emulated workspace; the client takes `token` and `base_url=server.url + "/api/"`.

    `writes()` of the request log are messages posted, changed, pinned and deleted, and whatever is done to
    conversations. With `limits` every call more than Slack's published rates, on this clock, is a 429.
    """

    def __init__(
        self, clock: SimulatedClock, *, scopes: frozenset[str] = SCOPES, limits: RateLimits | None = None
    ) -> None:
        super().__init__(clock)
        self.scopes = scopes
        self.limits = limits
        self.token = BOT_TOKEN
        self.address = ""  # Where clients reach the workspace when that is not its own server.
        self.lock = threading.RLock()
        self._expired: set[str] = set()
        self.app_token = APP_TOKEN
        self.socket = SocketServer()
        self.interaction = SlackInteraction(self, self.socket.issue)
        self._methods = {
            **SlackChannelMethods(self, self._url, lambda: self.scopes).table(),
            **self.interaction.table(),
        }
        handlers = {f"{verb} /api/{{method}}": self._answer for verb in ("GET", "POST")}
        handlers["POST /response/{id}"] = self._reply
        routes = RouteTable(
            handlers, self._authenticate, self.lock, lambda _: {"ok": False, "error": "not_found"}
        )
        self._server = LoopbackServer(routes.app(), clock=clock, vendor=self)

    @property
    def faults(self) -> Faults:
        return self._server.faults

    @property
    def requests(self) -> RequestLog:
        return self._server.requests

    def serve(self) -> LoopbackServer:
        """The server, to be used in a `with` block: `with slack.serve() as server: server.url`."""
        return self._server

    def _url(self) -> str:
        return self.address or self._server.url

    def response_url(self) -> str:
        """Where a command may be answered."""
        return f"{self._url()}/response/{len(self.interaction.replies)}"

    def _reply(self, call: Call) -> object:
        self.interaction.replies.append(call.json())
        return {"ok": True}

    def expire_token(self, token: str) -> None:
        self._expired.add(token)

    def error_body(self, status: int, _method: str, _path: str, /) -> object:
        return {"ok": False, "error": _ERRORS.get(status, "internal_error")}

    def is_write(self, _method: str, path: str, /) -> bool:
        return path.rpartition("/")[2] in _WRITES

    def _authenticate(self, call: Call) -> str | None:
        if call.path.startswith("/response/"):
            return self.bot_user_id  # knowing the address is what counts
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        token = token or str(_arguments(call).get("token", ""))
        if not token:
            raise Refusal(200, {"ok": False, "error": "not_authed"})
        expected = self.app_token if call.path.endswith("/apps.connections.open") else self.token
        if token != expected or token in self._expired:
            raise Refusal(200, {"ok": False, "error": "invalid_auth"})
        return self.bot_user_id

    def _answer(self, call: Call) -> object:
        name = call.params["method"]
        scope, method = self._methods.get(name, (None, None))
        if method is None:
            return {"ok": False, "error": "unknown_method"}
        call.reply_headers["X-OAuth-Scopes"] = ",".join(sorted(self.scopes))
        self._keep_to_limits(name, str(_arguments(call).get("channel", "")))
        if scope is not None and scope not in self.scopes:
            lists = {"needed": scope, "provided": ",".join(sorted(self.scopes))}
            return {"ok": False, "error": "missing_scope", **lists}
        try:
            return {"ok": True, **method(_arguments(call))}
        except SlackError as error:
            return {"ok": False, "error": error.name, **error.details}

    def _keep_to_limits(self, method: str, channel: str) -> None:
        wait = self.limits.retry_after(method, channel, self.clock.now()) if self.limits else None
        if wait is not None:
            raise Refusal(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": str(wait)})


def _arguments(call: Call) -> dict[str, Any]:
    """Arguments from the query, a form body or a JSON body, whichever the client used."""
    if call.headers.get("content-type", "").startswith("application/json"):
        return {**call.query, **call.json()}
    return {**call.query, **dict(parse_qsl(call.raw.decode(), keep_blank_values=True))}
