"""The estate's Domo side: how pieces become pages and cards, and how they are used."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from bi_governance.sandbox.domo import DomoSandbox
from bi_governance.sandbox.estate_plan import ROBOT, Colleague, Part, Piece, VisualType


class DomoEstate:
    """Acme's Domo instance; all pages lie at the top, and a card lies on one page or on none."""

    def __init__(
        self, domo: DomoSandbox, people: Iterable[Colleague], moment: Callable[[int], datetime]
    ) -> None:
        self._domo, self._moment = domo, moment
        self._users = {p.email: domo.add_person(p.email, p.name) for p in people}
        self._pages: dict[str, int] = {}
        self._reports: dict[str, int] = {}

    def make(self, piece: Piece, owner: Colleague) -> str:
        """Create the piece and what hangs on it; returns its id. Domo keeps no dates of pages."""
        domo, owner_id = self._domo, self._users[owner.email]
        if piece.type == "card":
            born = self._moment(piece.born)
            id_ = domo.add_card(piece.title, owner_id=owner_id, dataset=piece.source, at=born)
        else:
            id_ = self._pages[piece.title] = domo.add_page(piece.title, owner_id=owner_id)
        if piece.label == "scheduled":
            self._reports[str(id_)] = domo.add_report(
                piece.title, owner_id=owner_id, resource_type=piece.type, resource_id=id_
            )
        if piece.on:
            domo.pages[self._pages[piece.on]].card_ids.append(id_)
        return str(id_)

    def parts(self, _type: VisualType, _id: str) -> tuple[Part, ...]:
        """The cards on a page are pieces themselves."""
        return ()

    def finish(self) -> None:
        """Nothing here is without a truth."""

    def exists(self, type_: VisualType, id_: str) -> bool:
        """Whether people can still open it: what lies in quarantine is still there."""
        return int(id_) in (self._domo.cards if type_ == "card" else self._domo.pages)

    def view(self, type_: VisualType, id_: str, viewer: Colleague, at: datetime) -> None:
        with self._domo.lock:
            self._domo.view(type_, int(id_), by=self._users[viewer.email], at=at)

    def robot(self, type_: VisualType, id_: str, at: datetime) -> None:
        self.view(type_, id_, ROBOT, at)

    def deliver(self, _type: VisualType, id_: str, at: datetime) -> None:
        with self._domo.lock:
            self._domo.reports[self._reports[id_]].last_run_at = at
