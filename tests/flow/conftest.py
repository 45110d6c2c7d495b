"""The fake company, closed after each test."""

import pytest

from tests.flow.world import World


@pytest.fixture
def world(tmp_path):
    company = World(tmp_path)
    yield company
    company.close()
