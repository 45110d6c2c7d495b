"""Any order of days, uses, outages, clicks, flips and crashes, and no removal that breaks an invariant."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.core.machine import World

TestWorld = World.TestCase
TestWorld.pytestmark = [pytest.mark.timeout(3600)]  # thousands of worlds on a busy machine
_default = "ci" if os.environ.get("CI") == "true" else "dev"
TestWorld.settings = settings(
    settings.get_profile(os.environ.get("HYPOTHESIS_PROFILE", _default)), stateful_step_count=30
)
