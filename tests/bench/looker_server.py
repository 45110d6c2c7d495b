"""The other process of the Looker bench: a sandbox Looker whose every answer takes its time.

Arguments: visuals, access events. Prints one JSON line with the settings of the source. Then for every line
of input one more: `slow N` holds back every answer N ms from then on and counts requests anew, `count` tells
how many there were, and how many of their answers had to be worked out.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bi_governance.sandbox.big_estate import big_looker
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.looker import LookerSandbox
from bi_governance.sandbox.server import Fault, LoopbackServer

START = datetime(2026, 3, 2, 6, tzinfo=UTC)
_NEVER_KEPT = ("/api/4.0/login", "/api/4.0/logout")


class Rehearsed:
    """An application that answers what it was asked before as it did then.

    A page of 500 dashboards takes the sandbox most of a second of this machine's processor, and a Looker
    with its own machine none of ours. So a collection is rehearsed, and the one that is measured meets
    answers that take their latency and little else.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kept: dict[tuple[str, str, bytes, bytes], list[Message]] = {}
        self.worked_out = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        key = (scope["method"], scope["path"], scope["query_string"], body)
        if key in self._kept:
            for message in self._kept[key]:
                await send(message)
            return
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)
            await send(message)

        await self._app(scope, _once(body), keep)
        if scope["path"] not in _NEVER_KEPT:
            self.worked_out += 1
            self._kept[key] = answer


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def _once(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def main() -> None:
    visuals, events = (int(argument) for argument in sys.argv[1:])
    looker = LookerSandbox(SimulatedClock(START))
    big_looker(looker, visuals, events)
    app = Rehearsed(looker.app())
    with LoopbackServer(app, clock=looker.clock, vendor=looker) as server:
        _say(
            {
                "now": START.isoformat(),
                "looker": {
                    "platform": "looker",
                    "base_url": server.url,
                    "client_id": looker.credentials.client_id,
                    "client_secret": looker.credentials.client_secret,
                },
            }
        )
        for order in _orders():
            if order[0] == "slow":
                server.faults.clear()
                server.faults.add(Fault(".", "latency", times=None, latency_ms=int(order[1])))
                server.requests.clear()
                app.worked_out = 0
            _say({"requests": len(server.requests), "worked_out": app.worked_out})


def _orders() -> Iterator[list[str]]:
    for line in sys.stdin:
        yield line.split()


def _say(value: object) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
