"""Hypothesis profiles: `ci` is thorough and repeatable, `dev` is quick; HYPOTHESIS_PROFILE chooses."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# Stepping a world is slow by Hypothesis's standards and drops impossible steps by design.
_PATIENT = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]

settings.register_profile(
    "ci", max_examples=2000, deadline=None, derandomize=True, suppress_health_check=_PATIENT
)
settings.register_profile("dev", max_examples=200, deadline=None, suppress_health_check=_PATIENT)
