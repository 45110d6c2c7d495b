"""How a workbook or view is at this moment, without opening it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import tableauserverclient as tsc

from bi_governance.connectors.tableau import inventory, schedules
from bi_governance.connectors.tableau.client import TableauClient
from bi_governance.connectors.tableau.usage import Usage
from bi_governance.errors import SourceMissing
from bi_governance.model import VisualKey
from bi_governance.ports import Sighting

# Tableau's own words for "no such workbook" and "no such view"; any other 404 is a wrong address.
_GONE = ("404006", "404011")

Item = TypeVar("Item")


def look(client: TableauClient, usage: Usage, key: VisualKey, since: datetime, now: datetime) -> Sighting:
    """`now` is the moment of looking, which a counter that moved is dated at."""
    if key.type == "view":
        view = _found(client, lambda server: server.views.get_by_id(key.native_id, usage=True))
        return Sighting(exists=False) if view is None else _of_view(client, usage, view, since, now)
    workbook = workbook_at(client, key.native_id)
    if workbook is None:
        return Sighting(exists=False)
    views = views_of(client, workbook)
    counts = {str(view.id): view.total_views for view in views}
    return Sighting(
        exists=True,
        title=workbook.name or "",
        owner_id=workbook.owner_id or "",
        folder=folder(client, inventory.project_of(workbook)),
        last_used_at=usage.last_use(key.native_id, counts, since, now),
        updated_at=workbook.updated_at,
        references=schedules.references(client, key.native_id, frozenset(counts)),
    )


def workbook_at(client: TableauClient, workbook_id: str) -> tsc.WorkbookItem | None:
    """The workbook, or None when Tableau says that there is no such one."""
    return _found(client, lambda server: server.workbooks.get_by_id(workbook_id))


def workbooks_where(client: TableauClient, field: str, value: str) -> list[tsc.WorkbookItem]:
    """All workbooks of the site whose field, one of `RequestOptions.Field`, has this value."""

    def fetch(
        server: tsc.Server, options: tsc.RequestOptions
    ) -> tuple[list[tsc.WorkbookItem], tsc.PaginationItem]:
        made: Any = tsc.Filter
        options.filter.add(made(field, tsc.RequestOptions.Operator.Equals, value))
        return server.workbooks.get(options)

    return [item for page in client.pages(fetch) for item in page]


def views_of(client: TableauClient, workbook: tsc.WorkbookItem) -> list[tsc.ViewItem]:
    """Its views with their counters."""

    def populate(server: tsc.Server) -> list[tsc.ViewItem]:
        server.workbooks.populate_views(workbook, usage=True)
        return list(workbook.views)

    return client.ask(populate)


def folder(client: TableauClient, project_id: str | None) -> str:
    """The path of the project, as the inventory builds it; empty in a personal space."""
    if not project_id:
        return ""
    known = {str(item.id): item for page in inventory.all_projects(client) for item in page}
    return inventory.path_of(project_id, known, client.source)


def _of_view(
    client: TableauClient, usage: Usage, view: tsc.ViewItem, since: datetime, now: datetime
) -> Sighting:
    id_ = str(view.id)
    return Sighting(
        exists=True,
        title=view.name or "",
        owner_id=view.owner_id or "",
        folder=folder(client, view.project_id),
        last_used_at=usage.last_use("", {id_: view.total_views}, since, now),
        updated_at=view.updated_at,
        references=schedules.references(client, view.workbook_id or "", frozenset({id_})),
    )


def _found(client: TableauClient, request: Callable[[tsc.Server], Item]) -> Item | None:
    try:
        return client.ask(request)
    except SourceMissing as error:
        if error.message.startswith(_GONE):
            return None
        raise
