"""The Superset connector in trouble: short answers, expired tokens, settings off, lost connections."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from bi_governance.connectors.superset import CAPABILITIES
from bi_governance.errors import (
    BackupUnreadable,
    IncompleteFeed,
    SourceBroken,
    SourceMissing,
    SourceUnreachable,
)
from bi_governance.model import Coverage, Interval, RemovalRoute, VisualKey
from bi_governance.ports import BackupContent, Reader, Row
from bi_governance.sandbox.server import Fault
from tests.connectors.harness import START, Connected, harness_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def superset() -> Iterator[Connected]:
    """A Superset sandbox being served."""
    harness = harness_of("superset")
    with harness.serve() as server:
        connection = Connected(harness, server)
        yield connection
        connection.close()


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
