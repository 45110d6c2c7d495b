"""Power BI's sandbox and connector against Microsoft's published description of the API.

Every request the connector sends must exist there, with its parameters; every answer of the sandbox must
have the described shape. Only collected where the description lies beside the checkout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bi_governance.connectors.powerbi import PowerBIReader, PowerBIRemover
from bi_governance.connectors.powerbi.client import BUDGETS
from bi_governance.model import Coverage, Interval, RemovalRoute, VisualKey
from bi_governance.ports import BackupContent
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.powerbi import AUTHORITY, PowerBISandbox
from bi_governance.sandbox.server import Request
from tests.sandbox.conftest import START
from tests.sandbox.published import available, load, shape

SPEC = available("powerbi.swagger.json")
SAMPLES = available(
    "fixtures/powerbi/get_reports_as_admin.json",
    "fixtures/powerbi/get_activity_events.json",
    "fixtures/powerbi/get_report_subscriptions_as_admin.json",
)
ADA = "ada@acme.example"
# Fields real answers have beyond the description, which Microsoft's own pages or samples show.
NOT_DESCRIBED = {
    "lastResultSet",  # in the samples of the activity events operation
    "originalReportObjectId",  # in scan results
    "error",  # of a failed import
}


class Tenant:
    """A tenant with one of everything, a reader and a remover."""

    def __init__(self) -> None:
        self.sandbox = PowerBISandbox(SimulatedClock(START))
        box, me = self.sandbox, self.sandbox.credentials.object_id
        box.add_person(ADA, "Ada Byron")
        self.workspace = box.add_workspace("Sales", **{ADA: "Admin", me: "Contributor"})
        dataset = box.add_dataset(self.workspace, "orders")
        self.other_dataset = box.add_dataset(self.workspace, "costs")
        made = START - timedelta(days=90)
        self.report, self.used = (
            box.add_report(name, workspace_id=self.workspace, by=ADA, dataset_id=dataset, created_at=made)
            for name in ("Revenue", "Costs")
        )
        board = box.add_dashboard("Board", workspace_id=self.workspace)
        box.pin(self.used, board)
        box.publish_app("Sales app", self.used)
        box.subscribe("report", self.used, user=ADA)
        box.published.add(self.used)
        box.reports[self.used].endorsement, box.reports[self.used].label = "Certified", "label"
        box.view("report", self.used, by=ADA, at=START - timedelta(hours=1))

    def options(self, url: str) -> dict[str, Any]:
        app = self.sandbox.credentials
        return {
            "tenant_id": self.sandbox.tenant_id,
            "client_id": app.client_id,
            "client_secret": app.client_secret,
            "api_url": url,
            "authority_url": url + AUTHORITY,
            "poll_seconds": 0,
            "backoff": 0,
        }


@pytest.fixture
def tenant() -> Iterator[Tenant]:
    made = Tenant()
    with made.sandbox.serve():
        yield made


def described(spec: Any, path: str) -> tuple[str, Any]:
    """The path of the description an address belongs to, the most literal one first."""
    found = [
        template
        for template in spec["paths"]
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), path)
    ]
    assert found, f"{path} is not described"
    best = min(found, key=lambda template: template.count("{"))
    return best, spec["paths"][best]


def everything(tenant: Tenant, url: str) -> None:
    """Read, look at, save, delete and restore."""
    reader, remover = PowerBIReader("pb", tenant.options(url)), PowerBIRemover("pb", tenant.options(url))
    key = VisualKey("pb", "report", tenant.report)
    for feed in reader.inventory_feeds:
        list(reader.read_inventory(feed))
    list(reader.read_history(Interval(START.replace(hour=0), START)))
    reader.history_start(START, START, Coverage())
    reader.look(key, START - timedelta(days=2))
    list(reader.probe())
    saved = reader.backup(key)
    remover.remove(key)
    moved = BackupContent(saved.files, {**saved.manifest, "dataset_id": tenant.other_dataset})
    back = remover.restore(key, RemovalRoute.HARD, moved)
    assert back.native_id in tenant.sandbox.reports
    reader.close()
    remover.close()


@pytest.mark.parametrize("name", SPEC)
def test_every_request_is_described(name: str, tenant: Tenant) -> None:
    spec = load(name)
    passed = [0.0]  # the minute limits of reading and removing are waited for, but not by the wall clock
    with BUDGETS.timed_by(lambda: passed[0], lambda seconds: passed.append(passed.pop() + seconds)):
        everything(tenant, tenant.sandbox.serve().url)
    sent: list[Request] = [r for r in tenant.sandbox.requests if not r.path.startswith(AUTHORITY)]
    operations = set()
    for request in sent:
        template, operation = described(spec, request.path)
        assert request.method.lower() in operation, f"{request.method} {template}"
        parameters = operation[request.method.lower()].get("parameters", [])
        names = {each["name"] for each in parameters if each.get("in") == "query"}
        assert set(request.query) <= names, f"{request.method} {template}: {set(request.query) - names}"
        needed = {each["name"] for each in parameters if each.get("in") == "query" and each.get("required")}
        assert needed <= set(request.query), f"{request.method} {template} lacks {needed}"
        operations.add(f"{request.method} {template}")
    assert len(operations) == 18


EVENTS = "/admin/activityevents?startDateTime='2026-03-02T00:00:00Z'&endDateTime='2026-03-02T23:59:59Z'"
ANSWERS = {
    "/admin/groups?$top=10": "AdminGroups",
    "/admin/reports": "AdminReports",
    "/admin/dashboards": "AdminDashboards",
    "/admin/reports/{used}/subscriptions": "Subscriptions",
    "/admin/widelySharedArtifacts/publishedToWeb": "ArtifactAccessResponse",
    "/admin/groups/{workspace}/unused": "UnusedArtifactsResponse",
    EVENTS: "ActivityEventResponse",
    "/groups": "Groups",
    "/groups/{workspace}/reports": "Reports",
}


def faults(spec: Any, definition: str, answer: Any) -> list[str]:
    """What in an answer is not as described, by field names and types."""
    definitions = spec["definitions"]
    return sorted(_faults(definitions, definitions[definition], answer, definition))


def _faults(definitions: Any, schema: Any, value: Any, where: str) -> Iterator[str]:
    schema = _whole(definitions, schema)
    if value is None:
        return
    if "properties" in schema:
        if not isinstance(value, dict):
            yield f"{where}: no object"
            return
        for name, each in value.items():
            if name in schema["properties"]:
                yield from _faults(definitions, schema["properties"][name], each, f"{where}.{name}")
            elif name not in NOT_DESCRIBED:
                yield f"{where}.{name}: not described"
    elif schema.get("type") == "array":
        if not isinstance(value, list):
            yield f"{where}: no list"
            return
        for each in value:
            yield from _faults(definitions, schema.get("items", {}), each, f"{where}[]")
    elif schema.get("type") in ("string", "integer", "number", "boolean"):
        check = Draft202012Validator({"type": schema["type"]})
        yield from (f"{where}: {error.message}" for error in check.iter_errors(value))
        if "enum" in schema and value not in schema["enum"]:
            yield f"{where}: {value!r} is none of {schema['enum']}"


def _whole(definitions: Any, schema: Any) -> Any:
    """The schema with references followed and `allOf` joined."""
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rpartition("/")[2]]
    properties = dict(schema.get("properties", {}))
    for part in schema.get("allOf", ()):
        properties |= _whole(definitions, part).get("properties", {})
    return {**schema, "properties": properties} if properties else schema


def get(tenant: Tenant, path: str, method: str = "GET", **request: Any) -> Any:
    reader = PowerBIReader("pb", tenant.options(tenant.sandbox.serve().url))
    address = path.format(used=tenant.used, workspace=tenant.workspace)
    answer = reader._admin.send(method, f"/v1.0/myorg{address}", **request).json()
    reader.close()
    return answer


@pytest.mark.parametrize("name", SPEC)
def test_answers_have_the_described_shape(name: str, tenant: Tenant) -> None:
    spec = load(name)
    found = {path: faults(spec, kind, get(tenant, path)) for path, kind in ANSWERS.items()}
    assert {path: wrong for path, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("name", SPEC)
def test_scans_have_the_described_shape(name: str, tenant: Tenant) -> None:
    spec = load(name)
    started = get(
        tenant,
        "/admin/workspaces/getInfo?datasetSchema=True&getArtifactUsers=True",
        "POST",
        json={"workspaces": [tenant.workspace]},
    )
    assert faults(spec, "ScanRequest", started) == []
    states = [get(tenant, f"/admin/workspaces/scanStatus/{started['id']}") for _ in range(2)]
    assert [faults(spec, "ScanRequest", state) for state in states] == [[], []]
    result = get(tenant, f"/admin/workspaces/scanResult/{started['id']}")
    assert faults(spec, "WorkspaceInfoResponse", result) == []
    assert result["workspaces"][0]["reports"]
    assert result["workspaces"][0]["datasets"][0]["tables"]


@pytest.mark.parametrize("name", SPEC)
def test_a_fault_would_be_seen(name: str) -> None:
    wrong = {"value": [{"id": 7, "owner": "Ada", "reportType": "Poem"}]}
    named = {line.partition(":")[0] for line in faults(load(name), "AdminReports", wrong)}
    assert named == {f"AdminReports.value[].{field}" for field in ("id", "owner", "reportType")}


@pytest.mark.parametrize("sample", SAMPLES)
def test_captured_answers_have_no_field_the_sandbox_lacks(sample: str, tenant: Tenant) -> None:
    paths = {
        "reports_as": "/admin/reports",
        "activity": EVENTS,
        "subscriptions": "/admin/reports/{used}/subscriptions",
    }
    answer = get(tenant, next(path for part, path in paths.items() if part in sample))
    captured = load(sample)
    captured = captured[0] if isinstance(captured, list) else captured
    assert set(shape(captured)) <= set(shape(answer))
