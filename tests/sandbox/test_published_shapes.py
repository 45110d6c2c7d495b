"""Answers against what the vendors publish.

The descriptions and captured samples are looked for beside the checkout (`../shared/specs`); where they are
absent this file is not collected; each test is parametrised over what exists.
"""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator

from bi_governance.sandbox.estate import Estate
from bi_governance.sandbox.slack import SlackSandbox
from tests.sandbox.published import available, load, shape, strict

LOOKER = available("Looker.4.0.oas.json")
SUPERSET = available("superset-6.1.0.openapi.json")
SLACK = available("slack_web_openapi_v2.json")

LOOKER_ANSWERS = {
    "/user": "User",
    "/versions": "ApiVersion",
    "/dashboards": "DashboardBase",
    "/dashboards/search?fields=id,title,dashboard_elements": "Dashboard",
    "/dashboards/search": "Dashboard",
    "/dashboards/1": "Dashboard",
    "/dashboards/lookml/1": "DashboardLookml",
    "/dashboards/lookml/search": "Dashboard",
    "/dashboard_elements/search": "DashboardElement",
    "/looks": "Look",
    "/looks/search": "Look",
    "/looks/1": "LookWithQuery",
    "/users/search": "User",
    "/groups/search/with_hierarchy": "GroupHierarchy",
    "/folders": "Folder",
    "/scheduled_plans?all_users=true": "ScheduledPlan",
    "/alerts/search?all_owners=true": "Alert",
    "/boards": "Board",
    "/lookml_models": "LookmlModel",
    "/lookml_models/ecommerce/explores/orders": "LookmlModelExplore",
    "/content_metadata_access?content_metadata_id=11": "ContentMetaGroupUser",
    "/content_metadata/11": "ContentMeta",
    "/queries/1": "Query",
    "/merge_queries/1": "MergeQuery",
    "/nowhere": "Error",
}

NEWER = ("is_embed_user", "last_run_status")  # in the SDK of 26.22, not yet in the description of 26.12


@pytest.fixture
def estate(clock):
    return Estate(clock)


def validator(spec: str, name: str) -> Draft202012Validator:
    components = strict({"schemas": load(spec)["components"]["schemas"]})
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": components})


@pytest.mark.parametrize("spec", LOOKER)
def test_looker_answers_fit_the_published_schemas(spec, estate, looker, looker_server, sdk):
    estate.fill_looker(looker)
    looker.add_merge(["ecommerce.orders"])
    faults = []
    for path, name in LOOKER_ANSWERS.items():
        reply = sdk.transport.session.get(
            f"{looker_server.url}/api/4.0{path}", headers=sdk.auth.authenticate({}), timeout=10
        ).json()
        check = validator(spec, name)
        rows = reply if isinstance(reply, list) else [reply]
        assert rows, path
        found = (error for row in rows for error in check.iter_errors(row))
        faults += [
            f"{path}: {e.json_path} {e.message[:120]}"
            for e in found
            if not any(n in e.message for n in NEWER)
        ]
    assert sorted(set(faults)) == []


SUPERSET_SAMPLES = {
    "dashboard_list": "/api/v1/dashboard/?q=(page:0,page_size:100)",
    "dashboard_list_page2_beyond": "/api/v1/dashboard/?q=(page:9,page_size:100)",
    "dashboard_get": "/api/v1/dashboard/1",
    "dashboard_get_404": "/api/v1/dashboard/99999",
    "dashboard_charts": "/api/v1/dashboard/1/charts",
    "chart_list": "/api/v1/chart/?q=(page_size:100)",
    "dataset_list": "/api/v1/dataset/?q=(page_size:100)",
    "dataset_related": "/api/v1/dataset/1/related_objects",
    "log_list": "/api/v1/log/?q=(page_size:50,order_column:dttm,order_direction:desc)",
    "users_list": "/api/v1/security/users/?q=(page_size:100)",
}
COLLECTED = [n for n in SUPERSET_SAMPLES if available(f"fixtures/superset/{n}.json")]


@pytest.mark.parametrize("sample", COLLECTED)
def test_superset_answers_look_like_those_of_a_real_one(sample, superset, api):
    captured = load(f"fixtures/superset/{sample}.json")
    ada = superset.add_person("ada@acme.example", "Ada Byron")
    chart = superset.add_chart(
        "Orders", owner_id=ada, dataset_id=superset.add_dataset("orders", owner_id=ada)
    )
    board = superset.add_dashboard("Weekly", owner_id=ada, charts=[chart], slug="weekly")
    superset.view("dashboard", board, by=ada)
    answer = api.get(SUPERSET_SAMPLES[sample])
    assert answer.status_code == captured["status"]
    ours, theirs = answer.json(), captured["body"]
    for described in ("list_columns", "order_columns", "list_title"):
        given = ours.pop(described, None), theirs.pop(described, None)
        assert sorted(set(given[0] or ())) == sorted(set(given[1] or ()))
    for body in (ours, theirs):
        body.pop("label_columns", None)
    assert differences(shape(ours), shape(theirs)) == []


def differences(ours, theirs, at=""):
    """Where names or types differ; null stands for anything, an empty list for any list."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        if at.endswith("form_data"):
            return []
        missing = [f"{at}.{name}" for name in ours.keys() ^ theirs.keys()]
        return missing + [
            d for n in ours.keys() & theirs.keys() for d in differences(ours[n], theirs[n], f"{at}.{n}")
        ]
    if isinstance(ours, list) and isinstance(theirs, list):
        return differences(ours[0], theirs[0], f"{at}[]") if ours and theirs else []
    return [] if ours == theirs or "NoneType" in (ours, theirs) else [f"{at}: {ours} is not {theirs}"]


REPORT_ROW = "ReportScheduleRestApi.get_list"


@pytest.mark.parametrize("spec", SUPERSET)
def test_superset_reports_fit_the_published_schema(spec, estate, superset, api):
    estate.fill_superset(superset)
    schema = load(spec)["components"]["schemas"][REPORT_ROW]
    flat = {
        name: rule for name, rule in schema["properties"].items() if "$ref" not in rule
    }  # lists, said to be objects
    check = Draft202012Validator(strict({**schema, "properties": flat, "additionalProperties": True}))
    rows = api.get("/api/v1/report/").json()["result"]
    assert rows
    assert [error.message for row in rows for error in check.iter_errors(row)] == []
    assert all(row.keys() == schema["properties"].keys() for row in rows)


@pytest.mark.parametrize("spec", SLACK)
def test_slack_answers_carry_what_the_description_requires(spec, web, slack: SlackSandbox):
    ada, channel = slack.add_member("ada@acme.example", "Ada Byron"), slack.add_channel("general")
    posted = web.chat_postMessage(channel=channel, text="x").data
    answers = {
        "/auth.test": web.auth_test().data,
        "/users.list": web.users_list().data,
        "/users.info": web.users_info(user=ada).data,
        "/users.lookupByEmail": web.users_lookupByEmail(email="ada@acme.example").data,
        "/conversations.list": web.conversations_list().data,
        "/conversations.create": web.conversations_create(name="made").data,
        "/conversations.setTopic": web.conversations_setTopic(channel=channel, topic="x").data,
        "/conversations.setPurpose": web.conversations_setPurpose(channel=channel, purpose="x").data,
        "/conversations.members": web.conversations_members(channel=channel).data,
        "/conversations.invite": web.conversations_invite(channel=channel, users=[ada]).data,
        "/users.conversations": web.users_conversations().data,
        "/pins.add": web.pins_add(channel=channel, timestamp=posted["ts"]).data,
        "/pins.list": web.pins_list(channel=channel).data,
        "/conversations.open": web.conversations_open(users=[ada]).data,
        "/chat.postMessage": posted,
        "/chat.update": web.chat_update(channel=channel, ts=posted["ts"], text="y").data,
        "/chat.getPermalink": web.chat_getPermalink(channel=channel, message_ts=posted["ts"]).data,
        "/chat.delete": web.chat_delete(channel=channel, ts=posted["ts"]).data,
    }
    for path, answer in answers.items():
        (operation,) = load(spec)["paths"][path].values()
        required = operation["responses"]["200"]["schema"].get("required", ["ok"])
        assert set(required) <= answer.keys(), path
        assert json.loads(json.dumps(answer)) == answer
