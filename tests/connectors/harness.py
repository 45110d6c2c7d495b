"""What the shared connector suite asks of a platform, which joins with a module `harness_<platform>`."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from bi_governance.connectors.registry import PLATFORMS, RemoverAndRestorer
from bi_governance.model import Interval, VisualKey
from bi_governance.ports import Reader
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.server import LoopbackServer

SOURCE = "source_under_test"
# The settings of any platform that are secrets.
SECRETS = ("client_secret", "password", "token_value", "developer_token")
START = datetime(2026, 3, 2, 6, tzinfo=UTC)
LONG = timedelta(days=300)


@dataclass(frozen=True)
class Paths:
    """Regular expressions that find a platform's own requests, as `METHOD /path`."""

    login: str
    visuals: str  # the paged list behind the inventory of the main visual type
    visual: str  # one visual, as `look` reads it
    history: str
    groups: str = ""  # what tells the members of groups (Superset: roles); empty where that cannot be read


class Harness(Protocol):
    """One platform: its sandbox with one owner, ready to be populated, and its connector pointed at it."""

    platform: str
    paths: Paths
    page_size: int  # rows per page of the visuals list, under `options`
    feed: str  # the inventory feed of the main visual type
    id_column: str  # the native id in that feed
    access_id_column: str  # the visual in the history feed
    clock: SimulatedClock

    def serve(self) -> AbstractContextManager[LoopbackServer]:
        """The sandbox's server."""
        ...

    def options(self, url: str) -> dict[str, Any]:
        """Settings of a source that is this sandbox served at `url`, with no waiting between retries."""
        ...

    def add_visual(self, title: str, age: timedelta = LONG) -> VisualKey:
        """A visual of the main type, that old, owned by the owner, never used."""
        ...

    def access_id(self, key: VisualKey) -> str:
        """How the history feed refers to the visual."""
        ...

    def view(self, key: VisualKey, at: datetime) -> None:
        """The owner opens it."""
        ...

    def own_run(self, key: VisualKey, at: datetime) -> None:
        """Our own account runs it."""
        ...

    def rename(self, key: VisualKey, title: str) -> None:
        """The owner gives it another title."""
        ...

    def give_to_somebody_else(self, key: VisualKey) -> str:
        """Another person becomes the owner; returns that person's id."""
        ...

    def join(self, group: str) -> None:
        """The owner becomes a member of a new group (Superset: gets a role) of that name."""
        ...

    def schedule(self, key: VisualKey) -> None:
        """A delivery that is enabled is set up for it."""
        ...

    def lose(self, key: VisualKey) -> None:
        """Somebody deletes it at the platform, for good."""
        ...

    def title_there(self, key: VisualKey) -> str | None:
        """The title in the sandbox's own state, or None when it is removed there."""
        ...


def harness_of(platform: str, *, instance: str = "acme", start: datetime = START) -> Harness:
    """A fresh harness of the platform, set up at `start`; ModuleNotFoundError when it has none."""
    module = importlib.import_module(f"tests.connectors.harness_{platform}")
    made: Harness = module.make(SimulatedClock(start), instance)
    return made


def has_harness(platform: str) -> bool:
    return importlib.util.find_spec(f"tests.connectors.harness_{platform}") is not None


def with_harness() -> list[str]:
    """Every platform of the registry that has one."""
    return [name for name in sorted(PLATFORMS) if has_harness(name)]


class Connected:
    """A harness being served, and the connectors opened on it, all closed at the end."""

    def __init__(self, harness: Harness, server: LoopbackServer) -> None:
        self.harness, self.server = harness, server
        self._opened: list[Reader | RemoverAndRestorer] = []

    def reader(self, **settings: object) -> Reader:
        made = PLATFORMS[self.harness.platform].reader_factory()(SOURCE, self._options(settings))
        self._opened.append(made)
        return made

    def remover(self, **settings: object) -> RemoverAndRestorer:
        made = PLATFORMS[self.harness.platform].remover_factory()(SOURCE, self._options(settings))
        self._opened.append(made)
        return made

    def ids(self, reader: Reader) -> list[str]:
        """The native ids in the inventory of the main visual type."""
        pages = reader.read_inventory(self.harness.feed)
        return [str(row[self.harness.id_column]) for page in pages for row in page]

    def add_visuals(self, count: int) -> list[VisualKey]:
        """Visuals named `Revenue 0`, `Revenue 1`, and so on."""
        return [self.harness.add_visual(f"Revenue {number}") for number in range(count)]

    def unknown_key(self) -> VisualKey:
        """A key that looks right and names nothing."""
        made = self.harness.add_visual("Never mind")
        other = str.maketrans("0123456789", "7777777377")
        return VisualKey(made.source, made.type, made.native_id.translate(other))

    def accesses(self, reader: Reader, window: Interval) -> list[tuple[datetime, str]]:
        """When and what, for every history row of the window."""
        column = self.harness.access_id_column
        pages = reader.read_history(window)
        return sorted((row["accessed_at"], str(row[column])) for page in pages for row in page)  # type: ignore[misc]

    def close(self) -> None:
        self.server.faults.clear()
        for opened in self._opened:
            opened.close()

    def _options(self, settings: Mapping[str, object]) -> dict[str, Any]:
        return {**self.harness.options(self.server.url), **settings}
