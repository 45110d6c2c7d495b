"""Every request the Looker and Superset connectors send, against the vendors' published descriptions.

Reading, looking, saving, removing, restoring and rebuilding: each path and method must be described, with
the parameters sent. What Looker's sandbox answers to each reading call must have the described shape. Only
collected where the descriptions lie beside the checkout.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import pytest
import requests
from jsonschema import Draft202012Validator

from bi_governance.model import Coverage, Interval
from bi_governance.sandbox.server import Request
from tests.connectors.harness import START, Connected, Harness, harness_of
from tests.sandbox.published import available, load, strict

LOOKER = available("Looker.4.0.oas.json")
SUPERSET = available("superset-6.1.0.openapi.json")
# In the SDK of 26.22, not yet in the description of 26.12.
NEWER = ("is_embed_user", "last_run_status")
# Not part of the described API: the page that tells which features are on; where Looker's SDK logs out.
BESIDE = ("/login/", "/api/logout", "/version")


def everything(connected: Connected) -> None:
    """Use a visual in every way there is: read, look, save, remove, restore."""
    key = connected.harness.add_visual("Revenue")
    connected.harness.view(key, START - timedelta(hours=3))
    scheduled = connected.harness.add_visual("Costs")
    connected.harness.schedule(scheduled)
    reader, remover = connected.reader(groups=True), connected.remover()
    reader.fingerprint()
    reader.own_accounts()
    for feed in reader.inventory_feeds:
        list(reader.read_inventory(feed))
    reader.history_start(START - timedelta(days=9), START, Coverage())
    list(reader.read_history(Interval(START.replace(hour=0), START)))
    for each in (key, scheduled):
        reader.look(each, START - timedelta(days=2))
    list(reader.probe())
    saved = reader.backup(key)
    remover.remove(key)
    remover.restore(key, reader.capabilities.routes[key.type], saved)
    connected.harness.lose(key)
    remover.restore(key, reader.capabilities.routes[key.type], saved)
    reader.close()
    remover.close()


def described(paths: Mapping[str, Any], method: str, path: str) -> str:
    """The path of the description that a call belongs to, the most literal one first."""
    found = [
        template
        for template, operations in paths.items()
        if method.lower() in operations
        and re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template)), path)
    ]
    assert found, f"{method} {path} is not described"
    return min(found, key=lambda template: template.count("{"))


def not_described(spec: Any, prefix: str, sent: Iterable[Request]) -> set[str]:
    """What of the requests the description does not know."""
    faults = set()
    for request in sent:
        template = described(spec["paths"], request.method, request.path.removeprefix(prefix))
        operations = spec["paths"][template]
        own = operations[request.method.lower()].get("parameters", ())
        parameters = [*operations.get("parameters", ()), *own]
        names = {_named(spec, each) for each in parameters}
        faults |= {f"{request.method} {template} ?{name}" for name in request.query.keys() - names}
    return faults


def _named(spec: Any, parameter: Any) -> str:
    if "$ref" in parameter:
        parameter = spec["components"]["parameters"][parameter["$ref"].rpartition("/")[2]]
    return str(parameter["name"])


def furnished_looker() -> Harness:
    """Looks with queries, merged results, boards, alerts: so that every list has rows."""
    harness = harness_of("looker")
    there, ada = harness.sandbox, harness.ada  # type: ignore[attr-defined]
    look = there.add_look(
        "Orders", owner_id=ada, created_at=START - timedelta(days=90), explore="sales.deals"
    )
    board = there.add_dashboard("Weekly", owner_id=ada, created_at=START - timedelta(days=90))
    tile = there.add_tile(board, title="Orders")
    there.add_alert(tile, owner_id=ada, emails=["ada@acme.example"])
    there.add_board("Start here", user_id=ada, items=[("look", look)])
    there.add_merge(["sales.deals"])
    made: Harness = harness
    return made


@pytest.mark.parametrize("name", LOOKER)
def test_what_is_asked_of_looker_and_what_it_answers_is_described(name: str) -> None:
    spec, harness = load(name), furnished_looker()
    with harness.serve() as server:
        connected = Connected(harness, server)
        everything(connected)
        connected.close()
        sent = [request for request in server.requests if request.path not in BESIDE]
        assert not_described(spec, "/api/4.0", sent) == set()
        reading = {(r.path, tuple(sorted(r.query.items()))) for r in sent if r.method == "GET"}
        assert (
            len({described(spec["paths"], "GET", path.removeprefix("/api/4.0")) for path, _ in reading}) > 20
        )
        session = logged_in(server.url, harness)
        components = strict({"schemas": spec["components"]["schemas"]})
        faults = [
            fault
            for path, query in sorted(reading)
            for fault in wrong(spec, components, session, server.url, path, query)
        ]
        session.close()
    assert faults == []


def logged_in(url: str, harness: Harness) -> requests.Session:
    options, session = harness.options(url), requests.Session()
    keys = {each: options[each] for each in ("client_id", "client_secret")}
    token = session.post(f"{url}/api/4.0/login", data=keys, timeout=10).json()["access_token"]
    session.headers["Authorization"] = f"Bearer {token}"
    return session


def wrong(
    spec: Any,
    components: Any,
    session: requests.Session,
    url: str,
    path: str,
    query: tuple[tuple[str, str], ...],
) -> list[str]:
    """Where the answer to a reading call is not of the described shape."""
    answer = session.get(url + path, params=dict(query), timeout=10)
    if answer.status_code == 404:  # what was looked for and is gone by now
        return []
    operation = spec["paths"][described(spec["paths"], "GET", path.removeprefix("/api/4.0"))]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    check = Draft202012Validator({**strict(schema), "components": components})
    return [
        f"{path}: {error.json_path} {error.message[:120]}"
        for error in check.iter_errors(answer.json())
        if not any(newer in error.message for newer in NEWER)
    ]


@pytest.mark.parametrize("name", SUPERSET)
def test_what_is_asked_of_superset_is_described(name: str) -> None:
    harness = harness_of("superset")
    there, ada = harness.sandbox, harness.ada  # type: ignore[attr-defined]
    there.add_chart("Orders", owner_id=ada, dataset_id=there.add_dataset("orders", owner_id=ada))
    there.add_group("Finance", ada, roles=[4])
    with harness.serve() as server:
        connected = Connected(harness, server)
        everything(connected)
        connected.close()
        sent = [request for request in server.requests if request.path not in BESIDE]
    assert not_described(load(name), "", sent) == set()
    assert len({(r.method, described(load(name)["paths"], r.method, r.path)) for r in sent}) > 15
