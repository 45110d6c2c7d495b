"""No error of Slack's client leaves the one module that knows it: its whole list is walked here."""

import http.client
import inspect
import urllib.error

import pytest
import slack_sdk.errors
from slack_sdk import WebClient
from slack_sdk.web import SlackResponse

from bi_governance.errors import DeliveryError
from bi_governance.notify.slack_api import SlackApi, SlackRefused, SlackSilent


def _answer(status: int, data: object) -> SlackResponse:
    return SlackResponse(
        client=None, http_verb="POST", api_url="x", req_args={}, data=data, headers={}, status_code=status
    )


def _made(kind: type[Exception]) -> Exception:
    refused = slack_sdk.errors.SlackApiError(
        "it failed", _answer(200, {"ok": False, "error": "invalid_auth"})
    )
    if kind is slack_sdk.errors.SlackApiError:
        return refused
    return kind(refused if kind is slack_sdk.errors.SlackTokenRotationError else "it failed")


VENDOR = [_made(kind) for _, kind in inspect.getmembers(slack_sdk.errors, inspect.isclass)]
NETWORK = [
    urllib.error.URLError("refused"),
    TimeoutError("timed out"),
    ConnectionResetError("reset"),
    http.client.RemoteDisconnected("closed"),
    http.client.IncompleteRead(b"half"),
    ValueError("not JSON"),
]


@pytest.mark.parametrize("error", VENDOR + NETWORK, ids=lambda error: type(error).__name__)
def test_every_error_becomes_one_of_ours(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    api = _failing(monkeypatch, error)
    with pytest.raises(DeliveryError) as caught:
        api.call("chat.postMessage", channel="#x")
    assert isinstance(caught.value, SlackRefused | SlackSilent)
    assert caught.value.__cause__ is error


def test_all_of_the_clients_errors_were_walked() -> None:
    assert len(VENDOR) >= 8


@pytest.mark.parametrize(
    ("status", "data", "expected"),
    [
        (200, {"ok": False, "error": "channel_not_found"}, SlackRefused),
        (403, {"ok": False, "error": "access_denied"}, SlackRefused),
        (500, {"ok": False, "error": "fatal_error"}, SlackSilent),
        (200, {"ok": False, "error": "Received a response in a non-JSON format: <html>"}, SlackSilent),
        (200, {}, SlackSilent),
    ],
)
def test_only_a_word_of_slacks_own_is_a_refusal(monkeypatch, status, data, expected) -> None:
    api = _failing(monkeypatch, slack_sdk.errors.SlackApiError("it failed", _answer(status, data)))
    with pytest.raises(expected):
        api.call("chat.postMessage")


def _failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> SlackApi:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(WebClient, "api_call", fail)
    return SlackApi("xoxb-secret", "http://127.0.0.1:9/api/", 0, lambda _: None)
