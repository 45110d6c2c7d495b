"""Domo's pages: the tree, who owns them, and which are in our quarantine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bi_governance.connectors.domo.client import PAGE_ADMIN, DomoClient, Item, chunks, owners_of
from bi_governance.errors import IncompleteFeed, SourceMissing
from bi_governance.ports import Page

QUARANTINE = "bi-governance quarantine"
_EVERYTHING = {"addPageWithNoOwner": True, "orderBy": "pageTitle", "ascending": True}
# Domo nests pages three deep; more is a circle or another product.
_DEEPEST = 10


@dataclass(frozen=True, slots=True)
class Place:
    """One page in the tree: `path` holds the titles above it, outermost first."""

    id: str
    title: str
    parent_id: str
    path: tuple[str, ...]
    is_trashed: bool = False
    is_ours: bool = False


class Pages:
    """Reads pages; `me` tells whose quarantine counts."""

    def __init__(self, client: DomoClient, me: Callable[[], str]) -> None:
        self._client = client
        self._me = me

    def get(self, page_id: str) -> Item:
        """One page with owners, sharing, cards and sub-pages; SourceMissing when it is not there."""
        if not page_id.isdigit():
            raise SourceMissing(f"'{page_id}' is no page id", source=self._client.source)
        found: Item = self._client.public("GET", f"/v1/pages/{page_id}")
        return found

    def path_of(self, page: Item) -> tuple[tuple[str, ...], bool]:
        """The titles above a page, outermost first, and whether our quarantine is one of them."""
        titles: list[str] = []
        trashed, parent = False, parent_of(page)
        while parent and len(titles) < _DEEPEST:
            above = self.get(parent)
            trashed = trashed or self.is_quarantine(above)
            titles.insert(0, str(above["name"]))
            parent = parent_of(above)
        return tuple(titles), trashed

    def is_quarantine(self, page: Item) -> bool:
        """Whether this is the page we keep removed content on: our name for it, and ours."""
        return page.get("name") == QUARANTINE and not parent_of(page) and self._me() in owners_of(page)

    def quarantine(self) -> Item | None:
        """Our quarantine page; None as long as nothing was ever removed."""
        for rows in self._client.listed("/v1/pages"):
            for row in rows:
                if row.get("name") == QUARANTINE:
                    page = self.get(str(row["id"]))
                    if self.is_quarantine(page):
                        return page
        return None

    def tree(self) -> Iterator[list[Place]]:
        """Every page but the quarantine itself, a page of the list at a time; each once."""
        seen: set[str] = set()
        for rows in self._client.listed("/v1/pages"):
            places = [place for row in rows for place in self._below(row, Place("", "", "", ()))]
            fresh = [place for place in places if place.id not in seen]
            seen.update(place.id for place in fresh)
            yield [place for place in fresh if not place.is_ours]

    def _below(self, row: Item, parent: Place) -> Iterator[Place]:
        id_, title = str(row["id"]), str(row.get("name") or "")
        ours = not parent.id and title == QUARANTINE and self.is_quarantine(self.get(id_))
        path = (*parent.path, parent.title) if parent.id else ()
        here = Place(id_, title, parent.id, path, parent.is_trashed or parent.is_ours, ours)
        yield here
        for child in row.get("children") or ():
            yield from self._below(child, here)

    def summaries(self) -> dict[str, Item]:
        """What the instance says of every page, by id."""
        pages = self._client.summaries(
            PAGE_ADMIN, "pageAdminSummaries", "totalPageCount", "pageId", _EVERYTHING
        )
        return {str(item["pageId"]): item for page in pages for item in page}

    def rows(self, size: int) -> Iterator[Page]:
        """Rows of `domo_page`; IncompleteFeed when the instance knows pages that we are not shown."""
        known = self.summaries() if self._client.has_instance else None
        listed: set[str] = set()
        for places in self.tree():
            listed.update(place.id for place in places)
            for some in chunks(places, size):
                yield [self._row(place, (known or {}).get(place.id)) for place in some if place.id]
        if known is not None and (hidden := self._hidden(known.keys() - listed)):
            raise IncompleteFeed(
                f"the instance knows {len(hidden)} pages that our API client is not shown, for instance "
                f"{min(hidden)}",
                source=self._client.source,
                hint="Give the client's user a role with the grant 'Manage all cards and pages' "
                "(Admin > Roles).",
            )

    def _hidden(self, candidates: set[str]) -> set[str]:
        """Those of the pages that the instance still knows now, our quarantine left out."""
        if not candidates:
            return set()
        now = self.summaries()
        return {id_ for id_ in candidates if id_ in now and str(now[id_].get("pageTitle")) != QUARANTINE}

    def _row(self, place: Place, summary: Item | None) -> dict[str, object]:
        item = self.get(place.id) if summary is None else summary
        owners = owners_of(item)
        return {
            "page_id": place.id,
            "title": place.title,
            "parent_id": place.parent_id or None,
            "path": "/".join(place.path),
            "url": url_of(self._client, "page", place.id),
            "owner_id": owners[0] if owners else None,
            "owner_ids": json.dumps(owners),
            "created_at": None,
            "updated_at": None,
            "last_accessed_at": None,
            "is_locked": item.get("locked"),
            "is_trashed": place.is_trashed,
        }


def parent_of(page: Item) -> str:
    """The id of the page above; empty at the top."""
    parent = page.get("parentId")
    return "" if parent in (None, "", 0, "0") or int(str(parent)) < 0 else str(parent)


def url_of(client: DomoClient, kind: str, id_: str) -> str | None:
    """The address people open; None where the instance's address is not configured."""
    if not client.has_instance:
        return None
    return (
        f"{client.instance_url}/page/{id_}" if kind == "page" else f"{client.instance_url}/kpis/details/{id_}"
    )
