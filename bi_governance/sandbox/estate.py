"""The synthetic estate: fills the sandboxes, lives its days, and knows the truth about every visual."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Protocol

from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.domo import DomoSandbox
from bi_governance.sandbox.estate_domo import DomoEstate
from bi_governance.sandbox.estate_looker import LookerEstate
from bi_governance.sandbox.estate_plan import (
    HISTORY_DAYS,
    OUTCOMES,
    OUTCOMES_WITHIN,
    PIECES,
    ROBOT,
    Colleague,
    Outcome,
    Part,
    Piece,
    Platform,
    VisualType,
    colleagues,
)
from bi_governance.sandbox.estate_powerbi import PowerBIEstate
from bi_governance.sandbox.estate_superset import SupersetEstate
from bi_governance.sandbox.estate_tableau import TableauEstate
from bi_governance.sandbox.looker import LookerSandbox
from bi_governance.sandbox.powerbi import PowerBISandbox
from bi_governance.sandbox.slack import SlackSandbox
from bi_governance.sandbox.superset import SupersetSandbox
from bi_governance.sandbox.tableau import TableauSandbox

CHANNELS = ("bi-deprecation", "analytics")
_OWNERS = 12
_LEFT = "zoltan"


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known about one visual: `label` says why, `expected` what should become of it.

    `owner_email` is None where the platform names no owner; `last_used` is the last day before the start on
    which somebody opened it.
    """

    platform: Platform
    type: VisualType
    native_id: str
    title: str
    owner_email: str | None
    label: str
    expected: Outcome
    last_used: date | None = None


class Home(Protocol):
    """One platform's side of the estate."""

    def make(self, piece: Piece, owner: Colleague) -> str:
        """Create the piece and what hangs on it; returns its id."""
        ...

    def parts(self, type_: VisualType, id_: str, /) -> tuple[Part, ...]:
        """The visuals that came with it."""
        ...

    def finish(self) -> None:
        """Add what has no truth of its own."""
        ...

    def exists(self, type_: VisualType, id_: str, /) -> bool:
        """Whether people can still open it."""
        ...

    def view(self, type_: VisualType, id_: str, viewer: Colleague, at: datetime, /) -> None:
        """Somebody opens it."""
        ...

    def robot(self, type_: VisualType, id_: str, at: datetime, /) -> None:
        """A machine opens it."""
        ...

    def deliver(self, type_: VisualType, id_: str, at: datetime, /) -> None:
        """Its schedule runs."""
        ...


@dataclass(frozen=True, slots=True)
class _Resident:
    """A piece that was made: its truth, those of its parts, and its audience."""

    piece: Piece
    truth: Truth
    parts: tuple[Truth, ...]
    audience: tuple[Colleague, ...]


class Estate:
    """One company of about fifty people on the clock's present day, with 120 days of history behind it.

    On `rescue_day` (0 = today; None: never) somebody opens what is labelled `rescued_by_viewer`. The same
    `seed` gives the same accesses whatever is asked in whatever order.
    """

    def __init__(self, clock: SimulatedClock, *, seed: int = 7, rescue_day: int | None = 3) -> None:
        self.clock, self.seed, self.rescue_day = clock, seed, rescue_day
        self.start = clock.now()
        self.people = colleagues()
        self._residents: list[_Resident] = []
        self._homes: dict[Platform, Home] = {}

    @property
    def truths(self) -> tuple[Truth, ...]:
        """The truth about every visual filled in so far."""
        return tuple(truth for resident in self._residents for truth in (resident.truth, *resident.parts))

    def labelled(self, label: str) -> tuple[Truth, ...]:
        return tuple(truth for truth in self.truths if truth.label == label)

    def fill_looker(self, looker: LookerSandbox) -> None:
        """Put people, folders, content and 120 days of use into a Looker sandbox."""
        self._settle("looker", LookerEstate(looker, (*self.people, ROBOT), self.moment))

    def fill_superset(self, superset: SupersetSandbox) -> None:
        self._settle("superset", SupersetEstate(superset, (*self.people, ROBOT), self.moment))

    def fill_tableau(self, tableau: TableauSandbox) -> None:
        self._settle("tableau", TableauEstate(tableau, (*self.people, ROBOT), self.moment))

    def fill_powerbi(self, powerbi: PowerBISandbox) -> None:
        """Its log holds all 120 days; how far back it answers is Power BI's own affair."""
        self._settle("powerbi", PowerBIEstate(powerbi, (*self.people, ROBOT), self.moment))

    def fill_domo(self, domo: DomoSandbox) -> None:
        self._settle("domo", DomoEstate(domo, (*self.people, ROBOT), self.moment))

    def fill_slack(self, slack: SlackSandbox, *, channels: tuple[str, ...] = CHANNELS) -> None:
        """Put the people who are on Slack, and the channels the product posts to, into a workspace."""
        for person in self.people:
            if person.on_slack:
                slack.add_member(person.email, person.name, active=person.active)
        for channel in channels:
            slack.add_channel(channel)

    def moment(self, day: int, *, hour: int = 9, minute: int = 0) -> datetime:
        """A time on a day of the simulation; day 0 is the day the estate was made."""
        return datetime.combine(
            self.start.date() + timedelta(days=day), time(hour, minute), self.start.tzinfo
        )

    def live(self, day: int | date) -> int:
        """Let people use things on a day (a number, 0 = start, or a date); returns the number of accesses.

        The accesses lie between 07:00 and 18:00 UTC of that day, whatever the clock says.
        """
        number = day if isinstance(day, int) else (day - self.start.date()).days
        return sum(self._use(resident, number) for resident in self._residents)

    def next_day(self) -> datetime:
        """Live the clock's current day, then move the clock on by one day and return the new time."""
        self.live(self.clock.now().date())
        return self.clock.advance(timedelta(days=1))

    def _settle(self, platform: Platform, home: Home) -> None:
        self._homes[platform] = home
        chosen = [(number, piece) for number, piece in enumerate(PIECES) if piece.platform == platform]
        made = [self._move_in(home, piece, number) for number, piece in chosen]
        self._residents.extend(made)
        for day in range(-HISTORY_DAYS, 0):
            for resident in made:
                self._use(resident, day)
        home.finish()

    def _move_in(self, home: Home, piece: Piece, number: int) -> _Resident:
        owner = self._owner(piece, number)
        native_id = home.make(piece, owner)
        email = None if piece.label in ("lookml", "never_removable") else owner.email
        truth = Truth(
            piece.platform,
            piece.type,
            native_id,
            piece.title,
            email,
            piece.label,
            OUTCOMES[piece.label],
            self._last_used(piece),
        )
        parts = tuple(_part_of(truth, part) for part in home.parts(piece.type, native_id))
        pool = [p for p in self.people if p.active and p is not owner]
        audience = random.Random(f"{self.seed}/{piece.title}").sample(pool, 6)  # noqa: S311 - not a secret
        return _Resident(piece, truth, parts, tuple(audience))

    def _owner(self, piece: Piece, number: int) -> Colleague:
        if piece.label == "owner_left":
            return next(p for p in self.people if p.email.startswith(_LEFT))
        return self.people[number % _OWNERS]

    def _last_used(self, piece: Piece) -> date | None:
        for day in range(-1, -HISTORY_DAYS - 1, -1):
            if piece.habit.is_used_on(day, self.moment(day).weekday()):
                return self.moment(day).date()
        return None

    def _use(self, resident: _Resident, day: int) -> int:
        """What happens to one visual on one day."""
        piece, home, chance = (
            resident.piece,
            self._homes[resident.piece.platform],
            self._chance(resident, day),
        )
        native_id, weekday = resident.truth.native_id, self.moment(day).weekday()
        if day < piece.born or not home.exists(piece.type, native_id):
            return 0
        if piece.label == "only_robot":
            home.robot(piece.type, native_id, self.moment(day, hour=7))
            return 1
        if piece.label == "scheduled" and weekday == 0:
            home.deliver(piece.type, native_id, self.moment(day, hour=7))
            return 1
        rescue = piece.label == "rescued_by_viewer" and day == self.rescue_day
        if not rescue and not piece.habit.is_used_on(day, weekday):
            return 0
        viewers = chance.sample(resident.audience, piece.habit.viewers)
        for viewer in viewers:
            home.view(piece.type, native_id, viewer, self._time_of_day(day, chance))
        return len(viewers)

    def _chance(self, resident: _Resident, day: int) -> random.Random:
        return random.Random(f"{self.seed}/{resident.piece.title}/{day}")  # noqa: S311 - not a secret

    def _time_of_day(self, day: int, chance: random.Random) -> datetime:
        return self.moment(day, hour=chance.randrange(7, 18), minute=chance.randrange(60))


def _part_of(whole: Truth, part: Part) -> Truth:
    """A part is used when the whole is, and belongs to the same person."""
    return replace(
        whole,
        type=part.type,
        native_id=part.native_id,
        title=part.title,
        label=f"part_of_{whole.label}",
        expected=OUTCOMES_WITHIN.get(whole.expected, whole.expected),
    )
