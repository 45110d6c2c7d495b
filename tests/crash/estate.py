"""A hand-made company on the sandbox servers: every visual has one fate on the day everything is due."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bi_governance.model import VisualKey
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.looker import LookerSandbox
from bi_governance.sandbox.server import LoopbackServer, Request
from bi_governance.sandbox.slack import SlackSandbox
from bi_governance.sandbox.slack_world import SlackMessage
from bi_governance.sandbox.superset import SupersetSandbox

DAY = timedelta(days=1)
BORN = datetime(2025, 8, 1, 6, tzinfo=UTC)
# The first run, which warns about what is to be removed; then the day on which everything is due.
START = datetime(2026, 3, 2, 6, tzinfo=UTC)
EVE = START + 8 * DAY - timedelta(minutes=30)
DUE = START + 8 * DAY
SOURCES = {"looker": "looker_prod", "superset": "superset"}
# Carol has left Slack: what is hers is told in the channel instead.
PEOPLE = {"ada": "Ada Lovelace", "ben": "Ben Franklin", "carol": "Carol Gone"}
CHANNEL = "#bi-deprecation"


@dataclass(frozen=True, slots=True)
class Piece:
    """One visual: its last uses in days around START, and what the day it is due must bring."""

    platform: str
    type: str
    title: str
    owner: str
    used: tuple[float, ...]
    fate: str

    @property
    def source(self) -> str:
        return SOURCES[self.platform]


def _pieces(platform: str, second: str) -> tuple[Piece, ...]:
    name = platform.title()
    return (
        Piece(platform, "dashboard", f"{name} sold-out items", "ada", (-57,), "removed"),
        Piece(platform, second, f"{name} old margins", "ben", (-56,), "removed"),
        Piece(platform, "dashboard", f"{name} winter coats", "ada", (-46,), "warned"),
        Piece(platform, second, f"{name} store visits", "carol", (-46.5,), "warned"),
        Piece(platform, "dashboard", f"{name} slow movers", "ben", (-50,), "reminded"),
        Piece(platform, "dashboard", f"{name} second spring", "ada", (-58, 5), "rescued"),
        *(
            Piece(platform, "dashboard", f"{name} daily {what}", "ben", tuple(range(-100, 9)), "used")
            for what in ("orders", "stock", "returns")
        ),
    )


PIECES = (*_pieces("looker", "look"), *_pieces("superset", "chart"))


def titles(*fates: str) -> list[str]:
    return [piece.title for piece in PIECES if piece.fate in fates]


class Front:
    """An address that stays, whatever sandbox stands behind it: a ledger pins the instance it is about."""

    def __init__(self, behind: LookerSandbox | SupersetSandbox | SlackSandbox) -> None:
        self.behind = behind
        self.server = LoopbackServer(self, clock=behind.clock, vendor=behind)

    async def __call__(self, scope, receive, send) -> None:
        await self.behind.serve()._harness(scope, receive, send)


@dataclass(slots=True)
class Company:
    """The three servers; `open` puts fresh ones behind the same addresses, as they are at a moment."""

    clock: SimulatedClock = field(default_factory=lambda: SimulatedClock(BORN))
    looker: LookerSandbox = field(init=False)
    superset: SupersetSandbox = field(init=False)
    slack: SlackSandbox = field(init=False)
    keys: dict[str, VisualKey] = field(init=False)
    numbers: dict[str, str] = field(init=False)
    fronts: tuple[Front, Front, Front] | None = None

    @contextmanager
    def serving(self) -> Iterator["Company"]:
        self._rebuild(START)
        self.fronts = (Front(self.looker), Front(self.superset), Front(self.slack))
        with ExitStack() as servers:
            for front in self.fronts:
                servers.enter_context(front.server)
            self.slack.address = self.fronts[2].server.url
            yield self

    def open(self, at: datetime) -> None:
        """Everything as it is at `at` when nobody but its people ever touched it."""
        self._rebuild(at)
        for front, sandbox in zip(self.fronts, (self.looker, self.superset, self.slack), strict=True):
            front.behind = sandbox
        self.slack.address = self.fronts[2].server.url

    def _rebuild(self, at: datetime) -> None:
        self.clock = clock = SimulatedClock(BORN)
        self.looker, self.superset, self.slack = (
            LookerSandbox(clock),
            SupersetSandbox(clock),
            SlackSandbox(clock),
        )
        self.keys, self.numbers = {}, {}
        for channel in (CHANNEL, "#analytics"):
            self.slack.add_channel(channel)
        people = {name: self._hire(name, full) for name, full in PEOPLE.items()}
        for piece in PIECES:
            self._make(piece, people[piece.owner], people["carol"], at)
        clock.set(at)

    def _hire(self, name: str, full_name: str) -> dict[str, object]:
        email = f"{name}@acme.example"
        if name != "carol":
            self.slack.add_member(email, full_name)
        return {
            "looker": self.looker.add_person(email, full_name),
            "superset": self.superset.add_person(email, full_name),
        }

    def _make(self, piece: Piece, owner: dict, viewer: dict, at: datetime) -> None:
        number = (self._in_looker if piece.platform == "looker" else self._in_superset)(piece, owner)
        world = getattr(self, piece.platform)
        for moment in (START + days * DAY for days in piece.used):
            if moment < at:
                world.view(piece.type, number, by=viewer[piece.platform], at=moment)
        native = number
        if piece.platform == "superset":
            native = self.superset.visuals(piece.type)[number].uuid
        self.numbers[piece.title] = str(number)
        self.keys[piece.title] = VisualKey(piece.source, piece.type, str(native))

    def _in_looker(self, piece: Piece, owner: dict) -> str:
        add = self.looker.add_look if piece.type == "look" else self.looker.add_dashboard
        return add(piece.title, owner_id=owner["looker"], created_at=BORN)

    def _in_superset(self, piece: Piece, owner: dict) -> int:
        mine = {"owner_id": owner["superset"], "created_at": BORN}
        if piece.type == "chart":
            dataset = self.superset.add_dataset(f"table_{len(self.keys)}", owner_id=owner["superset"])
            return self.superset.add_chart(piece.title, dataset_id=dataset, **mine)
        slug = piece.title.lower().replace(" ", "-")
        return self.superset.add_dashboard(piece.title, slug=slug, **mine)

    # -- what the servers themselves say -----------------------------------------------------------

    def gone(self) -> set[str]:
        """The titles of what is no longer there."""
        living = {v.title for v in self.looker.visuals.values() if not v.deleted}
        living |= {v.title for v in (*self.superset.dashboards.values(), *self.superset.charts.values())}
        return {piece.title for piece in PIECES} - living

    def writes(self) -> list[Request]:
        """Every changing call that reached a BI server."""
        return [*self.looker.requests.writes(), *self.superset.requests.writes()]

    def told(self, title: str) -> list[tuple[str, SlackMessage]]:
        """Who was told about a visual in so many messages; the team's own run summaries do not count."""
        found = []
        for message in self.slack.messages():
            channel = self.slack.channels[message.channel]
            if channel.name != "analytics" and title in json.dumps(message.blocks):
                found.append((self._reader(channel), message))
        return found

    def _reader(self, channel) -> str:
        if not channel.im:
            return f"#{channel.name}"
        (member,) = channel.members - {self.slack.bot_user_id}
        return str(self.slack.members[member].email).partition("@")[0]


def settings(company: Company, folder: Path) -> dict[str, object]:
    """A configuration file's content; its secrets are in `SECRETS`."""
    looker, superset, slack = (front.server.url for front in company.fronts)
    return {
        "warehouse": {"url": f"duckdb:///{folder}/warehouse.duckdb", "dbt_target": f"{folder}/dbt"},
        "ledger": {"url": f"sqlite:///{folder}/ledger.db"},
        "backups": {"url": f"file://{folder}/backups"},
        "sources": {
            SOURCES["looker"]: {
                "platform": "looker",
                "base_url": looker,
                "client_id": company.looker.credentials.client_id,
                "client_secret": "${LOOKER_SECRET}",
                "backoff": 0,
            },
            SOURCES["superset"]: {
                "platform": "superset",
                "base_url": superset,
                "username": company.superset.credentials.username,
                "password": "${SUPERSET_PASSWORD}",
                "backoff": 0,
            },
        },
        "policy": {"rules": [{"name": "ten days", "match": {"title": "*slow*"}, "warning_days": 10}]},
        "trial": {"days": 0},
        "people": {"cache": f"{folder}/people.jsonl"},
        "slack": {"bot_token": "${SLACK_TOKEN}", "base_url": f"{slack}/api/"},
    }


def secrets(company: Company) -> dict[str, str]:
    return {
        "LOOKER_SECRET": company.looker.credentials.client_secret,
        "SUPERSET_PASSWORD": company.superset.credentials.password,
        "SLACK_TOKEN": company.slack.token,
    }
