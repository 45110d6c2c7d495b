"""What uses content without a person: subscriptions and data alerts."""

from __future__ import annotations

from collections.abc import Iterator

import tableauserverclient as tsc

from bi_governance.connectors.tableau.client import TableauClient
from bi_governance.ports import Page


def schedules(client: TableauClient) -> Iterator[Page]:
    """Subscriptions first, then data alerts, whose suspension Tableau does not tell: they count as living."""
    for page in client.pages(lambda server, options: server.subscriptions.get(options)):
        yield [_subscription(item) for item in page]
    for alerts in client.pages(lambda server, options: server.data_alerts.get(options)):
        yield [_alert(item) for item in alerts]


def references(client: TableauClient, workbook_id: str, view_ids: frozenset[str]) -> tuple[str, ...]:
    """What living deliveries there are for a workbook or its views, in words."""
    rows = [row for page in schedules(client) for row in page]
    return tuple(
        f"{row['kind']} '{row['name']}'"
        for row in rows
        if row["enabled"] and (row["workbook_id"] == workbook_id or row["view_id"] in view_ids)
    )


def _subscription(item: tsc.SubscriptionItem) -> dict[str, object]:
    target = item.target
    kind = str(target.type).lower() if target else ""
    return {
        "subscription_id": str(item.id),
        "kind": "subscription",
        "name": item.subject,
        "user_id": item.user_id,
        "workbook_id": target.id if kind == "workbook" else None,
        "view_id": target.id if kind == "view" else None,
        "schedule_id": item.schedule_id,
        "enabled": not item.suspended,
    }


def _alert(item: tsc.DataAlertItem) -> dict[str, object]:
    return {
        "subscription_id": str(item.id),
        "kind": "data alert",
        "name": item.subject,
        "user_id": item.owner_id,
        "workbook_id": item.workbook_id,
        "view_id": item.view_id,
        "schedule_id": None,
        "enabled": True,
    }
