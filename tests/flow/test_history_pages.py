"""Access history on its way in: small pages travel together, and a failure costs none that were read."""

import pytest

from bi_governance import collect as collecting
from bi_governance.collect import collect
from bi_governance.errors import IncompleteFeed
from bi_governance.ports import FeedResult
from tests.flow.world import RowStore, ThingReader, World


class Chatty(ThingReader):
    """A platform that hands out three rows a day, one by one, and on some days stops in between."""

    stops_after = 3

    def read_history(self, window):
        for number in range(3):
            if number == self.stops_after:
                raise IncompleteFeed("the rest is missing", source=self.name)
            at = window.start
            yield [{"event_key": f"{at:%F} {number}", "at": at, "thing": "1", "who": "eve"}]


class CountingStore(RowStore):
    """Remembers how many rows came at once."""

    def __init__(self):
        super().__init__()
        self.sizes = []

    def append_history(self, table, source, run_id, at, page):
        self.sizes.append(len(page))
        return super().append_history(table, source, run_id, at, page)


@pytest.fixture
def chatty(tmp_path):
    world = World(tmp_path, warehouse=CountingStore())
    world.services.readers["bi"] = Chatty(world.bi)
    yield world
    world.close()


def rows_and_sizes(world):
    store = world.services.warehouse
    return len(store.history["bi"]), store.sizes


def test_small_pages_and_quiet_days_are_written_together(chatty):
    [collection] = collect(chatty.services, "run-1")
    assert collection.is_complete
    rows, sizes = rows_and_sizes(chatty)
    assert sizes == [rows]
    assert sum(o.rows for o in collection.outcomes if o.feed == ThingReader.history_feed) == rows


def test_no_more_is_held_back_than_a_transaction_is_worth(chatty, monkeypatch):
    monkeypatch.setattr(collecting, "ROWS_PER_TRANSACTION", 2)
    collect(chatty.services, "run-1")
    rows, sizes = rows_and_sizes(chatty)
    assert sizes == [2] * (rows // 2) + [1] * (rows % 2)


def test_rows_read_before_a_failure_are_kept(chatty):
    chatty.services.readers["bi"].stops_after = 2
    [collection] = collect(chatty.services, "run-1")
    assert [o.status for o in collection.outcomes if o.feed == ThingReader.history_feed] == [
        FeedResult.PARTIAL
    ]
    assert rows_and_sizes(chatty) == (2, [2])


def test_a_failure_before_the_first_row_writes_nothing(chatty):
    chatty.services.readers["bi"].stops_after = 0
    collect(chatty.services, "run-1")
    assert chatty.services.warehouse.sizes == []
