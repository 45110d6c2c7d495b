"""Content, people and projects of a site as rows of the raw tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import tableauserverclient as tsc

from bi_governance.connectors.tableau.client import TableauClient
from bi_governance.connectors.tableau.groups import names_by_user
from bi_governance.errors import IncompleteFeed
from bi_governance.ports import Page

ADMIN_PROJECT = "Admin Insights"
_PERSONAL = "PersonalSpace"
_MEGABYTE = 1024 * 1024


def workbooks(client: TableauClient) -> Iterator[Page]:
    for page in client.pages(lambda server, options: server.workbooks.get(_oldest_first(options))):
        yield [_workbook(item) for item in page]


def views(client: TableauClient) -> Iterator[Page]:
    for page in all_views(client):
        yield [_view(item, client) for item in page]


def all_views(client: TableauClient) -> Iterator[list[tsc.ViewItem]]:
    """Views with the count of all their uses so far; asking for it is no use itself."""
    return client.pages(lambda server, options: server.views.get(_oldest_first(options), usage=True))


def users(client: TableauClient, *, with_groups: bool = False) -> Iterator[Page]:
    """Everybody, and if asked for with the names of their groups."""
    groups = names_by_user(client) if with_groups else None
    for page in client.pages(lambda server, options: server.users.get(options)):
        yield [
            {
                "user_id": str(item.id),
                "name": item.name,
                "display_name": item.fullname or item.name,
                "email": email_of(item),
                "site_role": item.site_role,
                "last_login_at": item.last_login,
                "is_licensed": item.site_role != "Unlicensed",
                "group_names": None if groups is None else json.dumps(sorted(groups.get(str(item.id), ()))),
            }
            for item in page
        ]


def projects(client: TableauClient) -> Iterator[Page]:
    """All at once: a path needs its parents, which may be on another page."""
    known = {str(item.id): item for page in all_projects(client) for item in page}
    rows = [
        {
            "project_id": id_,
            "name": item.name,
            "path": path_of(id_, known, client.source),
            "parent_id": item.parent_id,
            "owner_id": item.owner_id,
            "is_personal": False,
            "is_system": path_of(id_, known, client.source).split("/")[0] == ADMIN_PROJECT,
        }
        for id_, item in known.items()
    ]
    if rows:
        yield rows


def all_projects(client: TableauClient) -> Iterator[list[tsc.ProjectItem]]:
    return client.pages(lambda server, options: server.projects.get(options))


def path_of(project_id: str, known: Mapping[str, tsc.ProjectItem], source: str) -> str:
    """Names from the top down, joined by slashes; IncompleteFeed when a parent is missing."""
    names: list[str] = []
    following: str | None = project_id
    while following:
        if following not in known or len(names) > len(known):
            raise IncompleteFeed(
                f"the project {following} is not in the list of projects",
                source=source,
                hint="Our account must be a site administrator to see all projects.",
            )
        names.insert(0, known[following].name or "")
        following = known[following].parent_id
    return "/".join(names)


def email_of(user: tsc.UserItem) -> str | None:
    """The address; Tableau Server often has none but user names that are addresses."""
    return user.email or (user.name if user.name and "@" in user.name else None)


def is_personal(workbook: tsc.WorkbookItem) -> bool:
    return workbook.location is not None and workbook.location.type == _PERSONAL


def project_of(workbook: tsc.WorkbookItem) -> str | None:
    """The project's id; for a personal space the library puts the owner's id in its place."""
    return None if is_personal(workbook) else workbook.project_id


def view_url(client: TableauClient, content_url: str | None) -> str | None:
    """Where people open a view; the address of the site is part of it."""
    site = f"/site/{client.site}" if client.site else ""
    parts = (content_url or "").split("/sheets/")
    return f"{client.base_url}/#{site}/views/{'/'.join(parts)}" if content_url else None


def _oldest_first(options: tsc.RequestOptions) -> tsc.RequestOptions:
    """In an order that changes do not disturb."""
    sort: Any = tsc.Sort
    options.sort.add(sort(tsc.RequestOptions.Field.CreatedAt, tsc.RequestOptions.Direction.Asc))
    return options


def _workbook(item: tsc.WorkbookItem) -> dict[str, object]:
    published: datetime | None = item.last_published_at
    return {
        "workbook_id": str(item.id),
        "title": item.name,
        "content_url": item.content_url,
        "url": item.webpage_url,
        "project_id": project_of(item),
        "owner_id": item.owner_id,
        "tags": json.dumps(sorted(item.tags)),
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "last_published_at": published,
        "size_bytes": None if item.size is None else int(item.size) * _MEGABYTE,
        "sheet_count": item.sheet_count,
        "has_extracts": bool(item.has_extracts),
        "is_personal": is_personal(item),
    }


def _view(item: tsc.ViewItem, client: TableauClient) -> dict[str, object]:
    return {
        "view_id": str(item.id),
        "workbook_id": item.workbook_id,
        "title": item.name,
        "content_url": item.content_url,
        "url": view_url(client, item.content_url),
        "sheet_type": item.sheet_type,
        "project_id": item.project_id,
        "owner_id": item.owner_id,
        "tags": json.dumps(sorted(item.tags)),
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "view_count": item.total_views,
        "favorite_count": item.favorites_total,
    }
