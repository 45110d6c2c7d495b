"""The Superset connector in trouble: short answers, expired tokens, settings off, lost connections."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bi_governance.connectors.superset import CAPABILITIES
from bi_governance.errors import (
    BackupUnreadable,
    IncompleteFeed,
    SourceBroken,
    SourceConflict,
    SourceMissing,
    SourceUnreachable,
)
from bi_governance.model import Coverage, Interval, RemovalRoute, VisualKey
from bi_governance.ports import BackupContent, Reader, Row
from bi_governance.sandbox import superset_lists
from bi_governance.sandbox.server import Fault
from tests.connectors.harness import START, Connected

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def history(reader: Reader, start: datetime, end: datetime) -> list[Row]:
    return [row for page in reader.read_history(Interval(start, end)) for row in page]


def test_a_log_cut_short_is_incomplete(superset: Connected) -> None:
    key = superset.harness.add_visual("Revenue")
    for minute in range(30):
        superset.harness.view(key, NOON + timedelta(minutes=20 * minute))
    superset.server.faults.add(Fault("GET /api/v1/log/", "truncate", times=None))
    with pytest.raises(IncompleteFeed, match="log"):
        history(superset.reader(), NOON, NOON + timedelta(hours=11))


def test_a_log_cut_short_once_loses_nothing(superset: Connected) -> None:
    key = superset.harness.add_visual("Revenue")
    for minute in range(30):
        superset.harness.view(key, NOON + timedelta(minutes=20 * minute))
    superset.server.faults.add(Fault("GET /api/v1/log/", "truncate"))
    assert len(history(superset.reader(), NOON, NOON + timedelta(hours=11))) == 30


def test_a_thousand_rows_of_one_moment_are_all_read(superset: Connected) -> None:
    """A database that keeps whole seconds gives many rows the same time."""
    keys = [superset.harness.add_visual(f"Revenue {number}") for number in range(250)]
    for key in keys:
        superset.harness.view(key, NOON)
    rows = history(superset.reader(), NOON, NOON + timedelta(seconds=1))
    assert {row["dashboard_id"] for row in rows} == {superset.harness.access_id(key) for key in keys}
    assert len(rows) == 250


def test_a_server_without_the_in_filter_is_asked_action_by_action(superset: Connected) -> None:
    key = superset.harness.add_visual("Revenue")
    superset.harness.view(key, NOON)
    refused = {"message": "Filter operation: in not allowed on column: action"}
    superset.server.faults.add(Fault("GET /api/v1/log/", "status", status=400, body=refused))
    assert len(history(superset.reader(), NOON, NOON + timedelta(hours=1))) == 1


def test_rows_that_arrive_while_pages_are_read_shift_nothing(superset: Connected) -> None:
    harness = superset.harness
    keys = [harness.add_visual(f"Revenue {number}") for number in range(130)]
    for number, key in enumerate(keys):
        harness.view(key, NOON + timedelta(seconds=10 * number))
    late = harness.add_visual("Late")
    found: list[Row] = []
    for pages, rows in enumerate(superset.reader().read_history(Interval(NOON, NOON + timedelta(hours=1)))):
        found += rows
        if pages == 0:
            harness.view(late, NOON + timedelta(hours=2))
    assert len(found) == 130


def test_the_access_log_switched_off_says_which_setting(superset: Connected) -> None:
    superset.server.faults.add(Fault("GET /api/v1/log/", "status", status=404, times=None))
    reader = superset.reader()
    with pytest.raises(SourceMissing, match="SUPERSET_LOG_VIEW"):
        history(reader, NOON, NOON + timedelta(hours=1))
    failed = [probe for probe in reader.probe() if not probe.ok]
    assert [probe.name for probe in failed] == ["read the access log"]
    assert "SUPERSET_LOG_VIEW" in failed[0].advice


def test_an_empty_log_proves_nothing(superset: Connected) -> None:
    assert superset.reader().history_start(START - timedelta(days=90), START, Coverage()) == START


@pytest.mark.parametrize("most", [100, 30])
def test_a_page_size_the_server_lowers_loses_nothing(
    superset: Connected, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Asked for 500, Superset hands out 100, or what FAB_API_MAX_PAGE_SIZE says, without a word."""
    monkeypatch.setattr(superset_lists, "MAX_PAGE_SIZE", most)
    keys = superset.add_visuals(250)
    for number in range(120):
        superset.harness.sandbox.add_person(f"p{number}@acme.example", f"P {number}")
    for key in keys[:70]:
        superset.harness.view(key, NOON)
    reader = superset.reader(page_size=500)
    found = superset.ids(reader)
    assert sorted(found) == sorted(key.native_id for key in keys)
    users = [row["user_id"] for page in reader.read_inventory("superset_user") for row in page]
    assert len(users) == len(set(users)) == 122
    assert len(history(reader, NOON, NOON + timedelta(hours=1))) == 70


@pytest.mark.parametrize("after", [2, 3])
def test_a_token_that_expires_on_the_third_page_is_renewed_on_the_way(
    superset: Connected, after: int
) -> None:
    keys = superset.add_visuals(450)
    superset.server.faults.add(Fault("GET /api/v1/dashboard/$", "expire_token", after=after))
    assert sorted(superset.ids(superset.reader())) == sorted(key.native_id for key in keys)
    assert superset.server.faults.met.is_set()
    assert len(superset.server.requests.matching("POST /api/v1/security/refresh")) == 1


def test_reading_one_by_one_is_no_use_whoever_does_it(superset: Connected) -> None:
    """Another crawler asks for every dashboard by its number and leaves a row naming it."""
    sandbox, key = superset.harness.sandbox, superset.harness.add_visual("Revenue")
    for reader in (superset.harness.ada, sandbox.credentials.user_id):
        sandbox.machine_run("dashboard", int(superset.harness.access_id(key)), by=reader, at=NOON)
    assert history(superset.reader(), NOON, NOON + timedelta(hours=1)) == []
    assert superset.reader().look(key, NOON - timedelta(days=1)).last_used_at is None


def test_what_was_used_under_an_old_number_counts_for_the_restored_visual(superset: Connected) -> None:
    key = superset.harness.add_visual("Revenue")
    superset.harness.view(key, NOON)
    reader, remover = superset.reader(), superset.remover()
    (before,) = history(reader, NOON, NOON + timedelta(hours=1))
    saved = reader.backup(key)
    remover.remove(key)
    remover.restore(key, RemovalRoute.HARD, saved)
    superset.harness.view(key, NOON + timedelta(hours=2))
    reader.own_accounts()  # as every collection begins
    (after,) = history(reader, NOON + timedelta(hours=1), NOON + timedelta(hours=3))
    assert before["dashboard_id"] != after["dashboard_id"]
    assert before["dashboard_uuid"] == after["dashboard_uuid"] == key.native_id
    (gone,) = history(reader, NOON, NOON + timedelta(hours=1))
    assert gone["dashboard_uuid"] is None


def test_a_row_about_a_chart_has_the_uuid_of_the_chart(superset: Connected) -> None:
    sandbox, ada = superset.harness.sandbox, superset.harness.ada
    chart = sandbox.add_chart("Orders", owner_id=ada, dataset_id=superset.harness.dataset)
    sandbox.view("chart", chart, by=ada, at=NOON)
    (row,) = history(superset.reader(), NOON, NOON + timedelta(hours=1))
    assert (row["dashboard_uuid"], row["chart_uuid"]) == (None, sandbox.charts[chart].uuid)


def test_a_token_that_expires_is_renewed_without_the_password(superset: Connected) -> None:
    reader = superset.reader()
    reader.own_accounts()
    superset.harness.clock.advance(timedelta(minutes=20))
    reader.own_accounts()[0].name  # noqa: B018 - the call is the point
    reader.fingerprint()
    assert len(superset.server.requests.matching("POST /api/v1/security/login")) == 1
    assert len(superset.server.requests.matching("POST /api/v1/security/refresh")) == 1


def test_an_expired_refresh_token_means_logging_in_again(superset: Connected) -> None:
    reader = superset.reader()
    reader.own_accounts()
    superset.harness.clock.advance(timedelta(days=31))
    reader.fingerprint()
    assert len(superset.server.requests.matching("POST /api/v1/security/login")) == 2


def test_an_export_of_something_else_is_no_backup(superset: Connected) -> None:
    key = superset.harness.add_visual("Revenue")
    superset.server.faults.add(Fault("GET /api/v1/dashboard/export/", "html", times=None))
    with pytest.raises(SourceBroken):
        superset.reader().backup(key)


def test_a_removal_that_gets_no_answer_is_not_repeated(superset: Connected) -> None:
    key = superset.harness.add_visual("Revenue")
    superset.server.faults.add(Fault("DELETE", "drop", times=None))
    with pytest.raises(SourceUnreachable):
        superset.remover().remove(key)
    assert len(superset.server.requests.matching("DELETE")) == 1


def test_what_a_report_refers_to_is_not_deleted(superset: Connected) -> None:
    key = superset.harness.add_visual("Revenue")
    superset.harness.schedule(key)
    with pytest.raises(SourceConflict) as refused:
        superset.remover().remove(key)
    assert refused.value.status == 422
    assert superset.harness.title_there(key) == "Revenue"
    assert superset.reader().look(key, START).references == ("report 'Weekly'",)


@pytest.mark.parametrize("files", [{}, {"export.zip": b"cut off"}])
def test_a_backup_without_archive_cannot_be_restored(superset: Connected, files: dict[str, bytes]) -> None:
    key = superset.harness.add_visual("Revenue")
    with pytest.raises(BackupUnreadable):
        superset.remover().restore(key, RemovalRoute.HARD, BackupContent(files, {"key": str(key)}))
    assert superset.server.requests.writes() == []


def test_types_we_do_not_know_are_not_touched(superset: Connected) -> None:
    remover = superset.remover()
    with pytest.raises(SourceMissing):
        remover.remove(VisualKey("source_under_test", "dataset", "1"))
    assert superset.server.requests.writes() == []


def test_what_a_restore_loses_is_said_for_every_type() -> None:
    assert set(CAPABILITIES.routes) == set(CAPABILITIES.lost_on_restore) == {"dashboard", "chart"}
    assert set(CAPABILITIES.routes.values()) == {RemovalRoute.HARD}
    assert all(CAPABILITIES.lost_on_restore.values())
