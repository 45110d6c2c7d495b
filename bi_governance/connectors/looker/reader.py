"""A Looker instance behind the product's `Reader`: reads everything, changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from bi_governance.connectors.looker import (
    boards,
    dependencies,
    history,
    inventory,
    probe,
    schedules,
    sighting,
)
from bi_governance.connectors.looker.backup import backup
from bi_governance.connectors.looker.client import LookerClient
from bi_governance.errors import ConfigurationError
from bi_governance.fidelity import Part
from bi_governance.model import Coverage, Interval, Person, RemovalRoute, VisualKey
from bi_governance.ports import BackupContent, Capabilities, Page, Probe, Sighting

RETENTION_DAYS = 90  # System Activity keeps 90 days; with Elite System Activity up to a year

_HELD = {
    Part.OWNERS: ("owner",),
    Part.PERMISSIONS: ("access.json", "content_metadata.json"),
    Part.SCHEDULES: ("schedules.json",),
    Part.PLACE: ("folder", "folder_id", "boards.json"),
    Part.LINKS: ("url",),
}

CAPABILITIES = Capabilities(
    history_days=RETENTION_DAYS,
    routes={"dashboard": RemovalRoute.TRASH, "look": RemovalRoute.TRASH},
    lost_on_restore={},
    groups="groups",
    backups_hold={
        "dashboard": {
            Part.CONTENT: ("dashboard.json", "dashboard.lookml"),
            Part.ALERTS: ("alerts.json",),
            Part.LINEAGE: ("dashboard.json",),
            **_HELD,
        },
        "look": {Part.CONTENT: ("look.json", "query.json"), Part.LINEAGE: ("query.json",), **_HELD},
    },
)

_FEEDS: Mapping[str, Callable[[LookerClient], Iterator[Page]]] = {
    "looker_folder": inventory.folders,
    "looker_user": inventory.users,
    "looker_dashboard": inventory.dashboards,
    "looker_look": inventory.looks,
    "looker_dashboard_element": inventory.elements,
    "looker_board_item": boards.board_items,
    "looker_schedule": schedules.schedules,
    "looker_dependency": dependencies.dependencies,
}


class LookerReader:
    """Reads one Looker instance.

    `options` are the settings of the source: what `LookerClient` takes, and `robots` (e-mail addresses
    or user ids that never count as viewers), `groups` (whether to read the groups of users), `history_days`
    (90) and `row_limit` (rows per history query, 50,000). `wall_clock` gives seconds since 1970, to compare
    with the platform's clock.
    """

    platform = "looker"
    capabilities = CAPABILITIES
    inventory_feeds = tuple(_FEEDS)
    history_feed = "looker_historical_access"

    def __init__(
        self, name: str, options: Mapping[str, Any], wall_clock: Callable[[], float] = time.time
    ) -> None:
        self.name = name
        self._client = LookerClient(name, options)
        self._robots = tuple(str(robot) for robot in options.get("robots") or ())
        self._with_groups = bool(options.get("groups"))
        self._retention = timedelta(days=int(options.get("history_days") or RETENTION_DAYS))
        self._ahead = history.Ahead(self._client, int(options.get("row_limit") or history.ROW_LIMIT))
        self._wall_clock = wall_clock
        self._not_viewers: frozenset[str] | None = None

    def fingerprint(self) -> str:
        """The address that the instance gives itself, or where it says nothing, the one it was reached at."""
        versions = self._client.ask(lambda sdk: sdk.versions(fields="web_server_url"))
        return f"looker {urlsplit(versions.web_server_url or self._client.web_url).netloc}"

    def own_accounts(self) -> tuple[Person, ...]:
        """The user of our API key."""
        me = self._client.ask(lambda sdk: sdk.me(fields="id,display_name,email"))
        return (Person(str(me.id), me.display_name or "", inventory.text(me.email), active=True),)

    def read_inventory(self, feed: str) -> Iterator[Page]:
        """Pages of rows for one of `inventory_feeds`; IncompleteFeed when they are provably not all."""
        if feed not in _FEEDS:
            raise ConfigurationError(f"Looker has no feed '{feed}'; it has {', '.join(_FEEDS)}.")
        if feed == "looker_user":
            return inventory.users(self._client, with_groups=self._with_groups)
        return _FEEDS[feed](self._client)

    def history_start(self, wanted: datetime, now: datetime, proven: Coverage) -> datetime:  # noqa: ARG002
        """The earliest provable moment: within retention, and after the day of the oldest row there is."""
        self._ahead.begin(now)
        first = history.oldest(self._client, now - self._retention - timedelta(days=2), now)
        return history.start_of_proof(wanted, now, first, self._retention)

    def read_history(self, window: Interval) -> Iterator[Page]:
        """Runs of visuals within the window; IncompleteFeed when Looker holds some back."""
        return self._ahead.read(window)

    def look(self, key: VisualKey, since: datetime) -> Sighting:
        """The visual now, without running it."""
        return sighting.sighting(self._client, key, since, self._accounts_that_do_not_count())

    def backup(self, key: VisualKey) -> BackupContent:
        """Everything the API gives of it; SourceConflict for LookML dashboards."""
        return backup(self._client, key)

    def probe(self) -> Iterable[Probe]:
        """Log-in, permissions, reach of the history and clock, one by one."""
        yield from probe.probes(self._client, self._robots, self._retention, self._wall_clock)
        if self._with_groups:
            yield probe.groups(self._client)

    def close(self) -> None:
        """Log out and release connections."""
        self._ahead.drop()
        self._client.close()

    def _accounts_that_do_not_count(self) -> frozenset[str]:
        if self._not_viewers is None:
            own = {account.id for account in self.own_accounts()}
            self._not_viewers = frozenset(own.union(*(probe.accounts(self._client, r) for r in self._robots)))
        return self._not_viewers
