"""The drill on a Looker: a rebuild compared with its backup, in a folder set aside; no copy lives on."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bi_governance.connectors.looker import LookerRehearser
from bi_governance.connectors.looker.rehearsing import NO_FOLDER
from bi_governance.errors import SourceBroken, SourceConflict
from bi_governance.sandbox.server import Fault
from tests.connectors.looker_bench import Bench
from tests.connectors.test_looker_rebuild import furnished

MARK = "0123456789ab"


@pytest.fixture
def rehearser(bench: Bench) -> Iterator[LookerRehearser]:
    made = LookerRehearser("acme", bench.options(drill_folder=bench.looker.add_folder("Drills")))
    yield made
    made.close()


def visuals(bench: Bench) -> dict:
    return copy.deepcopy(bench.looker.visuals)


@pytest.mark.parametrize("kind", ["dashboard", "look"])
def test_the_diff_is_empty_and_nothing_lives_on_or_is_touched(bench, rehearser, kind) -> None:
    key = furnished(bench, kind)
    saved, before = bench.reader().backup(key), visuals(bench)
    plans, alerts = len(bench.looker.plans), len(bench.looker.alerts)
    assert rehearser.rehearse(key, saved, MARK) == ()
    after = visuals(bench)
    assert {name: visual for name, visual in after.items() if name in before} == before
    (copied,) = (visual for name, visual in after.items() if name not in before)
    assert (copied.deleted, MARK in copied.title) == (True, True)
    assert (len(bench.looker.plans), len(bench.looker.alerts)) == (plans, alerts)


def test_copies_are_made_in_the_folder_set_aside_and_under_a_name_that_says_what_they_are(bench) -> None:
    key, folder = furnished(bench, "dashboard"), bench.looker.add_folder("Drills")
    saved = bench.reader().backup(key)
    rehearser = LookerRehearser("acme", bench.options(drill_folder=folder))
    bench.server.faults.add(Fault(r"GET .*/dashboards/lookml/", "status", status=500, times=None))
    bench.server.faults.add(Fault(r"PATCH .*/dashboards/", "status", status=500, times=None))
    with pytest.raises(SourceBroken):
        rehearser.rehearse(key, saved, MARK)
    (left,) = [v for v in bench.looker.visuals.values() if v.folder_id == folder]
    assert left.title == f"bi-governance drill {MARK}"
    bench.server.faults.clear()
    rehearser.clean_up(key, saved, MARK)
    rehearser.clean_up(key, saved, MARK)
    assert [v.deleted for v in bench.looker.visuals.values() if v.folder_id == folder] == [True]
    rehearser.close()


@pytest.mark.parametrize("setting", ["another folder", ""])
def test_what_has_the_name_outside_the_folder_is_left_alone_and_told(bench, setting) -> None:
    """The setting was changed, or taken out, while a copy of an interrupted drill was there."""
    key, folder = furnished(bench, "dashboard"), bench.looker.add_folder("Drills")
    saved = bench.reader().backup(key)
    bench.server.faults.add(Fault(r"PATCH .*/dashboards/", "status", status=500, times=None))
    first = LookerRehearser("acme", bench.options(drill_folder=folder))
    with pytest.raises(SourceBroken):
        first.rehearse(key, saved, MARK)
    bench.server.faults.clear()
    other = bench.looker.add_folder("Others") if setting else ""
    changed = LookerRehearser("acme", bench.options(drill_folder=other))
    with pytest.raises(SourceConflict, match="is not in drill_folder and was left alone"):
        changed.clean_up(key, saved, MARK)
    (left,) = [v for v in bench.looker.visuals.values() if v.folder_id == folder]
    assert not left.deleted
    first.clean_up(key, saved, MARK)
    for each in (first, changed):
        each.close()


def test_without_a_folder_set_aside_it_is_not_possible(bench) -> None:
    rehearser = LookerRehearser("acme", bench.options())
    assert rehearser.refusal(furnished(bench, "look")) == NO_FOLDER
    rehearser.close()


def test_what_comes_back_otherwise_is_named(bench, rehearser) -> None:
    key = furnished(bench, "dashboard")
    saved = bench.reader().backup(key)
    # This Looker draws every tile as a table.
    lookml = saved.files["dashboard.lookml"].decode().replace("type: table", "type: looker_line", 1)
    changed = replace(saved, files={"dashboard.lookml": lookml.encode()})
    assert rehearser.rehearse(key, changed, MARK) == ("its elements",)


def test_lookml_whose_title_cannot_be_told_is_not_tried(bench, rehearser) -> None:
    key = furnished(bench, "dashboard")
    saved, before = bench.reader().backup(key), visuals(bench)
    lookml = b"---\n- dashboard: d\n  elements: []\n"
    with pytest.raises(SourceConflict, match="not rehearsed: the title of"):
        rehearser.rehearse(key, replace(saved, files={"dashboard.lookml": lookml}), MARK)
    assert visuals(bench) == before
