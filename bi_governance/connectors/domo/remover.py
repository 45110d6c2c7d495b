"""Putting a page or card into our quarantine at one Domo, taking it out again, and removing it for good."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bi_governance.connectors.domo.account import Account
from bi_governance.connectors.domo.cards import CARDS, Cards, pages_of
from bi_governance.connectors.domo.client import DomoClient, Item
from bi_governance.connectors.domo.pages import QUARANTINE, Pages
from bi_governance.connectors.domo.schedules import references
from bi_governance.errors import SourceBroken, SourceConflict, SourceMissing
from bi_governance.model import RemovalRoute, VisualKey
from bi_governance.ports import BackupContent, RestoreOutcome


class DomoRemover:
    """Quarantines, restores and purges by id; takes the same options as DomoReader.

    Domo has no trash. The quarantine is a page of our own account: removed pages become its sub-pages,
    removed cards lie on it, both locked and pages shared with nobody; they keep ids, owners and content.
    """

    def __init__(self, name: str, options: Mapping[str, Any]) -> None:
        self.name = name
        self._client = DomoClient(name, options)
        self._account = Account(self._client, ())
        self._pages = Pages(self._client, lambda: self._account.me)
        self._cards = Cards(self._client, self._pages)

    def remove(self, key: VisualKey) -> None:
        """Put it into quarantine.

        SourceMissing when it is gone or there already; SourceConflict when something living needs it, or
        that cannot be seen because the instance API is not configured.
        """
        if key.type == "page":
            self._quarantine_page(key)
        elif key.type == "card":
            self._quarantine_card(key)
        else:
            raise self._gone(key)

    def restore(self, key: VisualKey, route: RemovalRoute, saved: BackupContent) -> RestoreOutcome:  # noqa: ARG002
        """Take it out of quarantine, to where and how the backup says it was.

        Done again, it changes nothing. SourceMissing when it was removed for good.
        """
        lost = self._release_page(key, saved) if key.type == "page" else self._release_card(key, saved)
        return RestoreOutcome(key.native_id, lost)

    def purge(self, key: VisualKey) -> None:
        """Remove for good what lies in quarantine; anything else is refused with SourceConflict.

        SourceMissing when it is gone. Nothing in the product calls this yet.
        """
        if key.type == "page":
            self._purge_page(key)
        else:
            self._purge_card(key)

    def close(self) -> None:
        """Forget the token and close connections."""
        self._client.close()

    def _quarantine_page(self, key: VisualKey) -> None:
        page = self._pages.get(key.native_id)
        if self._pages.is_quarantine(page):
            raise SourceConflict("this is the quarantine itself", source=self.name)
        if self._pages.path_of(page)[1]:
            raise self._gone(key)
        if page.get("children"):
            raise SourceConflict("it has sub-pages, which would go with it", source=self.name)
        self._refuse_referenced(key)
        nobody = {"userIds": [int(self._account.me)], "groupIds": []}
        change = {"parentId": int(self._quarantine()["id"]), "locked": True, "visibility": nobody}
        self._change(f"/v1/pages/{key.native_id}", change)
        if not self._pages.path_of(self._pages.get(key.native_id))[1]:
            raise SourceBroken("Domo did not move it to the quarantine", source=self.name)

    def _quarantine_card(self, key: VisualKey) -> None:
        card = self._cards.get(key.native_id)
        if self._cards.is_trashed(card):
            raise self._gone(key)
        quarantine = self._quarantine()
        living = [title for id_, title in pages_of(card).items() if id_ != str(quarantine["id"])]
        if living:
            raise SourceConflict(f"it is shown on the pages {', '.join(living)}", source=self.name)
        self._refuse_referenced(key)
        self._lock_card(key, locked=True)
        self._place(quarantine, {*_cards_on(quarantine), int(key.native_id)})

    def _release_page(self, key: VisualKey, saved: BackupContent) -> tuple[str, ...]:
        page = self._pages.get(key.native_id)
        if not self._pages.path_of(page)[1]:
            return ()
        parent, lost = str(saved.manifest["parent_id"]), tuple[str, ...]()
        if parent and not self._is_there(parent):
            parent, lost = "", (f"its place below {saved.manifest['folder']}, which is gone",)
        self._change(
            f"/v1/pages/{key.native_id}",
            {
                "parentId": int(parent) if parent else None,
                "locked": saved.manifest["locked"],
                "visibility": saved.manifest["visibility"],
            },
        )
        if self._pages.path_of(self._pages.get(key.native_id))[1]:
            raise SourceBroken("Domo did not move it out of the quarantine", source=self.name)
        return lost

    def _release_card(self, key: VisualKey, saved: BackupContent) -> tuple[str, ...]:
        card = self._cards.get(key.native_id)
        if not self._cards.is_trashed(card):
            return ()
        quarantine = self._quarantine()
        self._lock_card(key, locked=bool(saved.manifest["locked"]))
        self._place(quarantine, _cards_on(quarantine) - {int(key.native_id)})
        return ()

    def _purge_page(self, key: VisualKey) -> None:
        page = self._pages.get(key.native_id)
        if not self._pages.path_of(page)[1] or page.get("children"):
            raise SourceConflict(
                "it is not in quarantine, or has sub-pages; nothing else is ever removed for good",
                source=self.name,
            )
        self._write("DELETE", self._client.public, f"/v1/pages/{key.native_id}")

    def _purge_card(self, key: VisualKey) -> None:
        card = self._cards.get(key.native_id)
        if not self._cards.is_trashed(card):
            raise SourceConflict(
                "it is not in quarantine, or on another page too; nothing else is ever removed for good",
                source=self.name,
            )
        self._write("DELETE", self._client.instance, f"{CARDS}/bulk", params={"cardIds": key.native_id})

    def _quarantine(self) -> Item:
        """Our quarantine page, made when it is not there; shared with nobody."""
        found = self._pages.quarantine()
        if found is not None:
            return found
        made: Item = self._write("POST", self._client.public, "/v1/pages", json={"name": QUARANTINE})
        return self._pages.get(str(made["id"]))

    def _refuse_referenced(self, key: VisualKey) -> None:
        words = references(self._client, key)
        if words:
            raise SourceConflict(
                ", ".join(words),
                source=self.name,
                hint="Give the source instance_url and developer_token, or end the reports.",
            )

    def _lock_card(self, key: VisualKey, *, locked: bool) -> None:
        path = f"{CARDS}/{key.native_id}/lock"
        self._write("PUT", self._client.instance, path, params={"locked": str(locked).lower()})

    def _place(self, page: Item, cards: set[int]) -> None:
        """Only ever our own page: rewriting the cards of a page with a layout would empty it."""
        self._change(f"/v1/pages/{page['id']}", {"cardIds": sorted(cards)})

    def _change(self, path: str, body: Mapping[str, Any]) -> None:
        self._write("PUT", self._client.public, path, json=dict(body))

    def _write(self, method: str, send: Any, path: str, **request: Any) -> Any:
        """A change to what was just seen: a 404 then means a changed API, never that it is gone."""
        try:
            return send(method, path, **request)
        except SourceMissing as error:
            raise SourceBroken(
                "Domo does not know this call; nothing was changed by it",
                source=self.name,
                status=error.status,
                request=error.request,
                hint="The instance API may have changed; report it.",
            ) from error

    def _is_there(self, page_id: str) -> bool:
        try:
            self._pages.get(page_id)
        except SourceMissing:
            return False
        return True

    def _gone(self, key: VisualKey) -> SourceMissing:
        return SourceMissing(
            f"the {key.type} {key.native_id} is gone or in quarantine already", source=self.name, status=404
        )


def _cards_on(page: Item) -> set[int]:
    return {int(card) for card in page.get("cardIds") or ()}
