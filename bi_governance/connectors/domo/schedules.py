"""Domo's scheduled reports, from the instance API; alerts, embeds and public links are not read."""

from __future__ import annotations

from collections.abc import Iterator

from bi_governance.connectors.domo.cards import moment
from bi_governance.connectors.domo.client import DomoClient, Item
from bi_governance.errors import IncompleteFeed, SourceBroken
from bi_governance.model import VisualKey
from bi_governance.ports import Page

REPORTS = "/api/content/v1/reportschedules"
UNSEEN = (
    "whether a scheduled report sends it cannot be seen: instance_url and developer_token are not configured"
)


def reports(client: DomoClient) -> Iterator[Page]:
    """Rows of `domo_schedule`; nothing without the instance API."""
    if client.has_instance:
        yield [_row(client, report) for report in _reports(client)]


def references(client: DomoClient, key: VisualKey) -> list[str]:
    """The living reports that send one visual, in words; also that they cannot be seen."""
    if not client.has_instance:
        return [UNSEEN]
    rows = [_row(client, report) for report in _reports(client)]
    return [
        f"scheduled report '{row['name'] or row['schedule_id']}'"
        for row in rows
        if row["enabled"] and row[f"{key.type}_id"] == key.native_id
    ]


def _reports(client: DomoClient) -> list[Item]:
    answer = client.instance("GET", REPORTS)
    if not isinstance(answer, list):
        raise SourceBroken("the scheduled reports came as something else than a list", source=client.source)
    return answer


def _row(client: DomoClient, report: Item) -> dict[str, object]:
    """A report that does not say what it sends makes the feed incomplete: it may send anything."""
    type_ = str(report.get("resourceType") or "").lower()
    if type_ not in ("page", "card") or not report.get("resourceId"):
        raise IncompleteFeed(
            f"the scheduled report {report.get('id')} does not say which page or card it sends",
            source=client.source,
        )
    target = str(report["resourceId"])
    return {
        "schedule_id": str(report["id"]),
        "kind": "report",
        "name": report.get("title"),
        "user_id": None if report.get("ownerId") is None else str(report["ownerId"]),
        "page_id": target if type_ == "page" else None,
        "card_id": target if type_ == "card" else None,
        "last_run_at": moment(report.get("lastRunDate")),
        "enabled": report.get("enabled") is not False,
    }
