"""The eve of the day everything is due, prepared once per worker and copied for every case."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.child import Gate
from tests.crash.estate import EVE, START, Company
from tests.crash.product import PROCESSES, Product


@pytest.fixture(scope="session")
def company() -> Iterator[Company]:
    with Company().serving() as opened:
        yield opened


@pytest.fixture(scope="session")
def eve(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Product:
    """Live since START, when the first warnings went out; collected and transformed just before DUE."""
    product = Product(tmp_path_factory.mktemp("eve"), company).configured()
    company.open(START)
    for command in (["mode", "live", "--reason", "trial reviewed", "--yes"], ["run"]):
        ended = product.run(*command, at=START)
        assert ended.status == 0, ended
    company.open(EVE)
    for command in ("collect", "transform"):
        ended = product.run(command, at=EVE)
        assert ended.status == 0, ended
    return product


@pytest.fixture
def product(eve: Product, company: Company, tmp_path: Path) -> Product:
    """The product on the day everything is due, and the company that knows nothing of it yet."""
    company.open(EVE)
    return eve.copied_to(tmp_path / "product")


@pytest.fixture
def gate() -> Gate:
    return Gate(PROCESSES.Event(), PROCESSES.Event())
