"""How the sandboxes answer JSON over HTTP: calls, refusals, and a table of routes."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Row = dict[str, Any]


class Refusal(Exception):
    """The vendor says no: an HTTP status and the body that goes with it."""

    def __init__(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status, self.body, self.headers = status, body, headers


@dataclass(slots=True)
class Call:
    """One request as the handlers see it; `actor` is filled in by the sandbox's authentication."""

    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    raw: bytes
    actor: Any = None
    reply_headers: dict[str, str] = field(default_factory=dict)

    def json(self) -> Row:
        """The JSON object sent, or an empty one; raises Refusal(400) when it is not JSON."""
        if not self.raw:
            return {}
        try:
            body = json.loads(self.raw)
        except ValueError as error:
            raise Refusal(400, {"message": "Request is not JSON"}) from error
        return body if isinstance(body, dict) else {}

    def int_of(self, name: str) -> int | None:
        value = self.query.get(name)
        return int(value) if value else None

    def flag(self, name: str) -> bool | None:
        value = self.query.get(name)
        return None if value is None or value == "" else value.lower() in ("true", "1", "yes")


Handler = Callable[[Call], object]
Authenticate = Callable[[Call], str | None]


@dataclass(frozen=True, slots=True)
class RouteTable:
    """Handlers by `METHOD /path/{param}`, served under one lock so that a request sees a settled world."""

    handlers: Mapping[str, Handler]
    authenticate: Authenticate
    lock: threading.RLock
    not_found: Callable[[Call], object]

    def app(self) -> Starlette:
        routes = [self._route(pattern, handler) for pattern, handler in self.handlers.items()]
        routes.append(Route("/{rest:path}", self._endpoint(self._no_such_route), methods=_METHODS))
        return Starlette(routes=routes)

    def _route(self, pattern: str, handler: Handler) -> Route:
        method, path = pattern.split(" ")
        return Route(path, self._endpoint(handler), methods=[method])

    def _no_such_route(self, call: Call) -> object:
        raise Refusal(404, self.not_found(call))

    def _endpoint(self, handler: Handler) -> Callable[[Request], Any]:
        async def endpoint(request: Request) -> Response:
            call = await _call(request)
            try:
                with self.lock:
                    request.scope["state"]["actor"] = self.authenticate(call)
                    answer = handler(call)
            except Refusal as refusal:
                if isinstance(refusal.body, Response):  # in the vendor's own format
                    return refusal.body
                return JSONResponse(refusal.body, refusal.status, refusal.headers)
            response = answer if isinstance(answer, Response) else JSONResponse(answer)
            response.headers.update(call.reply_headers)
            return response

        return endpoint


_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


async def _call(request: Request) -> Call:
    return Call(
        method=request.method,
        path=request.url.path,
        params=request.path_params,
        query=request.query_params,
        headers=request.headers,
        cookies=request.cookies,
        raw=await request.body(),
    )
