"""One Domo, read only: inventory, access history, a live look, backups."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from bi_governance.connectors.domo import schedules
from bi_governance.connectors.domo.account import Account, user_row
from bi_governance.connectors.domo.backup import back_up
from bi_governance.connectors.domo.capabilities import CAPABILITIES, WITHOUT_INSTANCE
from bi_governance.connectors.domo.cards import Cards
from bi_governance.connectors.domo.client import DomoClient
from bi_governance.connectors.domo.groups import Groups
from bi_governance.connectors.domo.history import AuditLog
from bi_governance.connectors.domo.pages import Pages
from bi_governance.connectors.domo.probes import groups_probe, probe
from bi_governance.connectors.domo.sighting import Sightings
from bi_governance.errors import IncompleteFeed, SourceBroken
from bi_governance.model import Coverage, Interval, Person, VisualKey
from bi_governance.ports import BackupContent, Page, Probe, Sighting


class DomoReader:
    """Reads one Domo; builds no request that changes anything.

    Options: `client_id`, `client_secret`; optional `api_url`, `instance_url` and `developer_token` (both or
    none: without them cards and scheduled reports cannot be seen, and nothing can be removed), `robots` (ids,
    e-mails or names that never count as viewers), `groups` (whether to read the groups of users), `timeout`
    and `patience` (seconds), `backoff` (seconds before the first repetition), `verify_ssl` (bool, or path of
    a CA bundle), `page_size` (at most 100).
    """

    platform = "domo"
    capabilities = CAPABILITIES
    inventory_feeds = (
        "domo_user",
        "domo_page",
        "domo_card",
        "domo_page_card",
        "domo_schedule",
        "domo_dependency",
    )
    history_feed = "domo_historical_access"

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self.name = name
        self._client = DomoClient(name, options)
        if not self._client.has_instance:
            self.capabilities = WITHOUT_INSTANCE
        self._robots = tuple(str(robot) for robot in options.get("robots") or ())
        self._with_groups = bool(options.get("groups"))
        self._account = Account(self._client, self._robots)
        self._pages = Pages(self._client, lambda: self._account.me)
        self._cards = Cards(self._client, self._pages)
        self._log = AuditLog(self._client)
        self._sightings = Sightings(self._client, self._pages, self._cards, self._log)

    def fingerprint(self) -> str:
        """Digest of the host and of the customer Domo says we log in to."""
        customer = self._client.login().get("customer")
        if not customer:
            raise SourceBroken("the log-in does not name the customer", source=self.name)
        text = f"{urlsplit(self._client.api_url).netloc} {customer}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def own_accounts(self) -> tuple[Person, ...]:
        """The accounts of the API client and of the developer token."""
        self._account = Account(self._client, self._robots)
        return self._account.own

    def read_inventory(self, feed: str) -> Iterator[Page]:
        """Pages of rows; IncompleteFeed for an account that is shown only a part."""
        match feed:
            case "domo_user":
                return self._users()
            case "domo_page":
                self._require_everything()
                return self._pages.rows(self._client.page_size)
            case "domo_card":
                return self._cards.rows()
            case "domo_page_card":
                return self._cards.placements()
            case "domo_schedule":
                return schedules.reports(self._client)
            case "domo_dependency":
                return self._cards.dependencies()
        raise KeyError(feed)

    def history_start(self, wanted: datetime, now: datetime, proven: Coverage) -> datetime:  # noqa: ARG002
        """`wanted`, or the oldest row of the log; an empty log proves nothing."""
        return self._log.start(wanted, now)

    def read_history(self, window: Interval) -> Iterator[Page]:
        """Uses within the window, each row of the log once."""
        return self._log.rows(window.start, window.end)

    def look(self, key: VisualKey, since: datetime) -> Sighting:
        """The visual right now, without opening it."""
        return self._sightings.of(key, since, self._account)

    def backup(self, key: VisualKey) -> BackupContent:
        """Its JSON and all that a quarantine changes."""
        return back_up(self._client, self._pages, self._cards, key)

    def probe(self) -> Iterable[Probe]:
        """Log-in, scopes, grants, and whether everything is shown."""
        account = Account(self._client, self._robots)
        yield from probe(self._client, account, self._pages, self._cards, self._log)
        if self._with_groups:
            yield groups_probe(self._client)

    def close(self) -> None:
        """Forget the token and close connections."""
        self._client.close()

    def _users(self) -> Iterator[Page]:
        groups = Groups(self._client) if self._with_groups else None
        for page in self._account.people():
            yield [user_row(user, groups) for user in page]

    def _require_everything(self) -> None:
        """Without the instance's own count, only an administrator is known to be shown every page."""
        if not self._client.has_instance and self._account.role != "Admin":
            raise IncompleteFeed(
                f"the API client's user has the role {self._account.role or 'none'} and is shown a part",
                source=self.name,
                hint="Give that user the role Admin (Admin > People), or configure the instance API.",
            )
