"""Which platforms exist and what builds their connectors; a platform is imported when it is asked for."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import Any, Protocol, cast

from bi_governance.errors import ConfigurationError
from bi_governance.ports import Capabilities, Reader, Remover, Restorer

ENTRY_POINTS = "bi_governance.platforms"


class RemoverAndRestorer(Remover, Restorer, Protocol):
    """What a platform's remover class offers: taking away, and putting back."""


class ReaderFactory(Protocol):
    """A reader class; nothing is sent at construction."""

    def __call__(self, name: str, options: Mapping[str, Any]) -> Reader: ...


class RemoverFactory(Protocol):
    """A remover class; nothing is sent at construction."""

    def __call__(self, name: str, options: Mapping[str, Any]) -> RemoverAndRestorer: ...


@dataclass(frozen=True, slots=True)
class Platform:
    """One platform as data: where its parts are (`module:name`) and the settings it cannot do without."""

    name: str
    reader: str
    remover: str
    capabilities: str
    required: tuple[str, ...] = ("base_url",)

    def reader_factory(self) -> ReaderFactory:
        """The reader class, imported now."""
        return cast("ReaderFactory", resolve_name(self.reader))

    def remover_factory(self) -> RemoverFactory:
        """The remover class, imported now."""
        return cast("RemoverFactory", resolve_name(self.remover))

    def load_capabilities(self) -> Capabilities:
        """What the platform can do, imported now."""
        return cast("Capabilities", resolve_name(self.capabilities))

    def missing_settings(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """The required settings that a source does not give."""
        return tuple(key for key in self.required if not options.get(key))


def _built_in(name: str, prefix: str, *required: str) -> Platform:
    module = f"bi_governance.connectors.{name}"
    return Platform(
        name=name,
        reader=f"{module}:{prefix}Reader",
        remover=f"{module}:{prefix}Remover",
        capabilities=f"{module}:CAPABILITIES",
        required=("base_url", *required),
    )


_BUILT_IN = (
    _built_in("looker", "Looker", "client_id", "client_secret"),
    _built_in("superset", "Superset", "username", "password"),
)


class _Platforms(Mapping[str, Platform]):
    """The built-in platforms and those that installed packages declare; on the same name ours win."""

    def __getitem__(self, name: str) -> Platform:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    @staticmethod
    @cache
    def _all() -> dict[str, Platform]:
        declared = (cast("Platform", point.load()) for point in entry_points(group=ENTRY_POINTS))
        return {platform.name: platform for platform in (*declared, *_BUILT_IN)}


PLATFORMS: Mapping[str, Platform] = _Platforms()


def platform_named(name: str) -> Platform:
    """The platform; ConfigurationError names the nearest valid one when there is none of that name."""
    if name in PLATFORMS:
        return PLATFORMS[name]
    near = difflib.get_close_matches(name.lower(), PLATFORMS, n=1, cutoff=0.5)
    meant = f"did you mean '{near[0]}'? " if near else ""
    raise ConfigurationError(f"There is no platform '{name}'; {meant}Known: {', '.join(sorted(PLATFORMS))}.")
