"""Sandboxes being served, and the real clients pointed at them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import looker_sdk
import looker_sdk.error
import pytest
import requests
from looker_sdk.rtl.api_settings import ApiSettings, SettingsConfig
from looker_sdk.sdk.api40.methods import Looker40SDK
from slack_sdk import WebClient

from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.looker import LookerSandbox
from bi_governance.sandbox.looker_access import LookerCredentials
from bi_governance.sandbox.server import LoopbackServer
from bi_governance.sandbox.slack import SlackSandbox
from bi_governance.sandbox.superset import SupersetSandbox
from bi_governance.sandbox.superset_access import SupersetCredentials
from tests.sandbox.published import SPECS

# what is compared with the vendors' descriptions needs them beside the checkout; an empty list would skip
collect_ignore = [] if SPECS.is_dir() else ["test_published_shapes.py", "test_published_powerbi.py"]

START = datetime(2026, 3, 2, 6, tzinfo=UTC)  # a Monday


class InCodeSettings(ApiSettings):
    """Looker SDK settings from arguments instead of a file or the environment."""

    def __init__(self, url: str, keys: LookerCredentials, timeout: int = 10) -> None:
        self._config: SettingsConfig = {
            "base_url": url,
            "client_id": keys.client_id,
            "client_secret": keys.client_secret,
            "timeout": str(timeout),
        }
        super().__init__()

    def read_config(self) -> SettingsConfig:
        return self._config


class SupersetClient:
    """A requests session that logs in and fetches its CSRF token, and otherwise hides nothing."""

    def __init__(self, url: str, keys: SupersetCredentials) -> None:
        self.url, self.session = url, requests.Session()
        body = {"username": keys.username, "password": keys.password, "provider": "db", "refresh": True}
        self.tokens = self.post("/api/v1/security/login", json=body).json()
        self.session.headers["Authorization"] = f"Bearer {self.tokens['access_token']}"

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.url + path, timeout=10)

    def post(self, path: str, **kwargs: object) -> requests.Response:
        return self.session.post(self.url + path, timeout=10, **kwargs)  # type: ignore[arg-type]

    def put(self, path: str, body: object) -> requests.Response:
        return self.session.put(self.url + path, json=body, timeout=10)

    def delete(self, path: str) -> requests.Response:
        return self.session.delete(self.url + path, timeout=10)

    def arm(self) -> None:
        """Fetch what writes need."""
        self.session.headers["X-CSRFToken"] = self.get("/api/v1/security/csrf_token/").json()["result"]


@pytest.fixture(autouse=True)
def _no_error_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Looker SDK fetches a help page for every error; there is no such page on this machine."""
    monkeypatch.setattr(looker_sdk.error.ErrorDocHelper, "lookup", lambda *_args, **_kwargs: ("", ""))


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START)


@pytest.fixture
def looker(clock: SimulatedClock) -> LookerSandbox:
    return LookerSandbox(clock)


@pytest.fixture
def looker_server(looker: LookerSandbox) -> Iterator[LoopbackServer]:
    with looker.serve() as server:
        yield server


@pytest.fixture
def sdk(looker: LookerSandbox, looker_server: LoopbackServer) -> Iterator[Looker40SDK]:
    client = sdk_for(looker_server, looker.credentials)
    yield client
    client.transport.session.close()  # type: ignore[attr-defined]


def sdk_for(server: LoopbackServer, keys: LookerCredentials, timeout: int = 10) -> Looker40SDK:
    return looker_sdk.init40(config_settings=InCodeSettings(server.url, keys, timeout))


@pytest.fixture
def superset(clock: SimulatedClock) -> SupersetSandbox:
    return SupersetSandbox(clock)


@pytest.fixture
def superset_server(superset: SupersetSandbox) -> Iterator[LoopbackServer]:
    with superset.serve() as server:
        yield server


@pytest.fixture
def api(superset: SupersetSandbox, superset_server: LoopbackServer) -> Iterator[SupersetClient]:
    client = SupersetClient(superset_server.url, superset.credentials)
    yield client
    client.session.close()


@pytest.fixture
def slack(clock: SimulatedClock) -> SlackSandbox:
    return SlackSandbox(clock)


@pytest.fixture
def web(slack: SlackSandbox) -> Iterator[WebClient]:
    with slack.serve() as server:
        yield WebClient(token=slack.token, base_url=f"{server.url}/api/", timeout=10)
