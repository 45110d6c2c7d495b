"""Who calls a Power BI API: app registrations, expiring tokens of Microsoft Entra, tenant settings, roles."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from itertools import count
from urllib.parse import parse_qs

from bi_governance.sandbox.powerbi_world import PowerBIWorld
from bi_governance.sandbox.rest import Call, Refusal, Row

TOKEN_LIFE = timedelta(minutes=60)
AUTHORITY = "/login.microsoftonline.com"
TOKEN_PATH = "/oauth2/v2.0/token"  # noqa: S105 - an address
_MAY_CHANGE = ("Admin", "Member", "Contributor")
_CODES = {
    400: "BadRequest",
    401: "PowerBINotAuthorizedException",
    403: "PowerBINotAuthorizedException",
    404: "PowerBIEntityNotFound",
}


@dataclass(frozen=True, slots=True)
class PowerBIApp:
    """An app registration: its id and secret, and the object id of its service principal."""

    client_id: str
    client_secret: str
    object_id: str


@dataclass(slots=True)
class PowerBISettings:
    """The tenant settings that concern service principals."""

    admin_apis: bool = True
    detailed_metadata: bool = True
    fabric_apis: bool = True
    log_readable: bool = True


def error_body(status: int) -> Row:
    if status == 429:
        return {
            "message": "You have exceeded the amount of requests allowed in the current time frame and "
            "further requests will fail. Retry in 3392 seconds."
        }
    return {"error": {"code": _CODES.get(status, "UnknownError"), "message": f"{status} refused"}}


def refusal(status: int, message: str = "") -> Refusal:
    body = error_body(status)
    return Refusal(status, {"error": {**body["error"], "message": message}} if message else body)


class PowerBIAccess:
    """Gives apps tokens and knows what they may do."""

    def __init__(self, world: PowerBIWorld) -> None:
        self._world = world
        self._numbers = count(1)
        self._revoked: set[str] = set()
        self.apps: dict[str, PowerBIApp] = {}
        self.settings = PowerBISettings()

    def register(self) -> PowerBIApp:
        """A new app with its secret."""
        number = next(self._numbers)
        app = PowerBIApp(
            self._world.new_id("app"), f"sandbox-secret-{number}", self._world.new_id("principal")
        )
        self.apps[app.client_id] = app
        return app

    def token(self, call: Call) -> Row:
        """The client-credentials grant."""
        form = {key: values[0] for key, values in parse_qs(call.raw.decode()).items()}
        if call.params["tenant"] != self._world.tenant_id:
            raise _entra(400, "invalid_request", "AADSTS90002: Tenant not found.")
        app = self.apps.get(form.get("client_id", ""))
        if app is None:
            raise _entra(
                400, "unauthorized_client", "AADSTS700016: Application was not found in the directory."
            )
        if form.get("client_secret") != app.client_secret:
            raise _entra(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.")
        if form.get("grant_type") != "client_credentials" or not form.get("scope", "").endswith("/.default"):
            raise _entra(400, "invalid_request", "AADSTS1002012: The scope is not valid for this grant.")
        expiry = (self._world.clock.now() + TOKEN_LIFE).timestamp()
        claims = {
            "appid": app.client_id,
            "oid": app.object_id,
            "tid": self._world.tenant_id,
            "exp": expiry,
            "jti": next(self._numbers),
        }
        return {
            "token_type": "Bearer",
            "expires_in": int(TOKEN_LIFE.total_seconds()),
            "access_token": ".".join(_segment(part) for part in ({"alg": "RS256"}, claims, {"sig": 0})),
        }

    def expire(self, token: str) -> None:
        self._revoked.add(token)

    def authenticate(self, call: Call) -> str | None:
        call.reply_headers["date"] = format_datetime(self._world.clock.now(), usegmt=True)
        if call.path.startswith(AUTHORITY):
            return None
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        app = self._app_of(token)
        call.actor = app
        if "/admin/" in call.path and not self.settings.admin_apis:
            raise refusal(401, "API is not accessible for application")
        if "/admin/" not in call.path and not self.settings.fabric_apis:
            raise refusal(401, "API is not accessible for application")
        return app.client_id

    def _app_of(self, token: str) -> PowerBIApp:
        parts = token.split(".")
        if len(parts) != 3 or token in self._revoked:
            raise Refusal(401, {"error": {"code": "TokenExpired", "message": "Access token has expired"}})
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=="))
        if claims["exp"] <= self._world.clock.now().timestamp():
            raise Refusal(401, {"error": {"code": "TokenExpired", "message": "Access token has expired"}})
        return self.apps[claims["appid"]]

    def is_member(self, app: PowerBIApp, workspace_id: str) -> bool:
        workspace = self._world.workspaces.get(workspace_id)
        return workspace is not None and app.object_id in workspace.roles

    def require_contributor(self, call: Call) -> None:
        """Strangers are told that there is no such workspace; viewers that they may not."""
        id_ = call.params["group"]
        if not self.is_member(call.actor, id_):
            raise refusal(404)
        if self._world.workspaces[id_].roles[call.actor.object_id] not in _MAY_CHANGE:
            raise refusal(403)


def _entra(status: int, error: str, description: str) -> Refusal:
    return Refusal(status, {"error": error, "error_description": description})


def _segment(part: Row) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
