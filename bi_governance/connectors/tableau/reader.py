"""A Tableau site behind the product's `Reader`: reads everything, changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bi_governance.connectors.tableau import dependencies, inventory, probes, schedules, sighting
from bi_governance.connectors.tableau.backup import back_up
from bi_governance.connectors.tableau.capabilities import CAPABILITIES
from bi_governance.connectors.tableau.client import TableauClient
from bi_governance.connectors.tableau.database import RepositoryDatabase
from bi_governance.connectors.tableau.repository import HISTORY_DAYS, Repository
from bi_governance.connectors.tableau.usage import AdminInsights, Counters, Usage
from bi_governance.errors import ConfigurationError
from bi_governance.model import Coverage, Interval, Person, VisualKey
from bi_governance.ports import BackupContent, Page, Probe, Sighting

_FEEDS: Mapping[str, Callable[[TableauClient], Iterator[Page]]] = {
    "tableau_project": inventory.projects,
    "tableau_user": inventory.users,
    "tableau_workbook": inventory.workbooks,
    "tableau_view": inventory.views,
    "tableau_subscription": schedules.schedules,
    "tableau_dependency": dependencies.dependencies,
}
COUNTERS, INSIGHTS, REPOSITORY = "usage_counters", "admin_insights", "repository"


class TableauReader:
    """Reads one site of one Tableau as one of its administrators.

    `options` are the settings of the source: what `TableauClient` takes, and `robots` (user names, e-mails or
    ids that never count as viewers), `groups` (whether to read the groups of users), `history`
    (usage_counters, admin_insights or repository), `history_days` (how long events are kept: 90 by Admin
    Insights, 183 by Tableau Server) and `repository_url` (the database of Tableau Server). `wall_clock` gives
    seconds since 1970.
    """

    platform = "tableau"
    capabilities = CAPABILITIES
    inventory_feeds = tuple(_FEEDS)
    history_feed = "tableau_historical_access"

    def __init__(
        self, name: str, options: Mapping[str, Any], wall_clock: Callable[[], float] = time.time
    ) -> None:
        self.name = name
        self._client = TableauClient(name, options)
        self._robots = tuple(str(robot) for robot in options.get("robots") or ())
        self._with_groups = bool(options.get("groups"))
        self._usage = _usage(name, self._client, options, self._robots)
        self._wall_clock = wall_clock

    def fingerprint(self) -> str:
        """The id of the site, which no other site anywhere shares."""
        return f"tableau {self._client.site_id}"

    def own_accounts(self) -> tuple[Person, ...]:
        """The user of our token."""
        me = self._client.ask(lambda server: server.users.get_by_id(str(server.user_id)))
        return (Person(str(me.id), me.fullname or me.name or "", inventory.email_of(me), active=True),)

    def read_inventory(self, feed: str) -> Iterator[Page]:
        """Pages of rows for one of `inventory_feeds`; IncompleteFeed when they are provably not all."""
        if feed not in _FEEDS:
            raise ConfigurationError(f"Tableau has no feed '{feed}'; it has {', '.join(_FEEDS)}.")
        probes.require_administrator(self._client)
        if feed == "tableau_user":
            return inventory.users(self._client, with_groups=self._with_groups)
        return _FEEDS[feed](self._client)

    def history_start(self, wanted: datetime, now: datetime, proven: Coverage) -> datetime:
        """See `Counters`, `AdminInsights` and `Repository`."""
        return self._usage.start(wanted, now, proven)

    def read_history(self, window: Interval) -> Iterator[Page]:
        """Counters or events of the window."""
        probes.require_administrator(self._client)
        return self._usage.read(window)

    def look(self, key: VisualKey, since: datetime) -> Sighting:
        """The workbook or view now, without opening it."""
        now = datetime.fromtimestamp(self._wall_clock(), UTC)
        return sighting.look(self._client, self._usage, key, since, now)

    def backup(self, key: VisualKey) -> BackupContent:
        """The workbook's file, checked, and what else there is about it."""
        return back_up(self._client, key)

    def probe(self) -> Iterable[Probe]:
        """Sign-in, role, content, deliveries, lineage, use, robots."""
        yield from probes.probes(self._client, self._usage, self._robots)
        if self._with_groups:
            yield probes.groups(self._client)

    def close(self) -> None:
        """Sign out and release connections."""
        if isinstance(self._usage, Repository):
            self._usage.close()
        self._client.close()


def _usage(name: str, client: TableauClient, options: Mapping[str, Any], robots: tuple[str, ...]) -> Usage:
    way = str(options.get("history") or COUNTERS)
    if way == COUNTERS:
        return Counters(client)
    days = int(options.get("history_days") or 0)
    if way == INSIGHTS:
        return AdminInsights(client, timedelta(days=days or CAPABILITIES.history_days or 90), robots)
    if way == REPOSITORY:
        database = _database(name, options)
        return Repository(client, database, timedelta(days=days or HISTORY_DAYS), robots)
    raise ConfigurationError(
        f"sources.{name}.history: '{way}' is not one of {COUNTERS}, {INSIGHTS}, {REPOSITORY}."
    )


def _database(name: str, options: Mapping[str, Any]) -> RepositoryDatabase:
    url = str(options.get("repository_url") or "")
    if not url:
        raise ConfigurationError(
            f"sources.{name}.repository_url: history: {REPOSITORY} needs the address of its database."
        )
    return RepositoryDatabase(name, url, float(options.get("timeout", 120)))
