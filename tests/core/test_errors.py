"""Errors: one sentence for a person, and an exit status for a script."""

from __future__ import annotations

import pytest

from bi_governance import errors
from bi_governance.errors import (
    ConfigurationError,
    GovernanceError,
    LeaseLost,
    RefusedForSafety,
    SourceError,
    SourceForbidden,
    StorageBusy,
)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (GovernanceError, 1),
        (ConfigurationError, 2),
        (RefusedForSafety, 3),
        (LeaseLost, 3),
        (StorageBusy, 1),
        (SourceForbidden, 1),
    ],
)
def test_a_script_can_tell_what_went_wrong_by_the_exit_status(
    error: type[GovernanceError], status: int
) -> None:
    assert error.exit_status == status


def test_an_error_from_a_platform_says_what_where_and_what_to_do() -> None:
    error = SourceForbidden(
        "may not list users", source="looker_prod", status=403, request="GET /users", hint="grant see_users"
    )
    assert str(error) == "looker_prod: may not list users [403] (GET /users) - grant see_users"
    assert (error.message, error.source, error.status) == ("may not list users", "looker_prod", 403)
    assert (error.request, error.hint) == ("GET /users", "grant see_users")
    assert error.args == ("may not list users",)


def test_what_is_not_known_about_an_error_is_left_out() -> None:
    error = SourceError("no answer")
    assert str(error) == "no answer"
    assert (error.source, error.status, error.request, error.hint) == ("", None, "", "")


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    assert errors.__doc__ is not None
    drawn = {line.strip("│├─└ ").split()[0] for line in errors.__doc__.splitlines()[2:] if line.strip()}
    real = {
        name for name, c in vars(errors).items() if isinstance(c, type) and issubclass(c, GovernanceError)
    }
    assert drawn == real
