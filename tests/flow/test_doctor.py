"""What `bi-governance doctor` says of every platform with one permission, scope or setting taken away."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from bi_governance.cli import main
from bi_governance.connectors.superset import probes as superset_probes
from bi_governance.sandbox.domo_public import ALL_SCOPES
from bi_governance.sandbox.looker_records import PERMISSIONS as LOOKER_PERMISSIONS
from bi_governance.sandbox.powerbi_access import PowerBISettings
from tests.connectors.harness import SECRETS, START, Harness, harness_of, with_harness
from tests.connectors.harness_powerbi import QuickTime

Take = Callable[[Any], None]


@dataclass(frozen=True)
class Missing:
    """One thing taken away at a sandbox: the words doctor must use for it, and the page it must lead to."""

    platform: str
    what: str
    take: Take
    named: str
    page: str


def _looker(permission: str) -> Missing:
    def take(sandbox: Any) -> None:
        sandbox.revoke("administer")  # which implies all others
        sandbox.revoke(permission)

    named = "the Admin role" if permission == "administer" else permission
    return Missing("looker", permission, take, named, "Looker under Admin > Users > Roles")


def _superset(permission: str, view: str) -> Missing:
    words = f"{permission.replace('_', ' ')} on {view}"
    return Missing(
        "superset", words, lambda there: there.switches.deny(permission, view), words, "Settings > List Roles"
    )


def _superset_setting(name: str) -> Missing:
    return Missing(
        "superset", name, lambda there: there.switches.settings.update({name: False}), name, "config.py"
    )


def _set(platform: str, attribute: str, value: object, named: str, page: str) -> Missing:
    return Missing(platform, attribute, lambda there: setattr(there, attribute, value), named, page)


ADMIN_APIS = "Service principals can access read-only admin APIs"
TENANT_SETTINGS = {
    "admin_apis": ADMIN_APIS,
    "detailed_metadata": "Enhance admin APIs responses with detailed metadata",
    "fabric_apis": "Service principals can call Fabric public APIs",
    "log_readable": ADMIN_APIS,
}


def _powerbi(setting: str) -> Missing:
    page = "https://app.powerbi.com/admin-portal/tenantSettings"
    return Missing(
        "powerbi",
        setting,
        lambda there: setattr(there.settings, setting, False),
        TENANT_SETTINGS[setting],
        page,
    )


def _without_workspace_role(there: Any) -> None:
    for workspace in there.workspaces.values():
        workspace.roles.pop(there.credentials.object_id)


SCOPES = sorted(ALL_SCOPES - {"data", "account"})  # these two we never ask for
GRANTS = {"view.audit": "View activity log", "content.admin": "Manage all cards and pages"}


def _domo_scope(scope: str) -> Missing:
    return Missing(
        "domo",
        f"scope {scope}",
        lambda there: there.public.scopes.discard(scope),
        f"scope {scope}",
        "developer.domo.com under My Account > Manage Clients",
    )


def _domo_grant(grant: str) -> Missing:
    return Missing(
        "domo",
        grant,
        lambda there: there.users[there.me].grants.discard(grant),
        GRANTS[grant],
        "Domo under Admin > Roles",
    )


MISSING = [
    *map(_looker, sorted(LOOKER_PERMISSIONS)),
    *(_superset(*each) for each in (*superset_probes.PERMISSIONS, superset_probes.SCHEDULES)),
    *map(_superset_setting, ("SUPERSET_LOG_VIEW", "FAB_ADD_SECURITY_API")),
    Missing(
        "superset",
        "role",
        lambda there: there.set_role(there.credentials.user_id, "Alpha"),
        "the role Admin",
        "Settings > List Users",
    ),
    *(_powerbi(setting.name) for setting in fields(PowerBISettings)),
    Missing("powerbi", "workspace role", _without_workspace_role, "role Contributor", "Manage access"),
    *map(_domo_scope, SCOPES),
    *map(_domo_grant, GRANTS),
    Missing(
        "domo",
        "developer token",
        lambda there: setattr(there.instance, "developer_token", "revoked"),
        "make a token",
        "Domo under Admin > Authentication > Access tokens",
    ),
    Missing(
        "tableau",
        "site role",
        lambda there: setattr(there.users[there.me], "role", "Viewer"),
        "Site Administrator Explorer",
        "Users in the site's menu",
    ),
    _set("tableau", "metadata_enabled", False, "Metadata API", "tsm maintenance metadata-services enable"),
    _set("tableau", "insights_visible", False, "'View'", "of the project Admin Insights"),
    _set("tableau", "api_access", False, "'API Access'", "of the project Admin Insights"),
    Missing(
        "tableau",
        "token",
        lambda there: there.access.revoke(there.token),
        "token_value",
        "My Account Settings",
    ),
]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where warehouse, ledger and backups of all checks lie."""
    return tmp_path_factory.mktemp("doctor")


@dataclass(frozen=True)
class Doctor:
    """The command, with the stores of one configuration."""

    folder: Path
    read: Callable[[], pytest.CaptureResult[str]]
    monkeypatch: pytest.MonkeyPatch

    def examine(self, platform: str, take: Take | None = None) -> tuple[int, list[dict[str, Any]]]:
        """The exit status, and all checks of one source at a sandbox of its own."""
        harness: Harness = harness_of(platform)
        harness.view(harness.add_visual("Revenue"), START - timedelta(days=2))
        with harness.serve() as server:
            config = self._configured({"platform": platform, **harness.options(server.url)})
            if take is not None:
                take(harness.sandbox)  # type: ignore[attr-defined]
            with pytest.raises(SystemExit) as ended:
                main(["--config", str(config), "doctor", "--source", "there", "--json"])
        said = self.read()
        assert said.err == ""
        found = json.loads(said.out)
        assert all(check["ok"] for check in found["stores"])
        assert isinstance(ended.value.code, int)
        return ended.value.code, found["there"]

    def _configured(self, source: dict[str, Any]) -> Path:
        for name in source.keys() & SECRETS:
            self.monkeypatch.setenv(name.upper(), source[name])
            source[name] = f"${{{name.upper()}}}"
        config = self.folder / "bi_governance.yml"
        settings = {
            "warehouse": {"url": f"duckdb:///{self.folder}/warehouse.duckdb"},
            "ledger": {"url": f"sqlite:///{self.folder}/ledger.db"},
            "backups": {"url": f"file://{self.folder}/backups"},
            "outbox": f"{self.folder}/outbox",
            "sources": {"there": source},
        }
        config.write_text(yaml.safe_dump(settings), encoding="utf-8")
        return config


@pytest.fixture
def doctor(stores: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Doctor:
    monkeypatch.setattr("bi_governance.connectors.powerbi.client.time", QuickTime())
    return Doctor(stores, capsys.readouterr, monkeypatch)


def test_every_platform_has_something_that_can_be_missing() -> None:
    assert {missing.platform for missing in MISSING} == set(with_harness())


@pytest.mark.parametrize("platform", with_harness())
def test_where_nothing_is_missing_doctor_is_content(doctor: Doctor, platform: str) -> None:
    status, checks = doctor.examine(platform)
    assert [check for check in checks if not check["ok"]] == []
    assert status == 0


@pytest.mark.parametrize("missing", MISSING, ids=lambda missing: f"{missing.platform}-{missing.what}")
def test_doctor_names_what_is_missing_and_where_it_is_set(doctor: Doctor, missing: Missing) -> None:
    status, checks = doctor.examine(missing.platform, missing.take)
    advice = [check["advice"] for check in checks if not check["ok"]]
    assert status == 1
    assert [said for said in advice if missing.named in said and missing.page in said], advice
    assert all(advice)
