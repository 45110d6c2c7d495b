"""The estate's Tableau side: how pieces become workbooks with a view, and how they are used."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from bi_governance.sandbox.estate_plan import ROBOT, Colleague, Part, Piece, VisualType
from bi_governance.sandbox.tableau import TableauSandbox


class TableauEstate:
    """Acme's Tableau site; folders are projects, every workbook has one view."""

    def __init__(
        self, tableau: TableauSandbox, people: Iterable[Colleague], moment: Callable[[int], datetime]
    ) -> None:
        self._tableau, self._moment = tableau, moment
        self._users = {
            p.email: tableau.add_person(p.email, p.name, "ExplorerCanPublish" if p.active else "Unlicensed")
            for p in people
        }
        self._projects: dict[str, str] = {}

    def make(self, piece: Piece, owner: Colleague) -> str:
        """Create the workbook and what hangs on it; returns its id."""
        tableau, owner_id = self._tableau, self._users[owner.email]
        if piece.folder not in self._projects:
            self._projects[piece.folder] = tableau.add_project(piece.folder)
        id_ = tableau.add_workbook(
            piece.title,
            owner_id=owner_id,
            project_id=self._projects[piece.folder],
            created_at=self._moment(piece.born),
            sheets=(f"{piece.title}, overview",),
        )
        tableau.workbooks[id_].tables.append(piece.source)
        if piece.label == "scheduled":
            tableau.deliver("subscription", piece.title, user_id=owner_id, target=("Workbook", id_))
        elif piece.label == "alerted":
            view = tableau.views_of(id_)[0]
            tableau.deliver("alert", piece.title, user_id=owner_id, target=("View", view.id))
        return id_

    def parts(self, _type: VisualType, id_: str) -> tuple[Part, ...]:
        """The views of a workbook, which are visuals too."""
        return tuple(Part("view", view.id, view.name) for view in self._tableau.views_of(id_))

    def finish(self) -> None:
        """Nothing here is without a truth."""

    def exists(self, _type: VisualType, id_: str) -> bool:
        return id_ in self._tableau.workbooks

    def view(self, _type: VisualType, id_: str, viewer: Colleague, at: datetime) -> None:
        self._open(id_, viewer, at)

    def robot(self, _type: VisualType, id_: str, at: datetime) -> None:
        self._open(id_, ROBOT, at)

    def deliver(self, _type: VisualType, _id: str, _at: datetime) -> None:
        """A subscription that was sent leaves no trace in Admin Insights."""

    def _open(self, id_: str, who: Colleague, at: datetime) -> None:
        with self._tableau.lock:
            self._tableau.view(self._tableau.views_of(id_)[0].id, by=self._users[who.email], at=at)
