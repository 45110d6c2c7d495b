"""A loopback web server around one application: it logs requests, injects faults and stops cleanly."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import parse_qsl

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.faults import (
    BAD_GATEWAY_PAGE,
    LOGIN_PAGE,
    Fault,
    Faults,
    without_rows,
    without_tail,
)

__all__ = ["Fault", "Faults", "LoopbackServer", "Request", "RequestLog", "Vendor"]

_START_TIMEOUT_SECONDS = 10.0


class Vendor(Protocol):
    """What a server must know of its vendor: error shapes, which calls change content, tokens."""

    def error_body(self, status: int, method: str, path: str, /) -> object: ...

    def is_write(self, method: str, path: str, /) -> bool: ...

    def expire_token(self, token: str, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Request:
    """One request served; `status` is 0 when no answer was given, `actor` None when nobody was recognised."""

    at: datetime
    method: str
    path: str
    query: Mapping[str, str]
    status: int
    actor: str | None


class RequestLog:
    """Every request a server saw, each logged before its client can know the outcome."""

    def __init__(self, is_write: Callable[[str, str], bool]) -> None:
        self._is_write = is_write
        self._requests: list[Request] = []

    def __iter__(self) -> Iterator[Request]:
        return iter(tuple(self._requests))

    def __len__(self) -> int:
        return len(self._requests)

    def add(self, request: Request) -> None:
        self._requests.append(request)

    def writes(self) -> list[Request]:
        """The calls that would change content, refused ones included; logging in and querying are reads."""
        return [r for r in self if self._is_write(r.method, r.path)]

    def matching(self, pattern: str) -> list[Request]:
        """The requests whose `METHOD /path` holds the regular expression `pattern`."""
        return [r for r in self if re.search(pattern, f"{r.method} {r.path}")]

    def clear(self) -> None:
        self._requests.clear()


class LoopbackServer:
    """Serves an application on a free port of 127.0.0.1 for as long as the `with` block lasts.

    `faults` and `requests` live as long as the object, so faults may be added before it starts.
    """

    def __init__(self, app: ASGIApp, *, clock: SimulatedClock, vendor: Vendor) -> None:
        self.faults = Faults()
        self.requests = RequestLog(vendor.is_write)
        self._harness = _Harness(app, clock, vendor, self.faults, self.requests)
        self._running: _Running | None = None

    @property
    def url(self) -> str:
        """The root address without a trailing slash; raises RuntimeError when the server is not running."""
        if self._running is None:
            raise RuntimeError("the sandbox server is not running; use it in a with block")
        return self._running.url

    def start(self) -> Self:
        self._running = _Running(self._harness)
        return self

    def stop(self) -> None:
        if self._running is not None:
            self._running.stop()
            self._running = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Running:
    """One bound socket, one server, one daemon thread."""

    def __init__(self, harness: _Harness) -> None:
        # asyncio turns Nagle's delay off only where the protocol is named
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._server = _Server(harness)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name=self.url, daemon=True
        )
        self._thread.start()
        if not self._server.ready.wait(_START_TIMEOUT_SECONDS):
            raise RuntimeError("the sandbox server did not start")

    def stop(self) -> None:
        self._server.release()
        self._thread.join(_START_TIMEOUT_SECONDS)


class _Server(uvicorn.Server):
    """A uvicorn server that says when it listens and stops at once when told to."""

    def __init__(self, harness: _Harness) -> None:
        config = uvicorn.Config(
            harness,
            http=_DroppableProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            date_header=False,
            timeout_keep_alive=60,
        )
        super().__init__(config)
        self.ready = threading.Event()
        self._harness = harness

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._harness.stopping = asyncio.Event()
        await super().startup(sockets=sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        await self._harness.stopping.wait()

    def release(self) -> None:
        self._loop.call_soon_threadsafe(self._harness.stopping.set)


class _DroppableProtocol(H11Protocol):
    """HTTP whose requests carry the means to hang up, which ASGI has no word for."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "hang_up": transport.close}


@dataclass(slots=True)
class _Answer:
    """A response on its way out: its status for the log, its parts when a fault must rewrite it."""

    send: Send
    note: Callable[[int], None]
    rewrite: Callable[[bytes], bytes] | None = None
    status: int = 0
    start: Message = field(default_factory=dict)
    body: bytes = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.note(self.status)  # before the client can know, so that it finds the log complete
        if self.rewrite is None:
            await self.send(message)
        elif message["type"] == "http.response.start":
            self.start = message
        else:
            self.body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._send_rewritten(self.rewrite)

    async def _send_rewritten(self, rewrite: Callable[[bytes], bytes]) -> None:
        body = rewrite(self.body) if self.status == 200 else self.body
        headers = [(k, v) for k, v in self.start["headers"] if k != b"content-length"]
        await _respond(self.send, self.status, [*headers, (b"content-length", str(len(body)).encode())], body)


class _Harness:
    """The application with faults in front of it and a log behind it."""

    def __init__(
        self, app: ASGIApp, clock: SimulatedClock, vendor: Vendor, faults: Faults, requests: RequestLog
    ) -> None:
        self._app, self._clock, self._vendor = app, clock, vendor
        self._faults, self._requests = faults, requests
        self.stopping = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer(send, lambda status: self._requests.add(self._entry(scope, status)))
        await self._serve(scope, receive, answer)

    def _entry(self, scope: Scope, status: int) -> Request:
        query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        actor: str | None = scope["state"].get("actor")
        return Request(self._clock.now(), scope["method"], scope["path"], query, status, actor)

    async def _serve(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        failure: Fault | None = None
        for fault in self._faults.take(scope["method"], scope["path"]):
            if fault.kind == "latency":
                await asyncio.sleep(fault.latency_ms / 1000)
            else:
                failure = fault
        if failure is None or not await self._fail(failure, scope, receive, answer):
            await self._app(scope, receive, answer)

    async def _fail(self, fault: Fault, scope: Scope, receive: Receive, answer: _Answer) -> bool:
        """Act out the fault; False when the application shall still answer."""
        match fault.kind:
            case "status":
                await self._send_status(fault, scope, answer)
            case "html":
                await _send_page(answer, 200, LOGIN_PAGE)
            case "drop":
                answer.note(0)
                scope["state"]["hang_up"]()
                await _until_disconnected(receive)
            case "lost":
                await self._app(scope, receive, _nowhere)
                answer.note(0)
                scope["state"]["hang_up"]()
            case "slow":
                answer.note(0)
                await self._hang(scope, receive)
            case "empty":
                answer.rewrite = without_rows
            case "truncate":
                answer.rewrite = without_tail
            case "expire_token":
                self._vendor.expire_token(_bearer(scope))
        return fault.kind not in ("empty", "truncate", "expire_token")

    async def _send_status(self, fault: Fault, scope: Scope, answer: _Answer) -> None:
        if fault.status == 502 and fault.body is None:
            await _send_page(answer, 502, BAD_GATEWAY_PAGE)
            return
        shape = fault.body or self._vendor.error_body(fault.status, scope["method"], scope["path"])
        is_xml = isinstance(shape, str) and shape.startswith("<")
        body = str(shape).encode() if is_xml else json.dumps(shape).encode()
        kind = b"application/xml" if is_xml else b"application/json"
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        if fault.retry_after is not None:
            headers.append((b"retry-after", str(fault.retry_after).encode()))
        await _respond(answer, fault.status, headers, body)

    async def _hang(self, scope: Scope, receive: Receive) -> None:
        gone = asyncio.ensure_future(_until_disconnected(receive))
        stopping = asyncio.ensure_future(self.stopping.wait())
        _, pending = await asyncio.wait((gone, stopping), return_when=asyncio.FIRST_COMPLETED)
        scope["state"]["hang_up"]()
        await gone
        for task in pending - {gone}:
            task.cancel()


async def _nowhere(_message: Message) -> None:
    """An answer that does not arrive."""


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_page(send: Send, status: int, page: str) -> None:
    headers = [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", str(len(page)).encode())]
    await _respond(send, status, headers, page.encode())


async def _respond(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _bearer(scope: Scope) -> str:
    headers: dict[bytes, bytes] = dict(scope["headers"])
    token = headers.get(b"x-tableau-auth") or headers.get(b"authorization", b"")
    return token.decode().removeprefix("Bearer ").removeprefix("token ")
