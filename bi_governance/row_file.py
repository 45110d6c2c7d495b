"""CSV files of rows that the configuration names: read whole, refused with every mistake and its line."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from bi_governance.errors import ConfigurationError

MOST_MISTAKES = 20
# The line a row ends in, and its cells by column, without spaces around them.
Row = tuple[int, Mapping[str, str]]


def csv_rows(file: Path, columns: Sequence[str], setting: str) -> list[Row]:
    """Every row; columns that are not asked for are left out, and empty cells are empty text.

    Raises ConfigurationError, naming `setting`, when the file cannot be read or lacks a column.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise ConfigurationError(
                    f"{setting}: {file} line 1: there is no column {' and no column '.join(missing)}"
                )
            return [(reader.line_num, {n: (row.get(n) or "").strip() for n in columns}) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise unreadable(file, setting, error) from error


def unreadable(file: Path, setting: str, error: Exception) -> ConfigurationError:
    """That a file cannot be read, and why, in one line."""
    return ConfigurationError(f"{setting}: {file} cannot be read: {' '.join(str(error).split())}")


def refuse(file: Path, setting: str, mistakes: Sequence[str]) -> None:
    """ConfigurationError with the first mistakes, when there are any."""
    if mistakes:
        listed = "\n".join(f"  - {mistake}" for mistake in mistakes[:MOST_MISTAKES])
        raise ConfigurationError(f"{setting}: {file} has {len(mistakes)} mistake(s):\n{listed}")
