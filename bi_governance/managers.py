"""Who manages whom: a CSV file, checked as strictly as the configuration that names it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from bi_governance.row_file import csv_rows, refuse

COLUMNS = ("email", "manager_email")
SETTING = "people.managers"


def read_managers(file: Path) -> Mapping[str, str]:
    """The manager's address by the address of whom they manage, both in lower case.

    The first line names the columns `email` and `manager_email`; others are ignored, and an empty
    `manager_email` says that somebody has none. Raises ConfigurationError with every mistake, each with its
    line and column.
    """
    managers: dict[str, str] = {}
    rows = csv_rows(file, COLUMNS, SETTING)
    refuse(file, SETTING, [mistake for line, row in rows for mistake in _taken(line, row, managers)])
    return {email: manager for email, manager in managers.items() if manager}


def _taken(line: int, row: Mapping[str, str], managers: dict[str, str]) -> Iterator[str]:
    """Add one row, or say what is wrong with it."""
    email, manager = (row[name].lower() for name in COLUMNS)
    mistakes = [
        f"line {line}, column {name}: '{value}' is not an e-mail address"
        for name, value in zip(COLUMNS, (email, manager), strict=True)
        if not _is_address(value) and (value or name == "email")
    ]
    if email and email == manager:
        mistakes.append(f"line {line}, column manager_email: {email} would be their own manager")
    if managers.get(email, manager) != manager:
        mistakes.append(f"line {line}, column email: {email} stands in an earlier line with another manager")
    managers.setdefault(email, manager)
    yield from mistakes


def _is_address(text: str) -> bool:
    name, at, domain = text.partition("@")
    return bool(name and at and domain) and "@" not in domain and " " not in text
