"""Telling people: a neutral message, composed once, rendered for Slack or for files."""

from bi_governance.notify.outbox import OutboxNotifier
from bi_governance.notify.slack import SlackNotifier

__all__ = ["OutboxNotifier", "SlackNotifier"]
