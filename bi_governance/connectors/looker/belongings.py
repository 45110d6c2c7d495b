"""What hangs on a Looker visual - schedules, alerts, boards, access of its own - saved and put back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from looker_sdk.rtl import serialize
from looker_sdk.sdk.api40.methods import Looker40SDK
from looker_sdk.sdk.api40.models import (
    Dashboard,
    DashboardElement,
    LookWithQuery,
    WriteBoardItem,
    WriteContentMeta,
    WriteScheduledPlan,
)

from bi_governance.connectors.looker import boards, sighting
from bi_governance.connectors.looker.client import LookerClient
from bi_governance.errors import SourceError
from bi_governance.model import VisualKey

SCHEDULES_FILE, ALERTS_FILE, BOARDS_FILE = "schedules.json", "alerts.json", "boards.json"
ACCESS_FILE, METADATA_FILE = "access.json", "content_metadata.json"
# The only way of delivery that needs no password, which Looker never hands out.
_WITHOUT_SECRETS = "email"
# What of an alert cannot be written, or belongs to what is gone.
_NOT_OF_THE_NEW_ALERT = frozenset(
    {
        "can",
        "dashboard_element_id",
        "followable",
        "followed",
        "id",
        "investigative_content_id",
        "investigative_content_title",
        "investigative_content_type",
        "owner_display_name",
        "query_id",
        "tile_title",
    }
)


def files(
    client: LookerClient,
    key: VisualKey,
    visual: Dashboard | LookWithQuery,
    elements: Sequence[DashboardElement],
) -> Iterator[tuple[str, bytes]]:
    """Everything about it that is kept apart from the visual itself."""
    yield SCHEDULES_FILE, _written(sighting.plans_of(client, key))
    yield BOARDS_FILE, json.dumps(list(_places(client, key))).encode()
    if isinstance(visual, Dashboard):
        yield ALERTS_FILE, json.dumps(list(_alerts(client, elements))).encode()
    metadata_id = visual.content_metadata_id
    if metadata_id:
        yield METADATA_FILE, _written(client.ask(lambda sdk: sdk.content_metadata(metadata_id)))
        yield ACCESS_FILE, _written(client.ask(lambda sdk: sdk.all_content_metadata_accesses(metadata_id)))


def _places(client: LookerClient, key: VisualKey) -> Iterator[Mapping[str, str]]:
    for item in boards.pinned(client):
        if boards.is_of(item, key):
            yield {"section_id": item.section_id, "board": item.board_title}


def _alerts(client: LookerClient, elements: Sequence[DashboardElement]) -> Iterator[Mapping[str, Any]]:
    """The alerts as Looker tells them, with the title of their tile, by which it is found again."""
    titles = {str(element.id): element.title or "" for element in elements}
    for alert in sighting.alerts_of(client, list(elements)):
        path = f"/alerts/{alert.id}"
        whole = json.loads(client.ask(lambda sdk, path=path: sdk.get(path=path, structure=str)))  # type: ignore[misc]
        yield {**whole, "tile_title": titles.get(alert.element_id or "", "")}


def put_back(
    client: LookerClient, key: VisualKey, saved: Mapping[str, bytes], tiles: Sequence[DashboardElement]
) -> tuple[str, ...]:
    """Make again for a rebuilt visual what hung on the one it replaces; what could not be made, in words."""
    return tuple(
        lost
        for found in (
            _put_schedules(client, key, _items(saved, SCHEDULES_FILE)),
            _put_alerts(client, _items(saved, ALERTS_FILE), tiles),
            _put_on_boards(client, key, _items(saved, BOARDS_FILE)),
            _put_access(client, key, saved),
        )
        for lost in found
    )


def _put_schedules(client: LookerClient, key: VisualKey, plans: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for plan in plans:
        name = plan.get("name") or plan.get("id")
        targets = plan.get("scheduled_plan_destination") or []
        needs_secret = any(target.get("type") != _WITHOUT_SECRETS for target in targets)
        body = {k: v for k, v in plan.items() if k in WriteScheduledPlan.__annotations__ and v is not None}
        body |= {"dashboard_id": None, "look_id": None, "lookml_dashboard_id": None}
        body |= {f"{key.type}_id": key.native_id}
        body["scheduled_plan_destination"] = [
            {k: v for k, v in target.items() if k not in ("id", "scheduled_plan_id")} for target in targets
        ]
        if needs_secret:
            body["enabled"] = False
        if not _done(client, lambda sdk, body=body: _post(sdk, "/scheduled_plans", body)):  # type: ignore[misc]
            yield f"schedule '{name}'"
        elif needs_secret:
            yield f"the password of schedule '{name}', which is back but switched off"


def _put_alerts(
    client: LookerClient, alerts: Sequence[Mapping[str, Any]], tiles: Sequence[DashboardElement]
) -> Iterator[str]:
    """Each on the tile that has the title of its former tile, if there is just one."""
    for alert in alerts:
        title = str(alert.get("tile_title") or "")
        same = [tile for tile in tiles if (tile.title or "") == title]
        body = {k: v for k, v in alert.items() if k not in _NOT_OF_THE_NEW_ALERT and v is not None}
        if len(same) == 1:
            body["dashboard_element_id"] = str(same[0].id)
            if _done(client, lambda sdk, body=body: _post(sdk, "/alerts", body)):  # type: ignore[misc]
                continue
        yield f"alert '{alert.get('custom_title') or alert.get('id')}' on tile '{title}'"


def _put_on_boards(
    client: LookerClient, key: VisualKey, places: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    for place in places:
        item = WriteBoardItem(board_section_id=str(place["section_id"]))
        setattr(item, f"{key.type}_id", key.native_id)
        if not _done(client, lambda sdk, item=item: sdk.create_board_item(item)):  # type: ignore[misc]
            yield f"its place on board '{place['board']}'"


def _put_access(client: LookerClient, key: VisualKey, saved: Mapping[str, bytes]) -> Iterator[str]:
    """Access of its own; one that inherits its folder's does so again by itself."""
    metadata = json.loads(saved.get(METADATA_FILE) or b"{}")
    if metadata.get("inherits") is not False:
        return
    visual = sighting.fetch(client, key, "id,content_metadata_id")
    metadata_id = str(visual.content_metadata_id)
    own = WriteContentMeta(inherits=False)
    complete = _done(client, lambda sdk: sdk.update_content_metadata(metadata_id, own))
    for access in _items(saved, ACCESS_FILE) if complete else ():
        body = {"content_metadata_id": metadata_id} | {
            name: access.get(name) for name in ("permission_type", "group_id", "user_id")
        }
        complete &= _done(client, lambda sdk, body=body: _post(sdk, "/content_metadata_access", body))  # type: ignore[misc]
    if not complete:
        yield "access settings of its own"


def _done(client: LookerClient, change: Callable[[Looker40SDK], object]) -> bool:
    """Whether Looker did it; a refusal is something lost, no reason to stop half-way."""
    try:
        client.ask(change)
    except SourceError:
        return False
    return True


def _post(sdk: Looker40SDK, path: str, body: Mapping[str, Any]) -> object:
    return sdk.post(path=path, structure=str, body=dict(body))


def _items(saved: Mapping[str, bytes], name: str) -> Sequence[Mapping[str, Any]]:
    found: Iterable[Mapping[str, Any]] = json.loads(saved.get(name) or b"[]")
    return list(found)


def _written(value: Any) -> bytes:
    written: bytes = serialize.serialize40(api_model=value)
    return written
