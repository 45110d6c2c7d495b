"""Socket Mode: clicks come over a connection we open ourselves, so that no address of ours is public."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from http.client import HTTPException
from types import TracebackType
from typing import Any, Self

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bi_governance.errors import DeliveryError

HEARD = ("interactive", "slash_commands")
TIMEOUT_SECONDS = 30
MARKED_AGAIN_SECONDS = 0.1


class SocketListener:
    """A connection to Slack for as long as the `with` block lasts; it is opened anew when it breaks.

    Every envelope is acknowledged before it is acted upon: Slack waits three seconds, and what a click asks
    for may take longer. Raises DeliveryError when Slack does not accept the app token (`xapp-...`, scope
    connections:write).
    """

    def __init__(self, app_token: str, base_url: str, take: Callable[[Mapping[str, Any]], None]) -> None:
        # A logger that never says what was sent or received: addresses of connections are secrets.
        logger = logging.getLogger("bi_governance.socket_mode")
        logger.setLevel(logging.WARNING)
        web = WebClient(base_url=base_url, timeout=TIMEOUT_SECONDS, logger=logger)
        self._client = SocketModeClient(app_token, logger=logger, web_client=web)
        self._client.socket_mode_request_listeners.append(self._heard)
        self._take = take

    def __enter__(self) -> Self:
        try:
            self._client.connect()
        except SlackApiError as error:
            self._close()
            code = error.response.get("error")
            raise DeliveryError(
                f"Slack refused apps.connections.open: {code} - check slack.app_token (xapp-..., with the "
                "scope connections:write) and that Socket Mode is on."
            ) from error
        except (SlackClientError, OSError, HTTPException, ValueError) as error:
            self._close()
            raise DeliveryError(
                f"Slack gave no connection for Socket Mode: {type(error).__name__}."
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.auto_reconnect_enabled = False
        session = self._client.current_session
        if session is not None and session.sock is not None:
            # Closing waits for whoever reads from it, and reading waits up to three seconds for more.
            with contextlib.suppress(OSError):
                session.sock.shutdown(socket.SHUT_RDWR)
        self._close()

    def _close(self) -> None:
        """Close for good, also in the moment in which a session begins.

        Whoever begins to read takes back the mark that closing left (slack_sdk 3.47,
        `SocketModeClient._run_current_session`),
        and closing would then wait for ever: the mark is set until it is over.
        """
        with ThreadPoolExecutor(1, "socket-mode-closing") as executor:
            closing = executor.submit(self._client.close)
            while wait([closing], MARKED_AGAIN_SECONDS).not_done:
                self._client.current_session_state.terminated = True
        closing.result()

    def _heard(self, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        # Taking only puts it in a queue. In this order a connection that breaks in between makes Slack send
        # it again, which is noticed, instead of losing it.
        if request.type in HEARD:
            self._take(request.payload)
        client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
