"""Answering: what listens for people's answers on Slack while the service runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from bi_governance.answer import Desk
from bi_governance.app import App
from bi_governance.notify.answers import Answers
from bi_governance.notify.conversation import Conversation
from bi_governance.notify.slack_api import SlackApi
from bi_governance.notify.socket_mode import SocketListener
from bi_governance.notify.web import PATH, SlackEndpoint
from bi_governance.settings import Settings

# How long an answer waits for Slack's rate limit before it gives up telling; what it did is recorded.
PATIENCE_SECONDS = 30.0


@contextmanager
def answering(settings: Settings, turn: threading.Lock) -> Iterator[tuple[str, ...]]:
    """Hear answers from Slack while the block lasts; over what, in words, nothing where nothing is set up.

    `turn` is held by whoever uses warehouse and platforms: the daily run takes it, and so does an answer
    that needs them. Raises DeliveryError when Slack accepts no connection, ConfigurationError when the
    address cannot be listened on.
    """
    slack = settings.slack
    if slack is None or not slack.can_listen:
        yield ()
        return
    with App(settings) as held:
        ledger = held.ledger  # kept open: what it has folded need not be read again for every click

        @contextmanager
        def open_desk() -> Iterator[Desk]:
            with App(settings, is_listening=True, ledger=ledger) as opened:
                yield Desk(opened.services, slack.admin_ids, turn)

        api = SlackApi(slack.bot_token, slack.base_url, PATIENCE_SECONDS, time.sleep)
        answers = Answers(Conversation(api), open_desk, slack.admin_channel or slack.channel)
        with ExitStack() as stack:
            stack.callback(answers.close)
            over = []
            if slack.app_token:
                stack.enter_context(SocketListener(slack.app_token, slack.base_url, answers.take))
                over.append("Socket Mode")
            if slack.listen and slack.signing_secret:
                take, refuse = answers.take, answers.refuse
                stack.enter_context(
                    SlackEndpoint(slack.listen, slack.signing_secret, take, refuse, held.clock)
                )
                over.append(f"http://{slack.listen}{PATH}")
            yield tuple(over)
