"""Domo's cards, through the instance API: where they are, who owns them, when they were last viewed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from bi_governance.connectors.domo.client import CARD_ADMIN, DomoClient, Item, owners_of
from bi_governance.connectors.domo.pages import Pages, url_of
from bi_governance.errors import IncompleteFeed, SourceBroken, SourceMissing
from bi_governance.ports import Page

CARDS = "/api/content/v1/cards"
_PARTS = "metadata,viewInfo,datasources,owners,adminAllPages"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Cards:
    """Reads cards; without the instance API there are none to be seen."""

    def __init__(self, client: DomoClient, pages: Pages) -> None:
        self._client = client
        self._pages = pages

    def get(self, card_id: str) -> Item:
        """One card with its pages, owners, datasets and views; SourceMissing when it is not there."""
        if not card_id.isdigit():
            raise SourceMissing(f"'{card_id}' is no card id", source=self._client.source)
        found = self._details([card_id])
        if card_id not in found:
            raise SourceMissing(f"there is no card {card_id}", source=self._client.source, status=404)
        return found[card_id]

    def listed(self) -> Iterator[list[tuple[Item, Item]]]:
        """Every card as (summary, detail), page by page.

        IncompleteFeed when a card of the list cannot be read: it may just have been deleted; the next
        collection will tell.
        """
        if not self._client.has_instance:
            return
        body = {"orderBy": "cardTitle", "ascending": True}
        pages = self._client.summaries(CARD_ADMIN, "cardAdminSummaries", "totalCardCount", "id", body)
        for page in pages:
            details = self._details([str(item["id"]) for item in page]) if page else {}
            missing = [str(item["id"]) for item in page if str(item["id"]) not in details]
            if missing:
                raise IncompleteFeed(
                    f"the cards {', '.join(missing)} are listed but cannot be read",
                    source=self._client.source,
                )
            yield [(item, details[str(item["id"])]) for item in page]

    def rows(self) -> Iterator[Page]:
        """Rows of `domo_card`."""
        ours = self._quarantine_id()
        for page in self.listed():
            yield [self._row(summary, detail, ours) for summary, detail in page]

    def placements(self) -> Iterator[Page]:
        """Rows of `domo_page_card`, our quarantine left out."""
        ours = self._quarantine_id()
        for page in self.listed():
            yield [
                {"page_id": on, "card_id": str(detail["id"])}
                for _, detail in page
                for on in pages_of(detail)
                if on != ours
            ]

    def dependencies(self) -> Iterator[Page]:
        """The datasets cards read, and pages through the cards on them."""
        on_pages: dict[str, dict[str, str]] = {}
        for page in self.listed():
            rows: list[dict[str, object]] = []
            for _, detail in page:
                datasets = datasets_of(detail)
                rows += [_dependency("card", str(detail["id"]), name) for name in datasets.values()]
                for on in pages_of(detail):
                    on_pages.setdefault(on, {}).update(datasets)
            yield rows
        for on, datasets in on_pages.items():
            yield [_dependency("page", on, name) for name in datasets.values()]

    def is_trashed(self, detail: Item) -> bool:
        """Whether the card lies on our quarantine page and on no other."""
        pages = pages_of(detail)
        return len(pages) == 1 and self._pages.is_quarantine(self._pages.get(next(iter(pages))))

    def _quarantine_id(self) -> str:
        page = self._pages.quarantine() if self._client.has_instance else None
        return "" if page is None else str(page["id"])

    def _details(self, ids: list[str]) -> dict[str, Item]:
        answer = self._client.instance("GET", CARDS, params={"urns": ",".join(ids), "parts": _PARTS})
        if not isinstance(answer, list):
            raise SourceBroken("the cards came as something else than a list", source=self._client.source)
        return {str(item["id"]): item for item in answer}

    def _row(self, summary: Item, detail: Item, ours: str) -> dict[str, object]:
        owners = owners_of(detail)
        views = detail.get("viewInfo") or {}
        return {
            "card_id": str(detail["id"]),
            "title": title_of(detail),
            "type": detail.get("type"),
            "url": url_of(self._client, "card", str(detail["id"])),
            "owner_id": owners[0] if owners else None,
            "owner_ids": json.dumps(owners),
            "created_at": moment(detail.get("created")),
            "updated_at": moment(summary.get("badgeUpdated")),
            "last_accessed_at": moment(views.get("lastViewedDate")),
            "view_count": views.get("totalViewCount"),
            "is_locked": summary.get("locked"),
            "is_trashed": bool(ours) and set(pages_of(detail)) == {ours},
        }


def title_of(detail: Item) -> str:
    return str(detail.get("title") or "")


def pages_of(detail: Item) -> Mapping[str, str]:
    """The pages a card lies on, id to title."""
    return {str(p["pageId"]): str(p.get("title") or p["pageId"]) for p in detail.get("adminAllPages") or ()}


def datasets_of(detail: Item) -> dict[str, str]:
    """The datasets a card reads, id to name."""
    return {
        str(d["dataSourceId"]): str(d.get("dataSourceName") or d["dataSourceId"])
        for d in detail.get("datasources") or ()
    }


def moment(milliseconds: Any) -> datetime | None:
    """The time; 0 is how Domo writes that there is none."""
    return _EPOCH + timedelta(milliseconds=int(milliseconds)) if milliseconds else None


def _dependency(visual_type: str, visual_id: str, name: str) -> dict[str, object]:
    return {
        "visual_type": visual_type,
        "visual_id": visual_id,
        "kind": "dataset",
        "name": name,
        "database_name": None,
        "schema_name": None,
    }
