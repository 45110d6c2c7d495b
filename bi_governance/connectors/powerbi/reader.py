"""One Power BI tenant, read only: inventory, access history, a live look, backups."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from bi_governance.connectors.powerbi import inventory
from bi_governance.connectors.powerbi.activity import ActivityLog
from bi_governance.connectors.powerbi.backup import back_up
from bi_governance.connectors.powerbi.capabilities import CAPABILITIES, HISTORY_DAYS
from bi_governance.connectors.powerbi.client import Identity, PowerBIClient
from bi_governance.connectors.powerbi.probes import probes
from bi_governance.connectors.powerbi.sighting import sighting
from bi_governance.connectors.powerbi.tenant import Scanned, scanned
from bi_governance.errors import ConfigurationError
from bi_governance.model import Coverage, Interval, Person, VisualKey
from bi_governance.ports import BackupContent, Page, Probe, Sighting

_BY_SCAN = {
    "powerbi_user": inventory.user_pages,
    "powerbi_report": inventory.report_pages,
    "powerbi_dashboard": inventory.dashboard_pages,
    "powerbi_dashboard_tile": inventory.tile_pages,
    "powerbi_subscription": inventory.subscription_pages,
    "powerbi_dependency": inventory.dependency_pages,
}
# What is about to fall out of the log may be gone when it is asked for, and asking for more is an error.
_BEFORE_IT_GOES = timedelta(hours=1)


class PowerBIReader:
    """Reads one tenant by the read-only admin APIs; builds no request that changes anything.

    Options: `tenant_id`, `client_id`, `client_secret`; optional `remover_client_id` and
    `remover_client_secret` (the app that exports and deletes), `api_url`, `authority_url` and `scope` (other
    clouds), `history_days` (how long the activity log is kept, 28), `read_subscriptions` (false: only looked
    at live before a removal), `robots`, `poll_seconds`, and those of every connector over HTTP.
    """

    platform = "powerbi"
    capabilities = CAPABILITIES
    inventory_feeds = ("powerbi_workspace", *_BY_SCAN)
    history_feed = "powerbi_historical_access"

    def __init__(
        self,
        name: str,
        options: Mapping[str, Any],
        wall_clock: Callable[[], float] | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self.name = name
        self._admin = PowerBIClient(name, options, Identity.of_reader(options), wall_clock, sleep)
        self._member = PowerBIClient(name, options, Identity.of_remover(options), wall_clock, sleep)
        self._log = ActivityLog(self._admin)
        self._retention = timedelta(days=float(options.get("history_days", HISTORY_DAYS))) - _BEFORE_IT_GOES
        self._reads_subscriptions = bool(options.get("read_subscriptions", True))
        self._robots = tuple(str(robot).lower() for robot in options.get("robots") or ())
        self._lock = threading.RLock()
        self._scanned: Scanned | None = None

    def fingerprint(self) -> str:
        """Digest of the service's address and the tenant our token is of."""
        tenant = str(self._admin.claims().get("tid") or self._admin.tenant_id).lower()
        text = f"{urlsplit(self._admin.api_url).hostname} {tenant}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def own_accounts(self) -> tuple[Person, ...]:
        """Our app registrations, under their app and object ids; the tenant is scanned anew after this."""
        with self._lock:
            self._scanned = None
        return self._own()

    def read_inventory(self, feed: str) -> Iterator[Page]:
        """Pages of rows; IncompleteFeed when lists and scans do not agree."""
        if feed == "powerbi_workspace":
            return inventory.workspace_pages(self._admin)
        if feed not in _BY_SCAN:
            known = ", ".join(self.inventory_feeds)
            raise ConfigurationError(f"Power BI has no feed '{feed}'; it has {known}.")
        if feed == "powerbi_subscription" and not self._reads_subscriptions:
            return iter(())
        return _BY_SCAN[feed](self._admin, self._seen())

    def history_start(self, wanted: datetime, now: datetime, proven: Coverage) -> datetime:  # noqa: ARG002
        """`wanted`, or as far back as Power BI keeps its activity log."""
        return min(max(wanted, now - self._retention), now)

    def read_history(self, window: Interval) -> Iterator[Page]:
        """Uses within the window; those of app copies are credited to the report they were made of."""
        originals: Mapping[str, str] | None = None
        for uses in self._log.uses(window):
            if uses:
                originals = self._seen().originals() if originals is None else originals
                yield [use.as_row(originals) for use in uses]

    def look(self, key: VisualKey, since: datetime) -> Sighting:
        """The visual right now. The first look reads the activity log; later ones only its last days."""
        own = {account.id for account in self._own()} | set(self._robots)
        return sighting(self._admin, self._log, key, since, self._retention, own)

    def backup(self, key: VisualKey) -> BackupContent:
        """The report's file and what it does not hold; SourceConflict when Power BI does not export it."""
        return back_up(self._admin, self._member, key)

    def probe(self) -> Iterable[Probe]:
        """Sign-in, tenant settings, scans, log, and membership in workspaces."""
        return probes(self._admin, self._member, reads_subscriptions=self._reads_subscriptions)

    def close(self) -> None:
        """Forget the tokens and close connections."""
        self._admin.close()
        self._member.close()

    def _seen(self) -> Scanned:
        with self._lock:
            if self._scanned is None:
                self._scanned = scanned(self._admin)
            return self._scanned

    def _own(self) -> tuple[Person, ...]:
        ids = [
            self._admin.identity.client_id,
            self._admin.claims().get("oid"),
            self._member.identity.client_id,
        ]
        known = dict.fromkeys(str(id_).lower() for id_ in ids if id_)
        return tuple(Person(id_, name="our service principal", email=None, active=True) for id_ in known)
