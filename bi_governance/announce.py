"""Announce: tell the analytics team something once, although a crash may have cost the record of it."""

from __future__ import annotations

from datetime import datetime

from bi_governance.errors import DeliveryError
from bi_governance.ports import Announcement, Notifier


def announce_once(notifier: Notifier, announcement: Announcement, since: datetime) -> None:
    """Announce unless that message is there already, sent at `since` or later.

    Raises DeliveryError when it was not accepted. Where nobody can say whether it is there - the bot may
    not read the channel - it is sent: better twice than never.
    """
    try:
        is_there = notifier.find(announcement.message_id, notifier.trial_recipient(), since) is not None
    except DeliveryError:
        is_there = False
    if not is_there:
        notifier.announce(announcement)
