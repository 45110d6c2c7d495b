"""What every test shares: the real servers, and a network that ends at this machine."""

from collections.abc import Iterator

import pytest
import pytest_socket
import structlog

from tests.hurry import hurry

hurry()
pytest_plugins = ["tests.servers.fixtures"]


def pytest_runtest_setup():
    """Nothing a test does may leave the machine."""
    pytest_socket.socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _no_log_of_another_test() -> Iterator[None]:
    """The command line logs to the standard error of the moment, which ends with its test."""
    yield
    structlog.reset_defaults()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share one real Superset stay on one worker."""
    for item in items:
        if item.get_closest_marker("superset") and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group("superset"))
