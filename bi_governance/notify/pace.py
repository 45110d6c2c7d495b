"""Pacing: calls to Slack wait their turn, so that its rate limits are met before it has to insist on them.

Limits from docs.slack.dev, "Rate limits", and the tier on each method's page. A method not listed here
waits for nothing. What Slack keeps to itself - a limit on all messages of a workspace, how it counts
bursts - shows as a 429, which slack_api.py waits out as asked.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

POST = "chat.postMessage"
POST_SECONDS = 1.0
MINUTE = 60.0
# Calls need not reach Slack at the distance they were sent.
MARGIN = 0.05
PER_MINUTE = {
    "users.list": 20,
    "users.lookupByEmail": 50,
    "users.conversations": 50,
    "conversations.list": 20,
    "conversations.info": 50,
    "conversations.open": 50,
    "conversations.join": 50,
    "conversations.create": 20,
    "conversations.invite": 50,
    "conversations.members": 100,
    "conversations.history": 50,
    "conversations.setTopic": 20,
    "conversations.setPurpose": 20,
    "chat.update": 50,
    "pins.add": 20,
    "pins.list": 20,
}


@dataclass(slots=True)
class Pace:
    """The calls of the last minute, by method; messages by channel. `tick` and `sleep` count in seconds.

    At most so many calls in any minute; the first of them need not wait. Several threads may ask.
    """

    tick: Callable[[], float]
    sleep: Callable[[float], None]
    _calls: dict[tuple[str, str], deque[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, method: str, channel: str) -> None:
        """Return when the call may be made, and count it."""
        key, most, window = _limit(method, channel)
        if most is None:
            return
        with self._lock:
            now = due = self.tick()
            calls = self._calls.setdefault(key, deque(maxlen=most))
            if len(calls) == most and calls[0] + window > now:
                due = calls[0] + window + MARGIN
            calls.append(due)
        if due > now:
            self.sleep(due - now)

    def answered(self, method: str, channel: str) -> None:
        """Count the last call from now on: it may have been repeated, and Slack saw it after we sent it."""
        with self._lock:
            calls = self._calls.get(_limit(method, channel)[0])
            if calls:
                calls[-1] = max(calls[-1], self.tick())


def _limit(method: str, channel: str) -> tuple[tuple[str, str], int | None, float]:
    if method == POST:
        return (method, channel), 1, POST_SECONDS
    return (method, ""), PER_MINUTE.get(method), MINUTE
