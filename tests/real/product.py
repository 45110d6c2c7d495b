"""The product beside a company: its configuration file, its folder, and the two ways to drive it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from bi_governance import events as ev
from bi_governance.app import App
from bi_governance.config_file import load_settings
from bi_governance.model import Mode
from bi_governance.ports import Services
from tests.real.company import SERVICE, Company

COMMAND = Path(sys.executable).with_name("bi-governance")
PATIENCE = 120.0  # seconds; generous, because the machine may be busy


@dataclass(frozen=True, slots=True)
class Product:
    """One configured product; all it keeps lies in ``folder``, all its secrets in ``secrets``."""

    folder: Path
    secrets: Mapping[str, str]

    @property
    def file(self) -> Path:
        return self.folder / "bi_governance.yml"

    @property
    def environment(self) -> dict[str, str]:
        return {**self.secrets, "STATE": str(self.folder)}

    @contextmanager
    def open(self, company: Company) -> Iterator[Services]:
        """The product in this process, by the company's clock."""
        with App(load_settings(self.file, self.environment), clock=company.clock) as app:
            yield app.services

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One command of the installed command line, in a process of its own, at real time."""
        environment = {**self.environment, "PATH": os.defpath, "HOME": str(self.folder), "COLUMNS": "200"}
        return subprocess.run(
            [str(COMMAND), *arguments, "--config", str(self.file)],
            env=environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    def with_secret(self, name: str, value: str) -> Product:
        return replace(self, secrets={**self.secrets, name: value})

    def copy(self, folder: Path) -> Product:
        """The same product as it stands, to go on by itself."""
        shutil.copytree(self.folder, folder)
        return replace(self, folder=folder)


def install(folder: Path, company: Company, **sections: Any) -> Product:
    """Write a configuration with secrets from the environment; ``sections`` are added to it."""
    configuration = {
        "warehouse": {"url": "duckdb:///${STATE}/warehouse.duckdb", "dbt_target": "${STATE}/dbt"},
        "ledger": {"url": "sqlite:///${STATE}/ledger.db"},
        "backups": {"url": "file://${STATE}/backups"},
        "people": {"cache": "${STATE}/people.jsonl"},
        "viewers": {"at_most": 0},
        "sources": {
            "superset": {
                "platform": "superset",
                "base_url": company.server.url,
                "username": SERVICE,
                "password": "${SUPERSET_PASSWORD}",
            }
        },
        "slack": {"bot_token": "${SLACK_BOT_TOKEN}", "base_url": f"{company.slack_url}/api/"},
        **sections,
    }
    secrets = {
        "SUPERSET_PASSWORD": company.server.passwords[SERVICE],
        "SLACK_BOT_TOKEN": company.slack.token,
    }
    folder.mkdir(parents=True)
    product = Product(folder, secrets)
    product.file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    return product


def switch(services: Services, mode: Mode) -> None:
    """An admin switches the mode."""
    services.ledger.append(
        [ev.ModeChanged(at=services.clock.now(), actor="admin", mode=mode, reason="tested")]
    )
