"""Slack's Web API, quarantined: the one place that knows slack_sdk, its errors and its rate limits."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web import SlackResponse

from bi_governance.errors import DeliveryError
from bi_governance.notify.pace import Pace

TIMEOUT_SECONDS = 30
RATE_LIMIT_RETRIES = 4
# The longest Retry-After that is waited for.
PATIENCE_SECONDS = 60.0
READ_TRIES = 3
# After so many calls in a row without an answer Slack is left alone for a minute: a run would otherwise
# spend half a minute on every owner.
MOST_UNANSWERED = 6
REST_SECONDS = 60.0
PAGE = 200
TOKEN = "check slack.bot_token"  # noqa: S105 - a hint, not a token
INVITE = "check the channel's name and invite the bot there"
PERSON = "the person cannot be written to; their visuals need another owner"
SHAPE = "please report this as a bug, with the message"
HINTS = {
    "invalid_auth": TOKEN,
    "not_authed": TOKEN,
    "token_revoked": TOKEN,
    "token_expired": TOKEN,
    "account_inactive": "the bot was removed from the workspace; install the app again",
    "channel_not_found": INVITE,
    "not_in_channel": INVITE,
    "is_archived": "the channel is archived; name another one in the settings",
    "restricted_action": "the workspace does not let the bot post there; ask a workspace admin",
    "user_not_found": PERSON,
    "user_disabled": PERSON,
    "user_not_visible": PERSON,
    "cannot_dm_bot": PERSON,
    "ratelimited": "Slack asks for more patience than a run has; run it again later",
    "rate_limited": "Slack asks for more patience than a run has; run it again later",
    "msg_blocks_too_long": SHAPE,
    "msg_too_long": SHAPE,
    "invalid_blocks": SHAPE,
}


class SlackRefused(DeliveryError):
    """Slack answered, and said no; `code` is Slack's own word for why, `answer` all it said."""

    def __init__(self, method: str, code: str, hint: str, answer: Mapping[str, Any] | None = None) -> None:
        self.code = code
        self.answer = answer or {}
        super().__init__(f"Slack refused {method}: {code}{' - ' if hint else ''}{hint}.")


class SlackSilent(DeliveryError):
    """Slack gave no answer we can read, so what was asked may or may not have happened."""


class SlackApi:
    """Calls to one Slack workspace; raises SlackRefused or SlackSilent, never an error of slack_sdk.

    Calls are paced to Slack's published limits, one at a time. A 429 is waited out as Slack asks
    (Retry-After), up to four times and `patience_seconds` each. Reading is tried three times when no
    answer comes, writing never: a post whose answer got lost must first be looked for.
    """

    def __init__(
        self,
        token: str,
        base_url: str,
        patience_seconds: float,
        sleep: Callable[[float], None],
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        patience = _Patience(patience_seconds, sleep)
        self._client = WebClient(token, base_url=base_url, timeout=TIMEOUT_SECONDS, retry_handlers=[patience])
        self._pace = Pace(tick, sleep)
        self._sleep = sleep
        self._tick = tick
        self._unanswered = 0
        self._rests_until = 0.0

    def call(self, method: str, **arguments: Any) -> dict[str, Any]:
        """One API method with JSON arguments, e.g. `chat.postMessage`."""
        return _data(self._ask(method, arguments, json=arguments))

    def read(self, method: str, **arguments: Any) -> dict[str, Any]:
        """One API method with arguments in the address; Slack's reading methods do not all take JSON."""
        return _data(self._read(method, arguments))

    def page(
        self, method: str, field: str, cursor: str = "", *, limit: int = PAGE, **arguments: Any
    ) -> tuple[list[Any], str]:
        """One page of a reading method: what is under `field`, and the next cursor, empty on the last."""
        page = self.read(method, limit=limit, **arguments, **({"cursor": cursor} if cursor else {}))
        following = str((page.get("response_metadata") or {}).get("next_cursor") or "")
        return list(page.get(field) or ()), following

    def pages(self, method: str, field: str, *, limit: int = PAGE, **arguments: Any) -> Iterator[list[Any]]:
        """Every page, to the last one."""
        rows, cursor = self.page(method, field, limit=limit, **arguments)
        yield rows
        while cursor:
            rows, cursor = self.page(method, field, cursor, limit=limit, **arguments)
            yield rows

    def granted(self) -> tuple[dict[str, Any], frozenset[str] | None]:
        """Who we are to Slack, and the scopes of our token; None instead of them when Slack does not say."""
        answer = self._read("auth.test", {})
        listed = {name.lower(): text for name, text in answer.headers.items()}.get("x-oauth-scopes")
        scopes = None if listed is None else frozenset(filter(None, re.split(r"[,\s]+", listed)))
        return _data(answer), scopes

    def _read(self, method: str, arguments: Mapping[str, Any]) -> SlackResponse:
        for seconds in range(1, READ_TRIES):
            try:
                return self._ask(method, arguments, params=arguments)
            except SlackSilent:
                self._sleep(seconds)
        return self._ask(method, arguments, params=arguments)

    def _ask(self, method: str, about: Mapping[str, Any], **arguments: Any) -> SlackResponse:
        if self._unanswered >= MOST_UNANSWERED and self._tick() < self._rests_until:
            raise SlackSilent(
                f"Slack gave no answer {self._unanswered} times in a row; {method} was not tried."
            )
        channel = str(about.get("channel", ""))
        self._pace.wait(method, channel)
        try:
            answer = self._answer(method, **arguments)
        except SlackSilent:
            self._unanswered += 1
            self._rests_until = self._tick() + REST_SECONDS
            raise
        except SlackRefused:
            self._unanswered = 0
            raise
        finally:
            self._pace.answered(method, channel)
        self._unanswered = 0
        return answer

    def _answer(self, method: str, **arguments: Any) -> SlackResponse:
        try:
            answer = self._client.api_call(method, **arguments)
        except SlackApiError as error:
            raise _refusal(method, error) from error
        except (SlackClientError, OSError, HTTPException, ValueError) as error:
            reason = str(error) or type(error).__name__
            raise SlackSilent(f"Slack gave no answer to {method}: {reason}.") from error
        if not isinstance(answer.data, dict):
            raise SlackSilent(f"Slack's answer to {method} makes no sense.")
        return answer


class _Patience(RateLimitErrorRetryHandler):
    """Waits out a rate limit as Slack asks, but not for longer than a run can afford."""

    def __init__(self, seconds: float, sleep: Callable[[float], None]) -> None:
        super().__init__(max_retry_count=RATE_LIMIT_RETRIES)
        self._seconds = seconds
        self._sleep = sleep

    def _can_retry(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        limited = super()._can_retry(state=state, request=request, response=response, error=error)
        return limited and _asked_wait(response) <= self._seconds

    def prepare_for_next_attempt(
        self,
        *,
        state: RetryState,
        request: HttpRequest,  # noqa: ARG002 - the shape is slack_sdk's
        response: HttpResponse | None = None,
        error: Exception | None = None,  # noqa: ARG002
    ) -> None:
        state.next_attempt_requested = True
        self._sleep(_asked_wait(response))
        state.increment_current_attempt()


def _asked_wait(response: HttpResponse | None) -> float:
    """The seconds Slack asks for; one when it does not say."""
    headers = {name.lower(): values for name, values in response.headers.items()} if response else {}
    asked = str((headers.get("retry-after") or ["1"])[0])
    return float(asked) if asked.isdecimal() else 1.0


def _data(answer: SlackResponse) -> dict[str, Any]:
    assert isinstance(answer.data, dict)
    return answer.data


def _refusal(method: str, error: SlackApiError) -> DeliveryError:
    answer = error.response.data if isinstance(error.response.data, dict) else {}
    code = str(answer.get("error", ""))
    if error.response.status_code >= 500 or not code.replace("_", "").isalnum():
        status = error.response.status_code
        return SlackSilent(f"Slack's answer to {method} makes no sense (status {status}).")
    if code == "missing_scope":
        return SlackRefused(
            method, code, f"add the scope {answer.get('needed', '')} to the Slack app and reinstall it"
        )
    return SlackRefused(method, code, HINTS.get(code, ""), answer)
