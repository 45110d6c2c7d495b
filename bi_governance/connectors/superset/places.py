"""Finding Superset's things: visuals by their uuid, and what refers to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bi_governance.connectors.superset.client import Item, SupersetClient, with_hint
from bi_governance.connectors.superset.editors import Editors
from bi_governance.connectors.superset.features import Features
from bi_governance.connectors.superset.rison import Filter
from bi_governance.connectors.superset.visuals import (
    CHART_COLUMNS,
    DASHBOARD_COLUMNS,
    SCHEDULE_COLUMNS,
    title_of,
)
from bi_governance.errors import SourceBroken, SourceMissing
from bi_governance.model import VisualKey

SCHEDULES_HINT = (
    "Superset gives no list of alerts and reports and does not say that the feature ALERT_REPORTS is off; "
    "let /api/v1/report/ and the log-in page through to it."
)
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
        self.features = Features(client)
        self.editors = Editors(client)

    def scan(
        self, type_: str, columns: Sequence[str] = (), filters: Sequence[Filter] = ()
    ) -> Iterator[Sequence[Item]]:
        """All visuals of a type, by pages, with their owners; `columns` default to all we know."""
        for page in self._client.scan(type_, columns or COLUMNS[type_], filters):
            yield [self.editors.with_owners(item) for item in page]

    def find(self, key: VisualKey) -> Found | None:
        """The living visual with this uuid."""
        return self._find(key, ()) if key.type in COLUMNS else None

    def find_trashed(self, key: VisualKey) -> Found | None:
        """The visual with this uuid in Superset's own trash, where it has one."""
        only = self.features.trashed(key.type, "only") if key.type in COLUMNS else ()
        return self._find(key, only) if only else None

    def _find(self, key: VisualKey, filters: Sequence[Filter]) -> Found | None:
        listing = self._client.page(
            key.type, ("id", *COLUMNS[key.type]), [*filters, Filter("uuid", "eq", key.native_id)]
        )
        matching = [item for item in listing.items if item.get("uuid") == key.native_id]
        if not matching and listing.count:
            raise SourceBroken(f"asked for the uuid {key.native_id}, got others", source=self._client.source)
        if not matching:
            return None
        return Found(key.type, int(matching[0]["id"]), self.editors.with_owners(matching[0]))

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
        return [item for page in self.scan("chart", filters=[condition]) for item in page]

    def schedules(self) -> Iterator[Sequence[Item]]:
        """All alerts and reports; none where they are switched off, which is how Superset comes."""
        try:
            for page in self._client.ordered("report", SCHEDULE_COLUMNS, "created_on"):
                yield [self.editors.with_owners(item) for item in page]
        except SourceMissing as error:
            self._require_schedules_off(error)

    def schedules_of(self, found: Found) -> Sequence[Item]:
        """The alerts and reports that send it; any, active or not, keeps Superset from deleting it."""
        condition = Filter(f"{found.type}_id", "eq", found.number)
        try:
            items = self._client.page("report", ("id", *SCHEDULE_COLUMNS), [condition]).items
        except SourceMissing as error:
            self._require_schedules_off(error)
            return ()
        return [self.editors.with_owners(item) for item in items]

    def _require_schedules_off(self, error: SourceMissing) -> None:
        """Raise unless Superset says itself that it sends no alerts and reports."""
        if not self.features.is_off("ALERT_REPORTS"):
            raise with_hint(error, SCHEDULES_HINT) from error

    def embedded(self, dashboards: Sequence[int]) -> frozenset[int]:
        """Those of the dashboards that may be embedded elsewhere; asks only a Superset that embeds at all.

        One call each, several under way at once: Superset lists this nowhere.
        """
        if self.features.is_off("EMBEDDED_SUPERSET"):
            return frozenset()
        found = self._client.workers.in_order(self.embedding_of, dashboards)
        return frozenset(number for number, how in zip(dashboards, found, strict=True) if how is not None)

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
