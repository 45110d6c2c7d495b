"""Owners who cannot be told, from Looker's own records over dbt and Slack to what `explain` prints."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bi_governance import events as ev
from bi_governance.app import App
from bi_governance.cli.main import app as program
from bi_governance.cli.main import out
from bi_governance.config_file import load_settings
from bi_governance.model import Mode
from bi_governance.run import daily_run
from bi_governance.run_report import RunReport
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.looker import LookerSandbox
from bi_governance.sandbox.slack import SlackSandbox

BORN = datetime(2025, 8, 1, 6, tzinfo=UTC)
START = datetime(2026, 3, 2, 6, tzinfo=UTC)
DAY = timedelta(days=1)
USUAL, LONGER = START + 7 * DAY, START + 21 * DAY
# owner -> who is told, as what, since when it may go, and what explain says of it
TOLD = {
    "lew": ("carol", "folder owner", LONGER, "because its owner has left: the account is deactivated"),
    "nora": ("eve", "manager", LONGER, "because its owner is not on Slack; no owner of its folder is known"),
    "ada": ("ada", "owner", USUAL, ""),
    "loader": ("zed", "viewer", LONGER, "because its owner is a service account; no owner of its folder"),
}


class Office:
    """A Looker in which four people own a dashboard each, which Zed and Max looked at in January."""

    def __init__(self, folder: Path, servers: ExitStack) -> None:
        self.clock, self.folder = SimulatedClock(BORN), folder
        self.looker, self.slack = LookerSandbox(self.clock), SlackSandbox(self.clock)
        for name in ("carol", "eve", "ada", "zed", "max"):
            self.slack.add_member(f"{name}@acme.example", name.title())
        for channel in ("bi-deprecation", "analytics"):
            self.slack.add_channel(channel)
        self.dashboards = self._fill()
        self.clock.set(START)
        urls = [servers.enter_context(server.serve()).url for server in (self.looker, self.slack)]
        self.file = self._configure(*urls)

    def _fill(self) -> dict[str, str]:
        add = self.looker.add_person
        people = {name: add(f"{name}@acme.example", name.title()) for name in ("nora", "carol", "zed", "max")}
        people["lew"] = add("lew@acme.example", "Lew", active=False)
        people["ada"] = add("ADA@Acme.Example", "Ada")
        people["loader"] = add("loader@acme.example", "Loader", service_account=True)
        sales = self.looker.add_folder("Sales", creator_id=people["carol"])
        made = {}
        for owner in TOLD:
            where = {"folder_id": sales} if owner == "lew" else {}
            made[owner] = self.looker.add_dashboard(
                f"Board of {owner}", owner_id=people[owner], created_at=BORN, **where
            )
            for who, days in (("zed", (40, 39, 38)), ("max", (37,))):
                for n in days:
                    self.looker.view("dashboard", made[owner], by=people[who], at=START - n * DAY)
        daily = self.looker.add_dashboard("Daily orders", owner_id=people["nora"], created_at=BORN)
        for n in range(1, 60):
            self.looker.view("dashboard", daily, by=people["max"], at=START - n * DAY)
        return made

    def _configure(self, looker: str, slack: str) -> Path:
        (self.folder / "managers.csv").write_text(
            "email,manager_email\nNora@acme.example,eve@acme.example\n", encoding="utf-8"
        )
        account = self.looker.credentials
        settings = {
            "warehouse": {"url": f"duckdb:///{self.folder}/bi.duckdb", "dbt_target": f"{self.folder}/dbt"},
            "ledger": {"url": f"sqlite:///{self.folder}/ledger.db"},
            "backups": {"url": f"file://{self.folder}/backups"},
            "trial": {"days": 0},
            "policy": {"idle_days": 20},
            "sources": {
                "lk": {
                    "platform": "looker",
                    "base_url": looker,
                    "client_id": account.client_id,
                    "client_secret": "${LOOKER_SECRET}",
                }
            },
            "people": {
                "managers": f"{self.folder}/managers.csv",
                "cache": f"{self.folder}/people.jsonl",
            },
            "slack": {"bot_token": "${SLACK_TOKEN}", "base_url": f"{slack}/api/"},
        }
        file = self.folder / "bi.yml"
        file.write_text(yaml.safe_dump(settings), encoding="utf-8")
        return file

    @property
    def secrets(self) -> dict[str, str]:
        return {"LOOKER_SECRET": self.looker.credentials.client_secret, "SLACK_TOKEN": self.slack.token}

    def run(self) -> RunReport:
        with App(load_settings(self.file, self.secrets), clock=self.clock) as app:
            live = ev.ModeChanged(at=self.clock.now(), actor="admin", mode=Mode.LIVE, reason="trial done")
            app.ledger.append([live])
            return daily_run(app.services)

    def explained(self, owner: str) -> str:
        """What the command prints, as one line of words."""
        key = f"lk:dashboard:{self.dashboards[owner]}"
        words = ["explain", key, "--config", str(self.file), "--as-of", START.isoformat()]
        with pytest.MonkeyPatch.context() as wide:
            wide.setattr(out, "width", 400)
            ended = CliRunner().invoke(program, words, env=self.secrets)
        assert ended.exit_code == 0, ended.output
        return " ".join(ended.output.split())


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with ExitStack() as servers:
        made = Office(tmp_path_factory.mktemp("office"), servers)
        report = made.run()
        assert (report.outcome, report.warned.delivered) == ("done", 4), report
        yield made


@pytest.mark.parametrize("owner", sorted(TOLD))
def test_every_owner_ends_with_a_named_recipient_and_grace_shown_by_explain(office, owner) -> None:
    reader, role, deadline, why = TOLD[owner]
    said = office.explained(owner)
    (member,) = (m for m in office.slack.members.values() if m.email == f"{reader}@acme.example")
    assert f"warning on 2026-03-02 to {member.real_name} ({member.id}) as {role}" in said
    assert f"deadline {deadline:%Y-%m-%d %H:%M}" in said
    assert why in said
    assert ("with the longer grace" in said) is bool(why)
    warnings = [m for m in office.slack.messages_for(member.email) if "unless somebody keeps" in m.text]
    assert [f"Board of {owner}" in m.text for m in warnings].count(True) == 1


def test_those_who_looked_at_it_are_told_beside_the_owner(office) -> None:
    """Zed stands in for the loader, and so is no viewer of what is the loader's."""
    for who, boards in (("zed", {"lew", "nora", "ada"}), ("max", set(TOLD))):
        (told,) = [m for m in office.slack.messages_for(f"{who}@acme.example") if "you have used" in m.text]
        assert {owner for owner in TOLD if f"Board of {owner}" in told.text} == boards
        assert f"You used it: {'3 times' if who == 'zed' else 'once'}" in told.text
    assert "viewer on 2026-03-02 to Max" in office.explained("ada")
    assert "Last used" in told.text


def test_what_slack_said_is_kept_and_not_asked_for_again(office) -> None:
    asked = (office.folder / "people.jsonl").read_text(encoding="utf-8")
    assert all(f"{name}@acme.example" in asked for name in ("nora", "ada", "zed"))
    assert not any(f"{name}@acme.example" in asked for name in ("lew", "loader"))
