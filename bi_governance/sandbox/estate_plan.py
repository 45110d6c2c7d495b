"""The synthetic estate on paper: its people, what they made, how it is used, what should become of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Platform = Literal["looker", "superset", "tableau", "powerbi", "domo"]
VisualType = Literal["dashboard", "look", "chart", "workbook", "view", "report", "page", "card"]
Outcome = Literal[
    "stays", "protected", "kept", "rescued", "deleted", "either", "went along", "reported", "too early"
]

DOMAIN = "acme.example"
HISTORY_DAYS, HORIZON_DAYS = 120, 45

# What a policy of 60 idle days and 7 days' warning should come to within HORIZON_DAYS, if nobody but the
# people of the estate interferes: `kept` needs its owner to press keep; `either` follows its container;
# `reported` is due under a rule of 30 days and cannot be removed; `too early` means disuse is not proven yet.
OUTCOMES: dict[str, Outcome] = {
    "viewed_daily": "stays",
    "viewed_weekly": "stays",
    "recently_edited": "stays",
    "scheduled": "stays",
    "alerted": "stays",
    "embedded": "stays",
    "fresh": "stays",
    "look_on_live_dashboard": "stays",
    "chart_on_live_dashboard": "stays",
    "executive": "protected",
    "certified": "protected",
    "lookml": "protected",
    "kept_by_owner": "kept",
    "rescued_by_viewer": "rescued",
    "abandoned": "deleted",
    "fading": "deleted",
    "never_opened": "deleted",
    "only_robot": "deleted",
    "owner_left": "deleted",
    "chart_on_dead_dashboard": "either",
    "card_on_live_page": "stays",
    "never_removable": "reported",
    "undated": "too early",
}
# What becomes of the view in a workbook, of which nobody is warned as it is not removed by itself.
OUTCOMES_WITHIN: dict[Outcome, Outcome] = {"deleted": "went along", "kept": "protected", "rescued": "stays"}


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody at Acme; those who left are inactive everywhere."""

    email: str
    name: str
    active: bool = True
    on_slack: bool = True


@dataclass(frozen=True, slots=True)
class Habit:
    """When a visual is opened: `weekdays` (0 = Monday) up to day `last`, by `viewers` people each time.

    Day 0 is the day the estate starts; negative days are history.
    """

    weekdays: tuple[int, ...] = ()
    last: int | None = None
    viewers: int = 1

    def is_used_on(self, day: int, weekday: int) -> bool:
        return weekday in self.weekdays and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class Piece:
    """One visual to be made: `born` is the day it was created, `source` the explore or table it draws on."""

    platform: Platform
    type: VisualType
    title: str
    label: str
    folder: str = "Sales"
    source: str = "orders"
    last_day: int = 0
    born: int = -200
    on: str = ""

    @property
    def habit(self) -> Habit:
        return _HABITS.get(self.label, Habit((0, 3), self.last_day) if self.last_day else Habit())


@dataclass(frozen=True, slots=True)
class Part:
    """A visual that came with a piece and goes with it: a view of a workbook."""

    type: VisualType
    native_id: str
    title: str


_WORKDAYS = (0, 1, 2, 3, 4)
_HABITS = {
    "viewed_daily": Habit(_WORKDAYS, viewers=3),
    "viewed_weekly": Habit((0,)),
}

ROBOT = Colleague(f"etl-robot@{DOMAIN}", "Etl Robot", on_slack=False)

_FIRST = [
    "Ada",
    "Bram",
    "Chiara",
    "Daan",
    "Elif",
    "Femke",
    "Goran",
    "Hanna",
    "Ivo",
    "Julia",
    "Kofi",
    "Lena",
    "Milan",
    "Noor",
    "Oscar",
    "Priya",
    "Quinten",
    "Rosa",
    "Sven",
    "Tessa",
    "Umar",
    "Vera",
    "Wout",
    "Ximena",
    "Yara",
    "Zoltan",
    "Anouk",
    "Boris",
    "Carmen",
    "Dries",
    "Eva",
    "Finn",
    "Greta",
    "Hugo",
    "Iris",
    "Jonas",
    "Katja",
    "Luuk",
    "Mira",
    "Niels",
    "Olga",
    "Pieter",
    "Renske",
    "Stefan",
    "Thijs",
    "Ursula",
    "Viktor",
    "Willem",
]
_LAST = (
    "Jansen",
    "Okafor",
    "Rossi",
    "Yilmaz",
    "Novak",
    "Silva",
    "Meyer",
    "Haddad",
    "Kowalski",
    "Berg",
    "Dubois",
)
_LEFT = {"Zoltan", "Ursula", "Viktor"}
_NOT_ON_SLACK = {"Willem"}


def colleagues() -> tuple[Colleague, ...]:
    """Everybody, in a fixed order: the first dozen own things, the rest mostly look."""
    people = []
    for number, first in enumerate(_FIRST):
        last = _LAST[number % len(_LAST)]
        email = f"{first}.{last}@{DOMAIN}".lower()
        people.append(Colleague(email, f"{first} {last}", first not in _LEFT, first not in _NOT_ON_SLACK))
    return tuple(people)


PIECES: tuple[Piece, ...] = (
    Piece("looker", "dashboard", "Daily revenue", "viewed_daily"),
    Piece("looker", "dashboard", "Order funnel", "viewed_daily", source="orders"),
    Piece("looker", "dashboard", "Stock levels", "viewed_daily", "Operations", "inventory"),
    Piece("looker", "dashboard", "Weekly marketing review", "viewed_weekly", "Marketing", "campaigns"),
    Piece("looker", "dashboard", "Returns by reason", "viewed_weekly", "Operations", "returns"),
    Piece("looker", "dashboard", "Cash forecast", "viewed_weekly", "Finance", "invoices"),
    Piece("looker", "dashboard", "Black Friday 2024", "abandoned", "Marketing", "campaigns", last_day=-95),
    Piece("looker", "dashboard", "Daily revenue (copy)", "abandoned", last_day=-88),
    Piece(
        "looker", "dashboard", "Warehouse move tracker", "abandoned", "Operations", "inventory", last_day=-75
    ),
    Piece(
        "looker",
        "dashboard",
        "Old support tickets",
        "abandoned",
        "Operations",
        "legacy_tickets",
        last_day=-69,
    ),
    Piece("looker", "dashboard", "Scratch for board deck", "abandoned", "personal", last_day=-110),
    Piece("looker", "dashboard", "Pricing experiment", "fading", "Marketing", "campaigns", last_day=-41),
    Piece("looker", "dashboard", "Voucher usage", "fading", "Marketing", "campaigns", last_day=-48),
    Piece(
        "looker",
        "dashboard",
        "Supplier scorecard draft",
        "never_opened",
        "Operations",
        "suppliers",
        born=-100,
    ),
    Piece("looker", "dashboard", "Test please ignore", "never_opened", "personal", born=-85),
    Piece("looker", "dashboard", "Monthly invoice mailing", "scheduled", "Finance", "invoices"),
    Piece("looker", "dashboard", "Payment failures", "alerted", "Finance", "payments", last_day=-90),
    Piece("looker", "dashboard", "Board pack", "executive", "Executive", "invoices", last_day=-100),
    Piece("looker", "dashboard", "Acquisition model", "executive", "Executive", "invoices", last_day=-80),
    Piece("looker", "dashboard", "Year-end close", "kept_by_owner", "Finance", "invoices", last_day=-70),
    Piece(
        "looker",
        "dashboard",
        "Customer lifetime value",
        "rescued_by_viewer",
        "Marketing",
        "users",
        last_day=-72,
    ),
    Piece("looker", "dashboard", "New shop opening", "fresh", born=-5),
    Piece("looker", "dashboard", "Nightly export feed", "only_robot", "Operations", "orders"),
    Piece("looker", "dashboard", "Regional sales 2023", "owner_left", last_day=-92),
    Piece("looker", "dashboard", "Company metrics", "certified", "Finance", "invoices", last_day=-85),
    Piece("looker", "dashboard", "Web traffic overview", "lookml", source="sessions"),
    Piece("looker", "dashboard", "Churn cohorts", "recently_edited", "Marketing", "users"),
    Piece("looker", "look", "Revenue today", "look_on_live_dashboard", on="Daily revenue"),
    Piece("looker", "look", "Open orders", "viewed_weekly"),
    Piece("looker", "look", "Refunds over 100", "abandoned", "Finance", "returns", last_day=-77),
    Piece("looker", "look", "Newsletter sign-ups", "abandoned", "Marketing", "users", last_day=-103),
    Piece("looker", "look", "Ad hoc for Vera", "never_opened", "personal", born=-90),
    Piece("looker", "look", "Top customers mailing", "scheduled", source="users"),
    Piece("looker", "look", "Executive headcount", "executive", "Executive", "users", last_day=-95),
    Piece("looker", "look", "Discount codes", "rescued_by_viewer", "Marketing", "campaigns", last_day=-68),
    Piece("superset", "dashboard", "Service operations", "viewed_daily", source="tickets"),
    Piece("superset", "dashboard", "Delivery times", "viewed_weekly", source="shipments"),
    Piece("superset", "dashboard", "Fraud signals", "viewed_weekly", source="payments"),
    Piece("superset", "dashboard", "Carrier pilot", "abandoned", source="shipments", last_day=-83),
    Piece("superset", "dashboard", "Old fraud rules", "abandoned", source="legacy_rules", last_day=-71),
    Piece("superset", "dashboard", "Courier survey", "fading", source="surveys", last_day=-43),
    Piece("superset", "dashboard", "Untitled dashboard", "never_opened", source="orders", born=-95),
    Piece("superset", "dashboard", "Weekly service report", "scheduled", source="tickets"),
    Piece("superset", "dashboard", "Partner portal", "embedded", source="shipments"),
    Piece("superset", "dashboard", "Service year-end", "kept_by_owner", source="tickets", last_day=-74),
    Piece("superset", "dashboard", "Packaging costs", "rescued_by_viewer", source="invoices", last_day=-66),
    Piece("superset", "dashboard", "Locker roll-out", "fresh", source="shipments", born=-4),
    Piece("superset", "dashboard", "Metrics scraper", "only_robot", source="tickets"),
    Piece("superset", "dashboard", "Night shift planning", "owner_left", source="shifts", last_day=-90),
    Piece("superset", "dashboard", "Audited delivery KPIs", "certified", source="shipments", last_day=-88),
    Piece(
        "superset",
        "chart",
        "Tickets open now",
        "chart_on_live_dashboard",
        source="tickets",
        on="Service operations",
    ),
    Piece(
        "superset",
        "chart",
        "Late parcels",
        "chart_on_live_dashboard",
        source="shipments",
        on="Delivery times",
    ),
    Piece(
        "superset", "chart", "Pilot cost", "chart_on_dead_dashboard", source="shipments", on="Carrier pilot"
    ),
    Piece("superset", "chart", "Parcel weights", "viewed_weekly", source="shipments"),
    Piece("superset", "chart", "Scratch chart", "abandoned", source="orders", last_day=-79),
    Piece("superset", "chart", "Bar chart 7", "never_opened", source="orders", born=-99),
    Piece("tableau", "workbook", "Sales pipeline", "viewed_weekly", source="deals"),
    Piece("tableau", "workbook", "Territory plan 2023", "abandoned", source="regions", last_day=-84),
    Piece("tableau", "workbook", "Sketch of a map", "never_opened", "Marketing", born=-92),
    Piece("tableau", "workbook", "Quota tracker", "kept_by_owner", source="quotas", last_day=-76),
    Piece("tableau", "workbook", "Store visits", "rescued_by_viewer", "Marketing", "visits", last_day=-70),
    Piece("tableau", "workbook", "Pipeline by mail", "scheduled", source="deals"),
    Piece("tableau", "workbook", "Escalations", "alerted", source="tickets", last_day=-90),
    Piece("powerbi", "report", "Gross margin", "viewed_weekly", "Controlling", "margins"),
    Piece("powerbi", "report", "Price list audit", "abandoned", "Controlling", "prices", last_day=-75),
    Piece("powerbi", "report", "Rebate simulation", "never_opened", "Controlling", "rebates"),
    Piece("powerbi", "report", "Budget rounds", "kept_by_owner", "Controlling", "budgets", last_day=-90),
    Piece("powerbi", "report", "Cost centres by mail", "scheduled", "Controlling", "costs"),
    Piece("powerbi", "report", "Audited balances", "certified", "Controlling", "ledger", last_day=-80),
    Piece("powerbi", "dashboard", "KPI wall 2024", "never_removable", "Controlling", last_day=-71),
    Piece("domo", "page", "Fleet board", "viewed_weekly"),
    Piece("domo", "page", "Fleet board by mail", "scheduled"),
    Piece("domo", "page", "Peak season 2024", "undated", last_day=-85),
    Piece("domo", "card", "Vans on the road", "card_on_live_page", source="vans", on="Fleet board"),
    Piece("domo", "card", "Old tariff check", "abandoned", source="tariffs", last_day=-80),
    Piece("domo", "card", "Test card", "never_opened", source="vans", born=-95),
    Piece("domo", "card", "Fuel surcharges", "kept_by_owner", source="fuel", last_day=-77),
    Piece("domo", "card", "Depot queues", "rescued_by_viewer", source="depots", last_day=-69),
)
