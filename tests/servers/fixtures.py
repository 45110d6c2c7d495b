"""The real servers as pytest fixtures, each started once per worker, on first use.

A plugin, to be named in ``pytest_plugins``. Every test that asks for the shared Superset, directly or not, is
put in the xdist group ``superset``, so that with ``--dist loadgroup`` only one worker starts one. Where xdist
does not see groups (3.8 under pytest 9.2, pytest-xdist#1386) each worker starts its own: slower, but right.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import requests

from tests.servers.postgres import PostgresServer
from tests.servers.superset import SupersetServer

if TYPE_CHECKING:
    from tests.servers.s3 import S3Server


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


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A running S3, shared by the tests of this worker."""
    from tests.servers.s3 import S3Server  # noqa: PLC0415 - two seconds, for those only who need it

    with S3Server() as server:
        yield server


@pytest.fixture
def bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an empty bucket of one's own, with credentials for it in the environment."""
    from s3fs import S3FileSystem  # noqa: PLC0415

    from tests.servers.s3 import CREDENTIALS  # noqa: PLC0415

    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": s3_server.url}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(S3FileSystem, "retries", 1)
    name = f"backups-{uuid.uuid4().hex}"
    requests.put(f"{s3_server.url}/{name}", timeout=10).raise_for_status()
    s3_server.asked.clear()
    return f"s3://{name}"


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of the shared Superset together on one worker."""
    for item in items:
        if "superset_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("superset"))
            item.add_marker("superset")
