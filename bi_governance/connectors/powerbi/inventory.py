"""Power BI's workspaces, people, reports, dashboards, tiles and apps as rows of the raw tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bi_governance.connectors.powerbi.capabilities import MOST_ASKED_FOR_SUBSCRIPTIONS
from bi_governance.connectors.powerbi.client import Item, PowerBIClient
from bi_governance.connectors.powerbi.lineage import report_rows
from bi_governance.connectors.powerbi.people import moment, owner_of, text_or_none, user_row
from bi_governance.connectors.powerbi.sighting import published_ids, subscriptions
from bi_governance.connectors.powerbi.tenant import GROUPS, Scanned, original_of, reports, workspaces
from bi_governance.ports import Page, Row

PERSONAL = ("PersonalGroup", "Personal")
APP_URL = "https://app.powerbi.com"


def workspace_pages(client: PowerBIClient) -> Iterator[Page]:
    """Rows of `powerbi_workspace`."""
    for page in workspaces(client):
        yield [
            {
                "workspace_id": str(each["id"]),
                "name": text_or_none(each.get("name")),
                "type": text_or_none(each.get("type")),
                "state": text_or_none(each.get("state")),
                "is_personal": each.get("type") in PERSONAL,
            }
            for each in page
        ]


def user_pages(client: PowerBIClient, seen: Scanned) -> Iterator[Page]:
    """Rows of `powerbi_user`: everybody a scan met, and creators it did not."""
    made_by = {str(each.get("createdBy") or "").lower() for each in seen.reports.values()} - {""}
    unmet = [{"identifier": name} for name in sorted(made_by - seen.users.keys())]
    yield from _in_pages(client, [user_row(user) for user in (*seen.users.values(), *unmet)])


def report_pages(client: PowerBIClient, seen: Scanned) -> Iterator[Page]:
    """Rows of `powerbi_report`, app copies included."""
    published = published_ids(client)
    originals = seen.originals()
    for page in reports(client, seen):
        yield [
            {
                **_report_row(each, seen.reports.get(str(each["id"]), each)),
                "original_report_id": originals.get(str(each["id"])) or original_of(each),
                "is_published_to_web": str(each["id"]) in published,
            }
            for each in page
        ]


def _report_row(listed: Item, scanned: Item) -> Row:
    return {
        "report_id": str(listed["id"]),
        "title": text_or_none(listed.get("name")),
        "workspace_id": text_or_none(listed.get("workspaceId")),
        "dataset_id": text_or_none(listed.get("datasetId")),
        "report_type": text_or_none(listed.get("reportType")),
        "url": text_or_none(listed.get("webUrl")),
        "owner_id": owner_of(scanned.get("users") or (), "reportUserAccessRight", scanned.get("createdBy")),
        "created_by": text_or_none(scanned.get("createdBy")),
        "modified_by": text_or_none(scanned.get("modifiedBy")),
        "app_id": text_or_none(listed.get("appId") or scanned.get("appId")),
        "endorsement": text_or_none((scanned.get("endorsementDetails") or {}).get("endorsement")),
        "created_at": moment(listed.get("createdDateTime") or scanned.get("createdDateTime")),
        "updated_at": moment(listed.get("modifiedDateTime") or scanned.get("modifiedDateTime")),
        "last_accessed_at": None,
    }


def dashboard_pages(client: PowerBIClient, seen: Scanned) -> Iterator[Page]:
    """Rows of `powerbi_dashboard`; Power BI knows no dates of them."""
    rows = [
        {
            "dashboard_id": id_,
            "title": text_or_none(each.get("displayName")),
            "workspace_id": str(each["workspaceId"]),
            "url": f"{APP_URL}/groups/{each['workspaceId']}/dashboards/{id_}",
            "owner_id": owner_of(each.get("users") or (), "dashboardUserAccessRight"),
            "app_id": text_or_none(each.get("appId")),
            "last_accessed_at": None,
            "is_readonly": bool(each.get("isReadOnly")),
        }
        for id_, each in seen.dashboards.items()
    ]
    yield from _in_pages(client, rows)


def tile_pages(client: PowerBIClient, seen: Scanned) -> Iterator[Page]:
    """Rows of `powerbi_dashboard_tile`."""
    rows = [
        {
            "tile_id": str(tile["id"]),
            "dashboard_id": id_,
            "report_id": text_or_none(tile.get("reportId")),
            "dataset_id": text_or_none(tile.get("datasetId")),
            "title": text_or_none(tile.get("title")),
        }
        for id_, dashboard in seen.dashboards.items()
        for tile in dashboard.get("tiles") or ()
    ]
    yield from _in_pages(client, rows)


def subscription_pages(client: PowerBIClient, seen: Scanned) -> Iterator[Page]:
    """Rows of `powerbi_subscription`, asked for report by report and dashboard by dashboard.

    None of a kind of which there are more than MOST_ASKED_FOR_SUBSCRIPTIONS: their subscriptions are asked
    for right before a removal, which they prevent. BudgetSpent before the first call when too few are left.
    """
    kinds = {
        "report": [id_ for id_, each in seen.reports.items() if not each.get("appId")],
        "dashboard": [id_ for id_, each in seen.dashboards.items() if not each.get("appId")],
    }
    asked = {kind: ids for kind, ids in kinds.items() if len(ids) <= MOST_ASKED_FOR_SUBSCRIPTIONS}
    for kind, ids in asked.items():
        client.budget.require(f"{kind} subscriptions", len(ids))
    for kind, ids in asked.items():
        for id_ in ids:
            rows = [_subscription_row(each, kind, id_) for each in subscriptions(client, kind, id_)]
            if rows:
                yield rows


def _subscription_row(each: Item, kind: str, id_: str) -> Row:
    subscriber: Item = next(iter(each.get("users") or ()), {})
    return {
        "subscription_id": str(each["id"]),
        "kind": "subscription",
        "name": text_or_none(each.get("title")),
        "user_id": text_or_none(str(subscriber.get("identifier") or "").lower()),
        "report_id": id_ if kind == "report" else None,
        "dashboard_id": id_ if kind == "dashboard" else None,
        "last_run_at": None,
        "enabled": bool(each.get("isEnabled", True)),
    }


def dependency_pages(client: PowerBIClient, seen: Scanned) -> Iterator[Page]:
    """Rows of `powerbi_dependency`: of reports, and of dashboards through the reports and models on them."""
    rows: dict[tuple[object, ...], Row] = {}
    for id_, report in seen.reports.items():
        if not report.get("appId"):
            _add(rows, report_rows(id_, report.get("datasetId"), seen.datasets))
    for id_, dashboard in seen.dashboards.items():
        for dataset_id in {tile.get("datasetId") for tile in dashboard.get("tiles") or ()} - {None}:
            of_dataset = report_rows(id_, dataset_id, seen.datasets)
            _add(rows, [{**row, "visual_type": "dashboard"} for row in of_dataset])
    yield from _in_pages(client, list(rows.values()))


def _add(rows: dict[tuple[object, ...], Row], more: Iterable[Row]) -> None:
    for row in more:
        rows[(row["visual_type"], row["visual_id"], row["kind"], row["name"])] = row


def _in_pages(client: PowerBIClient, rows: Sequence[Row]) -> Iterator[Page]:
    for start in range(0, len(rows), client.page_size):
        yield rows[start : start + client.page_size]


def first_workspaces(client: PowerBIClient) -> list[Item]:
    """The first page of workspaces: proof that the read-only admin APIs answer us."""
    return client.rows(GROUPS, {"$top": client.page_size, "$skip": 0, "$filter": "state eq 'Active'"})
