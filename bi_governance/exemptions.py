"""Exemptions of the team's reviewed file: which visuals are left alone, why, who approved it, until when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from bi_governance.globs import glob_fits
from bi_governance.model import VisualKey


@dataclass(frozen=True, slots=True)
class Exemption:
    """One row: `key` is a visual key or a glob over keys, `until` its last day, None for ever."""

    key: str
    reason: str
    approver: str
    until: date | None = None

    def __str__(self) -> str:
        ends = f"until {self.until}" if self.until else "for ever"
        return f"exempt {ends}, approved by {self.approver}: {self.reason}"

    @property
    def is_glob(self) -> bool:
        return "*" in self.key or "?" in self.key

    def holds(self, day: date) -> bool:
        return self.until is None or day <= self.until


@dataclass(frozen=True, slots=True)
class Exemptions:
    """All rows of the file; those that name one visual are found by its key, in any case."""

    named: Mapping[str, Exemption] = field(default_factory=lambda: MappingProxyType({}))
    globs: tuple[Exemption, ...] = ()

    @classmethod
    def of(cls, rows: Iterable[Exemption]) -> Exemptions:
        """Put rows in order; of two for one key the later counts."""
        listed = list(rows)
        return cls(
            {row.key.casefold(): row for row in listed if not row.is_glob},
            tuple(row for row in listed if row.is_glob),
        )

    @property
    def rows(self) -> tuple[Exemption, ...]:
        return (*self.named.values(), *self.globs)

    def about(self, key: VisualKey) -> Iterator[Exemption]:
        """The rows that speak about a visual, whether they still hold or not."""
        text = str(key)
        named = self.named.get(text.casefold())
        if named is not None:
            yield named
        yield from (row for row in self.globs if glob_fits(row.key, text))

    def in_force(self, key: VisualKey, day: date) -> Exemption | None:
        """The first row that protects the visual on `day`."""
        return next((row for row in self.about(key) if row.holds(day)), None)

    def lapsed_since(self, key: VisualKey, since: date, day: date) -> Exemption | None:
        """A row that still held on the day `since` and does no longer on `day`."""
        return next((row for row in self.about(key) if row.holds(since) and not row.holds(day)), None)

    def expired(self, day: date) -> tuple[Exemption, ...]:
        """The rows that no longer count."""
        return tuple(row for row in self.rows if not row.holds(day))
