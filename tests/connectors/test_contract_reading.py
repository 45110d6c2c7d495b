"""What every connector owes the product when it reads: everything, or an error that says why not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from bi_governance.errors import (
    SourceAuthFailed,
    SourceBroken,
    SourceError,
    SourceForbidden,
    SourceMissing,
    SourceThrottled,
    SourceUnreachable,
)
from bi_governance.model import Coverage, Interval
from bi_governance.ports import Reader
from bi_governance.sandbox.server import Fault
from tests.connectors.harness import SECRETS, SOURCE, START, Connected

LONG_AGO = START - timedelta(days=60)


@pytest.mark.parametrize("pages", [0, 1, 2])
@pytest.mark.parametrize("more", [0, 1])
def test_inventory_is_complete_whatever_its_size(connected: Connected, pages: int, more: int) -> None:
    made = connected.add_visuals(pages * connected.harness.page_size + more)
    found = connected.ids(connected.reader())
    assert sorted(found) == sorted(key.native_id for key in made)


def test_every_feed_can_be_read_when_there_is_nothing(connected: Connected) -> None:
    reader = connected.reader()
    assert {
        feed: sum(map(len, reader.read_inventory(feed))) for feed in reader.inventory_feeds
    }.keys() == set(reader.inventory_feeds)
    assert connected.ids(reader) == []


def test_pages_are_handed_over_before_the_next_is_asked_for(connected: Connected) -> None:
    connected.add_visuals(3 * connected.harness.page_size)
    reader = connected.reader()
    next(iter(reader.read_inventory(connected.harness.feed)))
    while_streaming = len(connected.server.requests.matching(connected.harness.paths.visuals))
    connected.ids(reader)
    whole = len(connected.server.requests.matching(connected.harness.paths.visuals)) - while_streaming
    assert 0 < while_streaming < whole


def test_pages_hold_a_bounded_number_of_rows(connected: Connected) -> None:
    connected.add_visuals(2 * connected.harness.page_size + 1)
    pages = connected.reader().read_inventory(connected.harness.feed)
    assert all(len(page) <= connected.harness.page_size for page in pages)


@pytest.mark.parametrize("kind", ["truncate", "empty"])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_page_that_comes_back_short_once_loses_nothing(connected: Connected, kind: str, after: int) -> None:
    made = connected.add_visuals(3 * connected.harness.page_size)
    connected.server.faults.add(Fault(connected.harness.paths.visuals, kind, after=after))  # type: ignore[arg-type]
    reader = connected.reader()
    try:
        found = connected.ids(reader)
    except SourceError:
        return  # saying so is as good
    assert sorted(found) == sorted(key.native_id for key in made)


def test_a_list_that_stays_empty_although_there_is_content_is_not_believed(connected: Connected) -> None:
    connected.add_visuals(2)
    complete = connected.reader()
    assert len(connected.ids(complete)) == 2
    connected.server.faults.add(Fault(connected.harness.paths.visuals, "truncate", times=None))
    try:
        found = connected.ids(connected.reader())
    except SourceError:
        return
    assert len(found) == 2


def test_a_token_that_expires_between_pages_is_renewed(connected: Connected) -> None:
    made = connected.add_visuals(3 * connected.harness.page_size)
    connected.server.faults.add(Fault(connected.harness.paths.visuals, "expire_token", after=1))
    found = connected.ids(connected.reader())
    assert sorted(found) == sorted(key.native_id for key in made)
    assert len(connected.server.requests.matching(f"{connected.harness.paths.login}|refresh")) > 1


def test_one_reader_serves_several_threads(connected: Connected) -> None:
    made = connected.add_visuals(connected.harness.page_size + 1)
    reader = connected.reader()
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: connected.ids(reader), range(4)))
    assert all(sorted(ids) == sorted(key.native_id for key in made) for ids in found)


TROUBLE: list[tuple[str, Fault, type[SourceError], int | None]] = [
    ("401", Fault("", "status", status=401, times=None), SourceAuthFailed, 401),
    ("403", Fault("", "status", status=403, times=None), SourceForbidden, 403),
    ("404", Fault("", "status", status=404, times=None), SourceMissing, 404),
    ("500", Fault("", "status", status=500, times=None), SourceBroken, 500),
    ("502 web page", Fault("", "status", status=502, times=None), SourceBroken, 502),
    ("429 for long", Fault("", "status", status=429, retry_after=3392, times=None), SourceThrottled, 429),
    ("429 for ever", Fault("", "status", status=429, retry_after=0, times=None), SourceThrottled, 429),
    ("drop", Fault("", "drop", times=None), SourceUnreachable, None),
    ("no answer", Fault("", "slow", times=None), SourceUnreachable, None),
    ("log-in page", Fault("", "html", times=None), SourceBroken, 200),
]


@pytest.mark.parametrize(("fault", "error", "status"), [t[1:] for t in TROUBLE], ids=[t[0] for t in TROUBLE])
def test_trouble_is_named_for_what_it_is(
    connected: Connected, fault: Fault, error: type[SourceError], status: int | None
) -> None:
    connected.add_visuals(1)
    pattern = connected.harness.paths.visuals
    connected.server.faults.add(
        Fault(pattern, fault.kind, fault.times, status=fault.status, retry_after=fault.retry_after)
    )
    with pytest.raises(error) as raised:
        connected.ids(connected.reader(timeout=0.2))
    assert raised.value.source == SOURCE
    assert raised.value.status == status
    assert raised.value.request.startswith("GET /")
    assert "?" not in raised.value.request
    assert raised.value.hint or error is SourceMissing


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_passing_trouble_is_waited_out(connected: Connected, status: int) -> None:
    made = connected.add_visuals(2)
    connected.server.faults.add(
        Fault(connected.harness.paths.visuals, "status", status=status, retry_after=0, times=2)
    )
    assert len(connected.ids(connected.reader())) == len(made)


def test_a_dropped_connection_is_tried_again(connected: Connected) -> None:
    made = connected.add_visuals(2)
    connected.server.faults.add(Fault(connected.harness.paths.visuals, "drop"))
    assert len(connected.ids(connected.reader())) == len(made)


@pytest.mark.parametrize("fault", ["status", "html", "drop"])
def test_history_that_cannot_be_read_is_never_an_empty_history(connected: Connected, fault: str) -> None:
    key = connected.harness.add_visual("Revenue")
    connected.harness.view(key, START - timedelta(hours=5))
    connected.server.faults.add(Fault(connected.harness.paths.history, fault, times=None))  # type: ignore[arg-type]
    with pytest.raises(SourceError):
        connected.accesses(connected.reader(), Interval(START - timedelta(hours=6), START))


def test_wrong_credentials_are_said_to_be_wrong(connected: Connected) -> None:
    wrong = {name: "wrong" for name in connected.harness.options("") if name in SECRETS}
    with pytest.raises(SourceAuthFailed) as raised:
        connected.reader(**wrong).own_accounts()
    assert raised.value.hint
    assert "wrong" not in str(raised.value)


def test_no_server_is_unreachable(connected: Connected) -> None:
    reader = connected.reader(**connected.harness.options("http://127.0.0.1:9"))
    with pytest.raises(SourceUnreachable):
        reader.own_accounts()


def test_nothing_is_sent_before_it_is_needed_and_closing_twice_is_fine(connected: Connected) -> None:
    reader, remover = connected.reader(), connected.remover()
    assert len(connected.server.requests) == 0
    for connector in (reader, remover):
        connector.close()
        connector.close()
    assert len(connected.server.requests) == 0


def test_windows_that_touch_lose_and_double_nothing(connected: Connected) -> None:
    key = connected.harness.add_visual("Revenue")
    begin = START - timedelta(hours=6)
    middle = begin + timedelta(hours=2)
    edges = [begin, middle - timedelta(seconds=1), middle, middle + timedelta(seconds=1)]
    for moment in [*edges, begin + timedelta(hours=4)]:
        connected.harness.view(key, moment)
    reader = connected.reader()
    first = connected.accesses(reader, Interval(begin, middle))
    second = connected.accesses(reader, Interval(middle, begin + timedelta(hours=4)))
    assert sorted({at for at, _ in first}) == edges[:2]
    assert sorted({at for at, _ in second}) == edges[2:]
    assert {id_ for _, id_ in first + second} == {connected.harness.access_id(key)}


def test_the_same_window_gives_the_same_event_keys(connected: Connected) -> None:
    keys = connected.add_visuals(2)
    for hour in range(1, 6):
        for key in keys:
            connected.harness.view(key, START - timedelta(hours=hour))
    window = Interval(START - timedelta(hours=6), START)

    def event_keys(reader: Reader) -> list[object]:
        return sorted(str(row["event_key"]) for page in reader.read_history(window) for row in page)

    once = event_keys(connected.reader())
    assert len(once) == len(set(once)) >= 10
    assert event_keys(connected.reader()) == once


def test_a_quiet_window_is_empty(connected: Connected) -> None:
    key = connected.harness.add_visual("Revenue")
    connected.harness.view(key, START - timedelta(hours=20))
    assert connected.accesses(connected.reader(), Interval(START - timedelta(hours=6), START)) == []


def test_history_is_not_claimed_to_begin_before_anything_is_recorded(connected: Connected) -> None:
    first = START - timedelta(days=30)
    key = connected.harness.add_visual("Revenue", age=timedelta(days=30))
    connected.harness.view(key, first)
    start = connected.reader().history_start(START - timedelta(days=365), START, Coverage())
    assert first <= start <= first + timedelta(days=1)


def test_history_that_is_wanted_late_starts_there(connected: Connected) -> None:
    key = connected.harness.add_visual("Revenue")
    connected.harness.view(key, START - timedelta(days=30))
    wanted = START - timedelta(days=3)
    assert connected.reader().history_start(wanted, START, Coverage()) == wanted
