"""The demo's company: a server of every platform and Slack, filled, and the settings that lead to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.domo import DomoSandbox
from bi_governance.sandbox.estate import Estate
from bi_governance.sandbox.estate_plan import ROBOT
from bi_governance.sandbox.looker import LookerSandbox
from bi_governance.sandbox.powerbi import AUTHORITY, PowerBISandbox
from bi_governance.sandbox.slack import SlackSandbox
from bi_governance.sandbox.superset import SupersetSandbox
from bi_governance.sandbox.tableau import TableauSandbox
from bi_governance.settings import Settings

SOURCES = {
    "looker": "looker_prod",
    "superset": "superset",
    "tableau": "tableau",
    "powerbi": "powerbi",
    "domo": "domo",
}
_RULES = [
    {"name": "executives are never touched", "match": {"folder": "Executive/**"}, "protect": True},
    {
        "name": "Power BI dashboards: 30 days",
        "match": {"platform": "powerbi", "type": "dashboard"},
        "idle_days": 30,
    },
]


@dataclass(frozen=True, slots=True)
class Servers:
    """Every sandbox of the demo."""

    looker: LookerSandbox
    superset: SupersetSandbox
    tableau: TableauSandbox
    powerbi: PowerBISandbox
    domo: DomoSandbox
    slack: SlackSandbox

    def writes(self) -> int:
        """Changing calls so far, by the BI servers' own records."""
        platforms = (self.looker, self.superset, self.tableau, self.powerbi, self.domo)
        return sum(len(sandbox.requests.writes()) for sandbox in platforms)


def populated(clock: SimulatedClock, estate: Estate) -> Servers:
    """All servers with the estate's people, content and history on them."""
    made = Servers(
        LookerSandbox(clock),
        SupersetSandbox(clock),
        TableauSandbox(clock),
        PowerBISandbox(clock),
        DomoSandbox(clock),
        SlackSandbox(clock),
    )
    made.powerbi.reads.events_per_page = 5000  # as many as there are: Microsoft counts the calls
    estate.fill_looker(made.looker)
    estate.fill_superset(made.superset)
    estate.fill_tableau(made.tableau)
    estate.fill_powerbi(made.powerbi)
    estate.fill_domo(made.domo)
    estate.fill_slack(made.slack)
    return made


@contextmanager
def serving(servers: Servers, folder: Path) -> Iterator[Settings]:
    """All servers up on loopback, and the settings of a product that keeps its things in `folder`."""
    with ExitStack() as stack:
        sources = {
            "looker_prod": _looker(servers.looker, stack.enter_context(servers.looker.serve()).url),
            "superset": _superset(servers.superset, stack.enter_context(servers.superset.serve()).url),
            "tableau": _tableau(servers.tableau, stack.enter_context(servers.tableau.serve()).url),
            "powerbi": _powerbi(servers.powerbi, stack.enter_context(servers.powerbi.serve()).url),
            "domo": _domo(servers.domo, stack.enter_context(servers.domo.serve()).url),
        }
        slack_url = stack.enter_context(servers.slack.serve()).url
        yield Settings.model_validate(
            {
                "warehouse": {"url": f"duckdb:///{folder}/warehouse.duckdb", "dbt_target": f"{folder}/dbt"},
                "ledger": {"url": f"sqlite:///{folder}/ledger.db"},
                "backups": {"url": f"file://{folder}/backups"},
                "sources": {
                    name: {**source, "robots": [ROBOT.email], "backoff": 0.05}
                    for name, source in sources.items()
                },
                "policy": {"rules": _RULES},
                "people": {"cache": f"{folder}/people.jsonl"},
                "slack": {"bot_token": servers.slack.token, "base_url": f"{slack_url}/api/"},
            }
        )


def _looker(looker: LookerSandbox, url: str) -> dict[str, Any]:
    account = looker.credentials
    return {
        "platform": "looker",
        "base_url": url,
        "client_id": account.client_id,
        "client_secret": account.client_secret,
    }


def _superset(superset: SupersetSandbox, url: str) -> dict[str, Any]:
    account = superset.credentials
    return {
        "platform": "superset",
        "base_url": url,
        "username": account.username,
        "password": account.password,
    }


def _tableau(tableau: TableauSandbox, url: str) -> dict[str, Any]:
    """As on Tableau Cloud: counters of views could prove nothing about the days before the first run."""
    return {
        "platform": "tableau",
        "server_url": url,
        "site": tableau.site_name,
        "token_name": tableau.token.name,
        "token_value": tableau.token.value,
        "history": "admin_insights",
    }


def _powerbi(powerbi: PowerBISandbox, url: str) -> dict[str, Any]:
    app = powerbi.credentials
    return {
        "platform": "powerbi",
        "tenant_id": powerbi.tenant_id,
        "client_id": app.client_id,
        "client_secret": app.client_secret,
        "api_url": url,
        "authority_url": url + AUTHORITY,
        "poll_seconds": 0,
    }


def _domo(domo: DomoSandbox, url: str) -> dict[str, Any]:
    return {
        "platform": "domo",
        "api_url": url,
        "instance_url": url,
        "client_id": domo.public.client_id,
        "client_secret": domo.public.client_secret,
        "developer_token": domo.instance.developer_token,
    }
