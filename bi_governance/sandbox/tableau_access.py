"""Who may call an emulated Tableau: personal access tokens, sessions and site roles."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from bi_governance.sandbox.rest import Call
from bi_governance.sandbox.tableau_world import TableauWorld
from bi_governance.sandbox.tableau_xml import answer, element, parsed, refusal

API = "/api/3.27"
_OPEN = ("/serverInfo", "/auth/signin")


@dataclass(frozen=True, slots=True)
class TableauToken:
    """A personal access token: what a connector signs in with."""

    name: str
    value: str
    user_id: str


class TableauAccess:
    """Sessions; a personal access token holds one, and signing in again ends the one before."""

    def __init__(self, world: TableauWorld) -> None:
        self._world = world
        self._tokens: dict[tuple[str, str], TableauToken] = {}
        self._sessions: dict[str, TableauToken] = {}
        self._opened = 0

    def issue(self, name: str, user_id: str) -> TableauToken:
        token = TableauToken(name, f"secret-of-{name}", user_id)
        self._tokens[token.name, token.value] = token
        return token

    def revoke(self, token: TableauToken) -> None:
        del self._tokens[token.name, token.value]
        self._sessions = {k: t for k, t in self._sessions.items() if t is not token}

    def expire(self, session: str) -> None:
        self._sessions.pop(session, None)

    def authenticate(self, call: Call) -> str | None:
        if call.path.endswith(_OPEN):
            return None
        token = self._sessions.get(call.headers.get("x-tableau-auth", ""))
        if token is None:
            raise refusal(401002, "Unauthorized Access", "Invalid authentication credentials were provided.")
        call.actor = token.user_id
        return self._world.users[token.user_id].name

    def is_administrator(self, call: Call) -> bool:
        role = self._world.users[call.actor].role
        return role.startswith(("SiteAdministrator", "ServerAdministrator"))

    def server_info(self, _: Call) -> Response:
        product, version = element("productVersion", build="20253.25.1"), element("restApiVersion")
        product.text, version.text = "2025.3.0", "3.27"
        return answer(element("serverInfo", product, version))

    def sign_in(self, call: Call) -> Response:
        sent = parsed(call.raw)
        name, value = sent.get("personalAccessTokenName", ""), sent.get("personalAccessTokenSecret", "")
        token = self._tokens.get((name, value))
        site = sent.find("site")
        if token is None or site is None or site.get("contentUrl", "") not in ("", self._world.site_name):
            raise refusal(401001, "Signin Error", "The personal access token you provided is invalid.")
        self._sessions = {k: t for k, t in self._sessions.items() if t is not token}
        self._opened += 1
        session = f"session-{self._opened}|{self._world.site_id}"
        self._sessions[session] = token
        made = element(
            "credentials",
            element("site", id=self._world.site_id, contentUrl=self._world.site_name),
            element("user", id=token.user_id),
            token=session,
        )
        return answer(made)

    def sign_out(self, call: Call) -> Response:
        self.expire(call.headers["x-tableau-auth"])
        return Response(status_code=204)
