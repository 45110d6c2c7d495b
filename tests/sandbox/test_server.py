"""Every fault a server can be told to show, as a client meets it, and the log it keeps."""

import threading

import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from bi_governance.sandbox.server import Fault, LoopbackServer


class PlainVendor:
    """A vendor with one token and one error shape; POST writes."""

    def __init__(self):
        self.expired = []

    def error_body(self, status, method, path, /):
        return {"error": status, "at": f"{method} {path}"}

    def is_write(self, method, path, /):
        return method == "POST"

    def expire_token(self, token, /):
        self.expired.append(token)


@pytest.fixture
def vendor():
    return PlainVendor()


@pytest.fixture
def server(clock, vendor):
    async def rows(request):
        request.scope["state"]["actor"] = request.headers.get("x-me")
        return JSONResponse({"count": 4, "result": [1, 2, 3, 4], "columns": ["a"]})

    async def bare(_):
        return JSONResponse([1, 2, 3, 4])

    routes = [Route("/rows", rows, methods=["GET", "POST"]), Route("/bare", bare)]
    with LoopbackServer(Starlette(routes=routes), clock=clock, vendor=vendor) as running:
        yield running


def get(server, path="/rows", timeout=5.0):
    return requests.get(
        server.url + path, timeout=timeout, headers={"x-me": "ada", "authorization": "Bearer t1"}
    )


@pytest.mark.parametrize("status", [401, 403, 404, 422, 500])
def test_a_status_in_the_vendors_shape(server, status):
    server.faults.add(Fault("GET /rows", "status", status=status))
    answer = get(server)
    assert (answer.status_code, answer.json()) == (status, {"error": status, "at": "GET /rows"})


def test_too_many_requests_says_when_to_come_back(server):
    server.faults.add(Fault("rows", "status", status=429, retry_after=7))
    assert get(server).headers["retry-after"] == "7"


def test_a_bad_gateway_is_html(server):
    server.faults.add(Fault("rows", "status", status=502))
    answer = get(server)
    assert answer.status_code == 502
    assert answer.headers["content-type"].startswith("text/html")


def test_a_body_of_ones_own(server):
    server.faults.add(Fault("rows", "status", status=200, body={"ok": False}))
    assert get(server).json() == {"ok": False}


def test_a_dropped_connection(server):
    server.faults.add(Fault("rows", "drop"))
    with pytest.raises(requests.ConnectionError):
        get(server)
    assert [r.status for r in server.requests] == [0]
    assert get(server).status_code == 200


def test_a_slow_answer_never_comes(server):
    server.faults.add(Fault("rows", "slow"))
    with pytest.raises(requests.ReadTimeout):
        get(server, timeout=0.2)
    assert get(server).status_code == 200


def test_stopping_lets_the_slow_go(clock, vendor):
    server = LoopbackServer(Starlette(), clock=clock, vendor=vendor).start()
    server.faults.add(Fault("", "slow"))
    outcome = []

    def ask():
        try:
            requests.get(server.url, timeout=30)
        except requests.ConnectionError as error:
            outcome.append(error)

    waiting = threading.Thread(target=ask)
    waiting.start()
    assert server.faults.met.wait(5)
    server.stop()
    waiting.join(5)
    assert len(outcome) == 1


def test_an_empty_list_with_nothing_in_it(server):
    server.faults.add(Fault("rows|bare", "empty", times=2))
    assert get(server).json() == {"count": 0, "result": [], "columns": ["a"]}
    assert get(server, "/bare").json() == []


def test_a_list_without_its_tail(server):
    server.faults.add(Fault("rows|bare", "truncate", times=2))
    assert get(server).json() == {"count": 4, "result": [1, 2], "columns": ["a"]}
    assert get(server, "/bare").json() == [1, 2]


def test_a_login_page_instead_of_json(server):
    server.faults.add(Fault("rows", "html"))
    answer = get(server)
    assert answer.status_code == 200
    assert "Sign in" in answer.text


def test_the_token_presented_expires(server, vendor):
    server.faults.add(Fault("rows", "expire_token"))
    assert get(server).status_code == 200
    assert vendor.expired == ["t1"]


def test_latency_combines_with_failure(server):
    server.faults.add(
        Fault("rows", "latency", latency_ms=20, times=None), Fault("rows", "status", status=500)
    )
    answers = [get(server), get(server)]
    assert [a.status_code for a in answers] == [500, 200]
    assert all(a.elapsed.total_seconds() >= 0.02 for a in answers)


def test_a_fault_begins_after_and_ends_after_times(server):
    server.faults.add(Fault("rows", "status", status=500, after=1, times=2))
    assert [get(server).status_code for _ in range(4)] == [200, 500, 500, 200]


def test_a_second_fault_waits_for_the_first(server):
    server.faults.add(Fault("rows", "status", status=500), Fault("rows", "status", status=404))
    assert [get(server).status_code for _ in range(3)] == [500, 404, 200]


def test_the_log_knows_who_asked_what_and_when(server, clock):
    get(server, "/rows?a=1&b=")
    (request,) = server.requests
    assert (request.at, request.method, request.path) == (clock.now(), "GET", "/rows")
    assert (request.query, request.status, request.actor) == ({"a": "1", "b": ""}, 200, "ada")


def test_writes_are_told_from_reads_even_when_refused(server):
    server.faults.add(Fault("POST", "status", status=403))
    get(server)
    requests.post(f"{server.url}/rows", timeout=5)
    assert [(r.method, r.status) for r in server.requests.writes()] == [("POST", 403)]


def test_the_address_is_gone_after_stopping(server):
    url = server.url
    server.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.url
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=5)
