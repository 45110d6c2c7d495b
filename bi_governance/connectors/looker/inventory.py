"""What a Looker instance holds: folders, people, dashboards, looks and tiles, proven complete."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Generic, TypeVar

from looker_sdk.sdk.api40.methods import Looker40SDK
from looker_sdk.sdk.api40.models import (
    Certification,
    CertificationStatus,
    Dashboard,
    Look,
    User,
)

from bi_governance.connectors.looker.client import LookerClient
from bi_governance.connectors.looker.folders import FIELDS as FOLDER_FIELDS
from bi_governance.connectors.looker.folders import AnyFolder, FolderTree
from bi_governance.connectors.looker.groups import Groups
from bi_governance.errors import IncompleteFeed
from bi_governance.ports import Page, Row

_SHARED_FIELDS = (
    "id,title,user_id,folder_id,folder(id,name),created_at,updated_at,last_accessed_at,last_viewed_at,view_count,"
    "favorite_count,deleted,deleted_at,certification_metadata"
)
_DASHBOARD_FIELDS = f"{_SHARED_FIELDS},hidden,readonly,lookml_link_id,slug,url"
_LOOK_FIELDS = f"{_SHARED_FIELDS},public,query_id"
_LISTED_FIELDS = "id,title,user_id,folder(id,name),hidden,readonly,slug,certification_metadata"
_USER_FIELDS = "id,display_name,email,is_disabled,is_service_account,is_embed_user"
_ELEMENT_FIELDS = "id,dashboard_id,look_id,query_id,type,title"
ELEMENTS = "/dashboard_elements/search"
_NAMED_IN_ERRORS = 5

Visual = TypeVar("Visual", Dashboard, Look)


def utc(moment: datetime | None) -> datetime | None:
    """Aware UTC; Looker's API times are UTC, with or without saying so."""
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def is_lookml(dashboard_id: str) -> bool:
    """Whether the dashboard is kept as code; such ids read `model::name`."""
    return "::" in dashboard_id


def text(value: object) -> str | None:
    """An id as text, absent when empty."""
    return str(value) if value not in (None, "") else None


def folders(client: LookerClient) -> Iterator[Page]:
    """All folders with their paths: both of Looker's lists together, no parent missing."""
    for attempt in (1, 2):
        tree = FolderTree([*_all_folders(client), *_searched_folders(client)])
        if not tree.orphans():
            break
        if attempt == 2:
            raise _incomplete(client, "parent folders are missing from the list of folders", tree.orphans())
    rows = [_folder_row(tree, folder) for folder in tree.folders.values()]
    for start in range(0, len(rows), client.page_size):
        yield rows[start : start + client.page_size]


def _all_folders(client: LookerClient) -> Sequence[AnyFolder]:
    return client.ask(lambda sdk: sdk.all_folders(fields=FOLDER_FIELDS))


def _searched_folders(client: LookerClient) -> Iterator[AnyFolder]:
    def search(sdk: Looker40SDK, limit: int, offset: int) -> Sequence[AnyFolder]:
        return sdk.search_folders(fields=FOLDER_FIELDS, limit=limit, offset=offset, sorts="id")

    for page in client.pages(search):
        yield from page


def _folder_row(tree: FolderTree, folder: AnyFolder) -> Row:
    place = tree.place(str(folder.id))
    return {
        "folder_id": str(folder.id),
        "name": folder.name,
        "path": place.path,
        "parent_id": text(folder.parent_id),
        "creator_id": text(folder.creator_id),
        "is_personal": place.is_personal,
        "is_embed": bool(folder.is_embed),
    }


def users(client: LookerClient, *, with_groups: bool = False) -> Iterator[Page]:
    """Everybody, disabled and service accounts included, and if asked for the names of their groups."""
    fields = f"{_USER_FIELDS},group_ids" if with_groups else _USER_FIELDS
    groups = Groups(client) if with_groups else None

    def search(sdk: Looker40SDK, limit: int, offset: int) -> Sequence[User]:
        return sdk.search_users(fields=fields, limit=limit, offset=offset, sorts="id")

    for page in client.pages(search):
        yield [_user_row(user, groups) for user in page]


def _user_row(user: User, groups: Groups | None) -> Row:
    return {
        "user_id": str(user.id),
        "display_name": user.display_name,
        "email": text(user.email),
        "is_disabled": bool(user.is_disabled),
        "is_service_account": bool(user.is_service_account),
        "is_embed_user": bool(user.is_embed_user),
        "group_names": groups.names_of(user) if groups else None,
    }


@dataclass(frozen=True, slots=True)
class _Catalogue(Generic[Visual]):
    """One kind of visual: a paged search with all details, and a plain list that proves it complete."""

    plural: str
    search: Callable[[Looker40SDK, bool, int, int], Sequence[Visual]]
    row: Callable[[LookerClient, Visual], Row]


def dashboards(client: LookerClient) -> Iterator[Page]:
    """User-defined dashboards, those in the trash, and LookML dashboards (without dates or owner)."""
    yield from _visuals(client, _DASHBOARDS)
    listed = client.listed("/dashboards", fields=_LISTED_FIELDS)
    yield from in_pages(client, (_listed_row(client, d) for d in listed if is_lookml(str(d["id"]))))


def looks(client: LookerClient) -> Iterator[Page]:
    """Looks, those in the trash included."""
    yield from _visuals(client, _LOOKS)


def elements(client: LookerClient) -> Iterator[Page]:
    """The tiles of all user-defined dashboards; Looker gives them in one answer or not at all."""
    found = client.listed(ELEMENTS, fields=_ELEMENT_FIELDS, sorts="id")
    yield from in_pages(client, (_element_row(tile) for tile in found if tile.get("dashboard_id")))


def in_pages(client: LookerClient, rows: Iterable[Row]) -> Iterator[Page]:
    """The rows a page at a time."""
    waiting = iter(rows)
    while page := list(islice(waiting, client.page_size)):
        yield page


def _visuals(client: LookerClient, catalogue: _Catalogue[Visual]) -> Iterator[Page]:
    """Pages of live visuals, checked against the plain list (re-read once if different), then the trash."""
    sent: set[str] = set()
    for attempt in (1, 2):
        live: set[str] = set()
        for page in _search(client, catalogue, deleted=False):
            live.update(str(visual.id) for visual in page)
            yield from _unsent(client, catalogue, page, sent)
        differing = live ^ _listed_ids(client, catalogue)
        if not differing:
            break
        if attempt == 2:
            raise _incomplete(client, f"{catalogue.plural} are in one of two lists only", differing)
    for page in _search(client, catalogue, deleted=True):
        yield from _unsent(client, catalogue, page, sent)


def _listed_ids(client: LookerClient, catalogue: _Catalogue[Visual]) -> set[str]:
    ids = (str(visual["id"]) for visual in client.listed(f"/{catalogue.plural}", fields="id"))
    return {id_ for id_ in ids if not is_lookml(id_)}


def _search(
    client: LookerClient, catalogue: _Catalogue[Visual], *, deleted: bool
) -> Iterator[Sequence[Visual]]:
    def search(sdk: Looker40SDK, limit: int, offset: int) -> Sequence[Visual]:
        return catalogue.search(sdk, deleted, limit, offset)

    for page in client.pages(search):
        yield [visual for visual in page if not is_lookml(str(visual.id))]


def _unsent(
    client: LookerClient, catalogue: _Catalogue[Visual], page: Sequence[Visual], sent: set[str]
) -> Iterator[Page]:
    """The page without what was sent before: something may move to the trash while we read."""
    rows = [catalogue.row(client, visual) for visual in page if str(visual.id) not in sent]
    sent.update(str(visual.id) for visual in page)
    if rows:
        yield rows


def _incomplete(client: LookerClient, what: str, ids: set[str]) -> IncompleteFeed:
    named = ", ".join(sorted(ids)[:_NAMED_IN_ERRORS])
    more = f" and {len(ids) - _NAMED_IN_ERRORS} more" if len(ids) > _NAMED_IN_ERRORS else ""
    return IncompleteFeed(
        f"{len(ids)} {what} even when read again: {named}{more}",
        source=client.source,
        request=client.last.request,
        hint="Give our account the Admin role, so that it sees everything; otherwise run again later.",
    )


def _search_dashboards(sdk: Looker40SDK, deleted: bool, limit: int, offset: int) -> Sequence[Dashboard]:  # noqa: FBT001
    wanted = "true" if deleted else None
    return sdk.search_dashboards(
        deleted=wanted, fields=_DASHBOARD_FIELDS, limit=limit, offset=offset, sorts="id"
    )


def _search_looks(sdk: Looker40SDK, deleted: bool, limit: int, offset: int) -> Sequence[Look]:  # noqa: FBT001
    wanted = True if deleted else None
    return sdk.search_looks(deleted=wanted, fields=_LOOK_FIELDS, limit=limit, offset=offset, sorts="id")


def _shared(visual: Dashboard | Look) -> dict[str, Any]:
    folder_id = visual.folder.id if visual.folder is not None else visual.folder_id
    return {
        "title": visual.title or "",
        "folder_id": text(folder_id),
        "user_id": text(visual.user_id),
        "created_at": utc(visual.created_at),
        "updated_at": utc(visual.updated_at),
        "last_accessed_at": utc(visual.last_accessed_at),
        "last_viewed_at": utc(visual.last_viewed_at),
        "view_count": visual.view_count or 0,
        "favorite_count": visual.favorite_count or 0,
        "deleted": bool(visual.deleted),
        "deleted_at": utc(visual.deleted_at),
        "is_certified": _is_certified(visual.certification_metadata),
    }


def _dashboard_row(client: LookerClient, dashboard: Dashboard) -> Row:
    return {
        "dashboard_id": str(dashboard.id),
        **_shared(dashboard),
        "hidden": bool(dashboard.hidden),
        "readonly": bool(dashboard.readonly),
        "is_lookml": False,
        "lookml_link_id": text(dashboard.lookml_link_id),
        "slug": dashboard.slug,
        "url": dashboard_url(client, str(dashboard.id)),
    }


def _listed_row(client: LookerClient, dashboard: Mapping[str, Any]) -> Row:
    nothing_said = dict.fromkeys(
        ("created_at", "updated_at", "last_accessed_at", "last_viewed_at", "deleted_at", "lookml_link_id")
    )
    certification = dashboard.get("certification_metadata") or {}
    return {
        **nothing_said,
        "dashboard_id": str(dashboard["id"]),
        "title": dashboard.get("title") or "",
        "folder_id": text((dashboard.get("folder") or {}).get("id")),
        "user_id": text(dashboard.get("user_id")),
        "view_count": 0,
        "favorite_count": 0,
        "deleted": False,
        "hidden": bool(dashboard.get("hidden")),
        "readonly": True,
        "is_lookml": True,
        "is_certified": certification.get("certification_status") == CertificationStatus.certified.value,
        "slug": dashboard.get("slug"),
        "url": dashboard_url(client, str(dashboard["id"])),
    }


def _look_row(client: LookerClient, look: Look) -> Row:
    return {
        "look_id": str(look.id),
        **_shared(look),
        "is_public": bool(look.public),
        "query_id": text(look.query_id),
        "url": look_url(client, str(look.id)),
    }


def _element_row(element: Mapping[str, Any]) -> Row:
    return {
        "element_id": str(element["id"]),
        "dashboard_id": str(element["dashboard_id"]),
        "look_id": text(element.get("look_id")),
        "query_id": text(element.get("query_id")),
        "type": element.get("type"),
        "title": element.get("title"),
    }


def dashboard_url(client: LookerClient, dashboard_id: str) -> str:
    return f"{client.web_url}/dashboards/{dashboard_id}"


def look_url(client: LookerClient, look_id: str) -> str:
    return f"{client.web_url}/looks/{look_id}"


def _is_certified(certification: Certification | None) -> bool:
    return certification is not None and certification.certification_status == CertificationStatus.certified


_DASHBOARDS = _Catalogue(
    plural="dashboards",
    search=_search_dashboards,
    row=_dashboard_row,
)
_LOOKS = _Catalogue(
    plural="looks",
    search=_search_looks,
    row=_look_row,
)
