"""Who calls a Looker API and what they may see; what Looker says when it refuses."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from urllib.parse import parse_qs

from bi_governance.sandbox.looker_records import PERMISSIONS, LookerUser, LookerVisual
from bi_governance.sandbox.looker_world import LookerWorld
from bi_governance.sandbox.rest import Call, Refusal, Row

_DOCS = "https://cloud.google.com/looker/docs/r/err/4.0"
_MESSAGES = {
    400: "Bad Request",
    401: "Requires authentication.",
    403: "You do not have permission to access this resource.",
    404: "Not found",
    405: "Resource can't be modified",
    409: "Resource already exists",
    422: "Validation Failed",
    429: "Too many requests",
    500: "An error has occurred.",
}
_OPEN = ("POST /api/4.0/login",)


@dataclass(frozen=True, slots=True)
class LookerCredentials:
    """An API3 key pair and the user it belongs to."""

    client_id: str
    client_secret: str
    user_id: str


def error_body(status: int, method: str, path: str) -> Row:
    """Looker's error shape; its SDK can tell the status only from the documentation link."""
    where = path.removeprefix("/api/4.0")
    return {
        "message": _MESSAGES.get(status, "An error has occurred."),
        "documentation_url": f"{_DOCS}/{status}/{method.lower()}{where}",
    }


def refusal(status: int, call: Call, message: str | None = None) -> Refusal:
    path = call.path
    for name, value in call.params.items():
        path = path.replace(f"/{value}", f"/:{name}", 1)
    body = error_body(status, call.method, path)
    return Refusal(status, {**body, "message": message} if message else body)


def invalid(call: Call, field: str, code: str, message: str) -> Refusal:
    """422 with the field at fault."""
    answer = refusal(422, call)
    assert isinstance(answer.body, dict)
    link = answer.body["documentation_url"]
    detail = {"field": field, "code": code, "message": message, "documentation_url": link}
    return Refusal(422, {**answer.body, "errors": [detail]})


class LookerAccess:
    """Key pairs, tokens and permissions; tokens last until logged out or expired on purpose.

    They do not follow the simulated clock: the SDK reckons their life on the machine's own.
    """

    def __init__(self, world: LookerWorld) -> None:
        self._world = world
        self._keys: dict[str, LookerCredentials] = {}
        self._tokens: dict[str, str] = {}
        self._numbers = count(1)

    def issue(self, user_id: str, permissions: frozenset[str] = PERMISSIONS) -> LookerCredentials:
        number = next(self._numbers)
        keys = LookerCredentials(f"sandbox-client-{number}", f"sandbox-secret-{number}", user_id)
        self._keys[keys.client_id] = keys
        self._world.users[user_id].permissions = permissions
        return keys

    def login(self, call: Call) -> Row:
        form = {name: values[0] for name, values in parse_qs(call.raw.decode()).items()} or dict(call.query)
        keys = self._keys.get(form.get("client_id", ""))
        if keys is None or form.get("client_secret") != keys.client_secret:
            raise refusal(404, call)
        token = f"sandbox-token-{next(self._numbers)}"
        self._tokens[token] = keys.user_id
        return {"access_token": token, "token_type": "Bearer", "expires_in": 3600, "refresh_token": None}

    def logout(self, call: Call) -> str:
        self.expire(_token(call))
        return ""

    def expire(self, token: str) -> None:
        self._tokens.pop(token, None)

    def expire_all(self) -> None:
        self._tokens.clear()

    def authenticate(self, call: Call) -> str | None:
        if f"{call.method} {call.path}" in _OPEN:
            return None
        user_id = self._tokens.get(_token(call))
        if user_id is None:
            raise refusal(401, call)
        call.actor = self._world.users[user_id]
        return user_id

    def may_see(self, user: LookerUser, visual: LookerVisual) -> bool:
        """Administrators see all; others miss private folders and other people's personal ones, silently."""
        if "administer" in user.permissions:
            return True
        needed = "see_looks" if visual.kind == "look" else "see_user_dashboards"
        return needed in user.permissions and self.folder_visible(user, visual.folder_id)

    def folder_visible(self, user: LookerUser, folder_id: str | None) -> bool:
        if folder_id is None or "administer" in user.permissions:
            return True
        folder = self._world.folders[folder_id]
        own = folder.creator_id == user.id
        open_ = not folder.private and (not folder.personal or own)
        return open_ and self.folder_visible(user, folder.parent_id)


def _token(call: Call) -> str:
    return call.headers.get("authorization", "").removeprefix("Bearer ").removeprefix("token ")
