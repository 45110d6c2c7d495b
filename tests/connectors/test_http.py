"""Patience, retries and translated failures, against a real server on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter

from bi_governance.connectors.http import Session, call, json_of, open_session
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


@dataclass(frozen=True)
class Answer:
    """What the server says once; `hang_up` closes the connection without a word."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: str = "{}"
    hang_up: bool = False
    cut_off: bool = False


class ScriptedServer:
    """Gives its answers in order, the last one for ever, and remembers what was asked."""

    def __init__(self) -> None:
        self.script: list[Answer] = [Answer()]
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def next_answer(self, asked: str) -> Answer:
        self.asked.append(asked)
        return self.script[min(len(self.asked), len(self.script)) - 1]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
                pass

            def answer(self) -> None:
                answer = owner.next_answer(f"{self.command} {self.path}")
                if answer.hang_up:
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                length = len(answer.body) + (100 if answer.cut_off else 0)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(answer.body.encode())

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

        return Handler


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    made = ScriptedServer()
    yield made
    made.close()


@pytest.fixture
def waits() -> list[float]:
    """How long was waited before each retry, instead of waiting."""
    return []


@pytest.fixture
def session(server: ScriptedServer, waits: list[float]) -> Iterator[Session]:
    opened = open_session(server.url, timeout=5, sleep=waits.append, reading_posts=("/login",))
    with opened:
        yield opened


def fails(session: Session, method: str, url: str, kind: type[SourceError]) -> SourceError:
    with pytest.raises(kind) as raised:
        call(session, "here", method, url)
    return raised.value


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_reads_are_repeated_with_growing_waits(
    server: ScriptedServer, session: Session, waits: list[float], status: int
) -> None:
    server.script = [Answer(status), Answer(status), Answer(status), Answer(200)]
    assert call(session, "here", "GET", f"{server.url}/x").ok
    assert len(waits) == 3
    assert waits[0] < waits[1] < waits[2]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 500])
def test_other_refusals_are_not_repeated(server: ScriptedServer, session: Session, status: int) -> None:
    server.script = [Answer(status)]
    fails(session, "GET", f"{server.url}/x", SourceError)
    assert len(server.asked) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "answer", [Answer(502), Answer(503), Answer(hang_up=True)], ids=["502", "503", "drop"]
)
def test_a_change_that_may_have_happened_is_never_repeated(
    server: ScriptedServer, session: Session, method: str, answer: Answer
) -> None:
    server.script = [answer]
    fails(session, method, f"{server.url}/x", SourceError)
    assert len(server.asked) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_a_change_refused_for_the_rate_limit_is_repeated(
    server: ScriptedServer, session: Session, waits: list[float], method: str
) -> None:
    server.script = [Answer(429, {"Retry-After": "3"}), Answer(200)]
    assert call(session, "here", method, f"{server.url}/x").ok
    assert waits == [3]


def test_a_change_that_never_reached_anybody_is_repeated(waits: list[float]) -> None:
    with open_session("http://127.0.0.1:9", sleep=waits.append) as session:
        error = fails(session, "PATCH", "http://127.0.0.1:9/x", SourceUnreachable)
    assert len(waits) == 5
    assert (error.status, error.request) == (None, "PATCH /x")


def test_a_post_that_only_reads_is_repeated_like_a_read(server: ScriptedServer, session: Session) -> None:
    server.script = [Answer(502), Answer(hang_up=True), Answer(200)]
    assert call(session, "here", "POST", f"{server.url}/login").ok
    assert len(server.asked) == 3


def test_retry_after_is_honoured(server: ScriptedServer, session: Session, waits: list[float]) -> None:
    server.script = [Answer(429, {"Retry-After": "7"}), Answer(503, {"Retry-After": "2"}), Answer(200)]
    assert call(session, "here", "GET", f"{server.url}/x").ok
    assert waits == [7, 2]


def test_retry_after_beyond_our_patience_ends_at_once(
    server: ScriptedServer, session: Session, waits: list[float]
) -> None:
    server.script = [Answer(429, {"Retry-After": "3392"})]
    error = fails(session, "GET", f"{server.url}/x", SourceThrottled)
    assert waits == []
    assert len(server.asked) == 1
    assert "3392" in error.hint


def test_all_waiting_together_stays_within_our_patience(
    server: ScriptedServer, session: Session, waits: list[float]
) -> None:
    server.script = [Answer(429, {"Retry-After": "11"})]
    fails(session, "GET", f"{server.url}/x", SourceThrottled)
    assert waits == [11, 11]  # a third wait would make 33 seconds


def test_a_retry_after_that_makes_no_sense_is_ignored(
    server: ScriptedServer, session: Session, waits: list[float]
) -> None:
    server.script = [Answer(429, {"Retry-After": "soon"}), Answer(200)]
    assert call(session, "here", "GET", f"{server.url}/x").ok
    assert len(waits) == 1


def test_without_back_off_nothing_waits(server: ScriptedServer, waits: list[float]) -> None:
    server.script = [Answer(503)] * 3 + [Answer(200)]
    with open_session(server.url, backoff=0, sleep=waits.append) as session:
        assert call(session, "here", "GET", f"{server.url}/x").ok
    assert waits == []


def test_one_request_does_not_use_up_the_patience_of_the_next(
    server: ScriptedServer, session: Session, waits: list[float]
) -> None:
    busy = Answer(429, {"Retry-After": "20"})
    server.script = [busy, Answer(200), busy, Answer(200)]
    for _ in range(2):
        assert call(session, "here", "GET", f"{server.url}/x").ok
    assert waits == [20, 20]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, SourceBroken),
        (401, SourceAuthFailed),
        (403, SourceForbidden),
        (404, SourceMissing),
        (405, SourceConflict),
        (409, SourceConflict),
        (410, SourceMissing),
        (422, SourceConflict),
        (429, SourceThrottled),
        (500, SourceBroken),
        (502, SourceBroken),
    ],
)
def test_statuses_are_different_errors(
    server: ScriptedServer, session: Session, status: int, kind: type[SourceError]
) -> None:
    server.script = [Answer(status, body='{"message": "so it is"}')]
    error = fails(session, "GET", f"{server.url}/things/7?token=s3cret", kind)
    assert type(error) is kind
    assert (error.source, error.status, error.request) == ("here", status, "GET /things/7")
    assert "so it is" in error.message
    assert "s3cret" not in str(error)


def test_an_answer_cut_off_in_the_middle_is_no_answer(server: ScriptedServer, session: Session) -> None:
    server.script = [Answer(200, body='{"rows": [', cut_off=True)]
    fails(session, "GET", f"{server.url}/x", SourceUnreachable)


def test_a_redirect_is_an_error_not_a_detour(server: ScriptedServer, session: Session) -> None:
    server.script = [Answer(302, {"Location": "/login-page"})]
    error = fails(session, "POST", f"{server.url}/x", SourceBroken)
    assert "address" in error.hint
    assert server.asked == ["POST /x"]


def test_a_web_page_is_not_json(server: ScriptedServer, session: Session) -> None:
    server.script = [Answer(200, body="<!DOCTYPE html><html><body>Sign in</body></html>")]
    response = call(session, "here", "GET", f"{server.url}/x?q=1")
    with pytest.raises(SourceBroken) as raised:
        json_of(response, "here")
    assert "web page" in raised.value.message
    assert (raised.value.status, raised.value.request) == (200, "GET /x")


def test_a_long_answer_is_quoted_in_part(server: ScriptedServer, session: Session) -> None:
    server.script = [Answer(500, body="x" * 10_000)]
    assert len(str(fails(session, "GET", f"{server.url}/x", SourceBroken))) < 600


def test_a_netrc_file_does_not_replace_our_token(
    server: ScriptedServer, session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    session.hooks["response"].append(lambda r, **_: seen.append(r.request.headers.get("Authorization")))
    call(session, "here", "GET", f"{server.url}/x", headers={"Authorization": "Bearer ours"})
    assert seen == ["Bearer ours"]


class NotingAdapter(HTTPAdapter):
    """Notes the time limit that reaches the transport."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: list[object] = []

    def send(self, request: PreparedRequest, **kwargs: Any) -> Response:  # type: ignore[override]
        self.limits.append(kwargs["timeout"][1])
        return super().send(request, **kwargs)


def test_every_request_has_a_time_limit(server: ScriptedServer) -> None:
    adapter = NotingAdapter()
    with open_session(server.url, timeout=42) as session:
        session.mount(server.url, adapter)
        session.get(f"{server.url}/x")
        session.get(f"{server.url}/x", timeout=7)
    assert adapter.limits == [42, 7]
