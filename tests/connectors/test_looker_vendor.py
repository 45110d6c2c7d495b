"""Looker's SDK in quarantine, and what `doctor` finds out about a connection."""

from __future__ import annotations

import inspect
import pkgutil
from datetime import timedelta
from importlib import import_module

import looker_sdk
import pytest
import requests
from looker_sdk.rtl import serialize
from looker_sdk.sdk.api40.models import LookmlModelExplore

from bi_governance.connectors.looker.client import VENDOR_ERRORS
from bi_governance.errors import (
    SourceAuthFailed,
    SourceConflict,
    SourceForbidden,
)
from bi_governance.model import RemovalRoute
from bi_governance.ports import BackupContent
from bi_governance.sandbox.looker import LookerSandbox
from bi_governance.sandbox.looker_records import PERMISSIONS
from bi_governance.sandbox.server import Fault
from tests.connectors.looker_bench import NOW, Bench


def sdk_exceptions() -> set[type[BaseException]]:
    """Every exception class defined anywhere in the SDK."""
    names = [m.name for m in pkgutil.walk_packages(looker_sdk.__path__, "looker_sdk.")]
    modules = [looker_sdk, *map(import_module, names)]
    found = (value for module in modules for value in vars(module).values() if inspect.isclass(value))
    return {c for c in found if issubclass(c, BaseException) and c.__module__.startswith("looker_sdk")}


def test_every_exception_of_the_sdk_is_translated() -> None:
    assert {c.__name__ for c in sdk_exceptions()} == {"SDKError", "DeserializeError"}
    assert all(issubclass(c, VENDOR_ERRORS) for c in sdk_exceptions())


def test_errors_carry_the_status_that_the_sdk_hides(bench: Bench) -> None:
    bench.server.faults.add(Fault("GET /api/4.0/user$", "status", status=403))
    with pytest.raises(SourceForbidden) as raised:
        bench.reader().own_accounts()
    assert (raised.value.source, raised.value.status) == ("acme", 403)
    assert raised.value.request == "GET /api/4.0/user"
    assert "permission" in raised.value.message


def test_no_error_document_is_fetched_from_the_vendors_cdn(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    monkeypatch.setattr(requests, "get", lambda url, **_: fetched.append(url))
    link = "https://cloud.google.com/looker/docs/r/err/4.0/422/get/user"
    detail = {"field": "title", "code": "invalid", "message": "is taken", "documentation_url": link}
    body = {"message": "Validation Failed", "errors": [detail], "documentation_url": link}
    bench.server.faults.add(Fault("GET /api/4.0/user$", "status", status=422, body=body))
    with pytest.raises(SourceConflict, match="Validation Failed: title is taken"):
        bench.reader().own_accounts()
    assert fetched == []


def test_an_answer_leaves_what_the_sdk_has_compiled_for_the_next(bench: Bench) -> None:
    bench.reader().own_accounts()
    compiled = serialize.converter40.get_structure_hook(LookmlModelExplore)
    bench.reader().own_accounts()
    assert serialize.converter40.get_structure_hook(LookmlModelExplore) is compiled


def test_fields_at_fault_are_quoted(bench: Bench) -> None:
    key = bench.dashboard()
    bench.remover().remove(key)
    bench.dashboard("Revenue")
    with pytest.raises(SourceConflict, match=r"title .*must be unique"):
        bench.remover().restore(key, RemovalRoute.TRASH, BackupContent({}, {}))


def test_an_unknown_key_is_an_authentication_failure_although_looker_says_404(bench: Bench) -> None:
    with pytest.raises(SourceAuthFailed) as raised:
        bench.reader(client_secret="wrong").own_accounts()
    assert raised.value.status == 404
    assert "client_secret" in raised.value.hint


def test_secrets_come_from_the_options_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKERSDK_CLIENT_ID", "from the environment")
    monkeypatch.setenv("LOOKERSDK_CLIENT_SECRET", "from the environment")
    monkeypatch.setenv("LOOKERSDK_BASE_URL", "http://127.0.0.1:9")
    assert bench.reader().own_accounts()[0].id == bench.looker.credentials.user_id


def test_tokens_that_the_server_forgot_are_renewed_once(bench: Bench) -> None:
    reader = bench.reader()
    reader.own_accounts()
    bench.looker.expire_tokens()
    assert reader.own_accounts()
    bench.server.faults.add(Fault("GET /api/4.0/user$", "status", status=401, times=None))
    bench.server.requests.clear()
    with pytest.raises(SourceAuthFailed):
        reader.own_accounts()
    assert len(bench.server.requests.matching("GET /api/4.0/user$")) == 2


def test_logging_out_ends_the_session_at_looker(bench: Bench) -> None:
    reader = bench.reader()
    reader.own_accounts()
    reader.close()
    assert len(bench.server.requests.matching("DELETE .*/logout")) == 1


@pytest.mark.parametrize("permission", sorted(PERMISSIONS))
def test_each_missing_permission_is_named_with_the_page_to_set_it(bench: Bench, permission: str) -> None:
    bench.looker.view("dashboard", bench.dashboard().native_id, by=bench.ada, at=NOW - timedelta(days=3))
    bench.looker.revoke("administer")  # which implies all others
    bench.looker.revoke(permission)
    failed = {p.name: p for p in bench.reader().probe() if not p.ok}
    wanted = "sees everything" if permission == "administer" else permission
    consequences = {"see_system_activity": {"system activity"}, "see_alerts": {"alerts of all owners"}}
    assert failed.keys() == {"sees everything", wanted, *consequences.get(permission, set())}
    assert "Admin > Users > Roles" in failed[wanted].advice
    assert (permission if permission != "administer" else "the Admin role") in failed[wanted].advice


def test_an_administrator_lacks_nothing(bench: Bench) -> None:
    bench.looker.view("dashboard", bench.dashboard().native_id, by=bench.ada, at=NOW - timedelta(days=3))
    for permission in PERMISSIONS - {"administer"}:
        bench.looker.revoke(permission)
    named = {p.name: p.ok for p in bench.reader().probe()}
    assert all(ok for name, ok in named.items() if name in PERMISSIONS or name == "sees everything")
    assert PERMISSIONS - {"administer"} <= named.keys()


def test_a_robot_that_does_not_exist_is_found(bench: Bench) -> None:
    failed = [p for p in bench.reader(robots=["nobody@acme.example"]).probe() if not p.ok]
    assert "robot nobody@acme.example" in [p.name for p in failed]


def test_no_history_at_all_is_found(looker: LookerSandbox) -> None:
    with looker.serve() as server:
        bench = Bench(looker, server)
        assert "system activity" in [p.name for p in bench.reader().probe() if not p.ok]
        bench.close()
