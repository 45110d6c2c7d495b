"""The Superset sandbox over plain HTTP: tokens, CSRF, lists, the noisy log, changes and deletion."""

import json
from datetime import timedelta
from urllib.parse import quote

import pytest
import requests

from bi_governance.sandbox.server import Fault
from tests.sandbox.conftest import SupersetClient


@pytest.fixture
def ada(superset):
    return superset.add_person("ada@acme.example", "Ada Byron")


@pytest.fixture
def chart(superset, ada):
    return superset.add_chart("Orders", owner_id=ada, dataset_id=superset.add_dataset("orders", owner_id=ada))


@pytest.fixture
def board(superset, ada, chart):
    return superset.add_dashboard("Weekly KPI", owner_id=ada, charts=[chart], slug="weekly")


def listed(api, what, q=""):
    answer = api.get(f"/api/v1/{what}/?q={quote(q)}").json()
    assert [row["id"] for row in answer["result"]] == answer["ids"]
    return answer


def logged(api, *conditions, order="dttm", page_size=100):
    filters = ",".join(f"(col:{col},opr:{opr},value:{value})" for col, opr, value in conditions)
    q = f"(filters:!({filters}),order_column:{order},order_direction:asc,page_size:{page_size})"
    return api.get(f"/api/v1/log/?q={quote(q)}").json()


def test_a_wrong_password_is_not_authorized(superset_server):
    body = {"username": "bi-governance", "password": "no", "provider": "db"}
    answer = requests.post(f"{superset_server.url}/api/v1/security/login", json=body, timeout=5)
    assert (answer.status_code, answer.json()) == (401, {"message": "Not authorized"})


def test_tokens_expire_and_are_refreshed(api, clock):
    clock.advance(timedelta(minutes=16))
    answer = api.get("/api/v1/dashboard/")
    assert (answer.status_code, answer.json()) == (401, {"msg": "Token has expired"})
    api.session.headers["Authorization"] = f"Bearer {api.tokens['refresh_token']}"
    assert api.get("/api/v1/dashboard/").status_code == 422
    api.session.headers["Authorization"] = (
        f"Bearer {api.post('/api/v1/security/refresh').json()['access_token']}"
    )
    assert api.get("/api/v1/dashboard/").status_code == 200


@pytest.mark.parametrize(
    ("header", "status"), [(None, 401), ("Bearer nonsense", 422), ("Bearer a.b.c", 422), ("Basic x", 401)]
)
def test_other_tokens_are_refused(superset_server, header, status):
    headers = {"Authorization": header} if header else {}
    answer = requests.get(f"{superset_server.url}/api/v1/dashboard/", headers=headers, timeout=5)
    assert answer.status_code == status
    assert "msg" in answer.json()


def test_a_token_can_expire_in_the_middle_of_paging(api, superset_server):
    superset_server.faults.add(Fault("GET /api/v1/dashboard/$", "expire_token", after=2))
    assert [api.get("/api/v1/dashboard/").status_code for _ in range(4)] == [200, 200, 401, 401]


def test_the_page_size_is_lowered_without_a_word(api, superset, ada):
    for number in range(130):
        superset.add_dashboard(f"D{number:03}", owner_id=ada)
    q = "(page:{},page_size:500,order_column:dashboard_title,order_direction:asc)"
    pages = [listed(api, "dashboard", q.format(number)) for number in range(3)]
    assert [len(p["result"]) for p in pages] == [100, 30, 0]
    assert {p["count"] for p in pages} == {130}
    assert [r["dashboard_title"] for r in pages[1]["result"]] == [f"D{n:03}" for n in range(100, 130)]
    assert len(listed(api, "dashboard")["result"]) == 20
    assert len(listed(api, "dashboard", "(page_size:-1)")["result"]) == 100


def test_the_default_order_is_latest_change_first(api, superset, clock, ada):
    first, second = (superset.add_dashboard(title, owner_id=ada) for title in ("A", "B"))
    clock.advance(timedelta(minutes=1))
    superset.edit("dashboard", first, by=ada)
    assert listed(api, "dashboard")["ids"] == [first, second]


def test_bad_rison_is_fatal(api):
    answer = api.get("/api/v1/dashboard/?q=((")
    assert (answer.status_code, answer.json()) == (500, {"message": "Fatal error"})


def test_filters_on_ids_titles_and_owners(api, superset, ada):
    bob = superset.add_person("bob@acme.example", "Bob Ross")
    ids = [superset.add_dashboard(f"D{n}", owner_id=bob if n == 3 else ada) for n in range(5)]

    def found(*conditions):
        return sorted(listed(api, "dashboard", f"(filters:!({','.join(conditions)}))")["ids"])

    assert found("(col:id,opr:gt,value:1)", "(col:id,opr:lt,value:4)") == ids[1:3]
    assert found("(col:dashboard_title,opr:ct,value:d2)") == [ids[2]]
    assert found(f"(col:owners,opr:rel_m_m,value:!({bob}))") == [ids[3]]


@pytest.mark.parametrize(
    "q",
    [
        "(order_column:id)",
        "(filters:!((col:css,opr:eq,value:1)))",
        "(filters:!((col:id,opr:like,value:1)))",
        "!(1)",
    ],
)
def test_what_may_not_be_asked_is_a_bad_request(api, q):
    assert api.get(f"/api/v1/dashboard/?q={quote(q)}").status_code == 400


def test_a_dashboard_by_id_uuid_or_slug_and_every_time_a_log_row_by_the_caller(api, superset, board):
    uuid = superset.dashboards[board].uuid
    answers = [api.get(f"/api/v1/dashboard/{name}").json()["result"] for name in (board, uuid, "weekly")]
    assert [a["id"] for a in answers] == [board] * 3
    assert answers[0]["charts"] == ["Orders"]
    rows = logged(api, ("action", "eq", "DashboardRestApi.get"))["result"]
    assert [(r["dashboard_id"], r["user_id"]) for r in rows] == [(board, superset.credentials.user_id)] * 3


def test_parts_of_a_dashboard(api, superset, board, chart):
    (shown,) = api.get(f"/api/v1/dashboard/{board}/charts").json()["result"]
    assert (shown["id"], shown["form_data"]["datasource"]) == (chart, "1__table")
    (dataset,) = api.get(f"/api/v1/dashboard/{board}/datasets").json()["result"]
    assert (dataset["table_name"], dataset["database"]["backend"]) == ("orders", "postgresql")
    assert api.get(f"/api/v1/dashboard/{board}/embedded").status_code == 404
    embedded = superset.embed(board)
    assert api.get(f"/api/v1/dashboard/{board}/embedded").json()["result"]["uuid"] == embedded
    assert api.get("/api/v1/dataset/1/related_objects").json()["dashboards"]["result"][0]["id"] == board
    assert api.get("/api/v1/dataset/1").json()["result"]["database"]["backend"] == "postgresql"


def test_one_look_in_a_browser_is_many_rows(api, superset, board, chart, ada, clock):
    superset.view("dashboard", board, by=ada)
    clock.advance(timedelta(minutes=1))
    rows = logged(api, ("user_id", "eq", ada), ("dashboard_id", "eq", board))["result"]
    assert [(r["action"], r["slice_id"]) for r in rows] == [
        ("dashboard", None),
        ("DashboardRestApi.get", None),
        ("ChartDataRestApi.data", chart),
        ("log", None),
        ("log", chart),
    ]
    mounted, loaded = (json.loads(row["json"]) for row in rows[3:])
    assert (mounted["event_name"], loaded["event_name"]) == ("mount_dashboard", "load_chart")
    assert mounted["impression_id"] == loaded["impression_id"]
    assert mounted["event_id"] != loaded["event_id"]
    everything = logged(api, ("user_id", "eq", ada))["result"]
    assert len([r for r in everything if not r["action"].endswith(".post")]) == 12
    assert [r["json"] for r in everything if r["action"] == "ChartDataRestApi._get_data_response"] == [None]
    assert rows[0]["user"] == {"first_name": "Ada", "last_name": "Byron", "username": "ada"}


def test_guests_have_no_user(api, superset, board):
    embedded = superset.embed(board)
    superset.view("dashboard", board, by=None)
    assert logged(api, ("action", "eq", "dashboard"))["count"] == 0
    (row,) = logged(api, ("action", "eq", "embedded"))["result"]
    assert (row["user"], row["user_id"], row["dashboard_id"]) == (None, None, None)
    assert json.loads(row["json"])["embedded_dashboard_id"] == embedded
    answer = api.get(f"/api/v1/embedded_dashboard/{embedded}").json()["result"]
    assert answer["dashboard_id"] == str(board)
    beacons = logged(api, ("action", "eq", "log"))["result"]
    assert {(r["user_id"], r["dashboard_id"]) for r in beacons} == {(None, board)}


@pytest.mark.parametrize("kind", ["dashboard", "chart"])
def test_a_reports_worker_is_known_by_how_it_loads_the_page(api, superset, board, chart, ada, kind):
    report = superset.add_report("Mail", owner_id=ada, **{f"{kind}_id": 1})
    superset.deliver(report)
    (row,) = logged(api, ("action", "eq", "dashboard" if kind == "dashboard" else "root"))["result"]
    said = json.loads(row["json"])
    assert (said["standalone"], said["force"]) == ("3" if kind == "dashboard" else "true", "false")
    assert (row["user_id"], said.get("form_data", {"slice_id": 1})) == (ada, {"slice_id": 1})
    detail = api.get(f"/api/v1/report/{report}").json()["result"]
    assert (detail[kind]["id"], detail["last_state"]) == (1, "Success")


def test_the_log_is_cut_by_time_without_zone(api, superset, chart, clock, ada):
    for _ in range(3):
        clock.advance(timedelta(minutes=4))
        superset.view("chart", chart, by=ada, at=clock.now())
    window = (("dttm", "gt", "'2026-03-02T06:04:00'"), ("dttm", "lt", "'2026-03-02T06:12:00'"))
    rows = logged(api, *window)["result"]
    assert [r["dttm"][11:23] for r in rows] == ["06:04:00.200", *["06:08:00.000"] * 8, "06:08:00.200"]
    assert logged(api, *window, ("action", "eq", "root"))["count"] == 1


def test_a_filtered_log_pages_on_while_rows_are_added(api, superset, chart, clock, ada):
    for _ in range(5):
        superset.view("chart", chart, by=ada)
        clock.advance(timedelta(minutes=1))
    first = logged(api, ("action", "eq", "root"), page_size=2)
    superset.view("chart", chart, by=ada)
    assert (first["count"], logged(api, ("action", "eq", "root"), page_size=2)["count"]) == (5, 6)


def test_reading_the_log_is_itself_logged(api):
    logged(api)
    assert logged(api, ("action", "eq", "LogRestApi.get_list"))["count"] == 1


def test_the_log_and_the_users_are_for_administrators(superset, superset_server, board):
    keys = superset.add_api_user("alpha@acme.example", role="Alpha")
    client = SupersetClient(superset_server.url, keys)
    assert client.get("/api/v1/log/").status_code == 403
    assert client.get("/api/v1/security/users/").status_code == 403
    superset.dashboards[board].published = False
    assert listed(client, "dashboard")["count"] == 0
    assert client.get(f"/api/v1/dashboard/{board}").status_code == 404


def test_users_and_related_owners(api, superset, ada):
    superset.deactivate(ada)
    users = {u["email"]: u for u in listed(api, "security/users")["result"]}
    assert users["ada@acme.example"]["active"] is False
    related = api.get("/api/v1/dashboard/related/owners").json()
    assert [r["value"] for r in related["result"]] == [superset.credentials.user_id]


def test_writes_need_the_csrf_token_and_its_session(api, superset, board):
    assert api.put(f"/api/v1/dashboard/{board}", {}).status_code == 400
    bare = api.delete(f"/api/v1/dashboard/{board}")
    assert (bare.status_code, bare.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert [r.status_code for r in bare.history] == [302]
    assert board in superset.dashboards
    api.arm()
    assert api.put(f"/api/v1/dashboard/{board}", {"published": False}).status_code == 200
    api.session.cookies.clear()
    refused = api.put(f"/api/v1/dashboard/{board}", {})
    assert "CSRF session token" in refused.json()["errors"][0]["message"]
    assert superset.dashboards[board].published is False


def test_owners_are_put_back_by_number(api, superset, board, ada, clock):
    api.arm()
    clock.advance(timedelta(minutes=1))
    me = superset.credentials.user_id
    assert api.put(f"/api/v1/dashboard/{board}", {"owners": [me, ada]}).json()["id"] == board
    assert superset.dashboards[board].owner_ids == [me, ada]
    assert superset.dashboards[board].changed_on == clock.now()
    assert api.put(f"/api/v1/dashboard/{board}", {"owners": [999]}).status_code == 422


def test_deletion_is_for_good(api, superset, superset_server, board, chart):
    api.arm()
    path = f"/api/v1/dashboard/{board}"
    answers = [(a.status_code, a.json()) for a in (api.delete(path), api.delete(path), api.get(path))]
    assert answers == [
        (200, {"message": "OK"}),
        (404, {"message": "Not found"}),
        (404, {"message": "Not found"}),
    ]
    assert chart in superset.charts
    assert [(r.method, r.status) for r in superset_server.requests.writes()] == [
        ("DELETE", 200),
        ("DELETE", 404),
    ]


@pytest.mark.parametrize("kind", ["dashboard", "chart"])
def test_a_report_stands_in_the_way(api, superset, board, chart, ada, kind):
    superset.add_report(
        "Monday mail", owner_id=ada, **{f"{kind}_id": board if kind == "dashboard" else chart}
    )
    api.arm()
    refused = api.delete(f"/api/v1/{kind}/{board if kind == 'dashboard' else chart}")
    assert (refused.status_code, refused.json()) == (
        422,
        {"message": "There are associated alerts or reports: Monday mail"},
    )
    (report,) = listed(api, "report")["result"]
    assert report[f"{kind}_id"] == 1


def test_deleting_several_is_all_or_nothing(api, superset, board):
    api.arm()
    assert api.delete(f"/api/v1/dashboard/?q=!({board},99)").status_code == 404
    assert board in superset.dashboards
    assert api.delete(f"/api/v1/dashboard/?q=!({board})").json() == {"message": "Deleted 1 dashboard"}


def test_only_owners_and_administrators_delete(superset, superset_server, board):
    client = SupersetClient(superset_server.url, superset.add_api_user("alpha@acme.example", role="Alpha"))
    client.arm()
    assert client.delete(f"/api/v1/dashboard/{board}").status_code == 403


def test_charts_say_where_they_are(api, superset, chart, board):
    (row,) = listed(api, "chart")["result"]
    assert row["dashboards"] == [{"dashboard_title": "Weekly KPI", "id": board}]
    api.arm()
    api.delete(f"/api/v1/chart/{chart}")
    assert superset.dashboards[board].chart_ids == []


def test_a_login_page_may_come_with_status_200(api, superset_server):
    superset_server.faults.add(Fault("dashboard", "html"))
    answer = api.get("/api/v1/dashboard/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_a_truncated_page_keeps_the_full_count(api, superset, superset_server, ada):
    for number in range(6):
        superset.add_dashboard(f"D{number}", owner_id=ada)
    superset_server.faults.add(Fault("dashboard", "truncate"))
    answer = api.get("/api/v1/dashboard/").json()
    assert (answer["count"], len(answer["result"]), len(answer["ids"])) == (6, 3, 3)


def test_who_the_caller_is_and_what_roles_there_are(api, superset, superset_server):
    assert list(api.get("/api/v1/me/roles/").json()["result"]["roles"]) == ["Admin"]
    keys = superset.add_api_user("alpha@acme.example", role="Alpha")
    client = SupersetClient(superset_server.url, keys)
    assert list(client.get("/api/v1/me/roles/").json()["result"]["roles"]) == ["Alpha"]
    (role,) = listed(api, "security/roles", "(filters:!((col:id,opr:eq,value:3)))")["result"]
    assert role["name"] == "Alpha"
    assert client.get("/api/v1/security/roles/").status_code == 403


def test_databases_and_datasets_are_found_by_uuid(api, superset, chart):
    database, dataset = superset.databases[1], superset.datasets[1]
    (found,) = listed(api, "database", f"(filters:!((col:uuid,opr:eq,value:'{database.uuid}')))")["result"]
    assert found["database_name"] == "warehouse"
    (table,) = listed(api, "dataset", f"(filters:!((col:uuid,opr:eq,value:'{dataset.uuid}')))")["result"]
    assert table["database"]["id"] == 1
    assert listed(api, "dataset", "(filters:!((col:database,opr:rel_o_m,value:2)))")["count"] == 0


def test_a_chart_is_put_on_dashboards_and_a_dashboard_given_roles(api, superset, board, ada):
    chart = superset.add_chart("Lonely", owner_id=ada, dataset_id=1)
    api.arm()
    assert api.put(f"/api/v1/chart/{chart}", {"dashboards": [board]}).status_code == 200
    assert superset.dashboards[board].chart_ids == [1, chart]
    assert api.put(f"/api/v1/dashboard/{board}", {"roles": [3]}).status_code == 200
    (row,) = listed(api, "dashboard")["result"]
    assert row["roles"] == [{"id": 3, "name": "Alpha"}]


def test_other_peoples_favourites_show_as_tags_in_the_list_only(api, superset, board, ada):
    superset.favourite("dashboard", board, by=ada)
    (row,) = listed(api, "dashboard")["result"]
    assert {tag["name"] for tag in row["tags"]} == {"favorited_by:2", "owner:2", "type:dashboard"}
    assert api.get(f"/api/v1/dashboard/{board}").json()["result"]["tags"] == []


def test_exports_say_in_the_log_what_was_exported(api, board):
    api.get(f"/api/v1/dashboard/export/?q=!({board})")
    (row,) = logged(api, ("action", "eq", "DashboardRestApi.export"))["result"]
    assert (row["dashboard_id"], json.loads(row["json"])["rison"]) == (None, [board])
