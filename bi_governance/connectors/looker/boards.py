"""Boards: the pages on which people put dashboards and looks for others to find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bi_governance.connectors.looker import inventory
from bi_governance.connectors.looker.client import LookerClient
from bi_governance.model import VisualKey
from bi_governance.ports import Page

_ITEM_FIELDS = "id,dashboard_id,lookml_dashboard_id,look_id"
_FIELDS = f"id,title,deleted_at,board_sections(id,deleted_at,board_items({_ITEM_FIELDS}))"


@dataclass(frozen=True, slots=True)
class Pinned:
    """A dashboard or look (one of the two) on a board that is not deleted."""

    item_id: str
    board_id: str
    board_title: str
    section_id: str
    dashboard_id: str | None
    look_id: str | None


def board_items(client: LookerClient) -> Iterator[Page]:
    """One row per visual and place on a board; links to elsewhere are left out."""
    rows = (
        {
            "item_id": item.item_id,
            "board_id": item.board_id,
            "board_title": item.board_title,
            "dashboard_id": item.dashboard_id,
            "look_id": item.look_id,
        }
        for item in pinned(client)
    )
    yield from inventory.in_pages(client, rows)


def pinned(client: LookerClient) -> Iterator[Pinned]:
    """All that is on any board now; Looker gives all boards in one answer."""
    for board in client.listed("/boards", fields=_FIELDS):
        sections = () if board.get("deleted_at") else board.get("board_sections") or ()
        for section in sections:
            items = () if section.get("deleted_at") else section.get("board_items") or ()
            for item in items:
                dashboard_id = inventory.text(item.get("dashboard_id") or item.get("lookml_dashboard_id"))
                look_id = inventory.text(item.get("look_id"))
                if dashboard_id or look_id:
                    title = str(board.get("title") or board["id"])
                    yield Pinned(
                        str(item["id"]), str(board["id"]), title, str(section["id"]), dashboard_id, look_id
                    )


def is_of(item: Pinned, key: VisualKey) -> bool:
    return key.native_id == (item.look_id if key.type == "look" else item.dashboard_id)


def titles_with(client: LookerClient, key: VisualKey) -> list[str]:
    """The boards a visual is on, by title."""
    return sorted({item.board_title for item in pinned(client) if is_of(item, key)})
