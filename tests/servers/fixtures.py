"""The real servers as pytest fixtures, each started once per worker, on first use.

A plugin, to be named in ``pytest_plugins``. Every test that asks for the shared Superset, directly or not, is
put in the xdist group ``superset``, so that with ``--dist loadgroup`` only one worker starts one. Where xdist
does not see groups (3.8 under pytest 9.2, pytest-xdist#1386) each worker starts its own: slower, but right.
"""

from collections.abc import Iterator

import pytest

from tests.servers.postgres import PostgresServer
from tests.servers.superset import SupersetServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL; make databases of your own in it."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def superset_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SupersetServer]:
    """A running Superset, shared by the tests of this worker: make your own content, expect others' too."""
    with SupersetServer(tmp_path_factory.mktemp("superset")) as server:
        yield server


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of the shared Superset together on one worker."""
    for item in items:
        if "superset_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("superset"))
            item.add_marker("superset")
