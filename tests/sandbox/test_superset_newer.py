"""The Superset sandbox as a version after 6.1, and with things switched off, over plain HTTP."""

import html
import json
import re

import pytest

from bi_governance.sandbox.superset import SupersetSandbox
from tests.sandbox.conftest import SupersetClient


@pytest.fixture
def newer(clock):
    return SupersetSandbox(clock, is_newer=True)


@pytest.fixture
def newer_api(newer):
    with newer.serve() as server:
        client = SupersetClient(server.url, newer.credentials)
        client.arm()
        yield client
        client.session.close()


@pytest.fixture
def board(newer):
    ada = newer.add_person("ada@acme.example", "Ada Byron")
    return newer.add_dashboard("Weekly", owner_id=ada, slug="weekly")


def listed(api, state=""):
    condition = f"(filters:!((col:id,opr:dashboard_deleted_state,value:{state})))" if state else "()"
    return api.get(f"/api/v1/dashboard/?q={condition}").json()["result"]


def test_a_deleted_dashboard_is_hidden_listed_on_demand_and_restored(newer, newer_api, board):
    assert newer_api.delete(f"/api/v1/dashboard/{board}").status_code == 200
    assert newer_api.get(f"/api/v1/dashboard/{board}").status_code == 404
    assert (listed(newer_api), len(listed(newer_api, "include"))) == ([], 1)
    (trashed,) = listed(newer_api, "only")
    assert trashed["deleted_at"] == newer.clock.now().replace(tzinfo=None).isoformat()
    path = f"/api/v1/dashboard/{trashed['uuid']}/restore"
    assert [newer_api.post(path).status_code for _ in range(2)] == [200, 404]
    (living,) = listed(newer_api)
    assert (living["id"], "deleted_at" in living) == (board, False)


def test_a_slug_taken_meanwhile_refuses_the_restore(newer, newer_api, board):
    uuid = newer.dashboards[board].uuid
    newer_api.delete(f"/api/v1/dashboard/{board}")
    newer.add_dashboard("Heir", owner_id=1, slug="weekly")
    assert newer_api.post(f"/api/v1/dashboard/{uuid}/restore").status_code == 422


def test_an_import_takes_out_of_the_trash_without_overwriting(newer, newer_api, board):
    archive = newer_api.get(f"/api/v1/dashboard/export/?q=!({board})").content
    newer_api.delete(f"/api/v1/dashboard/{board}")
    newer_api.post("/api/v1/dashboard/import/", files={"formData": ("x.zip", archive)})
    assert [row["id"] for row in listed(newer_api)] == [board]


def test_editors_and_viewers_stand_for_owners_and_roles(newer, newer_api, board):
    (row,) = listed(newer_api)
    assert {"owners", "roles"}.isdisjoint(row)
    (editor,) = row["editors"]
    subjects = newer_api.get("/api/v1/security/subject/?q=(page_size:100)").json()["result"]
    (found,) = [each for each in subjects if each["id"] == editor["id"]]
    assert (found["user_id"], found["type"], editor["label"]) == (2, 1, "Ada Byron")
    admins = next(each["id"] for each in subjects if each["label"] == "Admin")
    answer = newer_api.put(f"/api/v1/dashboard/{board}", {"editors": [admins], "viewers": [admins]})
    assert answer.status_code == 200
    assert (newer.dashboards[board].owner_ids, newer.dashboards[board].editing_role_ids) == ([], [1])
    assert newer_api.put(f"/api/v1/dashboard/{board}", {"editors": [5]}).status_code == 422


def test_6_1_knows_nothing_of_it(api):
    assert api.get("/api/v1/security/subject/").status_code == 404
    asked = "/api/v1/dashboard/?q=(filters:!((col:id,opr:dashboard_deleted_state,value:only)))"
    assert api.get(asked).status_code == 400
    known = api.get("/api/v1/dashboard/_info?q=(keys:!(filters))").json()["filters"]
    assert "owners" in known
    assert [each["operator"] for each in known["id"]] == ["eq"]


def test_the_front_page_tells_the_flags(api, superset):
    superset.switches.flags["EMBEDDED_SUPERSET"] = False
    page = api.get("/login/").text
    told = json.loads(html.unescape(re.search(r'data-bootstrap="([^"]*)"', page)[1]))
    assert told["common"]["feature_flags"]["EMBEDDED_SUPERSET"] is False
    assert told["common"]["feature_flags"]["ALERT_REPORTS"] is True


@pytest.mark.parametrize(
    ("permission", "view", "path"),
    [
        ("can_read", "Dashboard", "dashboard/"),
        ("can_read", "Log", "log/"),
        ("can_get", "User", "security/users/"),
        ("can_read", "SecurityRestApi", "security/csrf_token/"),
        ("can_export", "Chart", "chart/export/?q=!(1)"),
    ],
)
def test_what_is_not_granted_is_forbidden(api, superset, permission, view, path):
    assert [permission, view] in api.get("/api/v1/me/roles/").json()["result"]["roles"]["Admin"]
    superset.switches.deny(permission, view)
    assert api.get(f"/api/v1/{path}").status_code == 403
    assert [permission, view] not in api.get("/api/v1/me/roles/").json()["result"]["roles"]["Admin"]


def test_writing_needs_a_permission_of_its_own(api, superset):
    ada = superset.add_person("ada@acme.example", "Ada Byron")
    board = superset.add_dashboard("Weekly", owner_id=ada)
    superset.switches.deny("can_write", "Dashboard")
    assert api.get(f"/api/v1/dashboard/{board}").status_code == 200
    assert api.delete(f"/api/v1/dashboard/{board}").status_code == 403
    with pytest.raises(ValueError, match="not a permission"):
        superset.switches.deny("can_fly", "Dashboard")


@pytest.mark.parametrize("setting", ["SUPERSET_LOG_VIEW", "FAB_ADD_SECURITY_API"])
def test_what_is_switched_off_is_not_there(api, superset, setting):
    paths = {"SUPERSET_LOG_VIEW": "/api/v1/log/", "FAB_ADD_SECURITY_API": "/api/v1/security/users/"}
    assert api.get(paths[setting]).status_code == 200
    superset.switches.settings[setting] = False
    assert api.get(paths[setting]).status_code == 404
