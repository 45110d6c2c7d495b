"""What `doctor` says of a Superset where one thing is missing: which, and where an admin sets it."""

from __future__ import annotations

import threading

import pytest

from bi_governance.connectors.superset import SupersetReader, probes
from bi_governance.errors import SourceForbidden, SourceMissing
from bi_governance.ports import Probe, Row
from bi_governance.sandbox.server import Fault
from tests.connectors.harness import START, Connected, SimulatedClock
from tests.connectors.harness_superset import SupersetHarness

ROLES_PAGE = "Settings > List Roles"
NEEDED = (*probes.PERMISSIONS, probes.SCHEDULES)
TRIED = {
    ("can_read", "Log"): "read the access log",
    ("can_get", "User"): "read users",
    ("can_read", "ReportSchedule"): "read alerts and reports",
    ("can_read", "SecurityRestApi"): "prepare changes",
}


def failed(connected: Connected) -> dict[str, Probe]:
    return {probe.name: probe for probe in connected.reader().probe() if not probe.ok}


@pytest.mark.parametrize(("permission", "view"), NEEDED)
def test_a_permission_that_is_missing_is_named(superset: Connected, permission: str, view: str) -> None:
    superset.harness.sandbox.switches.deny(permission, view)
    words = f"{permission.replace('_', ' ')} on {view}"
    found = failed(superset)
    assert found["permissions"].detail == f"missing: {words}"
    assert words in found["permissions"].advice
    assert ROLES_PAGE in found["permissions"].advice
    if (permission, view) in TRIED:
        tried = found[TRIED[permission, view]]
        assert words in tried.advice
        assert ROLES_PAGE in tried.advice
    assert all(probe.advice for probe in found.values())


def test_several_missing_permissions_are_all_named(superset: Connected) -> None:
    for view in ("Dashboard", "Chart"):
        superset.harness.sandbox.switches.deny("can_write", view)
    assert failed(superset)["permissions"].detail == "missing: can write on Dashboard, can write on Chart"


def test_a_newer_version_needs_to_show_who_edits() -> None:
    harness = SupersetHarness(SimulatedClock(START), is_newer=True)
    harness.view(harness.add_visual("Revenue"), START)
    with harness.serve() as server:
        newer = Connected(harness, server)
        assert failed(newer) == {}
        harness.sandbox.switches.deny("can_read", "Subject")
        assert failed(newer)["permissions"].detail == "missing: can read on Subject"
        newer.close()


@pytest.mark.parametrize(
    ("setting", "probe"),
    [("SUPERSET_LOG_VIEW", "read the access log"), ("FAB_ADD_SECURITY_API", "read users")],
)
def test_a_setting_that_is_off_is_named(superset: Connected, setting: str, probe: str) -> None:
    superset.harness.sandbox.switches.settings[setting] = False
    found = failed(superset)
    assert set(found) == {probe}
    assert setting in found[probe].advice
    assert "superset_config.py" in found[probe].advice


def test_an_account_of_a_lesser_role_is_told_which_and_where(superset: Connected) -> None:
    sandbox = superset.harness.sandbox
    sandbox.set_role(sandbox.credentials.user_id, "Alpha")
    found = failed(superset)
    assert found["see everything"].detail == "roles: Alpha"
    assert found["see everything"].advice == "Give the account the role Admin (Settings > List Users)."
    assert "can write on Dashboard" in found["permissions"].advice
    assert all(probe.advice for probe in found.values())


# -- alerts and reports, which Superset comes without ----------------------------------------------


def schedules(connected: Connected) -> list[Row]:
    return [row for page in connected.reader().read_inventory("superset_schedule") for row in page]


def test_a_superset_without_alerts_and_reports_has_none_and_is_healthy(superset: Connected) -> None:
    key = superset.harness.add_visual("Revenue")
    superset.harness.schedule(key)
    superset.harness.view(key, START)
    assert len(schedules(superset)) == 1
    superset.harness.sandbox.switches.flags["ALERT_REPORTS"] = False
    superset.harness.sandbox.switches.deny("can_read", "ReportSchedule")
    assert schedules(superset) == []
    assert superset.reader().look(key, START).references == ()
    assert superset.reader().backup(key).manifest["schedules"] == []
    assert failed(superset) == {}


def test_reports_that_are_not_found_are_only_believed_where_they_are_switched_off(
    superset: Connected,
) -> None:
    key = superset.harness.add_visual("Revenue")
    superset.server.faults.add(Fault("GET /api/v1/report/", "status", status=404, times=None))
    for attempt in (lambda: schedules(superset), lambda: superset.reader().look(key, START)):
        with pytest.raises(SourceMissing, match="ALERT_REPORTS"):
            attempt()
    found = failed(superset)["read alerts and reports"]
    assert "ReportSchedule" in found.advice


@pytest.mark.parametrize(
    "fault",
    [
        Fault("GET /login/", "html", times=None),
        Fault("GET /login/", "status", status=403, times=None),
        Fault("GET /login/", "status", status=404, times=None),
    ],
)
def test_flags_nobody_shows_may_be_on(superset: Connected, fault: Fault) -> None:
    superset.harness.sandbox.switches.flags["ALERT_REPORTS"] = False
    superset.server.faults.add(fault)
    with pytest.raises(SourceMissing, match="ALERT_REPORTS"):
        schedules(superset)


# -- embedding -------------------------------------------------------------------------------------


def test_a_superset_that_embeds_nothing_is_not_asked_dashboard_by_dashboard(superset: Connected) -> None:
    keys = superset.add_visuals(3)
    sandbox = superset.harness.sandbox
    sandbox.embed(int(superset.harness.access_id(keys[0])))

    def embedded() -> list[object]:
        superset.server.requests.clear()
        pages = superset.reader().read_inventory("superset_dashboard")
        return [row["is_embedded"] for page in pages for row in page]

    assert embedded() == [True, False, False]
    assert len(superset.server.requests.matching("GET /api/v1/dashboard/[0-9]+/embedded")) == 3
    sandbox.switches.flags["EMBEDDED_SUPERSET"] = False
    assert embedded() == [False, False, False]
    assert superset.server.requests.matching("/embedded") == []
    assert superset.reader().look(keys[0], START).references == ("embedding into any site",)


def test_embeddings_are_asked_for_several_at_once(superset: Connected) -> None:
    """Three calls wait for each other before they are made: none is unless all three are under way."""
    numbers = [int(superset.harness.access_id(key)) for key in superset.add_visuals(7)]
    superset.harness.sandbox.embed(numbers[1])
    together = threading.Barrier(3)
    reader = superset.reader(concurrency=3, page_size=100)
    assert isinstance(reader, SupersetReader)
    ask = reader._places.embedding_of

    def asking(dashboard: int) -> object:
        if dashboard != numbers[-1]:  # which has no company
            together.wait(10)
        return ask(dashboard)

    reader._places.embedding_of = asking  # type: ignore[method-assign,assignment]
    rows = [row for page in reader.read_inventory("superset_dashboard") for row in page]
    assert [row["dashboard_id"] for row in rows if row["is_embedded"]] == [str(numbers[1])]
    assert len(rows) == len(numbers)
    reader.close()
    assert not any(thread.name.startswith("superset") for thread in threading.enumerate())


def test_an_embedding_that_cannot_be_asked_for_is_no_absent_one(superset: Connected) -> None:
    superset.add_visuals(7)
    superset.server.faults.add(Fault("/embedded", "status", status=403, after=3, times=None))
    with pytest.raises(SourceForbidden):
        list(superset.reader().read_inventory("superset_dashboard"))
