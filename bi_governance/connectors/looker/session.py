"""One Looker SDK for several threads: each has its own connection, all share one log-in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from looker_sdk.rtl import api_settings, auth_session, auth_token, requests_transport, transport
from looker_sdk.sdk import constants

from bi_governance.connectors import http


class Settings(api_settings.ApiSettings):
    """Connection settings that live in memory only: no looker.ini, no environment."""

    def __init__(self, base_url: str, options: Mapping[str, Any]) -> None:
        self._config: api_settings.SettingsConfig = {
            "client_id": str(options["client_id"]),
            "client_secret": str(options["client_secret"]),
            "base_url": base_url,
        }
        super().__init__(sdk_version=constants.sdk_version)
        self.timeout = 0  # leaves the time limit to the session

    def read_config(self) -> api_settings.SettingsConfig:
        return self._config


class Connections(transport.Transport):
    """Sends every request over a connection of the thread it comes from."""

    def __init__(self, settings: Settings, open_session: Callable[[], http.Session]) -> None:
        self._settings, self._open = settings, open_session
        self._lock = threading.Lock()
        self._local = threading.local()
        self._sessions: list[http.Session] = []

    @classmethod
    def configure(cls, settings: Any) -> transport.Transport:
        raise NotImplementedError("connections are opened by the client")

    @property
    def session(self) -> http.Session:
        """The connection of this thread."""
        found: http.Session | None = getattr(self._local, "session", None)
        if found is None:
            found = self._local.session = self._open()
            verify = found.verify
            self._local.transport = requests_transport.RequestsTransport(self._settings, found)
            found.verify = verify  # the SDK's transport overrules it
            with self._lock:
                self._sessions.append(found)
        return found

    def request(self, *args: Any, **kwargs: Any) -> transport.Response:
        """As the SDK's own transport."""
        self.session  # noqa: B018 - opens it where this thread has none yet
        sender: requests_transport.RequestsTransport = self._local.transport
        return sender.request(*args, **kwargs)

    def close(self) -> None:
        with self._lock:
            sessions, self._sessions = self._sessions, []
        for session in sessions:
            session.close()
        self._local = threading.local()


class SharedLogin(auth_session.AuthSession):
    """The SDK's log-in, which renews its token unguarded, with one thread at a time at it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._lock = threading.Lock()
        self._used = threading.local()

    def _get_token(self, transport_options: transport.TransportOptions) -> auth_token.AuthToken:
        with self._lock:
            self._used.token = super()._get_token(transport_options)
        token: auth_token.AuthToken = self._used.token
        return token

    def forget_refused(self) -> None:
        """Log in anew next time, unless another thread has done so since this one was refused."""
        with self._lock:
            if self.token is getattr(self._used, "token", None):
                self.token = auth_token.AuthToken()
