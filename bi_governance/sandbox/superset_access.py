"""Who calls a Superset API: expiring tokens, CSRF tied to the session, roles, and refusals."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

from bi_governance.sandbox.rest import Call, Refusal, Row
from bi_governance.sandbox.superset_records import SupersetUser, SupersetVisual
from bi_governance.sandbox.superset_world import SupersetWorld

ACCESS_LIFE, REFRESH_LIFE = timedelta(minutes=15), timedelta(days=30)
_LOGIN, _REFRESH = "/api/v1/security/login", "/api/v1/security/refresh"
_MESSAGES = {
    400: {"message": "Bad request"},
    401: {"msg": "Token has expired"},
    403: {"message": "Forbidden"},
    404: {"message": "Not found"},
    422: {"message": "Unprocessable entity"},
}


@dataclass(frozen=True, slots=True)
class SupersetCredentials:
    """A name and password for the `db` provider, and the account's id."""

    username: str
    password: str
    user_id: int


def error_body(status: int) -> Row:
    return dict(_MESSAGES.get(status) or _errors(f"{status} error"))


def _errors(message: str) -> Row:
    code = {
        "issue_codes": [{"code": 1011, "message": "Issue 1011 - Superset encountered an unexpected error."}]
    }
    return {
        "errors": [
            {"message": message, "error_type": "GENERIC_BACKEND_ERROR", "level": "error", "extra": code}
        ]
    }


def refusal(status: int, message: object = None) -> Refusal:
    return Refusal(status, {"message": message} if message else error_body(status))


class SupersetAccess:
    """Logs people in, checks what they send, and knows who may see and change what."""

    def __init__(self, world: SupersetWorld) -> None:
        self._world = world
        self._numbers = count(1)
        self._revoked: set[str] = set()
        self._csrf: dict[str, str] = {}

    def login(self, call: Call) -> Row:
        body = call.json()
        if not body.get("username") or body.get("provider") not in ("db", "ldap"):
            raise refusal(400, "Missing required parameter")
        named = [u for u in self._world.users.values() if u.username == body["username"] and u.active]
        user = named[0] if named else None
        if user is None or user.password is None or user.password != body.get("password"):
            raise refusal(401, "Not authorized")
        user.last_login, user.login_count = self._world.clock.now(), user.login_count + 1
        answer = {"access_token": self._token(user, "access")}
        return {**answer, "refresh_token": self._token(user, "refresh")} if body.get("refresh") else answer

    def refresh(self, call: Call) -> Row:
        return {"access_token": self._token(call.actor, "access")}

    def csrf_token(self, call: Call) -> Row:
        """A token that only counts together with the session cookie sent along."""
        session = call.cookies.get("session") or f"sandbox-session-{next(self._numbers)}"
        self._csrf[session] = token = f"sandbox-csrf-{next(self._numbers)}"
        call.reply_headers["set-cookie"] = f"session={session}; HttpOnly; Path=/; SameSite=Lax"
        return {"result": token}

    def expire(self, token: str) -> None:
        self._revoked.add(token)

    def authenticate(self, call: Call) -> str | None:
        if call.path == _LOGIN or call.path in ("/health", "/version", "/login/"):
            return None
        claims = self._claims(call)
        wanted = "refresh" if call.path == _REFRESH else "access"
        if claims["type"] != wanted:
            raise Refusal(422, {"msg": f"Only {wanted} tokens are allowed"})
        call.actor = self._world.users[claims["sub"]]
        self._world.switches.require_open(call)
        if call.method != "GET" and call.path != _REFRESH:
            self._require_csrf(call)
        return str(call.actor.username)

    def _claims(self, call: Call) -> Row:
        header = call.headers.get("authorization", "")
        if not header.startswith("Bearer "):
            raise Refusal(401, {"msg": "Missing Authorization Header"})
        token = header.removeprefix("Bearer ")
        if token.count(".") != 2:
            raise Refusal(422, {"msg": "Not enough segments"})
        try:
            claims: Row = json.loads(base64.urlsafe_b64decode(token.split(".")[1]))
        except ValueError as error:
            raise Refusal(422, {"msg": "Invalid payload string"}) from error
        if token in self._revoked or claims["exp"] <= self._world.clock.now().timestamp():
            raise Refusal(401, {"msg": "Token has expired"})
        return claims

    def _require_csrf(self, call: Call) -> None:
        sent, session = call.headers.get("x-csrftoken"), call.cookies.get("session", "")
        if sent and self._csrf.get(session) == sent:
            return
        if not call.headers.get("content-type", "").startswith("application/json"):
            # the trap of the real server: a bare DELETE is sent to the login page and ends as 200 HTML
            raise Refusal(302, "", {"location": f"/login/?next={call.path}"})
        missing = "CSRF session token" if sent else "CSRF token"
        raise Refusal(400, _errors(f"400 Bad Request: The {missing} is missing."))

    def _token(self, user: SupersetUser, kind: str) -> str:
        life = ACCESS_LIFE if kind == "access" else REFRESH_LIFE
        expiry = (self._world.clock.now() + life).timestamp()
        claims = {"sub": user.id, "type": kind, "exp": expiry, "jti": next(self._numbers)}
        parts = (json.dumps(part).encode() for part in ({"alg": "HS256"}, claims, 0))
        return ".".join(base64.urlsafe_b64encode(part).decode() for part in parts)

    def may_see(self, user: SupersetUser, visual: SupersetVisual) -> bool:
        """Others than administrators see their own, and published dashboards that hold charts."""
        if user.role == "Admin" or user.id in visual.owner_ids:
            return True
        return visual.kind == "chart" or (visual.published and bool(visual.chart_ids))

    def require_owner(self, user: SupersetUser, visual: SupersetVisual) -> None:
        if user.role != "Admin" and user.id not in visual.owner_ids:
            raise refusal(403)

    def require_admin(self, user: SupersetUser) -> None:
        if user.role != "Admin":
            raise refusal(403)
