"""A Tableau sandbox being served and the connectors opened on it, for what is special about Tableau."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from bi_governance.connectors.tableau import TableauReader, TableauRehearser, TableauRemover
from bi_governance.connectors.tableau.client import TableauClient
from bi_governance.model import VisualKey
from bi_governance.ports import Row
from bi_governance.sandbox.tableau import TableauSandbox
from tests.connectors.harness import SOURCE, START, harness_of


class Bench:
    """A Tableau sandbox being served and connectors opened on it."""

    def __init__(self, harness: Any, url: str) -> None:
        self.harness = harness
        self.sandbox: TableauSandbox = harness.sandbox
        self._url = url
        self._opened: list[TableauReader | TableauRemover | TableauRehearser] = []

    def reader(self, **settings: object) -> TableauReader:
        made = TableauReader(SOURCE, self._options(settings), self.harness.clock.now().timestamp)
        self._opened.append(made)
        return made

    def remover(self, **settings: object) -> TableauRemover:
        made = TableauRemover(SOURCE, self._options(settings))
        self._opened.append(made)
        return made

    def rehearser(self, **settings: object) -> TableauRehearser:
        made = TableauRehearser(SOURCE, self._options(settings))
        self._opened.append(made)
        return made

    def client(self) -> TableauClient:
        return TableauClient(SOURCE, self._options({}))

    def rows(self, feed: str) -> list[Row]:
        return [row for page in self.reader().read_inventory(feed) for row in page]

    def close(self) -> None:
        for opened in self._opened:
            opened.close()

    def _options(self, settings: dict[str, object]) -> dict[str, Any]:
        return {**self.harness.options(self._url), **settings}


@contextmanager
def serving() -> Iterator[Bench]:
    """A bench on a sandbox of its own; whatever fails there is over before connectors sign out."""
    harness = harness_of("tableau")
    with harness.serve() as server:
        made = Bench(harness, server.url)
        yield made
        made.sandbox.faults.clear()
        made.close()


def state_of(bench: Bench, id_: str) -> dict[str, object]:
    """All there is about a workbook in the sandbox."""
    item = bench.sandbox.workbooks[id_]
    views = bench.sandbox.views_of(id_)
    ids = {id_, *(view.id for view in views)}
    return {
        "id": id_,
        "view ids": sorted(view.id for view in views),
        "title": item.title,
        "description": item.description,
        "project": item.project_id,
        "owner": item.owner_id,
        "tags": {tag for tag in item.tags if not tag.startswith("restored-")},
        "permissions": item.grants,
        "tabs": item.show_tabs,
        "content": item.content,
        "extracts": item.has_extracts,
        "view tags": {view.name: view.tags for view in views},
        "view counts": [view.views for view in views],
        "deliveries": sorted(d.subject for d in bench.sandbox.deliveries.values() if d.target_id in ids),
        "favourites": sorted(who for who, what in bench.sandbox.favorites if what in ids),
        "dates": (item.created_at, item.updated_at),
    }


def furnished(bench: Bench) -> VisualKey:
    """A workbook with all that a workbook can have here."""
    sandbox, ada = bench.sandbox, bench.harness.ada
    id_ = sandbox.add_workbook(
        "Revenue",
        owner_id=ada,
        project_id=bench.harness.project,
        created_at=START - timedelta(days=400),
        sheets=("Overview", "Detail"),
        extracts=True,
    )
    item = sandbox.workbooks[id_]
    item.description, item.tags, item.show_tabs = "All of it", {"finance"}, True
    item.grants = {("user", ada): {"Read": "Allow", "ExportXml": "Deny"}}
    overview = sandbox.views_of(id_)[0]
    overview.tags.add("top")
    sandbox.view(overview.id, by=ada, at=START - timedelta(days=300))
    sandbox.favorites.add((ada, id_))
    key = VisualKey(SOURCE, "workbook", id_)
    bench.harness.schedule(key)
    return key
