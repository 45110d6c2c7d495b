"""The estate's Superset side: how pieces become dashboards, charts and reports, and how they are used."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from bi_governance.sandbox.estate_plan import ROBOT, Colleague, Part, Piece, VisualType
from bi_governance.sandbox.superset import SupersetSandbox
from bi_governance.sandbox.superset_records import SupersetKind


class SupersetEstate:
    """Acme's Superset instance; it has no folders."""

    def __init__(
        self, superset: SupersetSandbox, people: Iterable[Colleague], moment: Callable[[int], datetime]
    ) -> None:
        self._superset, self._moment = superset, moment
        self._users = {p.email: superset.add_person(p.email, p.name, active=p.active) for p in people}
        self._datasets: dict[str, int] = {}
        self._reports: dict[str, int] = {}
        self._dashboards: dict[str, int] = {}

    def make(self, piece: Piece, owner: Colleague) -> str:
        """Create the piece and what hangs on it; returns its id."""
        kind, owner_id, born = _kind(piece.type), self._users[owner.email], self._moment(piece.born)
        if kind == "chart":
            id_ = self._superset.add_chart(
                piece.title, owner_id=owner_id, dataset_id=self._dataset(piece.source), created_at=born
            )
        else:
            slug = piece.title.lower().replace(" ", "-")
            id_ = self._superset.add_dashboard(piece.title, owner_id=owner_id, slug=slug, created_at=born)
            self._dashboards[piece.title] = id_
        self._furnish(piece, kind, id_, owner)
        return str(id_)

    def _dataset(self, table: str) -> int:
        if table not in self._datasets:
            self._datasets[table] = self._superset.add_dataset(
                table, owner_id=next(iter(self._users.values()))
            )
        return self._datasets[table]

    def _furnish(self, piece: Piece, kind: SupersetKind, id_: int, owner: Colleague) -> None:
        superset, owner_id = self._superset, self._users[owner.email]
        if piece.label == "scheduled":
            self._reports[str(id_)] = superset.add_report(
                piece.title, owner_id=owner_id, dashboard_id=id_, recipients=[owner.email]
            )
        elif piece.label == "embedded":
            superset.embed(id_)
        elif piece.label == "certified":
            superset.certify(kind, id_, by="Data team")
        if piece.on:
            superset.dashboards[self._dashboards[piece.on]].chart_ids.append(id_)

    def parts(self, _type: VisualType, _id: str) -> tuple[Part, ...]:
        """The charts on a dashboard are pieces themselves."""
        return ()

    def finish(self) -> None:
        """Nothing here is without a truth."""

    def exists(self, type_: VisualType, id_: str) -> bool:
        return int(id_) in self._superset.visuals(_kind(type_))

    def view(self, type_: VisualType, id_: str, viewer: Colleague, at: datetime) -> None:
        with self._superset.lock:
            self._superset.view(_kind(type_), int(id_), by=self._users[viewer.email], at=at)

    def robot(self, type_: VisualType, id_: str, at: datetime) -> None:
        with self._superset.lock:
            self._superset.machine_run(_kind(type_), int(id_), by=self._users[ROBOT.email], at=at)

    def deliver(self, _type: VisualType, id_: str, at: datetime) -> None:
        with self._superset.lock:
            self._superset.deliver(self._reports[id_], at=at)


def _kind(type_: VisualType) -> SupersetKind:
    return "chart" if type_ == "chart" else "dashboard"
