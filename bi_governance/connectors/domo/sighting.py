"""One page or card as it is now, without opening it: where it is, who used it last, what needs it."""

from __future__ import annotations

from datetime import datetime, timedelta

from bi_governance.connectors.domo import schedules
from bi_governance.connectors.domo.account import Account
from bi_governance.connectors.domo.cards import Cards, moment, pages_of, title_of
from bi_governance.connectors.domo.client import DomoClient, Item, owners_of
from bi_governance.connectors.domo.history import AuditLog
from bi_governance.connectors.domo.pages import Pages
from bi_governance.errors import SourceMissing
from bi_governance.model import VisualKey
from bi_governance.ports import Sighting

# How far lastViewedDate may lie after the audit row of the same view.
_SAME_VIEW = timedelta(minutes=2)


class Sightings:
    """Puts together what is known of one visual at this moment."""

    def __init__(self, client: DomoClient, pages: Pages, cards: Cards, log: AuditLog) -> None:
        self._client, self._pages, self._cards, self._log = client, pages, cards, log

    def of(self, key: VisualKey, since: datetime, account: Account) -> Sighting:
        """The visual now; not existing only where Domo says 404 or lists no such card."""
        look = {"page": self._page, "card": self._card}.get(key.type)
        try:
            return Sighting(exists=False) if look is None else look(key, since, account)
        except SourceMissing:
            return Sighting(exists=False)

    def _page(self, key: VisualKey, since: datetime, account: Account) -> Sighting:
        page = self._pages.get(key.native_id)
        path, trashed = self._pages.path_of(page)
        return Sighting(
            exists=True,
            is_trashed=trashed,
            title=str(page.get("name") or ""),
            owner_id=next(iter(owners_of(page)), ""),
            folder="/".join(path),
            last_used_at=self._log.last_use(key, since, account.not_viewers),
            references=() if trashed else (*_below(page), *schedules.references(self._client, key)),
        )

    def _card(self, key: VisualKey, since: datetime, account: Account) -> Sighting:
        card = self._cards.get(key.native_id)
        trashed = self._cards.is_trashed(card)
        shown = tuple(f"page '{title}' shows it" for title in pages_of(card).values())
        return Sighting(
            exists=True,
            is_trashed=trashed,
            title=title_of(card),
            owner_id=next(iter(owners_of(card)), ""),
            last_used_at=self._last_view(key, card, since, account),
            references=() if trashed else (*shown, *schedules.references(self._client, key)),
        )

    def _last_view(self, key: VisualKey, card: Item, since: datetime, account: Account) -> datetime | None:
        """The newest use by others; lastViewedDate counts where no view of ours accounts for it."""
        newest = self._log.last_use(key, since, account.not_viewers)
        ours = self._log.last_by(key, since, account.not_viewers)
        viewed = moment((card.get("viewInfo") or {}).get("lastViewedDate"))
        if viewed is None or viewed <= since or (ours is not None and viewed <= ours + _SAME_VIEW):
            return newest
        return viewed if newest is None else max(newest, viewed)


def _below(page: Item) -> tuple[str, ...]:
    return tuple(f"sub-page '{child.get('name')}'" for child in page.get("children") or ())
