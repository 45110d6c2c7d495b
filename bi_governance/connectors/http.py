"""One way to talk HTTP: bounded patience, a timeout on every request, and failures named for the fact."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, Retry
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import InvalidHeader, MaxRetryError, ResponseError

from bi_governance.errors import (
    SourceAuthFailed,
    SourceBroken,
    SourceConflict,
    SourceError,
    SourceForbidden,
    SourceMissing,
    SourceThrottled,
    SourceUnreachable,
)

READING_VERBS = frozenset({"GET", "HEAD", "OPTIONS"})
_BUSY = frozenset({429, 502, 503, 504})
_RETRIES = 5
_CONNECT_TIMEOUT_SECONDS = 10.0
_QUOTED_CHARACTERS = 300


@dataclass(frozen=True, slots=True)
class Exchange:
    """The last request of a session and what came of it; the path is without its query string.

    `status` is None when there was no answer at all, and then `error` says why; `retry_after` and
    `date` are the headers of that name.
    """

    method: str
    path: str
    status: int | None = None
    retry_after: str | None = None
    date: str | None = None
    error: requests.RequestException | None = None

    @property
    def request(self) -> str:
        """Method and path, fit for people and logs."""
        return f"{self.method} {self.path}".strip()


class Patience(Retry):
    """Retries what is safe to repeat, for at most `patience` seconds of waiting in total.

    Reads are repeated on 429, 502, 503, 504 and lost connections. Anything else only where the
    platform cannot have acted on it: 429 and a connection that was never made. A Retry-After longer
    than what is left of the patience ends the retrying at once: the caller sees the 429.
    """

    def __init__(
        self,
        total: bool | int | None = _RETRIES,  # noqa: FBT001 - the signature is urllib3's
        *,
        patience: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
        **retry: Any,
    ) -> None:
        settings = {"raise_on_status": False, "other": 0, "read": 2, "backoff_max": 15.0} | retry
        super().__init__(total, **settings)
        self._patience, self._sleep = patience, sleep

    def new(self, **changes: Any) -> Self:
        return super().new(**({"patience": self._patience, "sleep": self._sleep} | changes))

    def is_retry(self, method: str, status_code: int, has_retry_after: bool = False) -> bool:  # noqa: ARG002, FBT001, FBT002
        return status_code in (_BUSY if self._is_method_retryable(method) else {429})

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        following = super().increment(method, url, response, error, _pool, _stacktrace)
        if _pool is not None and following.wait(response) > self._patience:
            raise MaxRetryError(
                _pool, url or "", error or ResponseError("the platform asks for more patience")
            )
        return following

    def sleep(self, response: BaseHTTPResponse | None = None) -> None:
        seconds = self.wait(response)
        self._patience -= seconds
        if seconds > 0:
            self._sleep(seconds)

    def wait(self, response: BaseHTTPResponse | None) -> float:
        """Seconds to wait before the next attempt: what the platform asks for, else the back-off."""
        try:
            asked = self.get_retry_after(response) if response is not None else None
        except InvalidHeader:
            asked = None
        return self.get_backoff_time() if asked is None else asked

    def get_backoff_time(self) -> float:
        doubled = self.backoff_factor * 2 ** max(len(self.history) - 1, 0)
        return float(min(self.backoff_max, doubled * random.uniform(0.75, 1.25)))  # noqa: S311 - spreads load


class Session(requests.Session):
    """A requests session with a default timeout that remembers its last exchange; one per thread."""

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self.last = Exchange("", "")
        # A redirected POST silently becomes a GET; better to say that the address is wrong.
        self.max_redirects = 0
        self.auth = _as_is  # otherwise a .netrc would replace our Authorization header
        self._timeout = timeout

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        asked = Exchange(request.method or "", urlsplit(request.url or "").path)
        kwargs["timeout"] = (_CONNECT_TIMEOUT_SECONDS, kwargs.get("timeout") or self._timeout)
        try:
            response = super().send(request, **kwargs)
        except requests.RequestException as error:
            status = error.response.status_code if error.response is not None else None
            self.last = replace(asked, status=status, error=error)
            raise
        self.last = Exchange(
            asked.method, asked.path, response.status_code, response.headers.get("Retry-After")
        )
        return response


def open_session(
    base_url: str,
    *,
    timeout: float = 120.0,
    verify: bool | str = True,
    backoff: float = 0.5,
    patience: float = 30.0,
    reading_posts: Sequence[str] = (),
    sleep: Callable[[float], None] = time.sleep,
) -> Session:
    """A session for one platform; nothing is sent yet.

    `timeout` is in seconds per answer; `backoff` the first of the doubling waits (0: no waiting),
    `patience` all waiting of one request together. POSTs to paths beginning with one of
    `reading_posts` ("/api/v1/security/login") change nothing and are repeated like reads.
    """
    session = Session(timeout)
    session.verify = verify
    retry = Patience(patience=patience, backoff_factor=backoff, allowed_methods=READING_VERBS, sleep=sleep)
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    reading = retry.new(allowed_methods=READING_VERBS | {"POST"})
    for path in reading_posts:
        session.mount(base_url.rstrip("/") + path, HTTPAdapter(max_retries=reading))
    return session


def call(session: Session, source: str, method: str, url: str, **kwargs: Any) -> requests.Response:
    """Send one request; whatever is not a plain success is raised as the SourceError it is."""
    try:
        response = session.request(method, url, **kwargs)
    except requests.RequestException as error:
        raise translated(source, session.last) from error
    if not response.ok:
        raise translated(source, session.last, response.text)
    return response


def json_of(response: requests.Response, source: str) -> Any:
    """The JSON of an answer; SourceBroken when it is anything else (a proxy's login page, for one)."""
    try:
        return response.json()
    except requests.JSONDecodeError as error:
        request = f"{response.request.method} {urlsplit(response.url).path}"
        raise SourceBroken(
            f"expected JSON, got {_quoted(response.text)}",
            source=source,
            status=response.status_code,
            request=request,
            hint="Check the configured address: a log-in page or a proxy may answer in the platform's place.",
        ) from error


def translated(source: str, last: Exchange, body: str = "", hint: str = "") -> SourceError:
    """The error that this exchange is, in the platform's own words (`body`), with what to do next."""
    kind, advice = _kind_of(last)
    words = _quoted(body) if body.strip() else _reason(last)
    return kind(words, source=source, status=last.status, request=last.request, hint=hint or advice)


_KINDS: dict[int, tuple[type[SourceError], str]] = {
    401: (SourceAuthFailed, "Check the configured credentials; they may have expired or been revoked."),
    403: (SourceForbidden, "Give our account the missing permission; `doctor` lists what it needs."),
    404: (SourceMissing, ""),
    405: (SourceConflict, "The platform does not allow this change."),
    408: (SourceUnreachable, "Try again later."),
    409: (SourceConflict, "Something else at the platform refers to it or changed it meanwhile."),
    410: (SourceMissing, ""),
    412: (SourceConflict, "It was changed meanwhile."),
    422: (SourceConflict, "The platform refuses this change; its message says why."),
    423: (SourceConflict, "It is locked at the platform."),
    429: (SourceThrottled, "Over the platform's rate limit; run again later or less often."),
}
_BROKEN = (SourceBroken, "The platform itself failed; try again later.")
_UNREACHABLE = (
    SourceUnreachable,
    "Check the configured address, network and proxy, and whether the platform is up.",
)


def _kind_of(last: Exchange) -> tuple[type[SourceError], str]:
    if isinstance(last.error, requests.TooManyRedirects):
        return SourceBroken, "Configure the final address, without redirects."
    if last.status is None or last.error is not None:
        return _UNREACHABLE
    if last.status == 429 and last.retry_after:
        return (
            SourceThrottled,
            f"The platform asks to wait (Retry-After: {last.retry_after}); run again later.",
        )
    return _KINDS.get(last.status, _BROKEN)


def _reason(last: Exchange) -> str:
    if isinstance(last.error, requests.TooManyRedirects):
        return "the platform redirects elsewhere"
    if isinstance(last.error, requests.Timeout) or "timed out" in str(last.error):
        return "no answer in time"
    if isinstance(last.error, requests.exceptions.SSLError):
        return "the TLS certificate is not accepted"
    if last.status is None or last.error is not None:
        return "the connection failed or was cut off"
    return f"HTTP status {last.status}"


def _quoted(body: str) -> str:
    """The platform's words on one line; a web page is not quoted, only called one."""
    text = " ".join(body.split())
    if text[:1] == "<":
        return "a web page"
    text = _message_in(text) or text
    return text if len(text) <= _QUOTED_CHARACTERS else text[:_QUOTED_CHARACTERS] + "…"


def _message_in(text: str) -> str:
    """The sentence inside a JSON error body; a body of another shape is quoted whole, shape and all."""
    try:
        body = json.loads(text)
    except ValueError:
        return ""
    message = body.get("message") if isinstance(body, dict) else None
    return message if isinstance(message, str) else ""


def _as_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
