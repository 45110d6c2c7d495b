"""Who manages whom: a CSV file, checked as strictly as the configuration that names it."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from bi_governance.errors import ConfigurationError

COLUMNS = ("email", "manager_email")
MOST_MISTAKES = 20


def read_managers(file: Path) -> Mapping[str, str]:
    """The manager's address by the address of whom they manage, both in lower case.

    The first line names the columns `email` and `manager_email`; others are ignored, and an empty
    `manager_email` says that somebody has none. Raises ConfigurationError with every mistake, each with its
    line and column.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ConfigurationError(
                    f"people.managers: {file} line 1: there is no column {' and no column '.join(missing)}"
                )
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"people.managers: {file} cannot be read: {error}") from error
    managers: dict[str, str] = {}
    mistakes = [mistake for line, row in rows for mistake in _taken(line, row, managers)]
    if mistakes:
        listed = "\n".join(f"  - {mistake}" for mistake in mistakes[:MOST_MISTAKES])
        raise ConfigurationError(f"people.managers: {file} has {len(mistakes)} mistake(s):\n{listed}")
    return {email: manager for email, manager in managers.items() if manager}


def _taken(line: int, row: Mapping[str | None, str | None], managers: dict[str, str]) -> Iterator[str]:
    """Add one row, or say what is wrong with it."""
    email, manager = ((row.get(name) or "").strip().lower() for name in COLUMNS)
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
