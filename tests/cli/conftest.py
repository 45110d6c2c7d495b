"""The command line against sandbox servers, as a person uses it: a file, secrets in the environment."""

import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.estate import Estate
from bi_governance.sandbox.looker import LookerSandbox
from bi_governance.sandbox.slack import SlackSandbox
from bi_governance.sandbox.superset import SupersetSandbox

ROOT = Path(__file__).parents[2]


@dataclass
class Result:
    """How one command ended."""

    status: int
    out: str
    err: str


@dataclass
class Office:
    """A working directory with a configuration, and the servers it names."""

    folder: Path
    looker: LookerSandbox
    superset: SupersetSandbox
    slack: SlackSandbox
    config: dict
    secrets: dict = field(default_factory=dict)

    def write(self) -> None:
        (self.folder / "config").mkdir(exist_ok=True)
        text = yaml.safe_dump(self.config, sort_keys=False)
        (self.folder / "config" / "bi_governance.yml").write_text(text, encoding="utf-8")

    def run(self, *arguments: str, timeout: float = 120, **environment: str) -> Result:
        """Run the program of this checkout in a process of its own."""
        command = [sys.executable, "-c", "from bi_governance.cli import main; main()", *arguments]
        ended = subprocess.run(
            command,
            cwd=self.folder,
            env={
                "PATH": "/usr/bin:/bin",
                "HOME": str(self.folder),
                "COLUMNS": "100",
                "PYTHONPATH": str(ROOT),
                **self.secrets,
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Result(ended.returncode, ended.stdout, ended.stderr)

    def writes(self) -> list:
        return [*self.looker.requests.writes(), *self.superset.requests.writes()]


@pytest.fixture
def desk(tmp_path):
    """A configuration and no servers behind it: for what must be refused before anything is asked."""
    sources = {"looker_prod": {"platform": "looker"}, "superset": {"platform": "superset"}}
    for number, source in enumerate(sources.values()):
        source |= {"base_url": f"http://127.0.0.1:{number + 1}"}
    sources["looker_prod"] |= {"client_id": "id", "client_secret": "${LOOKER_CLIENT_SECRET}"}
    sources["superset"] |= {"username": "u", "password": "${SUPERSET_PASSWORD}"}
    secrets = {"LOOKER_CLIENT_SECRET": "s", "SUPERSET_PASSWORD": "s", "S": "s"}
    clock = SimulatedClock(datetime.now(UTC))
    servers = LookerSandbox(clock), SupersetSandbox(clock), SlackSandbox(clock)
    place = Office(tmp_path, *servers, {"sources": sources}, secrets)
    place.write()
    return place


@pytest.fixture
def office(tmp_path):
    """An office at the real present moment, since a process of its own reads the real clock."""
    clock = SimulatedClock(datetime.now(UTC))
    looker, superset, slack = LookerSandbox(clock), SupersetSandbox(clock), SlackSandbox(clock)
    estate = Estate(clock)
    estate.fill_looker(looker)
    estate.fill_superset(superset)
    estate.fill_slack(slack)
    with ExitStack() as servers:
        urls = [servers.enter_context(s.serve()).url for s in (looker, superset, slack)]
        config = {
            "sources": {
                "looker_prod": {
                    "platform": "looker",
                    "base_url": urls[0],
                    "client_id": looker.credentials.client_id,
                    "client_secret": "${LOOKER_CLIENT_SECRET}",
                },
                "superset": {
                    "platform": "superset",
                    "base_url": urls[1],
                    "username": superset.credentials.username,
                    "password": "${SUPERSET_PASSWORD}",
                },
            },
            "slack": {"bot_token": "${SLACK_BOT_TOKEN}", "base_url": f"{urls[2]}/api/"},
        }
        secrets = {
            "LOOKER_CLIENT_SECRET": looker.credentials.client_secret,
            "SUPERSET_PASSWORD": superset.credentials.password,
            "SLACK_BOT_TOKEN": slack.token,
        }
        place = Office(tmp_path, looker, superset, slack, config, secrets)
        place.write()
        yield place
