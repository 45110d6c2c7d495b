"""How often Slack lets one app call: so many calls of a method a minute, one message a second per channel.

From docs.slack.dev, "Rate limits", and the tier on each method's page. A window slides: what counts is
how many calls the last minute (or second) saw. Slack tolerates short bursts and says not how long; here
there are none.
"""

from __future__ import annotations

import math
from collections import deque
from datetime import datetime, timedelta

_TIERS = {1: 1, 2: 20, 3: 50, 4: 100}
_TIER_OF = {
    "users.list": 2,
    "users.lookupByEmail": 3,
    "users.info": 4,
    "users.conversations": 3,
    "conversations.list": 2,
    "conversations.info": 3,
    "conversations.open": 3,
    "conversations.join": 3,
    "conversations.create": 2,
    "conversations.invite": 3,
    "conversations.members": 4,
    "conversations.history": 3,
    "conversations.setTopic": 2,
    "conversations.setPurpose": 2,
    "chat.update": 3,
    "chat.delete": 3,
    "pins.add": 2,
    "pins.list": 2,
}
_MINUTE, _SECOND = timedelta(minutes=1), timedelta(seconds=1)


class RateLimits:
    """The calls one app made lately; refused ones do not count."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], deque[datetime]] = {}

    def retry_after(self, method: str, channel: str, now: datetime) -> int | None:
        """Whole seconds to wait, at least one, when the call is one too many; None counts it in."""
        if method == "chat.postMessage":
            key, most, window = (method, channel), 1, _SECOND
        elif method in _TIER_OF:
            key, most, window = (method, ""), _TIERS[_TIER_OF[method]], _MINUTE
        else:
            return None
        calls = self._calls.setdefault(key, deque())
        while calls and now - calls[0] >= window:
            calls.popleft()
        if len(calls) >= most:
            return max(1, math.ceil((calls[0] + window - now).total_seconds()))
        calls.append(now)
        return None
