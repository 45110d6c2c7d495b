"""The estate's Looker side: how pieces become dashboards, looks and schedules, and how they are used."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from bi_governance.sandbox.estate_plan import ROBOT, Colleague, Part, Piece, VisualType
from bi_governance.sandbox.looker import LookerSandbox
from bi_governance.sandbox.looker_records import Kind

_FOLDERS = ("Sales", "Marketing", "Operations", "Finance", "Executive")
_MODEL = "ecommerce"


class LookerEstate:
    """Acme's Looker instance; folders lie below Shared, personal ones below Users."""

    def __init__(
        self, looker: LookerSandbox, people: Iterable[Colleague], moment: Callable[[int], datetime]
    ) -> None:
        self._looker, self._moment = looker, moment
        self._users: dict[str, str] = {}
        for person in people:
            robot = person is ROBOT
            self._users[person.email] = looker.add_person(
                person.email, person.name, active=person.active, service_account=robot
            )
        self._folders = {name: looker.add_folder(name) for name in _FOLDERS}
        self._plans: dict[str, str] = {}
        self._dashboards: dict[str, str] = {}

    def make(self, piece: Piece, owner: Colleague) -> str:
        """Create the piece and what hangs on it; returns its id."""
        if piece.label == "lookml":
            return self._looker.add_lookml_dashboard(_MODEL, piece.source, piece.title)
        kind, owner_id = _kind(piece.type), self._users[owner.email]
        folder_id = self._folder(piece, owner_id)
        explore, born = f"{_MODEL}.{piece.source}", self._moment(piece.born)
        if kind == "look":
            id_ = self._looker.add_look(
                piece.title, owner_id=owner_id, folder_id=folder_id, created_at=born, explore=explore
            )
        else:
            id_ = self._looker.add_dashboard(
                piece.title, owner_id=owner_id, folder_id=folder_id, created_at=born, tiles=(explore, explore)
            )
            self._dashboards[piece.title] = id_
        self._furnish(piece, kind, id_, owner)
        return id_

    def _folder(self, piece: Piece, owner_id: str) -> str:
        return (
            self._looker.personal_folder(owner_id)
            if piece.folder == "personal"
            else self._folders[piece.folder]
        )

    def _furnish(self, piece: Piece, kind: Kind, id_: str, owner: Colleague) -> None:
        looker, owner_id = self._looker, self._users[owner.email]
        if piece.label == "scheduled":
            self._plans[f"{kind}:{id_}"] = looker.add_schedule(
                kind, id_, owner_id=owner_id, emails=[owner.email], next_run_at=self._moment(7)
            )
        elif piece.label == "alerted":
            looker.add_alert(looker.tiles_of(id_)[0].id, owner_id=owner_id, emails=[owner.email])
        elif piece.label == "certified":
            looker.certify(kind, id_, by=owner_id)
        elif piece.label == "recently_edited":
            looker.edit(kind, id_, by=owner_id, at=self._moment(-5))
        if piece.on:
            looker.add_tile(self._dashboards[piece.on], title=piece.title, look_id=id_)

    def parts(self, _type: VisualType, _id: str) -> tuple[Part, ...]:
        """Tiles are no visuals of their own."""
        return ()

    def finish(self) -> None:
        """Add what has no truth of its own: a board, and a dashboard already in the trash."""
        owner_id = next(iter(self._users.values()))
        self._looker.add_board(
            "Start here", user_id=owner_id, items=[("dashboard", self._dashboards["Daily revenue"])]
        )
        id_ = self._looker.add_dashboard(
            "Thrown away long ago", owner_id=owner_id, created_at=self._moment(-300)
        )
        visual = self._looker.visual("dashboard", id_)
        visual.deleted, visual.deleted_at, visual.deleter_id = True, self._moment(-150), owner_id

    def exists(self, type_: VisualType, id_: str) -> bool:
        visual = self._looker.visuals.get(f"{_kind(type_)}:{id_}")
        return visual is not None and not visual.deleted

    def view(self, type_: VisualType, id_: str, viewer: Colleague, at: datetime) -> None:
        with self._looker.lock:
            self._looker.view(_kind(type_), id_, by=self._users[viewer.email], at=at)

    def robot(self, type_: VisualType, id_: str, at: datetime) -> None:
        with self._looker.lock:
            self._looker.machine_run(_kind(type_), id_, by=self._users[ROBOT.email], at=at)

    def deliver(self, type_: VisualType, id_: str, at: datetime) -> None:
        with self._looker.lock:
            self._looker.deliver(self._plans[f"{_kind(type_)}:{id_}"], at=at)


def _kind(type_: VisualType) -> Kind:
    return "look" if type_ == "look" else "dashboard"
