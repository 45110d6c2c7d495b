"""A small company whose people answer on Slack: real use cases, ledger and transports, on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

from bi_governance import events as ev
from bi_governance.answer import Desk
from bi_governance.model import Mode
from bi_governance.notify import SlackNotifier
from bi_governance.notify.answers import Answers
from bi_governance.notify.conversation import Conversation
from bi_governance.notify.slack_api import SlackApi
from bi_governance.notify.socket_mode import SocketListener
from bi_governance.notify.web import PATH, SlackEndpoint
from bi_governance.ports import TrialNotices
from bi_governance.run import daily_run
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.slack import SlackSandbox
from bi_governance.sandbox.slack_people import SlackPeople, over_http, over_socket
from bi_governance.sandbox.slack_world import SlackMessage
from tests.flow.test_daily_run import go_live
from tests.flow.world import START, World

SECRET = "a-signing-secret"
ADA, BOB, EVE, ANN = (f"{name}@acme.example" for name in ("ada", "bob", "eve", "ann"))
PATIENCE = 20
Payload = Mapping[str, Any]


class Office:
    """The company, its Slack, and what listens there; Ada owns everything, Ann is an admin."""

    def __init__(self, folder: Path, slack: SlackSandbox) -> None:
        self.world, self.slack, self.people = World(folder), slack, SlackPeople(slack)
        self.members = {e: slack.add_member(e, e.partition("@")[0].title()) for e in (ADA, BOB, EVE, ANN)}
        self.channel, self.team = slack.add_channel("bi-deprecation"), slack.add_channel("analytics")
        base = f"{slack.serve().url}/api/"
        notifier = SlackNotifier(
            token=slack.token,
            channel="#bi-deprecation",
            admin_channel="#analytics",
            zone=UTC,
            clock=self.world.clock,
            base_url=base,
            has_buttons=True,
        )
        self.world.services = replace(
            self.world.services, notifier=notifier, trial_notices=TrialNotices.OWNERS
        )
        self.turn, self.admins = threading.Lock(), frozenset({ANN})
        conversation = Conversation(SlackApi(slack.token, base, 0, lambda _: None))
        self.answers = Answers(conversation, self._desk, "#analytics")
        self.base = base
        self.send: Callable[[Payload], object] = self.answers.take

    @contextmanager
    def _desk(self) -> Iterator[Desk]:
        yield Desk(self.world.services, self.admins, self.turn)

    def forward(self, days: float) -> None:
        self.world.clock.forward(days)
        self.slack.clock.advance(timedelta(days=days))

    def run(self) -> Any:
        return daily_run(self.world.services)

    def warned(self, *boards: str, live: bool = True) -> SlackMessage:
        """Ada is warned of these boards; the message she got."""
        for board in boards:
            self.world.bi.add(board)
        if live:
            go_live(self.world)
        self.run()
        return self.message()

    def message(self, email: str = ADA) -> SlackMessage:
        found = self.slack.message_for(email)
        assert found is not None
        return found

    def press(self, email: str, button: str, item: str = "board:1", message: Any = None) -> Payload:
        """Press and wait until everything that follows is done; the payload, for a replay."""
        return self.deliver(self.people.press(email, message or self.message(), button, item))

    def fill(self, email: str, **fields: str) -> Payload:
        return self.deliver(self.people.send_form(email, **fields))

    def command(self, email: str, text: str) -> str:
        """What `/bi <text>` was answered with."""
        before = len(self.slack.interaction.replies)
        self.deliver(self.people.command(email, text))
        replies = self.slack.interaction.replies[before:]
        return "\n".join(block["text"]["text"] for reply in replies for block in reply["blocks"])

    def deliver(self, payload: Payload) -> Payload:
        self.send(payload)
        self.answers.drain(PATIENCE)
        return payload

    def case(self, board: str = "1") -> Any:
        return self.world.ledger.state().case(self.world.key(board))

    def events(self, *kinds: type[ev.Event]) -> list[Any]:
        return [e for e in self.world.ledger.events() if isinstance(e, kinds)]

    def refusals(self) -> list[tuple[str, str]]:
        """Who was refused, and the code."""
        return [(e.actor.split()[-1], e.outcome) for e in self.events(ev.AnswerRefused)]

    def whispered(self, email: str) -> list[str]:
        return self.slack.interaction.whispered(self.members[email])

    def said(self, message: SlackMessage | None = None) -> list[str]:
        """The lines that took the place of buttons."""
        return [
            b["elements"][0]["text"]
            for b in (message or self.message()).blocks
            if b.get("block_id", "").startswith("said ")
        ]

    def form(self, email: str) -> str:
        """Everything the form shows that somebody saw last."""
        view = self.slack.interaction.last_view(self.members[email]).body
        return "\n".join(b["text"]["text"] for b in view["blocks"] if b["type"] == "section")

    def switch(self, mode: Mode) -> None:
        self.world.ledger.append([ev.ModeChanged(at=self.world.clock.now(), mode=mode, reason="test")])


@contextmanager
def listening(office: Office, transport: str) -> Iterator[None]:
    """The transport between people and answers."""
    if transport == "http":
        endpoint = SlackEndpoint(
            "127.0.0.1:0", SECRET, office.answers.take, office.answers.refuse, office.slack.clock
        )
        with endpoint:
            url = f"http://127.0.0.1:{endpoint.port}{PATH}"
            office.send = lambda payload: over_http(office.slack, payload, url, SECRET)
            office.url = url  # type: ignore[attr-defined]
            yield
        return
    with office.slack.socket, SocketListener(office.slack.app_token, office.base, office.answers.take):
        office.send = lambda payload: over_socket(office.slack, payload)
        yield


def clock() -> SimulatedClock:
    return SimulatedClock(START)
