"""Finding Superset's things: visuals by their uuid, and what refers to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bi_governance.connectors.superset.client import Item, SupersetClient
from bi_governance.connectors.superset.rison import Filter
from bi_governance.connectors.superset.visuals import (
    CHART_COLUMNS,
    DASHBOARD_COLUMNS,
    SCHEDULE_COLUMNS,
    title_of,
)
from bi_governance.errors import SourceBroken, SourceMissing
from bi_governance.model import VisualKey

COLUMNS = {"dashboard": DASHBOARD_COLUMNS, "chart": CHART_COLUMNS}


@dataclass(frozen=True, slots=True)
class Found:
    """A visual as Superset lists it right now; `number` changes when it is restored, the uuid does not."""

    type: str
    number: int
    item: Item


class Places:
    """Looks things up through the list API, which unlike reading one object leaves no trace of a view."""

    def __init__(self, client: SupersetClient) -> None:
        self._client = client

    def find(self, key: VisualKey) -> Found | None:
        """The living visual with this uuid."""
        if key.type not in COLUMNS:
            return None
        listing = self._client.page(
            key.type, ("id", *COLUMNS[key.type]), [Filter("uuid", "eq", key.native_id)]
        )
        matching = [item for item in listing.items if item.get("uuid") == key.native_id]
        if not matching and listing.count:
            raise SourceBroken(f"asked for the uuid {key.native_id}, got others", source=self._client.source)
        return Found(key.type, int(matching[0]["id"]), matching[0]) if matching else None

    def get(self, key: VisualKey) -> Found:
        """The living visual with this uuid; SourceMissing when there is none."""
        found = self.find(key)
        if found is None:
            raise SourceMissing(
                f"there is no {key.type} {key.native_id}", source=self._client.source, status=404
            )
        return found

    def charts_on(self, dashboard: int) -> list[Item]:
        """The charts placed on a dashboard."""
        condition = Filter("dashboards", "rel_m_m", dashboard)
        return [item for page in self._client.scan("chart", CHART_COLUMNS, [condition]) for item in page]

    def schedules_of(self, found: Found) -> Sequence[Item]:
        """The alerts and reports that send it; any, active or not, keeps Superset from deleting it."""
        condition = Filter(f"{found.type}_id", "eq", found.number)
        return self._client.page("report", ("id", *SCHEDULE_COLUMNS), [condition]).items

    def embedding_of(self, dashboard: int) -> Mapping[str, object] | None:
        """How the dashboard may be embedded elsewhere; None when it may not."""
        try:
            return self._client.result(f"/api/v1/dashboard/{dashboard}/embedded")
        except SourceMissing:
            return None

    def references(self, found: Found, embedding: Mapping[str, object] | None) -> tuple[str, ...]:
        """What uses it, in words."""
        words = [
            f"{str(schedule.get('type', 'report')).lower()} '{schedule.get('name')}'"
            + ("" if schedule.get("active") else " (switched off)")
            for schedule in self.schedules_of(found)
        ]
        if found.type == "chart":
            words += [f"dashboard '{title_of(on)}'" for on in found.item.get("dashboards") or ()]
        if embedding is not None:
            domains = embedding.get("allowed_domains")
            sites = ", ".join(domains) if isinstance(domains, list) and domains else "any site"
            words.append(f"embedding into {sites}")
        return tuple(words)
