"""Which platforms exist and what builds their connectors; a platform is imported when it is asked for."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from pkgutil import resolve_name
from typing import Any, Protocol, cast

from bi_governance.errors import ConfigurationError
from bi_governance.ports import Capabilities, Reader, Rehearser, Remover, Restorer
from bi_governance.rules import Rule

ENTRY_POINTS = "bi_governance.platforms"
# Settings of every source that the product itself reads.
COMMON = ("robots",)


class RemoverAndRestorer(Remover, Restorer, Protocol):
    """What a platform's remover class offers: taking away, and putting back."""


class ReaderFactory(Protocol):
    """A reader class; nothing is sent at construction."""

    def __call__(self, name: str, options: Mapping[str, Any]) -> Reader: ...


class RemoverFactory(Protocol):
    """A remover class; nothing is sent at construction."""

    def __call__(self, name: str, options: Mapping[str, Any]) -> RemoverAndRestorer: ...


class RehearserFactory(Protocol):
    """A class that rehearses restores; nothing is sent at construction."""

    def __call__(self, name: str, options: Mapping[str, Any]) -> Rehearser: ...


@dataclass(frozen=True, slots=True)
class Platform:
    """One platform as data: where its parts are (`module:name`) and the settings it takes.

    `required` are the settings it cannot do without; `optional` the others with what they must be:
    text, number, flag, or any. `address` is the setting that says where it is. `rehearser` is empty where
    no drill is built.
    """

    name: str
    reader: str
    remover: str
    capabilities: str
    required: tuple[str, ...] = ("base_url",)
    optional: Mapping[str, str] = field(default_factory=dict)
    address: str = "base_url"
    rehearser: str = ""

    def reader_factory(self) -> ReaderFactory:
        """The reader class, imported now."""
        return cast("ReaderFactory", resolve_name(self.reader))

    def remover_factory(self) -> RemoverFactory:
        """The remover class, imported now."""
        return cast("RemoverFactory", resolve_name(self.remover))

    def rehearser_factory(self) -> RehearserFactory | None:
        """The class that rehearses restores, imported now; None where there is none."""
        return cast("RehearserFactory", resolve_name(self.rehearser)) if self.rehearser else None

    def load_capabilities(self) -> Capabilities:
        """What the platform can do, imported now."""
        return cast("Capabilities", resolve_name(self.capabilities))

    def mistakes(self, source: str, options: Mapping[str, Any]) -> list[str]:
        """What is wrong with a source's settings, one sentence each; empty when nothing is."""
        known = {*self.required, *self.optional, *COMMON}
        missing = [
            f"sources.{source}: {self.name} needs {key}" for key in self.required if not options.get(key)
        ]
        unknown = [
            f"sources.{source}.{key}: unknown key; {_nearest(key, known)}"
            for key in options
            if key not in known
        ]
        wrong = [
            f"sources.{source}.{key}: must be a {kind}"
            for key, kind in self.optional.items()
            if options.get(key) is not None and not _is_a(kind, options[key])
        ]
        return [*missing, *unknown, *wrong]


def _nearest(key: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"did you mean '{near[0]}'?" if near else f"valid keys are {', '.join(sorted(known))}"


def _is_a(kind: str, value: object) -> bool:
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    if kind == "flag":
        return isinstance(value, bool)
    return kind == "any" or isinstance(value, str)


# Every connector over HTTP takes these: seconds per answer, first waiting time between retries, seconds
# of retrying in all, rows per page, and whether (or against which CA bundle) TLS is verified.
_HTTP = {
    "timeout": "number",
    "backoff": "number",
    "patience": "number",
    "page_size": "number",
    "verify_ssl": "any",
}


_REHEARSED = frozenset({"looker", "superset", "tableau"})


def _built_in(name: str, prefix: str, *required: str, address: str = "base_url", **optional: str) -> Platform:
    """A platform of this package; an address that is neither required nor optional is required."""
    module = f"bi_governance.connectors.{name}"
    return Platform(
        name=name,
        reader=f"{module}:{prefix}Reader",
        remover=f"{module}:{prefix}Remover",
        capabilities=f"{module}:CAPABILITIES",
        required=required if address in optional else (address, *required),
        optional={**_HTTP, **optional},
        address=address,
        rehearser=f"{module}:{prefix}Rehearser" if name in _REHEARSED else "",
    )


_BUILT_IN = (
    _built_in(
        "looker",
        "Looker",
        "client_id",
        "client_secret",
        history_days="number",
        row_limit="number",
        concurrency="number",
        drill_folder="text",
    ),
    _built_in(
        "domo",
        "Domo",
        "client_id",
        "client_secret",
        address="api_url",
        api_url="text",
        instance_url="text",
        developer_token="text",  # noqa: S106 - what it must be
    ),
    _built_in(
        "superset",
        "Superset",
        "username",
        "password",
        provider="text",
        admin_role="text",
        concurrency="number",
    ),
    _built_in(
        "powerbi",
        "PowerBI",
        "tenant_id",
        "client_id",
        "client_secret",
        address="api_url",
        api_url="text",
        authority_url="text",
        scope="text",
        remover_client_id="text",
        remover_client_secret="text",  # noqa: S106 - the kind of setting
        history_days="number",
        poll_seconds="number",
        read_subscriptions="flag",
    ),
    _built_in(
        "tableau",
        "Tableau",
        "token_name",
        "token_value",
        address="server_url",
        site="text",
        history="text",
        history_days="number",
        repository_url="text",
        drill_project="text",
    ),
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


def groupless_rules(rules: Iterable[Rule], sources: Mapping[str, str]) -> list[str]:
    """The rules by group that name only sources whose groups are not known, one sentence each.

    `sources` says the platform of each. A rule that names no source and no platform is none of these: it fits
    elsewhere.
    """
    return [
        f"policy.rules: '{rule.name}' matches by group, but groups are not known at {', '.join(named)}; "
        "match by owner or folder there"
        for rule in rules
        if rule.match.group is not None and (rule.match.source or rule.match.platform)
        if (named := [n for n, platform in sources.items() if rule.match.may_fit_at(n, platform)])
        and not any(platform_named(sources[n]).load_capabilities().groups for n in named)
    ]


def platform_named(name: str) -> Platform:
    """The platform; ConfigurationError names the nearest valid one when there is none of that name."""
    if name in PLATFORMS:
        return PLATFORMS[name]
    near = difflib.get_close_matches(name.lower(), PLATFORMS, n=1, cutoff=0.5)
    meant = f"did you mean '{near[0]}'? " if near else ""
    raise ConfigurationError(f"There is no platform '{name}'; {meant}Known: {', '.join(sorted(PLATFORMS))}.")
