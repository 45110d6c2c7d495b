"""Collecting that is broken off by anything but the source leaves nothing staged, and the old inventory."""

from collections.abc import Sequence

import pytest

from bi_governance.collect import collect_source
from bi_governance.ports import Page
from tests.flow.world import Stage, World


class Interrupted(BaseException):
    """Somebody stopped the process."""


class BrokenStage(Stage):
    """A stage whose writing is interrupted."""

    discarded = 0

    def write(self, table: str, page: Page) -> None:
        raise Interrupted

    def discard(self) -> None:
        BrokenStage.discarded += 1


def test_an_interruption_discards_what_was_staged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def stage(source: str, run_id: str, tables: Sequence[str]) -> BrokenStage:
        return BrokenStage(world.store, source, run_id)

    world.bi.add("1")
    monkeypatch.setattr(world.store, "stage", stage)
    monkeypatch.setattr(BrokenStage, "discarded", 0)
    with pytest.raises(Interrupted):
        collect_source(world.services, world.services.readers["bi"], "run")
    assert BrokenStage.discarded == 1
    assert world.store.things == {}
