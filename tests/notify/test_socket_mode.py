"""The connection that answers come over: it can be closed at any moment."""

import threading

import pytest
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.builtin.connection import Connection

from bi_governance.notify.socket_mode import SocketListener
from bi_governance.sandbox.slack import SlackSandbox
from tests.answers.office import clock

PATIENCE = 20


@pytest.mark.timeout(60)
def test_closing_in_the_moment_a_session_begins_does_not_wait_for_ever(monkeypatch) -> None:
    """The reader has seen that there is a session, and begins with it only after it was closed."""
    begins, is_closed = threading.Event(), threading.Event()
    name_of, close = SocketModeClient.session_id, Connection.close

    def slowly(client: SocketModeClient) -> str | None:
        if threading.current_thread() is client.current_session_runner.thread:
            begins.set()
            is_closed.wait(PATIENCE)
        return name_of(client)

    def closed(connection: Connection) -> None:
        close(connection)
        is_closed.set()

    monkeypatch.setattr(SocketModeClient, "session_id", slowly)
    monkeypatch.setattr(Connection, "close", closed)
    slack = SlackSandbox(clock())
    with slack.serve() as served, slack.socket:
        with SocketListener(slack.app_token, f"{served.url}/api/", lambda _: None) as listener:
            assert begins.wait(PATIENCE)
        assert not listener._client.current_session_runner.is_alive()
