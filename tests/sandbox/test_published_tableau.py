"""Tableau's answers against the sample answers and the description of a service that the vendor publishes.

Collected only where the samples lie beside the checkout, as in `test_published_shapes.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
import requests
from jsonschema import Draft202012Validator

from bi_governance.connectors.tableau import TableauReader
from bi_governance.connectors.tableau.client import TableauClient
from bi_governance.model import Coverage, Interval, VisualKey
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.tableau import TableauSandbox
from tests.sandbox.published import SPECS, available, load

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
API = "/api/3.27"
# What our sandbox answers to a path, and the samples that show the same.
ANSWERS = {
    "workbooks": ("workbook_get.xml", "workbook_get_all_fields.xml", "workbook_get_by_id_personal.xml"),
    "views?includeUsageStatistics=true": ("view_get.xml", "view_get_usage.xml", "view_get_all_fields.xml"),
    "users": ("user_get.xml", "user_get_all_fields.xml"),
    "groups": ("group_get.xml",),
    "groups/all-users/users": ("group_populate_users.xml", "user_get_all_fields.xml"),
    "projects": ("project_get.xml",),
    "subscriptions": ("subscription_get.xml",),
    "dataAlerts": ("data_alerts_get.xml",),
    "datasources": ("datasource_get.xml", "datasource_get_all_fields.xml"),
    "workbooks/{workbook}/permissions": ("workbook_populate_permissions.xml",),
    "workbooks/nowhere": ("auth_sign_in_error.xml",),
}
SAMPLES = available(*(f"fixtures/tableau/{name}" for names in ANSWERS.values() for name in names))
SCHEMAS = available("VizQLDataServiceOpenAPISchema.json")

Shape = set[tuple[str, str]]


class Served:
    """A sandbox with one of everything, and a session."""

    def __init__(self, url: str, sandbox: TableauSandbox, workbook: str) -> None:
        self.url, self.sandbox, self.workbook = url, sandbox, workbook
        body = (
            f'<tsRequest><credentials personalAccessTokenName="{sandbox.token.name}" '
            f'personalAccessTokenSecret="{sandbox.token.value}"><site contentUrl="acme"/>'
            "</credentials></tsRequest>"
        )
        self.signed_in = requests.post(f"{url}{API}/auth/signin", data=body, timeout=5)
        token = ElementTree.fromstring(self.signed_in.content)[0].get("token", "")
        self.headers = {"X-Tableau-Auth": token}

    def get(self, path: str) -> bytes:
        where = f"{self.url}{API}/sites/{self.sandbox.site_id}/{path.format(workbook=self.workbook)}"
        return requests.get(where, headers=self.headers, timeout=5).content


@pytest.fixture
def served() -> Iterator[Served]:
    sandbox = TableauSandbox(SimulatedClock(NOW))
    ada = sandbox.add_person("ada@acme.example", "Ada Byron")
    project = sandbox.add_project("Europe", sandbox.add_project("Sales", owner_id=ada), owner_id=ada)
    workbook = sandbox.add_workbook(
        "Revenue", owner_id=ada, project_id=project, created_at=NOW - timedelta(days=9)
    )
    sandbox.add_workbook("Mine", owner_id=ada, project_id=None, created_at=NOW)
    view = sandbox.views_of(workbook)[0]
    sandbox.workbooks[workbook].tags, view.tags = {"finance"}, {"top"}
    sandbox.workbooks[workbook].grants = {("user", ada): {"Read": "Allow"}}
    sandbox.deliver("subscription", "Weekly", user_id=ada, target=("Workbook", workbook))
    sandbox.deliver("alert", "Low", user_id=ada, target=("View", view.id))
    sandbox.view(view.id, by=ada, at=NOW - timedelta(hours=1))
    with sandbox.serve() as server:
        yield Served(server.url, sandbox, workbook)


def shape(raw: bytes) -> Shape:
    """(parent/element, attribute) of everything in the answer, without namespaces."""
    found: Shape = set()

    def walk(item: ElementTree.Element, parent: str) -> None:
        name = item.tag.rpartition("}")[2]
        found.add((f"{parent}/{name}", ""))
        plain = (key for key in item.attrib if not key.startswith("{"))
        found.update((f"{parent}/{name}", key) for key in plain)
        for child in item:
            walk(child, name)

    walk(ElementTree.fromstring(raw), "")
    return found


@pytest.mark.parametrize("path", ANSWERS if SAMPLES else [])
def test_an_answer_has_only_what_the_samples_show(path: str, served: Served) -> None:
    samples = [(SPECS / "fixtures" / "tableau" / name).read_bytes() for name in ANSWERS[path]]
    known = set().union(*(shape(sample) for sample in samples))
    assert shape(served.get(path)) - known == set()


@pytest.mark.parametrize("sample", available("fixtures/tableau/auth_sign_in.xml"))
def test_signing_in_answers_like_the_sample(sample: str, served: Served) -> None:
    assert shape(served.signed_in.content) == shape((SPECS / sample).read_bytes())


def validator(spec: str, name: str) -> Draft202012Validator:
    return Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": load(spec)["components"]}
    )


@pytest.mark.parametrize("spec", SCHEMAS)
def test_queries_of_events_are_as_described_both_ways(
    spec: str, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the connector asks the service, and what the sandbox answers."""
    exchanged: list[tuple[Any, Any]] = []
    ask = TableauClient.post_json

    def recorded(client: TableauClient, path: str, body: Any, hint: str = "") -> Any:
        answer = ask(client, path, body, hint)
        exchanged.append((json.loads(json.dumps(body)), answer))
        return answer

    monkeypatch.setattr(TableauClient, "post_json", recorded)
    token = served.sandbox.token
    reader = TableauReader(
        "t",
        {
            "server_url": served.url,
            "token_name": token.name,
            "token_value": token.value,
            "history": "admin_insights",
        },
    )
    reader.history_start(NOW - timedelta(days=9), NOW, Coverage())
    assert sum(map(len, reader.read_history(Interval(NOW - timedelta(hours=6), NOW)))) == 1
    reader.look(VisualKey("t", "workbook", served.workbook), NOW - timedelta(days=9))
    reader.close()
    assert len(exchanged) >= 4
    for body, answer in exchanged:
        validator(spec, "QueryRequest").validate(body)
        validator(spec, "QueryOutput").validate(answer)
