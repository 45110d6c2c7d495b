"""Export and import: what survives the journey and what does not."""

import io
import zipfile

import pytest
import yaml


@pytest.fixture
def ada(superset):
    return superset.add_person("ada@acme.example", "Ada Byron")


@pytest.fixture
def chart(superset, ada):
    return superset.add_chart(
        "Orders / day", owner_id=ada, dataset_id=superset.add_dataset("orders", owner_id=ada)
    )


@pytest.fixture
def board(superset, ada, chart):
    return superset.add_dashboard("Weekly KPI", owner_id=ada, charts=[chart], slug="weekly")


def bundle(api, kind, *ids):
    answer = api.get(f"/api/v1/{kind}/export/?q=!({','.join(map(str, ids))})")
    assert answer.headers["content-type"] == "application/zip"
    return answer.content


def upload(api, kind, content, accept="application/json", **data):
    files, headers = {"formData": ("b.zip", content)}, {"Accept": accept}
    return api.post(f"/api/v1/{kind}/import/", files=files, data=data, headers=headers)


def test_an_export_names_everything_by_uuid(api, superset, board, chart):
    with zipfile.ZipFile(io.BytesIO(bundle(api, "dashboard", board))) as archive:
        files = {n.partition("/")[2]: yaml.safe_load(archive.read(n)) for n in archive.namelist()}
    assert sorted(files) == [
        "charts/Orders_day_1.yaml",
        "dashboards/Weekly_KPI_1.yaml",
        "databases/warehouse.yaml",
        "datasets/warehouse/orders.yaml",
        "metadata.yaml",
    ]
    dashboard = files["dashboards/Weekly_KPI_1.yaml"]
    assert (dashboard["uuid"], dashboard["slug"]) == (superset.dashboards[board].uuid, "weekly")
    assert (
        files["charts/Orders_day_1.yaml"]["dataset_uuid"] == files["datasets/warehouse/orders.yaml"]["uuid"]
    )


def test_an_unknown_id_spoils_the_export(api, board):
    assert api.get(f"/api/v1/dashboard/export/?q=!({board},99)").status_code == 404


def test_a_deleted_dashboard_returns_with_its_uuid_and_slug_and_a_new_owner(api, superset, board, chart):
    uuid, content = superset.dashboards[board].uuid, bundle(api, "dashboard", board)
    api.arm()
    api.delete(f"/api/v1/dashboard/{board}")
    api.delete(f"/api/v1/chart/{chart}")
    assert upload(api, "dashboard", content, overwrite="true").json() == {"message": "OK"}
    (again,) = superset.dashboards.values()
    assert again.id != board
    assert (again.uuid, again.slug, again.owner_ids) == (uuid, "weekly", [superset.credentials.user_id])
    assert [superset.charts[i].title for i in again.chart_ids] == ["Orders / day"]


def test_charts_that_still_exist_are_used_as_they_are(api, superset, board, chart, ada):
    content = bundle(api, "dashboard", board)
    api.arm()
    api.delete(f"/api/v1/dashboard/{board}")
    upload(api, "dashboard", content, overwrite="true")
    assert superset.charts[chart].owner_ids == [ada]
    assert list(superset.charts) == [chart]


def test_what_exists_is_only_overwritten_when_asked(api, superset, board):
    content = bundle(api, "dashboard", board)
    api.arm()
    refused = upload(api, "dashboard", content)
    assert refused.status_code == 422
    assert "already exists" in str(refused.json()["errors"][0]["extra"])
    superset.dashboards[board].title = "Renamed"
    assert upload(api, "dashboard", content, overwrite="true").status_code == 200
    assert superset.dashboards[board].title == "Weekly KPI"


def test_a_chart_travels_alone(api, superset, chart):
    uuid, content = superset.charts[chart].uuid, bundle(api, "chart", chart)
    api.arm()
    api.delete(f"/api/v1/chart/{chart}")
    assert upload(api, "chart", content, overwrite="true").status_code == 200
    assert [c.uuid for c in superset.charts.values()] == [uuid]


def test_other_files_are_refused(api, superset, board, chart):
    api.arm()
    assert upload(api, "dashboard", b"not a zip").status_code == 500
    assert upload(api, "dashboard", bundle(api, "chart", chart)).status_code == 422
    assert api.post("/api/v1/dashboard/import/", data={"x": "y"}).status_code == 400
    assert list(superset.dashboards) == [board]


def test_a_refusal_is_an_html_page_unless_json_is_asked_for(api, board):
    content = bundle(api, "dashboard", board)
    api.arm()
    refused = upload(api, "dashboard", content, accept="*/*")
    assert (refused.status_code, refused.headers["content-type"]) == (500, "text/html; charset=utf-8")


def test_a_slug_in_use_wins_over_the_uuid(api, superset, board, ada):
    uuid, content = superset.dashboards[board].uuid, bundle(api, "dashboard", board)
    api.arm()
    api.delete(f"/api/v1/dashboard/{board}")
    other = superset.add_dashboard("Innocent", owner_id=ada, slug="weekly")
    assert upload(api, "dashboard", content, overwrite="true").status_code == 200
    assert list(superset.dashboards) == [other]
    assert (superset.dashboards[other].uuid, superset.dashboards[other].title) == (uuid, "Weekly KPI")


def test_tags_put_on_by_hand_come_back(api, superset, board):
    superset.dashboards[board].tags = ["keep", "favorited_by:2"]
    content = bundle(api, "dashboard", board)
    api.arm()
    api.delete(f"/api/v1/dashboard/{board}")
    upload(api, "dashboard", content, overwrite="true")
    (again,) = superset.dashboards.values()
    assert again.tags == ["keep"]
