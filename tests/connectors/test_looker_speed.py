"""Looker read with several calls at once, and long lists without holding them."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from bi_governance.connectors.looker import LookerReader, lists
from bi_governance.connectors.looker.client import LookerClient
from bi_governance.errors import SourceBroken, SourceUnreachable
from bi_governance.model import Coverage, Interval
from bi_governance.sandbox.server import Fault
from tests.connectors.looker_bench import NOW, Bench, rows

MIDNIGHT = NOW.replace(hour=0)
SEARCH = "GET /api/4.0/dashboards/search"


def read(text: str) -> list[Any]:
    return list(lists.objects(io.StringIO(text)))


@pytest.mark.parametrize(
    "value",
    [[], [{}], [{"id": "1"}, {"id": "2"}], [{"note": 'a "quoted" ] } , \\ [ {', "in": [{"a": [1]}]}, {}]],
)
@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_read_item_by_item_is_the_same(value: list[Any], indent: int | None) -> None:
    assert read(json.dumps(value, indent=indent)) == value


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_items_may_be_cut_anywhere(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(lists, "_CHUNK_CHARACTERS", chunk)
    value = [{"id": n, "title": f"}} {n} ] ,", "deep": {"x": [n, None, 1.5]}} for n in range(5)]
    assert read(json.dumps(value)) == value


@pytest.mark.parametrize("text", ["", "{}", "null", "<html>", "[", '[{"a": 1}', '[{"a": 1},', "[1]", '[{"a"'])
def test_what_is_no_list_of_objects_or_breaks_off_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(text)


def test_items_come_before_the_list_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "_CHUNK_CHARACTERS", 16)
    text = io.StringIO(json.dumps([{"id": n} for n in range(1000)]))
    items = lists.objects(text)
    for expected in range(10):
        assert next(items) == {"id": expected}
    assert text.tell() < 300


def test_a_long_list_that_is_a_web_page_is_broken(bench: Bench) -> None:
    bench.server.faults.add(Fault("dashboard_elements/search", "html", times=None))
    with pytest.raises(SourceBroken, match="makes no sense"):
        rows(bench.reader(), "looker_dashboard_element")


def test_a_long_list_that_gets_no_answer_is_unreachable(bench: Bench) -> None:
    bench.server.faults.add(Fault("dashboard_elements/search", "drop", times=None))
    with pytest.raises(SourceUnreachable):
        rows(bench.reader(), "looker_dashboard_element")


def test_a_token_forgotten_before_a_long_list_is_renewed(bench: Bench) -> None:
    bench.dashboard()
    reader = bench.reader()
    reader.own_accounts()
    bench.looker.expire_tokens()
    assert len(rows(reader, "looker_dashboard_element")) == 1


@pytest.mark.parametrize("concurrency", [1, 2, 4])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6, 7, 24, 25])
def test_every_dashboard_comes_once_and_in_order(bench: Bench, count: int, concurrency: int) -> None:
    keys = [bench.dashboard(f"D{n}").native_id for n in range(count)]
    found = rows(bench.reader(concurrency=concurrency), "looker_dashboard")
    assert [row["dashboard_id"] for row in found] == keys


def test_a_page_cut_short_among_full_ones_costs_no_row(bench: Bench) -> None:
    keys = [bench.dashboard(f"D{n}").native_id for n in range(20)]
    bench.server.faults.add(Fault(SEARCH, "truncate", after=2, times=3))
    found = rows(bench.reader(), "looker_dashboard")
    assert [row["dashboard_id"] for row in found] == keys


def test_pages_are_asked_for_ahead_but_not_far(bench: Bench) -> None:
    for number in range(60):
        bench.dashboard(f"D{number}")
    pages = bench.reader(concurrency=4).read_inventory("looker_dashboard")
    for _ in range(5):
        next(pages)
    asked = len(bench.server.requests.matching(SEARCH))
    assert asked <= 5 + 2 * 4
    pages.close()  # type: ignore[attr-defined]


def test_looks_are_asked_for_their_queries_at_once(bench: Bench) -> None:
    """Four calls wait for each other before they are made: none is unless all four are under way."""
    for number in range(8):
        bench.look(f"L{number}", explore=f"sales.deals_{number % 4}")
    together = threading.Barrier(4)
    reader = bench.reader(concurrency=4, page_size=100)
    ask = reader._client.ask

    def asking(request: Any, hint: str = "") -> Any:
        if threading.current_thread().name.startswith("looker acme"):
            together.wait(10)
        return ask(request, hint)

    reader._client.ask = asking  # type: ignore[method-assign]
    reading = reader.read_inventory("looker_dependency")
    found = {row["visual_id"] for page in reading for row in page}
    assert len(found) == 8


def test_all_threads_share_one_log_in_and_none_is_left_over(bench: Bench) -> None:
    for number in range(30):
        bench.look(f"L{number}")
    reader = bench.reader(concurrency=4)
    rows(reader, "looker_dependency")
    assert any(thread.name.startswith("looker acme") for thread in threading.enumerate())
    reader.close()
    assert not any(thread.name.startswith("looker acme") for thread in threading.enumerate())
    assert len(bench.server.requests.matching("POST .*/login$")) == 1
    assert len(bench.server.requests.matching("DELETE .*/logout$")) == 1


def test_threads_whose_token_is_refused_log_in_once_between_them(bench: Bench) -> None:
    for number in range(30):
        bench.look(f"L{number}")
    bench.server.faults.add(Fault("GET /api/4.0/queries/", "expire_token", after=8))
    found = {row["visual_id"] for row in rows(bench.reader(), "looker_dependency")}
    assert len(found) == 30
    assert len(bench.server.requests.matching("POST .*/login$")) == 2


def test_the_first_failure_of_several_calls_is_what_is_told(bench: Bench) -> None:
    for number in range(30):
        bench.look(f"L{number}")
    bench.server.faults.add(Fault("GET /api/4.0/queries/", "status", status=500, after=5, times=None))
    with pytest.raises(SourceBroken) as raised:
        rows(bench.reader(), "looker_dependency")
    assert raised.value.status == 500
    assert len(bench.server.requests.matching("GET /api/4.0/queries/")) < 15


def test_the_environment_says_which_proxy_and_certificates_to_use(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked up once for each connection, not with every call."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/acme.pem")
    sessions = [
        LookerClient(
            "acme", {**bench.options(base_url="https://looker.acme.example"), **more}
        )._open_session()
        for more in ({}, {"verify_ssl": "/etc/other.pem"}, {"verify_ssl": False})
    ]
    assert [session.proxies.get("https") for session in sessions] == ["http://127.0.0.1:9"] * 3
    assert [session.verify for session in sessions] == ["/etc/acme.pem", "/etc/other.pem", False]
    assert not any(session.trust_env for session in sessions)


DAYS = [Interval(MIDNIGHT - timedelta(days=n), MIDNIGHT - timedelta(days=n - 1)) for n in range(6, 0, -1)]
WINDOWS = [*DAYS, Interval(MIDNIGHT, NOW)]
QUERIES = "POST /api/4.0/queries/run"


def lively(bench: Bench) -> None:
    """Two views on each of the last days and one today."""
    key = bench.dashboard(tiles=())
    for window in WINDOWS:
        for hours in (2, 5):
            bench.looker.view(
                "dashboard", key.native_id, by=bench.ada, at=window.start + timedelta(hours=hours)
            )


def history(reader: LookerReader, windows: Sequence[Interval]) -> list[list[object]]:
    return [[row["accessed_at"] for page in reader.read_history(w) for row in page] for w in windows]


@pytest.mark.parametrize("concurrency", [0, 1, 2, 4, 20])
@pytest.mark.parametrize("windows", [WINDOWS, WINDOWS[::2], WINDOWS[::-1], WINDOWS[:2] + WINDOWS[-2:]])
def test_days_read_ahead_hold_what_they_hold(
    bench: Bench, windows: Sequence[Interval], concurrency: int
) -> None:
    lively(bench)
    reader = bench.reader(concurrency=concurrency)
    reader.history_start(windows[0].start, NOW, Coverage.of([]))
    expected = [[w.start + timedelta(hours=hours) for hours in (2, 5)] for w in windows]
    assert history(reader, windows) == expected


def test_the_days_that_follow_are_asked_for_while_one_is_stored(bench: Bench) -> None:
    lively(bench)
    reader = bench.reader(concurrency=3)
    reader.history_start(WINDOWS[0].start, NOW, Coverage.of([]))
    bench.server.requests.clear()
    next(reader.read_history(WINDOWS[0]))
    reader._ahead.drop()  # what is under way is waited for
    two_for_each_day = 2
    asked = len(bench.server.requests.matching(QUERIES))
    assert two_for_each_day < asked <= 3 * two_for_each_day


def test_days_in_order_cost_no_call_in_vain(bench: Bench) -> None:
    lively(bench)
    reader = bench.reader(concurrency=4)
    reader.history_start(WINDOWS[0].start, NOW, Coverage.of([]))
    bench.server.requests.clear()
    history(reader, WINDOWS)
    assert len(bench.server.requests.matching(QUERIES)) == 2 * len(WINDOWS)


def test_a_day_that_fails_ahead_fails_in_its_turn(bench: Bench) -> None:
    lively(bench)
    reader = bench.reader(concurrency=2)
    reader.history_start(WINDOWS[0].start, NOW, Coverage.of([]))
    next(reader.read_history(WINDOWS[0]))
    reader._ahead._begun[WINDOWS[1]].result()
    bench.server.faults.add(Fault(QUERIES, "status", status=500, times=None))
    assert len(history(reader, WINDOWS[1:2])[0]) == 2  # was read before the trouble
    with pytest.raises(SourceBroken):
        history(reader, WINDOWS[2:3])


def test_a_day_too_long_for_one_answer_is_halved_in_its_turn(bench: Bench) -> None:
    lively(bench)
    reader = bench.reader(concurrency=3, row_limit=2)
    reader.history_start(WINDOWS[0].start, NOW, Coverage.of([]))
    assert [len(day) for day in history(reader, WINDOWS)] == [2] * len(WINDOWS)
