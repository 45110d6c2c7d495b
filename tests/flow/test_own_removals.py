"""The guard of the inventory lives with what we remove ourselves, and still sees what somebody else does."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bi_governance import events as ev
from bi_governance.model import Mode
from bi_governance.ports import Page
from bi_governance.run import daily_run
from tests.flow.world import ThingReader

TILES = 6


class TiledReader(ThingReader):
    """Every board has tiles, which go with it."""

    inventory_feeds = ("fake_board", "fake_tile")

    def read_inventory(self, feed: str) -> Iterator[Page]:
        if feed == "fake_board":
            yield from super().read_inventory(feed)
            return
        for thing in self.truth.things.values():
            if thing.exists:
                yield [{"tile_id": f"{thing.native_id}/{n}"} for n in range(TILES)]


@pytest.fixture
def tiled(world):
    """Thirty boards of six tiles, of which eight nobody used were deleted yesterday."""
    world.services = replace(world.services, readers={"bi": TiledReader(world.bi)})
    for number in range(30):
        made = world.clock.now() if number >= 8 else world.clock.now().replace(year=2020)
        world.bi.add(str(number), created_at=made, updated_at=made)
    live = ev.ModeChanged(at=world.clock.now(), actor="admin", mode=Mode.LIVE, reason="trial done")
    world.ledger.append([live])
    for _ in range(7):
        daily_run(world.services)
        world.clock.forward(1)
    assert len(daily_run(world.services).deleted.removed) == 8
    world.clock.forward(1)
    return world


def shrunk(world) -> list[str]:
    report = daily_run(world.services)
    world.clock.forward(1)
    assert report.plan is not None
    return sorted(veto.reason for veto in report.plan.vetoes if veto.guard == "inventory_plausible")


def test_a_small_estate_goes_on_after_a_large_batch_of_our_own(tiled):
    assert [shrunk(tiled) for _ in range(8)] == [[]] * 8


def test_what_somebody_else_took_on_top_is_seen_however_much_went_with_us(tiled):
    for number in range(8, 14):
        tiled.bi.things[str(number)].exists = False
    assert shrunk(tiled) == ["fake_board has 16 rows, usually 22", "fake_tile has 96 rows, usually 132"]


def test_what_we_removed_is_not_taken_off_twice_once_it_is_usual(tiled):
    for _ in range(8):
        assert shrunk(tiled) == []
    for number in range(8, 14):
        tiled.bi.things[str(number)].exists = False
    assert shrunk(tiled) == ["fake_board has 16 rows, usually 22", "fake_tile has 96 rows, usually 132"]
