"""Which channels the settings come to: Slack, e-mail beside it or alone, or files."""

from pathlib import Path

import pytest

from bi_governance.app import App
from bi_governance.config_file import load_settings
from bi_governance.errors import DeliveryError
from bi_governance.model import Person
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.faults import Fault
from bi_governance.sandbox.slack import SlackSandbox
from bi_governance.sandbox.smtp import SmtpSandbox
from tests.notify.samples import NOW

ADA, BOB, NOBODY = Person("1", "Ada", "ada@acme.example"), Person("2", "Bob", "bob@acme.example"), None


@pytest.fixture
def slack():
    slack = SlackSandbox(SimulatedClock(NOW))
    slack.add_member("ada@acme.example", "Ada")
    slack.add_channel("bi-deprecation")
    slack.add_channel("analytics")
    with slack.serve():
        yield slack


@pytest.fixture
def post():
    with SmtpSandbox(accounts={"bi": "s3cret"}) as post:
        yield post


def notifier(folder: Path, *sections: str):
    file = folder / "bi.yml"
    places = (f"outbox: {folder}/outbox", f"people: {{cache: {folder}/people.jsonl}}")
    file.write_text("\n".join((*places, *sections)), encoding="utf-8")
    environment = {"SLACK_BOT_TOKEN": "xoxb-sandbox-token", "SMTP_PASSWORD": "s3cret"}
    return App(load_settings(file, environment), clock=SimulatedClock(NOW)).notifier


def slack_section(slack: SlackSandbox) -> str:
    return f"slack: {{bot_token: '${{SLACK_BOT_TOKEN}}', base_url: '{slack.serve().url}/api/'}}"


def email_section(post: SmtpSandbox) -> str:
    return (
        f"email: {{host: 127.0.0.1, port: {post.port}, sender: bi@acme.example, username: bi, "
        "password: '${SMTP_PASSWORD}', starttls: false}"
    )


def addresses(channels) -> list[str]:
    return [channels.recipient(owner).address for owner in (BOB, NOBODY)]


def test_slack_alone_lets_the_channel_stand_in(tmp_path, slack) -> None:
    channels = notifier(tmp_path, slack_section(slack))
    assert addresses(channels) == ["#bi-deprecation", "#bi-deprecation"]


def test_e_mail_beside_slack(tmp_path, slack, post) -> None:
    channels = notifier(tmp_path, slack_section(slack), email_section(post))
    assert addresses(channels) == ["mailto:bob@acme.example", "#bi-deprecation"]
    assert channels.recipient(ADA).address.startswith("U")
    assert f"e-mail as bi@acme.example through 127.0.0.1:{post.port}" in channels.check()


def test_e_mail_without_slack(tmp_path, post) -> None:
    channels = notifier(tmp_path, email_section(post))
    assert addresses(channels) == ["mailto:bob@acme.example", "unassigned"]
    post.faults.add(Fault("AUTH", "status", status=454, body="later"))
    with pytest.raises(DeliveryError, match="454 later"):
        channels.check()


def test_files_without_either(tmp_path) -> None:
    assert addresses(notifier(tmp_path)) == ["bob@acme.example", "unassigned"]
