"""Saving a page or card: its JSON as Domo gives it, checked, and what a quarantine changes."""

from __future__ import annotations

import json
from typing import Any

from bi_governance.connectors.domo.cards import Cards, datasets_of, pages_of, title_of
from bi_governance.connectors.domo.client import DomoClient, Item, owners_of
from bi_governance.connectors.domo.pages import Pages, parent_of, url_of
from bi_governance.connectors.domo.schedules import references
from bi_governance.errors import SourceBroken
from bi_governance.model import VisualKey
from bi_governance.ports import BackupContent

DEFINITION = "/api/content/v3/cards/kpi/definition"
STACKS = "/api/content/v3/stacks/{}/cards"


def back_up(client: DomoClient, pages: Pages, cards: Cards, key: VisualKey) -> BackupContent:
    """Everything Domo tells about one visual; SourceMissing, or SourceBroken when it is another."""
    if key.type == "page":
        return _page(client, pages, key)
    return _card(client, cards, key)


def _page(client: DomoClient, pages: Pages, key: VisualKey) -> BackupContent:
    page = pages.get(key.native_id)
    _fits(client, str(page.get("id")), key)
    path, _ = pages.path_of(page)
    cards = [str(id_) for id_ in page.get("cardIds") or ()]
    files = {"page.json": _bytes(page)}
    if client.has_instance:
        stack = client.instance(
            "GET", STACKS.format(key.native_id), params={"parts": "metadata,datasources,owners"}
        )
        files["stacks.json"] = _bytes(stack)
        # A page with a layout names no cards of its own; the stacks hold them.
        cards = sorted({*cards, *(str(card["id"]) for card in stack.get("cards") or ())})
    return BackupContent(
        files=files,
        manifest={
            **_common(client, key, str(page["name"]), page),
            "folder": "/".join(path),
            "children": [str(VisualKey(key.source, "card", card)) for card in cards],
            "parent_id": parent_of(page),
            "locked": bool(page.get("locked")),
            "visibility": {
                part: list((page.get("visibility") or {}).get(part) or ()) for part in ("userIds", "groupIds")
            },
        },
    )


def _card(client: DomoClient, cards: Cards, key: VisualKey) -> BackupContent:
    card = cards.get(key.native_id)
    definition = client.instance("PUT", DEFINITION, json={"urn": key.native_id})
    _fits(client, str((definition or {}).get("id")), key)
    return BackupContent(
        files={"card.json": _bytes(card), "definition.json": _bytes(definition)},
        manifest={
            **_common(client, key, title_of(card), card),
            "folder": "",
            "children": [],
            "pages": dict(pages_of(card)),
            "locked": bool(card.get("locked")),
            "datasets": datasets_of(card),
        },
    )


def _common(client: DomoClient, key: VisualKey, title: str, item: Item) -> dict[str, Any]:
    owners = owners_of(item)
    return {
        "key": str(key),
        "title": title,
        "owner": owners[0] if owners else "",
        "owners": list(item.get("owners") or ()),
        "url": url_of(client, key.type, key.native_id) or "",
        "lost": [],
        "schedules": references(client, key),
    }


def _fits(client: DomoClient, id_: str, key: VisualKey) -> None:
    if id_ != key.native_id:
        raise SourceBroken(f"asked for the {key.type} {key.native_id}, got {id_}", source=client.source)


def _bytes(content: Any) -> bytes:
    return json.dumps(content, indent=1, sort_keys=True).encode()
