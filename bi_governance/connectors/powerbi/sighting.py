"""One report or dashboard as it is now: where, whose, used when and by what, without being opened."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from bi_governance.connectors.powerbi.activity import ActivityLog
from bi_governance.connectors.powerbi.client import ADMIN, Item, PowerBIClient
from bi_governance.connectors.powerbi.people import moment, owner_of
from bi_governance.connectors.powerbi.scan import scan
from bi_governance.connectors.powerbi.tenant import Scanned
from bi_governance.errors import SourceMissing
from bi_governance.model import VisualKey
from bi_governance.ports import Sighting

PUBLISHED = f"{ADMIN}/widelySharedArtifacts/publishedToWeb"
SHARED_ROWS = "artifactAccessEntities"


@dataclass(frozen=True, slots=True)
class Found:
    """A visual that exists: as its list has it, as a scan has it, and the scan of its whole workspace."""

    key: VisualKey
    listed: Item
    item: Item
    workspace: Item
    scanned: Scanned

    @property
    def title(self) -> str:
        return str(self.listed.get("name") or self.listed.get("displayName") or "")

    @property
    def folder(self) -> str:
        return str(self.workspace.get("name") or "")

    @property
    def owner(self) -> str:
        right = f"{self.key.type}UserAccessRight"
        return owner_of(self.item.get("users") or (), right, self.item.get("createdBy")) or ""

    def copies(self) -> dict[str, Item]:
        """Its copies in apps, by their ids."""
        items = self.scanned.reports if self.key.type == "report" else self.scanned.dashboards
        originals = self.scanned.originals()
        return {id_: item for id_, item in items.items() if originals.get(id_) == self.key.native_id}

    def dashboards(self) -> list[Item]:
        """The dashboards of the workspace with a tile that shows the report."""
        return [
            dashboard
            for dashboard in self.scanned.dashboards.values()
            if any(tile.get("reportId") == self.key.native_id for tile in dashboard.get("tiles") or ())
        ]


def find(client: PowerBIClient, key: VisualKey) -> Found | None:
    """The visual, or None when it is gone; IncompleteFeed when a scan does not show what a list has."""
    listed = listed_now(client, key)
    if listed is None:
        return None
    scanned = Scanned()
    for result in scan(client, [str(listed["workspaceId"])]):
        scanned.add(result)
    items = scanned.reports if key.type == "report" else scanned.dashboards
    if key.native_id not in items:
        raise client.incomplete(f"a scan does not show {key} although it exists", f"{ADMIN}/workspaces")
    workspace = scanned.workspaces.get(str(listed["workspaceId"]), {})
    return Found(key, listed, items[key.native_id], workspace, scanned)


def listed_now(client: PowerBIClient, key: VisualKey) -> Item | None:
    """The visual as the admin API lists it at this moment."""
    found = client.rows(f"{ADMIN}/{key.type}s", {"$filter": f"id eq '{key.native_id}'"})
    return next((each for each in found if str(each["id"]).lower() == key.native_id.lower()), None)


def found_or_missing(client: PowerBIClient, key: VisualKey) -> Found:
    """The visual; SourceMissing when it is gone."""
    found = find(client, key)
    if found is None:
        raise SourceMissing(f"{key} does not exist", source=client.source)
    return found


def subscriptions(client: PowerBIClient, type_: str, id_: str) -> list[Item]:
    """The e-mail subscriptions to one report or dashboard, everybody's."""
    return client.rows(f"{ADMIN}/{type_}s/{id_}/subscriptions")


def published_ids(client: PowerBIClient) -> frozenset[str]:
    """The ids of everything published to the web."""
    pages = client.continued(PUBLISHED, SHARED_ROWS)
    return frozenset(str(entry.get("artifactId")) for page in pages for entry in page)


def sighting(
    client: PowerBIClient,
    log: ActivityLog,
    key: VisualKey,
    since: datetime,
    retention: timedelta,
    not_by: Collection[str],
) -> Sighting:
    """What Power BI says of it now, with the activity log searched as far back as `retention`."""
    found = find(client, key)
    if found is None:
        return Sighting(exists=False)
    ids = {key.native_id, *found.copies()}
    now = client.now()
    days = log.last_uses(now - retention, now, not_by)
    counted = [day.counted[id_] for day in days for id_ in ids if id_ in day.counted]
    is_known_to_the_log = any(id_ in day.any for day in days for id_ in ids)
    references = list(_references(client, found))
    if not is_known_to_the_log and not _is_unused(client, found):
        references.append("Power BI does not list it as unused, though its activity log shows no use of it")
    return Sighting(
        exists=True,
        title=found.title,
        owner_id=found.owner,
        folder=found.folder,
        last_used_at=max((at for at in counted if at > since), default=None),
        updated_at=moment(found.listed.get("modifiedDateTime")),
        references=tuple(references),
    )


def _references(client: PowerBIClient, found: Found) -> Iterator[str]:
    for subscription in subscriptions(client, found.key.type, found.key.native_id):
        if subscription.get("isEnabled", True):
            yield f"subscription '{subscription.get('title') or subscription['id']}'"
    for dashboard in found.dashboards():
        yield f"dashboard '{dashboard.get('displayName')}' shows it"
    for copy in found.copies().values():
        yield f"the app {copy.get('appId')} offers it"
    if found.key.native_id in published_ids(client):
        yield "it is published to the web"


def _is_unused(client: PowerBIClient, found: Found) -> bool:
    """Whether Power BI itself lists it among what was not used in the last 30 days."""
    path = f"{ADMIN}/groups/{found.listed['workspaceId']}/unused"
    pages = client.continued(path, "unusedArtifactEntities")
    return any(str(entry.get("artifactId")) == found.key.native_id for page in pages for entry in page)
