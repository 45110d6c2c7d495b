"""What a Slack app must be allowed to do, by Slack's own names, and which of it ours is not."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from bi_governance.errors import DeliveryError

# To tell people, and to find a message again whose receipt was lost.
TO_TELL = frozenset(
    {
        "chat:write",
        "im:write",
        "im:history",
        "users:read",
        "users:read.email",
        "channels:read",
        "channels:history",
    }
)
# What `slack sync` needs besides.
TO_SYNC = frozenset({"channels:manage", "channels:join", "pins:read", "pins:write"})


def remark_on(granted: AbstractSet[str] | None) -> str:
    """What is missing for `slack sync` alone, in words; DeliveryError for what nothing works without.

    None, where Slack did not say what it granted, is no reason to complain.
    """
    if granted is None:
        return ""
    lacking = sorted(TO_TELL - granted)
    if lacking:
        raise DeliveryError(
            f"The Slack app lacks the scope(s) {', '.join(lacking)}; add them under OAuth & Permissions at "
            "https://api.slack.com/apps and reinstall the app."
        )
    missing = sorted(TO_SYNC - granted)
    return f"; for `slack sync` it lacks the scope(s) {', '.join(missing)}" if missing else ""
