"""The instance's own API, which product pages use: admin lists, cards with their views, reports, locks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from starlette.responses import Response

from bi_governance.sandbox.domo_public import refusal
from bi_governance.sandbox.domo_world import DomoCard, DomoPage, DomoWorld
from bi_governance.sandbox.rest import Call, Handler, Row

MOST = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
READING = ("/api/content/v1/pages/adminsummary", "/api/content/v2/cards/adminsummary")
DEFINITION = "/api/content/v3/cards/kpi/definition"


class DomoInstance:
    """One developer token, acting as `user_id`."""

    def __init__(self, world: DomoWorld, user_id: int) -> None:
        self._world = world
        self.user_id = user_id
        self.developer_token = "sandbox-developer-token"  # noqa: S105

    def handlers(self) -> dict[str, Handler]:
        return {
            "GET /api/content/v2/users/me": self._me,
            f"POST {READING[0]}": self._page_summaries,
            f"POST {READING[1]}": self._card_summaries,
            "GET /api/content/v1/cards": self._cards,
            "GET /api/content/v3/stacks/{id}/cards": self._stack,
            f"PUT {DEFINITION}": self._definition,
            "GET /api/content/v1/reportschedules": self._reports,
            "PUT /api/content/v1/cards/{id}/lock": self._lock,
            "DELETE /api/content/v1/cards/bulk": self._delete,
        }

    def authenticate(self, call: Call) -> str:
        if call.headers.get("x-domo-developer-token") != self.developer_token:
            raise refusal(401)
        return str(self.user_id)

    def _require_admin(self) -> None:
        if "content.admin" not in self._world.users[self.user_id].grants:
            raise refusal(403)

    def _me(self, _: Call) -> Row:
        user = self._world.users[self.user_id]
        return {"id": user.id, "displayName": user.name, "emailAddress": user.email, "role": user.role}

    def _page_summaries(self, call: Call) -> Row:
        self._require_admin()
        pages = sorted(self._world.pages.values(), key=lambda page: page.name)
        rows = [self._page_summary(page) for page in pages]
        return {"pageAdminSummaries": _cut(rows, call), "totalPageCount": len(rows)}

    def _page_summary(self, page: DomoPage) -> Row:
        return {
            "pageId": page.id,
            "pageTitle": page.name,
            "parentPageId": page.parent_id or 0,
            "locked": page.locked,
            "cardCount": len(page.card_ids),
            "owners": self._owners(page.owner_ids),
        }

    def _card_summaries(self, call: Call) -> Row:
        self._require_admin()
        cards = sorted(self._world.cards.values(), key=lambda card: card.title)
        rows = [
            {
                "id": card.id,
                "type": "kpi",
                "title": card.title,
                "badgeUpdated": _milliseconds(card.updated_at),
                "locked": card.locked,
                "owners": self._owners(card.owner_ids),
                "pageHierarchy": self._pages_of(card),
            }
            for card in cards
        ]
        return {"cardAdminSummaries": _cut(rows, call), "totalCardCount": len(rows)}

    def _cards(self, call: Call) -> list[Row]:
        """The cards that exist among those asked for; unknown ids are left out without an error."""
        self._require_admin()
        ids = [int(id_) for id_ in call.query["urns"].split(",")]
        return [self._card(self._world.cards[id_]) for id_ in ids if id_ in self._world.cards]

    def _card(self, card: DomoCard) -> Row:
        viewed = 0 if card.viewed_at is None else _milliseconds(card.viewed_at)
        return {
            "id": card.id,
            "urn": str(card.id),
            "type": "kpi",
            "title": card.title,
            "locked": card.locked,
            "owners": self._owners(card.owner_ids),
            "adminAllPages": self._pages_of(card),
            "datasources": [{"dataSourceId": card.dataset[0], "dataSourceName": card.dataset[1]}],
            "viewInfo": {"totalViewCount": card.views, "lastViewedDate": viewed},
        }

    def _stack(self, call: Call) -> Row:
        page = self._world.pages.get(int(call.params["id"]))
        if page is None:
            raise refusal(404)
        cards = [self._world.cards[id_] for id_ in page.card_ids if id_ in self._world.cards]
        return {
            "page": {"pageId": page.id, "title": page.name},
            "cards": [self._card(card) for card in cards],
        }

    def _definition(self, call: Call) -> Row:
        card = self._world.cards.get(int(call.json()["urn"]))
        if card is None:
            raise refusal(404)
        return {
            "id": card.id,
            "urn": str(card.id),
            "title": card.title,
            "definition": {"title": card.title, "formulas": {"dsUpdated": [], "card": []}},
        }

    def _reports(self, _: Call) -> list[Row]:
        self._require_admin()
        return [
            {
                "id": report.id,
                "title": report.title,
                "ownerId": report.owner_id,
                "enabled": report.enabled,
                "resourceType": report.resource_type.upper(),
                "resourceId": report.resource_id,
                "lastRunDate": 0 if report.last_run_at is None else _milliseconds(report.last_run_at),
            }
            for report in self._world.reports.values()
        ]

    def _lock(self, call: Call) -> Response:
        self._require_admin()
        card = self._world.cards.get(int(call.params["id"]))
        if card is None:
            raise refusal(404)
        card.locked = bool(call.flag("locked"))
        return Response(status_code=200)

    def _delete(self, call: Call) -> Response:
        self._require_admin()
        for id_ in (int(part) for part in call.query["cardIds"].split(",")):
            if self._world.cards.pop(id_, None) is None:
                raise refusal(404)
            for page in self._world.pages_with(id_):
                page.card_ids.remove(id_)
        return Response(status_code=200)

    def _owners(self, ids: list[int]) -> list[Row]:
        return [{"id": id_, "type": "USER", "displayName": self._world.users[id_].name} for id_ in ids]

    def _pages_of(self, card: DomoCard) -> list[Row]:
        return [{"pageId": page.id, "title": page.name} for page in self._world.pages_with(card.id)]


def _cut(rows: list[Row], call: Call) -> list[Row]:
    limit, skip = call.int_of("limit") or 100, call.int_of("skip") or 0
    return [] if limit > MOST else rows[skip : skip + limit]


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
