"""The file of reviewed exemptions: CSV or YAML, checked as strictly as the configuration that names it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml

from bi_governance.errors import ConfigurationError
from bi_governance.exemptions import Exemption, Exemptions
from bi_governance.row_file import Row, csv_rows, refuse, unreadable

COLUMNS = ("key", "reason", "approver", "expires")
SETTING = "policy.exemptions"
NEVER = "never"


@dataclass(frozen=True, slots=True)
class ExemptionFile:
    """Reads the file anew every time it is asked."""

    file: Path

    def read(self) -> Exemptions:
        """What the file says now; ConfigurationError with every mistake, each with its line."""
        return read_exemptions(self.file)


def read_exemptions(file: Path) -> Exemptions:
    """The exemptions a file lists: columns `key`, `reason`, `approver` and `expires`; others are ignored.

    `expires` is the last day, or `never`. A `.yml` or `.yaml` file holds a list of mappings with these keys.
    Raises ConfigurationError with every mistake, each with its line.
    """
    rows = _yaml_rows(file) if file.suffix in (".yml", ".yaml") else csv_rows(file, COLUMNS, SETTING)
    lines: dict[str, int] = {}
    refuse(file, SETTING, [mistake for line, row in rows for mistake in _mistakes(line, row, lines)])
    return Exemptions.of(_exemption(row) for _, row in rows)


def _yaml_rows(file: Path) -> list[Row]:
    """Every value as it is written, with the line its mapping begins in."""
    try:
        root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise unreadable(file, SETTING, error) from error
    if root is None:
        return []
    if not isinstance(root, yaml.SequenceNode):
        raise ConfigurationError(
            f"{SETTING}: {file} must hold a list of mappings with the keys {', '.join(COLUMNS)}"
        )
    return [(node.start_mark.line + 1, _scalars(node)) for node in root.value]


def _scalars(node: yaml.Node) -> Mapping[str, str]:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    given = {k.value: v.value.strip() for k, v in pairs if isinstance(v, yaml.ScalarNode)}
    return {name: given.get(name, "") for name in COLUMNS}


def _mistakes(line: int, row: Mapping[str, str], lines: dict[str, int]) -> Iterator[str]:
    """What is wrong with one row; `lines` remembers where each key stands."""
    key = row["key"]
    if len(parts := key.split(":", 2)) != 3 or not all(parts):
        yield (
            f"line {line}, key: '{key}' is neither a visual key nor a glob over keys; write it like "
            "looker_prod:dashboard:42 or looker_prod:dashboard:*"
        )
    elif (first := lines.setdefault(key.casefold(), line)) != line:
        yield f"line {line}, key: {key} stands in line {first} already"
    for name in ("reason", "approver"):
        if not row[name]:
            yield f"line {line}, {name}: it is missing; an exemption needs one that others can judge later"
    if row["expires"] != NEVER and _day(row["expires"]) is None:
        yield (
            f"line {line}, expires: '{row['expires']}' is no date; write the last day like 2027-03-31, "
            f"or {NEVER}"
        )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _exemption(row: Mapping[str, str]) -> Exemption:
    return Exemption(row["key"], row["reason"], row["approver"], _day(row["expires"]))
