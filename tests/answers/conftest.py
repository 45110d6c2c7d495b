"""The office: without a transport in between, or with each of the two."""

import pytest

from bi_governance.sandbox.slack import SlackSandbox
from tests.answers.office import Office, clock, listening


@pytest.fixture
def office(tmp_path):
    """What a transport hands over is handed over by hand."""
    slack = SlackSandbox(clock())
    with slack.serve():
        made = Office(tmp_path, slack)
        yield made
        made.answers.close()
        made.world.close()


@pytest.fixture(params=["socket", "http"])
def connected(office, request):
    """The office behind a real Socket Mode connection, and behind signed HTTP."""
    with listening(office, request.param):
        yield office
