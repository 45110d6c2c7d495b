"""One Power BI report: what keeps it, how it is saved, deleted and put back, and what a restore loses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bi_governance.connectors.powerbi import CAPABILITIES
from bi_governance.connectors.powerbi.export import flaw_in
from bi_governance.errors import (
    BackupUnreadable,
    SourceBroken,
    SourceConflict,
    SourceForbidden,
    SourceMissing,
    SourceThrottled,
)
from bi_governance.model import RemovalRoute, VisualKey
from bi_governance.ports import BackupContent, Probe
from bi_governance.sandbox.server import Fault
from tests.connectors.harness_powerbi import ADA, GRACE
from tests.connectors.powerbi_bench import LONG_AGO, PowerBIBench


@pytest.fixture
def bench() -> Iterator[PowerBIBench]:
    made = PowerBIBench()
    with made.server:
        yield made
        made.close()


def test_everything_that_keeps_a_report_is_named(bench: PowerBIBench) -> None:
    key, board = bench.report(), bench.dashboard()
    bench.sandbox.pin(key.native_id, board.native_id)
    bench.sandbox.subscribe("report", key.native_id, user=ADA, title="Mondays")
    bench.sandbox.published.add(key.native_id)
    references = bench.reader().look(key, LONG_AGO).references
    assert [reference for reference in references if "subscription 'Mondays'" in reference]
    assert [reference for reference in references if "dashboard 'Board' shows it" in reference]
    assert [reference for reference in references if "published to the web" in reference]
    assert len(references) == 3


def test_a_dashboard_is_looked_at_but_neither_saved_nor_deleted(bench: PowerBIBench) -> None:
    board = bench.dashboard()
    seen = bench.reader().look(board, LONG_AGO)
    assert (seen.exists, seen.title, seen.owner_id, seen.folder) == (True, "Board", ADA, "Sales")
    assert "dashboard" not in CAPABILITIES.routes
    with pytest.raises(SourceConflict, match="cannot be exported"):
        bench.reader().backup(board)
    with pytest.raises(SourceConflict):
        bench.remover().remove(board)
    assert bench.server.requests.writes() == []


def test_a_report_that_cannot_be_exported_is_a_conflict(bench: PowerBIBench) -> None:
    key = bench.report()
    bench.sandbox.reports[key.native_id].refusal = "ExportPBIXNotSupportedForLargeModels"
    with pytest.raises(SourceConflict, match="cannot be exported") as refused:
        bench.reader().backup(key)
    assert "not deleted without a backup" in refused.value.hint


@pytest.mark.parametrize("role", [None, "Viewer"])
def test_a_report_where_we_have_no_role_is_neither_saved_nor_taken_for_gone(
    bench: PowerBIBench, role: str | None
) -> None:
    key, me = bench.report(), bench.sandbox.credentials.object_id
    roles = bench.sandbox.workspaces[bench.workspace].roles
    del roles[me]
    if role:
        roles[me] = role
    with pytest.raises(SourceConflict, match="cannot be exported"):
        bench.reader().backup(key)
    with pytest.raises(SourceForbidden):
        bench.remover().remove(key)
    assert bench.harness.title_there(key) == "Revenue"


def test_a_busy_platform_is_not_a_report_that_cannot_be_exported(bench: PowerBIBench) -> None:
    key = bench.report()
    bench.server.faults.add(Fault("Export", "status", status=429, retry_after=3392, times=None))
    with pytest.raises(SourceThrottled, match="Retry in 3392 seconds"):
        bench.reader().backup(key)
    assert bench.requests("Export") == 1


def test_an_export_that_is_no_report_is_refused(bench: PowerBIBench) -> None:
    key = bench.report()
    bench.server.faults.add(Fault("Export", "html"))
    with pytest.raises(SourceBroken, match="no zip archive"):
        bench.reader().backup(key)


def test_files_are_checked() -> None:
    rdl = b'<Report xmlns="http://schemas.microsoft.com/sqlserver/reporting/2016/01/reportdefinition"/>'
    assert flaw_in(rdl, is_paginated=True) == ""
    assert "no report definition" in flaw_in(b"<html/>", is_paginated=True)
    assert "no XML" in flaw_in(rdl[:-3], is_paginated=True)
    assert "no zip" in flaw_in(rdl, is_paginated=False)


def test_a_paginated_report_comes_back_from_its_definition(bench: PowerBIBench) -> None:
    key = bench.report()
    there = bench.sandbox.reports[key.native_id]
    there.report_type, there.dataset_id = "PaginatedReport", None
    saved = bench.reader().backup(key)
    assert set(saved.files) == {"report.rdl"}
    bench.remover().remove(key)
    back = bench.remover().restore(key, RemovalRoute.HARD, saved)
    assert bench.sandbox.reports[back.native_id].report_type == "PaginatedReport"
    assert back.lost == ()


def test_an_app_of_its_own_may_export_and_delete(bench: PowerBIBench) -> None:
    key, app = bench.report(), bench.sandbox.access.register()
    roles = bench.sandbox.workspaces[bench.workspace].roles
    roles[app.object_id] = roles.pop(bench.sandbox.credentials.object_id)
    keys = {"remover_client_id": app.client_id, "remover_client_secret": app.client_secret}
    bench.reader(**keys).backup(key)
    bench.remover(**keys).remove(key)
    assert bench.harness.title_there(key) is None


def test_a_name_that_is_taken_is_never_overwritten(bench: PowerBIBench) -> None:
    key = bench.report()
    saved = bench.reader().backup(key)
    bench.remover().remove(key)
    other = bench.report()
    with pytest.raises(SourceConflict, match=f"already \\({other.native_id}\\)"):
        bench.remover().restore(key, RemovalRoute.HARD, saved)
    assert bench.requests("POST .*imports") == 0


def test_a_model_that_is_gone_makes_a_restore_fail_and_says_so(bench: PowerBIBench) -> None:
    key = bench.report()
    saved = bench.reader().backup(key)
    bench.remover().remove(key)
    bench.sandbox.datasets.clear()
    with pytest.raises(SourceConflict, match="could not import"):
        bench.remover().restore(key, RemovalRoute.HARD, saved)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_report_that_came_back_on_another_model_is_bound_anew(
    bench: PowerBIBench, *, is_there: bool
) -> None:
    key = bench.report()
    saved = bench.reader().backup(key)
    bench.remover().remove(key)
    wanted = bench.sandbox.add_dataset(bench.workspace, "costs") if is_there else "gone"
    changed = BackupContent(saved.files, {**saved.manifest, "dataset_id": wanted})
    back = bench.remover().restore(key, RemovalRoute.HARD, changed)
    bound = bench.sandbox.reports[back.native_id].dataset_id
    assert bound == (wanted if is_there else bench.harness.dataset)
    [lost] = back.lost
    assert ("download" in lost) if is_there else ("semantic model" in lost)


def test_a_damaged_backup_is_not_imported(bench: PowerBIBench) -> None:
    key = bench.report()
    saved = bench.reader().backup(key)
    bench.remover().remove(key)
    with pytest.raises(BackupUnreadable):
        bench.remover().restore(key, RemovalRoute.HARD, BackupContent({"report.pbix": b"?"}, saved.manifest))
    assert bench.server.requests.writes()[-1].method == "DELETE"


def test_deleting_what_vanished_meanwhile_says_that_it_is_gone(bench: PowerBIBench) -> None:
    key = bench.report()
    item = {"id": key.native_id, "name": "Revenue", "workspaceId": bench.workspace}
    bench.sandbox.remove_report(key.native_id)
    bench.server.faults.add(Fault("GET .*/admin/reports$", "status", status=200, body={"value": [item]}))
    with pytest.raises(SourceMissing):
        bench.remover().remove(key)


# What a restore loses, by the words of the declaration.
ASPECTS = {
    "its id": lambda box, id_: id_,
    "e-mail subscriptions": lambda box, id_: [
        s.title for s in box.subscriptions.values() if s.artifact_id == id_
    ],
    "its tiles": lambda box, id_: [
        t.title for d in box.dashboards.values() for t in d.tiles if t.report_id == id_
    ],
    "its place in apps": lambda box, id_: [r.app_id for r in box.reports.values() if r.original_id == id_],
    "who marked it": lambda box, id_: box.reports[id_].favourites,
    "access given": lambda box, id_: box.reports[id_].shares,
    "its endorsement": lambda box, id_: box.reports[id_].endorsement,
    "its sensitivity label": lambda box, id_: box.reports[id_].label,
    "its publish-to-web link": lambda box, id_: id_ in box.published,
    "who created it": lambda box, id_: (box.reports[id_].created_by, box.reports[id_].created_at),
    "the access history": lambda box, id_: [e.at for e in box.events if e.fields["ArtifactId"] == id_],
    "(kept) its name": lambda box, id_: box.reports[id_].name,
    "(kept) its workspace": lambda box, id_: box.reports[id_].workspace_id,
    "(kept) its model": lambda box, id_: box.reports[id_].dataset_id,
    "(kept) its kind": lambda box, id_: box.reports[id_].report_type,
    "(kept) rights by role": lambda box, id_: box.workspaces[box.reports[id_].workspace_id].roles,
}


def test_exactly_what_is_declared_is_lost(bench: PowerBIBench) -> None:
    key, board = bench.report(), bench.dashboard()
    box, report = bench.sandbox, bench.sandbox.reports[key.native_id]
    box.subscribe("report", key.native_id, user=ADA)
    box.pin(key.native_id, board.native_id)
    box.publish_app("Sales app", key.native_id)
    box.published.add(key.native_id)
    report.favourites, report.shares = {GRACE}, {GRACE: "Read"}
    report.endorsement, report.label = "Certified", "secret"
    bench.view(key.native_id, LONG_AGO)
    saved = bench.reader().backup(key)
    before = {name: state(box, key.native_id) for name, state in ASPECTS.items()}

    bench.remover().remove(key)
    back = bench.remover().restore(key, RemovalRoute.HARD, saved).native_id

    after = {name: state(box, back) for name, state in ASPECTS.items()}
    lost = sorted(name for name in ASPECTS if before[name] != after[name])
    declared = CAPABILITIES.lost_on_restore["report"]
    assert lost == sorted(name for name in ASPECTS if not name.startswith("(kept)"))
    assert len(declared) == len(lost)
    assert all(any(words.startswith(name) for words in declared) for name in lost)
    assert saved.manifest["lost"] == list(declared)


def failed(bench: PowerBIBench) -> Probe:
    [probe] = [probe for probe in bench.reader().probe() if not probe.ok]
    return probe


PORTAL = "https://app.powerbi.com/admin-portal/tenantSettings"


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("admin_apis", "Service principals can access read-only admin APIs"),
        ("detailed_metadata", "Enhance admin APIs responses with detailed metadata"),
        ("fabric_apis", "Service principals can call Fabric public APIs"),
        ("log_readable", "Service principals can access read-only admin APIs"),
    ],
)
def test_a_tenant_setting_that_is_missing_is_named_with_its_page(
    bench: PowerBIBench, setting: str, named: str
) -> None:
    bench.report()
    setattr(bench.sandbox.settings, setting, False)
    probe = failed(bench)
    assert named in probe.advice
    assert PORTAL in probe.advice


def test_a_role_in_no_workspace_is_named_with_its_page(bench: PowerBIBench) -> None:
    del bench.sandbox.workspaces[bench.workspace].roles[bench.sandbox.credentials.object_id]
    probe = failed(bench)
    assert probe.name == "workspace roles"
    assert "in 0 of 1" in probe.detail
    assert "role Contributor" in probe.advice
    assert "Manage access" in probe.advice


@pytest.mark.parametrize("wrong", ["tenant_id", "client_id", "client_secret"])
def test_each_wrong_credential_is_said_to_be_one(bench: PowerBIBench, wrong: str) -> None:
    [probe] = bench.reader(**{wrong: "mistyped"}).probe()
    assert not probe.ok
    assert "tenant_id, client_id and client_secret" in probe.advice


def test_a_key_of_nothing_is_missing(bench: PowerBIBench) -> None:
    with pytest.raises(SourceMissing):
        bench.remover().remove(VisualKey("pb", "report", "nothing"))
