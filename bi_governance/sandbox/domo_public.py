"""Domo's public API: the token, users, pages, the audit log."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from starlette.responses import Response

from bi_governance.sandbox.domo_world import DomoPage, DomoWorld
from bi_governance.sandbox.rest import Call, Handler, Refusal, Row

TOKEN_LIFE = timedelta(seconds=3599)
ALL_SCOPES = frozenset({"data", "user", "dashboard", "audit", "account"})
_STATUS = {401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 429: "Too Many Requests"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def error_body(status: int) -> Row:
    reason = _STATUS.get(status, "Error")
    return {"status": status, "statusReason": reason, "message": reason, "toe": "SANDBOX-00000"}


def refusal(status: int) -> Refusal:
    return Refusal(status, error_body(status))


class DomoPublic:
    """One API client, acting as `user_id` with `scopes`."""

    def __init__(self, world: DomoWorld, customer: str, user_id: int) -> None:
        self._world = world
        self._customer = customer
        self.user_id = user_id
        self.client_id, self.client_secret = "sandbox-client", "sandbox-client-secret"
        self.scopes = set(ALL_SCOPES)
        # Hours the audit log's texts lie ahead of UTC.
        self.zone_hours = 0
        self._numbers = count(1)
        self._tokens: dict[str, datetime] = {}

    def handlers(self) -> dict[str, Handler]:
        return {
            "GET /oauth/token": self._token,
            "POST /oauth/token": self._token,
            "GET /v1/users": self._users,
            "GET /v1/groups": self._groups,
            "GET /v1/groups/{id}/users": self._members,
            "GET /v1/pages": self._pages,
            "POST /v1/pages": self._add_page,
            "GET /v1/pages/{id}": self._page,
            "PUT /v1/pages/{id}": self._change_page,
            "DELETE /v1/pages/{id}": self._delete_page,
            "GET /v1/audit": self._audit,
        }

    def expire(self, token: str) -> None:
        self._tokens.pop(token, None)

    def authenticate(self, call: Call) -> str:
        token = call.headers.get("authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, _EPOCH) <= self._world.clock.now():
            raise refusal(401)
        return str(self.user_id)

    def _token(self, call: Call) -> Row:
        given = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if call.headers.get("authorization") != f"Basic {given}":
            raise refusal(401)
        token = f"sandbox-token-{next(self._numbers)}"
        self._tokens[token] = self._world.clock.now() + TOKEN_LIFE
        return {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": 3599,
            "scope": " ".join(sorted(self.scopes)),
            "customer": self._customer,
            "env": "sandbox",
            "userId": self.user_id,
            "role": self._world.users[self.user_id].role,
            "domain": f"{self._customer}.domo.com",
            "jti": f"sandbox-jti-{token}",
        }

    def _require(self, scope: str) -> None:
        if scope not in self.scopes:
            raise refusal(403)

    def _users(self, call: Call) -> list[Row]:
        self._require("user")
        users = [
            {"id": u.id, "name": u.name, "email": u.email, "role": u.role} for u in self._world.users.values()
        ]
        return _cut(users, call, 500)

    def _groups(self, call: Call) -> list[Row]:
        self._require("user")
        groups = [
            {
                "id": group.id,
                "name": group.name,
                "default": False,
                "active": True,
                "creatorId": str(self.user_id),
                "memberCount": len(group.user_ids),
            }
            for group in self._world.groups.values()
        ]
        return _cut(groups, call, 500)

    def _members(self, call: Call) -> list[int]:
        """Bare ids."""
        self._require("user")
        group = self._world.groups.get(int(call.params["id"]))
        if group is None:
            raise refusal(404)
        return _cut(group.user_ids, call, 500)

    def _pages(self, call: Call) -> list[Row]:
        """The pages our user may see, sub-pages below their parents."""
        self._require("dashboard")
        return _cut([self._brief(p) for p in self._world.children_of(None) if self._sees(p)], call, 500)

    def _brief(self, page: DomoPage) -> Row:
        below = [self._brief(child) for child in self._world.children_of(page.id) if self._sees(child)]
        return {"id": page.id, "name": page.name, "children": below}

    def _sees(self, page: DomoPage) -> bool:
        me = self._world.users[self.user_id]
        everything = me.role == "Admin" or "content.admin" in me.grants
        return everything or self.user_id in {*page.owner_ids, *page.user_ids}

    def _found(self, call: Call) -> DomoPage:
        self._require("dashboard")
        page = self._world.pages.get(int(call.params["id"]))
        if page is None or not self._sees(page):
            raise refusal(404)
        return page

    def _page(self, call: Call) -> Row:
        page = self._found(call)
        answer: Row = (
            {"id": page.id} if page.parent_id is None else {"id": page.id, "parentId": page.parent_id}
        )
        return answer | {
            "name": page.name,
            "locked": page.locked,
            "ownerId": page.owner_ids[0],
            "owners": [
                {"id": id_, "type": "USER", "displayName": self._world.users[id_].name}
                for id_ in page.owner_ids
            ],
            "collectionIds": [],
            "cardIds": [] if page.has_layout else list(page.card_ids),
            "children": [self._brief(child) for child in self._world.children_of(page.id)],
            "visibility": {"userIds": list(page.user_ids), "groupIds": list(page.group_ids)},
        }

    def _add_page(self, call: Call) -> Row:
        self._require("dashboard")
        body = call.json()
        id_ = self._world.add_page(body["name"], owner_id=self.user_id, parent_id=body.get("parentId"))
        self._world.record("CREATED", "page", id_, self.user_id)
        return {"id": id_, "name": body["name"]}

    def _change_page(self, call: Call) -> Response:
        page = self._found(call)
        body = call.json()
        if "parentId" in body:
            page.parent_id = body["parentId"]
        page.name = body.get("name", page.name)
        page.locked = body.get("locked", page.locked)
        page.card_ids = list(body.get("cardIds", page.card_ids))
        if "visibility" in body:
            page.user_ids = list(body["visibility"]["userIds"])
            page.group_ids = list(body["visibility"]["groupIds"])
        self._world.record("UPDATED", "page", page.id, self.user_id)
        return Response(status_code=204)

    def _delete_page(self, call: Call) -> Response:
        page = self._found(call)
        self._world.record("DELETED", "page", page.id, self.user_id)
        del self._world.pages[page.id]
        return Response(status_code=204)

    def _audit(self, call: Call) -> list[Row]:
        """Newest first; what arrives between two calls moves everything behind it."""
        self._require("audit")
        if "view.audit" not in self._world.users[self.user_id].grants:
            raise refusal(403)
        start = call.int_of("start")
        if start is None and call.query.get("start") != "0":
            raise refusal(400)
        if self._world.arriving:
            self._world.events.append(self._world.arriving.pop(0))
        end = call.int_of("end")
        found = [
            event
            for event in self._world.events
            if _milliseconds(event.at) >= (start or 0) and (end is None or _milliseconds(event.at) <= end)
        ]
        found.sort(key=lambda event: event.at, reverse=True)
        return [self._audit_row(event) for event in _cut(found, call, 1000)]

    def _audit_row(self, event: Any) -> Row:
        user = self._world.users.get(event.user_id)
        name = user.name if user else ""
        shown = event.at + timedelta(hours=self.zone_hours)
        return {
            "userName": name,
            "userId": str(event.user_id),
            "userType": "USER",
            "actorName": name,
            "actorId": event.user_id,
            "objectName": event.object_name,
            "objectId": str(event.object_id),
            "objectType": event.object_type,
            "additionalComment": f"{name} {event.action.lower()} {event.object_name}.",
            "time": shown.strftime("%Y-%m-%d %I:%M:%S %p"),
            "eventText": event.action.capitalize(),
            "actionType": event.action,
            "device": "Browser",
            "browserDetails": "Sandbox",
            "ipAddress": "127.0.0.1",
        }


def _cut(rows: list[Any], call: Call, most: int) -> list[Any]:
    """The rows asked for; more than Domo gives at once is answered with nothing, not with an error."""
    limit, offset = call.int_of("limit") or 50, call.int_of("offset") or 0
    return [] if limit > most else rows[offset : offset + limit]


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
