"""The estate's Power BI side: how pieces become reports and dashboards, and how they are used."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from bi_governance.sandbox.estate_plan import ROBOT, Colleague, Part, Piece, VisualType
from bi_governance.sandbox.powerbi import PowerBISandbox
from bi_governance.sandbox.powerbi_world import Kind


class PowerBIEstate:
    """Acme's Power BI tenant; folders are workspaces, in which owners are members and our app contributes."""

    def __init__(
        self, powerbi: PowerBISandbox, people: Iterable[Colleague], moment: Callable[[int], datetime]
    ) -> None:
        self._powerbi, self._moment = powerbi, moment
        self._subscribers: dict[str, str] = {}
        self._workspaces: dict[str, str] = {}
        for person in people:
            powerbi.add_person(person.email, person.name)

    def make(self, piece: Piece, owner: Colleague) -> str:
        """Create the piece and what hangs on it; returns its id."""
        powerbi, workspace_id = self._powerbi, self._workspace(piece.folder)
        powerbi.workspaces[workspace_id].roles[owner.email] = "Member"
        if piece.type == "dashboard":
            return powerbi.add_dashboard(piece.title, workspace_id=workspace_id)
        id_ = powerbi.add_report(
            piece.title,
            workspace_id=workspace_id,
            by=owner.email,
            dataset_id=powerbi.add_dataset(workspace_id, piece.source),
            created_at=self._moment(piece.born),
        )
        if piece.label == "scheduled":
            powerbi.subscribe("report", id_, user=owner.email, title=piece.title)
            self._subscribers[id_] = owner.email
        elif piece.label == "certified":
            powerbi.reports[id_].endorsement = "Certified"
        return id_

    def _workspace(self, name: str) -> str:
        if name not in self._workspaces:
            me = self._powerbi.credentials.object_id
            self._workspaces[name] = self._powerbi.add_workspace(name, **{me: "Contributor"})
        return self._workspaces[name]

    def parts(self, _type: VisualType, _id: str) -> tuple[Part, ...]:
        """Tiles and pages are no visuals of their own."""
        return ()

    def finish(self) -> None:
        """Nothing here is without a truth."""

    def exists(self, type_: VisualType, id_: str) -> bool:
        return id_ in (self._powerbi.dashboards if type_ == "dashboard" else self._powerbi.reports)

    def view(self, type_: VisualType, id_: str, viewer: Colleague, at: datetime) -> None:
        with self._powerbi.lock:
            self._powerbi.view(_kind(type_), id_, by=viewer.email, at=at)

    def robot(self, type_: VisualType, id_: str, at: datetime) -> None:
        self.view(type_, id_, ROBOT, at)

    def deliver(self, type_: VisualType, id_: str, at: datetime) -> None:
        with self._powerbi.lock:
            self._powerbi.record("RunEmailSubscription", _kind(type_), id_, by=self._subscribers[id_], at=at)


def _kind(type_: VisualType) -> Kind:
    return "dashboard" if type_ == "dashboard" else "report"
