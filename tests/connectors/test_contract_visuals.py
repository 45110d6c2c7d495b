"""What every connector owes the product for one visual: a true look, a backup, removal and restore."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from bi_governance.errors import (
    SourceError,
    SourceMissing,
)
from bi_governance.fidelity import Part, fidelity
from bi_governance.model import Coverage, Interval, VisualKey
from bi_governance.sandbox.server import Fault
from tests.connectors.harness import SECRETS, START, Connected, harness_of

LONG_AGO = START - timedelta(days=60)


def test_look_sees_a_visual_as_the_inventory_does(connected: Connected) -> None:
    key = connected.harness.add_visual("Revenue")
    seen = connected.reader().look(key, LONG_AGO)
    assert (seen.exists, seen.is_trashed, seen.title) == (True, False, "Revenue")
    assert seen.owner_id
    assert seen.last_used_at is None
    assert seen.references == ()


def test_look_sees_a_fresh_view(connected: Connected) -> None:
    key, other = connected.harness.add_visual("Revenue"), connected.harness.add_visual("Costs")
    reader = connected.reader()
    assert reader.look(key, LONG_AGO).last_used_at is None
    connected.harness.view(key, START - timedelta(minutes=3))
    assert reader.look(key, LONG_AGO).last_used_at == START - timedelta(minutes=3)
    assert reader.look(other, LONG_AGO).last_used_at is None


def test_look_takes_our_own_runs_for_no_use(connected: Connected) -> None:
    key = connected.harness.add_visual("Revenue")
    connected.harness.view(key, START - timedelta(days=2))
    connected.harness.own_run(key, START - timedelta(hours=1))
    assert connected.reader().look(key, LONG_AGO).last_used_at == START - timedelta(days=2)


def test_our_own_traffic_can_be_told_apart_in_the_history(connected: Connected) -> None:
    key = connected.harness.add_visual("Revenue")
    connected.harness.own_run(key, START - timedelta(hours=2))
    reader = connected.reader()
    rows = [r for p in reader.read_history(Interval(START - timedelta(hours=6), START)) for r in p]
    assert {row["user_id"] for row in rows} <= {account.id for account in reader.own_accounts()}


@pytest.mark.parametrize("change", ["rename", "owner"])
def test_look_sees_who_and_what_it_is_now(connected: Connected, change: str) -> None:
    key = connected.harness.add_visual("Revenue")
    reader = connected.reader()
    before = reader.look(key, LONG_AGO)
    if change == "rename":
        connected.harness.rename(key, "Turnover")
        assert reader.look(key, LONG_AGO).title == "Turnover"
    else:
        now_owner = connected.harness.give_to_somebody_else(key)
        assert reader.look(key, LONG_AGO).owner_id == now_owner != before.owner_id


def test_look_names_a_living_schedule(connected: Connected) -> None:
    key = connected.harness.add_visual("Revenue")
    connected.harness.schedule(key)
    references = connected.reader().look(key, LONG_AGO).references
    assert len(references) == 1
    assert references[0].strip()


def test_look_at_something_that_never_was(connected: Connected) -> None:
    assert not connected.reader().look(connected.unknown_key(), LONG_AGO).exists


@pytest.mark.parametrize("status", [401, 403, 500])
def test_look_never_takes_a_refusal_for_absence(connected: Connected, status: int) -> None:
    key = connected.harness.add_visual("Revenue")
    connected.server.faults.add(Fault(connected.harness.paths.visual, "status", status=status, times=None))
    with pytest.raises(SourceError):
        connected.reader().look(key, LONG_AGO)


def test_a_visual_can_be_saved_removed_and_brought_back(connected: Connected) -> None:
    key = connected.harness.add_visual("Revenue")
    reader, remover = connected.reader(), connected.remover()
    before = reader.look(key, LONG_AGO)
    saved = reader.backup(key)

    remover.remove(key)
    gone = reader.look(key, LONG_AGO)
    assert gone.is_trashed or not gone.exists
    assert connected.harness.title_there(key) is None

    route = reader.capabilities.routes[key.type]
    back = remover.restore(key, route, saved)
    again = VisualKey(key.source, key.type, back.native_id)
    after = reader.look(again, LONG_AGO)
    assert connected.harness.title_there(again) == "Revenue"
    assert (after.exists, after.is_trashed) == (True, False)
    assert (after.title, after.owner_id, after.folder) == (before.title, before.owner_id, before.folder)


def test_a_backup_says_what_it_is_and_what_it_cannot_bring_back(connected: Connected) -> None:
    key = connected.harness.add_visual("Revenue")
    saved = connected.reader().backup(key)
    assert {"key", "title", "owner", "folder", "url", "children", "lost"} <= saved.manifest.keys()
    assert (saved.manifest["key"], saved.manifest["title"]) == (str(key), "Revenue")
    assert saved.files
    assert all(isinstance(content, bytes) for content in saved.files.values())


def test_a_backup_holds_what_its_platform_declares(connected: Connected) -> None:
    key = connected.harness.add_visual("Revenue")
    reader = connected.reader()
    saved = reader.backup(key)
    declared = reader.capabilities.backups_hold[key.type]
    found = fidelity(declared, saved.files.keys(), saved.manifest)
    assert set(found["holds"]) == {str(part) for part in declared}
    assert {*found["holds"], *found["lacks"]} == {str(part) for part in Part}
    assert set(reader.capabilities.lost_on_restore.get(key.type, ())) <= set(saved.manifest["lost"])


def test_removing_what_is_gone_says_that_it_is_gone(connected: Connected) -> None:
    key = connected.harness.add_visual("Revenue")
    remover = connected.remover()
    remover.remove(key)
    for missing in (key, connected.unknown_key()):
        with pytest.raises(SourceMissing):
            remover.remove(missing)


def test_what_never_was_cannot_be_saved(connected: Connected) -> None:
    with pytest.raises(SourceMissing):
        connected.reader().backup(connected.unknown_key())


def test_only_what_is_to_be_removed_is_removed(connected: Connected) -> None:
    first, second, third = connected.add_visuals(3)
    connected.remover().remove(second)
    assert [connected.harness.title_there(key) for key in (first, second, third)] == [
        "Revenue 0",
        None,
        "Revenue 2",
    ]


def test_restoring_twice_makes_no_second_copy(connected: Connected) -> None:
    key = connected.harness.add_visual("Revenue")
    reader, remover = connected.reader(), connected.remover()
    saved = reader.backup(key)
    remover.remove(key)
    route = reader.capabilities.routes[key.type]
    first = remover.restore(key, route, saved)
    again = remover.restore(VisualKey(key.source, key.type, first.native_id), route, saved)
    assert again.native_id == first.native_id


def test_a_reader_changes_nothing(connected: Connected) -> None:
    key = connected.harness.add_visual("Revenue")
    connected.harness.view(key, START - timedelta(days=2))
    reader = connected.reader()
    reader.fingerprint()
    reader.own_accounts()
    for feed in reader.inventory_feeds:
        for _ in reader.read_inventory(feed):
            pass
    connected.accesses(reader, Interval(START - timedelta(hours=6), START))
    reader.history_start(LONG_AGO, START, Coverage())
    reader.look(key, LONG_AGO)
    reader.backup(key)
    list(reader.probe())
    reader.close()
    assert connected.server.requests.writes() == []


def test_reading_is_not_counted_as_use(connected: Connected) -> None:
    key = connected.harness.add_visual("Revenue")
    reader = connected.reader()
    reader.backup(key)
    for _ in range(2):
        reader.look(key, LONG_AGO)
    assert reader.look(key, LONG_AGO).last_used_at is None


def test_the_fingerprint_stays_the_same_and_is_no_others(connected: Connected) -> None:
    fingerprint = connected.reader().fingerprint()
    assert fingerprint == connected.reader().fingerprint()
    other = harness_of(connected.harness.platform, instance="other", start=START - timedelta(days=400))
    with other.serve() as server:
        second = Connected(other, server)
        assert second.reader().fingerprint() != fingerprint
        second.close()


def test_a_healthy_connection_passes_every_probe(connected: Connected) -> None:
    connected.harness.view(connected.harness.add_visual("Revenue"), START - timedelta(days=2))
    failed = [probe for probe in connected.reader().probe() if not probe.ok]
    assert failed == []


def test_a_failed_probe_says_what_to_do(connected: Connected) -> None:
    wrong = {name: "wrong" for name in connected.harness.options("") if name in SECRETS}
    probes = list(connected.reader(**wrong).probe())
    assert [probe.ok for probe in probes][:1] == [False]
    assert all(probe.advice for probe in probes if not probe.ok)


def test_rows_hold_plain_values_and_aware_times(connected: Connected) -> None:
    key = connected.harness.add_visual("Revenue")
    connected.harness.view(key, START - timedelta(hours=1))
    reader = connected.reader()
    feeds: list[Callable[[], object]] = [
        *(lambda feed=feed: list(reader.read_inventory(feed)) for feed in reader.inventory_feeds),
        lambda: list(reader.read_history(Interval(START - timedelta(hours=6), START))),
    ]
    for read in feeds:
        for page in read():  # type: ignore[attr-defined]
            for row in page:
                for column, value in row.items():
                    assert isinstance(value, str | bool | int | datetime | None), column
                    assert not isinstance(value, datetime) or value.tzinfo is not None, column
