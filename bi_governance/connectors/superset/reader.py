"""One Superset, read only: inventory, access history, a live look, backups."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from bi_governance.connectors.superset.account import ADMIN_ROLE, Account
from bi_governance.connectors.superset.backup import back_up
from bi_governance.connectors.superset.capabilities import CAPABILITIES
from bi_governance.connectors.superset.client import Item, SupersetClient
from bi_governance.connectors.superset.lineage import dependency_rows
from bi_governance.connectors.superset.log import ActionLog
from bi_governance.connectors.superset.memberships import COLUMNS as MEMBERSHIP_COLUMNS
from bi_governance.connectors.superset.memberships import Memberships
from bi_governance.connectors.superset.numbers import Numbers
from bi_governance.connectors.superset.places import Places
from bi_governance.connectors.superset.probes import groups_probe, probe
from bi_governance.connectors.superset.rison import Filter
from bi_governance.connectors.superset.visuals import (
    DATASET_COLUMNS,
    changed_at,
    chart_row,
    dashboard_row,
    main_owner,
    placements,
    schedule_row,
    title_of,
    user_row,
)
from bi_governance.errors import SourceBroken
from bi_governance.model import Coverage, Interval, Person, VisualKey
from bi_governance.ports import BackupContent, Page, Probe, Sighting


class SupersetReader:
    """Reads one Superset as one of its administrators; builds no request that changes anything.

    Options: `base_url`, `username`, `password`; optional `provider` ("db" or "ldap"), `admin_role`,
    `robots` (numbers, user names or e-mails that never count as viewers), `groups` (whether to read the
    roles and groups of users), `timeout` and `patience` (seconds), `backoff` (seconds before the first
    repetition), `verify_ssl` (bool, or path of a CA bundle), `page_size` (at most 100), `concurrency` (calls
    under way at once, 4). `wall_clock` gives seconds since 1970, to compare with the server's clock.
    """

    platform = "superset"
    capabilities = CAPABILITIES
    inventory_feeds = (
        "superset_user",
        "superset_dashboard",
        "superset_chart",
        "superset_dashboard_chart",
        "superset_schedule",
        "superset_dependency",
    )
    history_feed = "superset_historical_access"

    def __init__(
        self, name: str, options: Mapping[str, Any], wall_clock: Callable[[], float] = time.time
    ) -> None:
        self.name = name
        self._client = SupersetClient(name, options)
        self._log = ActionLog(self._client)
        self._robots = tuple(str(robot) for robot in options.get("robots") or ())
        self._with_groups = bool(options.get("groups"))
        self._admin_role = str(options.get("admin_role", ADMIN_ROLE))
        self._begin()
        self._wall_clock = wall_clock
        self._feeds = {
            "superset_user": self._users,
            "superset_dashboard": self._dashboards,
            "superset_chart": self._charts,
            "superset_dashboard_chart": self._placements,
            "superset_schedule": self._schedules,
            "superset_dependency": self._dependencies,
        }

    def fingerprint(self) -> str:
        """Digest of the host and of the moment its first user was made, which no other instance shares."""
        first = self._client.page("security/users", ("created_on",), order="id", page_size=1).items
        if not first or not first[0].get("created_on"):
            raise SourceBroken("the list of users is empty", source=self.name)
        text = f"{urlsplit(self._client.base_url).netloc} {first[0]['created_on']}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def own_accounts(self) -> tuple[Person, ...]:
        """The account we log in with; whatever is remembered of a run is read anew after this."""
        self._begin()
        return (self._account.me,)

    def read_inventory(self, feed: str) -> Iterator[Page]:
        """Pages of rows; IncompleteFeed for an account that Superset shows only a part."""
        self._account.require_everything()
        return self._feeds[feed]()

    def history_start(self, wanted: datetime, now: datetime, proven: Coverage) -> datetime:  # noqa: ARG002
        """`wanted`, or the oldest row of the log, which may have been pruned; an empty log proves nothing."""
        oldest = self._log.oldest()
        return now if oldest is None else min(max(wanted, oldest), now)

    def read_history(self, window: Interval) -> Iterator[Page]:
        """Uses within the window, one row per visit."""
        for accesses in self._log.accesses(window.start, window.end):
            if accesses:
                yield [access.as_row(self._numbers.uuid_of) for access in accesses]

    def look(self, key: VisualKey, since: datetime) -> Sighting:
        """The visual right now; its uses are searched newest first."""
        found = self._places.find(key)
        if found is None:
            trashed = self._places.find_trashed(key)
            return (
                Sighting(exists=False)
                if trashed is None
                else Sighting(exists=True, is_trashed=True, title=title_of(trashed.item))
            )
        embedding = self._places.embedding_of(found.number) if found.type == "dashboard" else None
        return Sighting(
            exists=True,
            title=title_of(found.item),
            owner_id=main_owner(found.item, self._account.inactive) or "",
            last_used_at=self._log.last_use(
                found.type,
                found.number,
                since,
                self._account.not_viewers,
                embedded_as=str((embedding or {}).get("uuid") or ""),
            ),
            updated_at=changed_at(found.item),
            references=self._places.references(found, embedding),
        )

    def backup(self, key: VisualKey) -> BackupContent:
        """The export and what an import does not bring back; SourceConflict when it could not be imported."""
        return back_up(self._client, self._places, key)

    def probe(self) -> Iterable[Probe]:
        """Log-in, role, people, log, and the way to write (without writing)."""
        self._begin()
        yield from probe(self._client, self._account, self._places, self._log, self._wall_clock)
        if self._with_groups:
            yield groups_probe(lambda: sum(len(page) for page in self._users()))

    def close(self) -> None:
        """Forget the tokens and close connections."""
        self._client.close()

    def _users(self) -> Iterator[Page]:
        if not self._with_groups:
            for page in self._account.people():
                yield [user_row(user, None) for user in page]
            return
        memberships = Memberships(self._client)
        for page in self._account.people(MEMBERSHIP_COLUMNS):
            yield [user_row(user, memberships.names_of(user)) for user in page]

    def _dashboards(self) -> Iterator[Page]:
        """Those in Superset's trash too, which are in nobody's use: what would tell is hidden with them."""
        for page in self._places.scan("dashboard", filters=self._trashed_too("dashboard")):
            living = [int(item["id"]) for item in page if not item.get("deleted_at")]
            embedded = self._places.embedded(living)
            yield [
                dashboard_row(
                    item,
                    base_url=self._client.base_url,
                    inactive=self._account.inactive,
                    is_embedded=int(item["id"]) in embedded,
                )
                for item in page
            ]

    def _charts(self) -> Iterator[Page]:
        for page in self._places.scan("chart", filters=self._trashed_too("chart")):
            yield [
                chart_row(item, base_url=self._client.base_url, inactive=self._account.inactive)
                for item in page
            ]

    def _trashed_too(self, type_: str) -> Sequence[Filter]:
        return self._places.features.trashed(type_, "include")

    def _placements(self) -> Iterator[Page]:
        for page in self._client.scan("chart", ("dashboards.id", "dashboards.dashboard_title")):
            yield [row for item in page for row in placements(item)]

    def _schedules(self) -> Iterator[Page]:
        for page in self._places.schedules():
            yield [schedule_row(item, self._account.inactive) for item in page]

    def _dependencies(self) -> Iterator[Page]:
        """What charts read, and dashboards through their charts."""
        datasets = {
            item["id"]: item for page in self._client.scan("dataset", DATASET_COLUMNS) for item in page
        }
        databases = self._client.ordered("database", ("backend",), "database_name")
        backends = {int(item["id"]): str(item.get("backend") or "") for page in databases for item in page}
        on_dashboard: dict[int, dict[int, Item]] = {}
        columns = ("uuid", "datasource_id", "datasource_type", "dashboards.id")
        for page in self._client.scan("chart", columns):
            rows = []
            for chart in page:
                read = _dataset_of(chart, datasets)
                rows += dependency_rows("chart", str(chart["uuid"]), read, backends)
                for dashboard in chart.get("dashboards") or ():
                    on_dashboard.setdefault(dashboard["id"], {}).update((each["id"], each) for each in read)
            yield rows
        for page in self._client.scan("dashboard", ("uuid",)):
            yield [
                row
                for item in page
                for row in dependency_rows(
                    "dashboard", str(item["uuid"]), on_dashboard.get(item["id"], {}).values(), backends
                )
            ]

    def _begin(self) -> None:
        """Forget what was read before."""
        self._account = Account(self._client, self._admin_role, self._robots)
        self._places = Places(self._client)
        self._numbers = Numbers(self._client, self._places.features)


def _dataset_of(chart: Item, datasets: Mapping[int, Item]) -> list[Item]:
    is_dataset = chart.get("datasource_type", "table") == "table"
    dataset = datasets.get(chart["datasource_id"]) if is_dataset and chart.get("datasource_id") else None
    return [] if dataset is None else [dataset]
