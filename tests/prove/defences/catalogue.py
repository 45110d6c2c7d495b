"""The defences as data: against which failure, how one takes them away, and which tests fail then."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
FILES = tuple(sorted(Path(__file__).parent.glob("*.toml")))
# The incidents of other such tools, collected before the first line was written, keep their numbers. 15, 27
# and 38 were taken up into others. Failures without a number were met on the way.
ROWS = (*range(1, 15), *range(16, 27), *range(28, 38), *range(39, 44))
HEADER = ("#", "failure", "defence", "taken away, these fail", "see also")


@dataclass(frozen=True, slots=True)
class Removal:
    """One piece of the sources, and what stands in its place when the defence is gone."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Defence:
    """One defence: tests that must fail when all its removals are made together, and others that show it."""

    text: str
    removals: tuple[Removal, ...]
    fails: tuple[str, ...]
    also: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """One way in which such tools hurt people; `row` is None where no incident has it."""

    row: int | None
    text: str
    defences: tuple[Defence, ...]


def read(files: Sequence[Path] = FILES) -> tuple[Failure, ...]:
    """All failures by number, those without one last, in the order of the files."""
    found: list[Failure] = []
    for file in files:
        with file.open("rb") as content:
            found += [_failure(entry) for entry in tomllib.load(content)["failure"]]
    return tuple(sorted(found, key=lambda failure: failure.row or max(ROWS) + 1))


def _failure(entry: Mapping[str, Any]) -> Failure:
    known = {"row", "text", "defence"}
    assert entry.keys() <= known, f"unknown keys: {sorted(entry.keys() - known)}"
    return Failure(entry.get("row"), entry["text"], tuple(map(_defence, entry["defence"])))


def _defence(entry: Mapping[str, Any]) -> Defence:
    known = {"text", "removal", "fails", "also"}
    assert entry.keys() <= known, f"unknown keys: {sorted(entry.keys() - known)}"
    removals = tuple(Removal(**removal) for removal in entry.get("removal", ()))
    return Defence(entry["text"], removals, tuple(entry.get("fails", ())), tuple(entry.get("also", ())))


def table(failures: Sequence[Failure]) -> str:
    """The table of docs/safety.md: one line per defence, its failure named in the first of them."""
    lines = [HEADER, ("---",) * len(HEADER), *(line for failure in failures for line in _lines(failure))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _lines(failure: Failure) -> Iterator[tuple[str, ...]]:
    number = "" if failure.row is None else str(failure.row)
    for index, defence in enumerate(failure.defences):
        named = failure.text if index == 0 else "″"
        yield number, named, defence.text, _quoted(defence.fails), _quoted(defence.also)


def _quoted(tests: Sequence[str]) -> str:
    return ", ".join(f"`{test}`" for test in tests)
