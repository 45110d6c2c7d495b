"""What a tenant holds, seen two ways that must agree: the lists of the admin API and the metadata scans."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bi_governance.connectors.powerbi.client import ADMIN, Item, PowerBIClient
from bi_governance.connectors.powerbi.lineage import Dependency, dataset_facts
from bi_governance.connectors.powerbi.people import user_id
from bi_governance.connectors.powerbi.scan import scan
from bi_governance.errors import SourceBroken

GROUPS = f"{ADMIN}/groups"
REPORTS = f"{ADMIN}/reports"
APP_PREFIX = "[App] "
ACTIVE = "state eq 'Active'"


@dataclass(slots=True)
class Scanned:
    """The parts of all scans that we keep: reports and dashboards by id, people, lineage of datasets."""

    workspaces: dict[str, Item] = field(default_factory=dict)
    reports: dict[str, Item] = field(default_factory=dict)
    dashboards: dict[str, Item] = field(default_factory=dict)
    users: dict[str, Item] = field(default_factory=dict)
    datasets: dict[str, list[Dependency]] = field(default_factory=dict)

    def add(self, result: Item) -> None:
        """Take in one scan result."""
        for workspace in result["workspaces"]:
            self.workspaces[str(workspace["id"])] = {
                key: workspace.get(key) for key in ("id", "name", "type", "state")
            }
            self._meet(workspace)
            for kind, kept in (("reports", self.reports), ("dashboards", self.dashboards)):
                for item in workspace.get(kind) or ():
                    kept[str(item["id"])] = {**item, "workspaceId": str(workspace["id"])}
                    self._meet(item)
            for dataset in workspace.get("datasets") or ():
                self.datasets[str(dataset["id"])] = dataset_facts(dataset)

    def _meet(self, item: Item) -> None:
        for user in item.get("users") or ():
            if user_id(user):
                self.users.setdefault(user_id(user), user)

    def originals(self) -> dict[str, str]:
        """What every app copy was made of, by the copy's id; a copy nothing fits is left out."""
        return {**_originals(self.reports, "name"), **_originals(self.dashboards, "displayName")}


def _originals(items: Mapping[str, Item], title: str) -> dict[str, str]:
    """By the id a copy names, else the one thing in its workspace with the name it was copied from."""
    named: dict[tuple[str, str], list[str]] = {}
    for id_, item in items.items():
        if not item.get("appId"):
            named.setdefault((item["workspaceId"], str(item.get(title))), []).append(id_)
    found = {}
    for id_, item in items.items():
        if item.get("appId"):
            name = str(item.get(title)).removeprefix(APP_PREFIX)
            alike = named.get((item["workspaceId"], name), [])
            original = original_of(item) or (alike[0] if len(alike) == 1 else None)
            if original is not None:
                found[id_] = original
    return found


def original_of(report: Item) -> str | None:
    """The report an app copy was made of; scans and lists name the field differently."""
    if not report.get("appId"):
        return None
    found = report.get("originalReportObjectId") or report.get("originalReportId")
    return str(found) if found else None


def workspaces(client: PowerBIClient) -> Iterator[list[Item]]:
    """Pages of the active workspaces; IncompleteFeed when the list of changed workspaces knows of more."""
    before = _known(client)
    received: set[str] = set()
    for page in client.pages(GROUPS, {"$filter": ACTIVE}):
        received.update(str(each["id"]).lower() for each in page)
        yield page
    missing = before - received
    if missing and missing & _known(client):
        raise client.incomplete(f"a list left out {len(missing)} workspaces", GROUPS)


def _known(client: PowerBIClient) -> set[str]:
    """The ids of all active workspaces by another way: those changed at any time."""
    path = f"{ADMIN}/workspaces/modified"
    found = client.get(path, {"excludeInActiveWorkspaces": "True"})
    if not isinstance(found, list):
        raise SourceBroken("expected a list", source=client.source, request=f"GET {path}")
    return {str(each["id"]).lower() for each in found}


def scanned(client: PowerBIClient) -> Scanned:
    """All active workspaces, scanned."""
    made = Scanned()
    ids = [str(each["id"]) for page in workspaces(client) for each in page]
    for result in scan(client, ids):
        made.add(result)
    return made


def reports(client: PowerBIClient, seen: Scanned) -> Iterator[list[Item]]:
    """Pages of all reports; IncompleteFeed when a scan found one that the list left out."""
    missing = set(seen.reports)
    for page in client.pages(REPORTS):
        missing.difference_update(str(each["id"]) for each in page)
        yield page
    if missing and _still_there(client, seen, missing):
        raise client.incomplete(f"a list left out {len(missing)} reports that a scan found", REPORTS)


def _still_there(client: PowerBIClient, seen: Scanned, report_ids: set[str]) -> bool:
    """Whether a new scan shows any of them again, instead of all having been deleted meanwhile."""
    places = {str(seen.reports[id_]["workspaceId"]) for id_ in report_ids}
    again = Scanned()
    for result in scan(client, sorted(places)):
        again.add(result)
    return not report_ids.isdisjoint(again.reports)
