"""A company on a real Superset: its people, what they make and look at, and the day it is for them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bi_governance.model import VisualKey
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.slack import SlackSandbox
from tests.servers.superset import Call, SupersetServer
from tests.servers.superset_store import StoredVisual

SERVICE = "gov"
VIEWER = "vera"
DAY = timedelta(days=1)
RHYTHM = 2  # days between two looks at the dashboard everybody uses


@dataclass(frozen=True, slots=True)
class Thing:
    """A dashboard or chart as it was made; a restore changes its number and keeps its key."""

    number: int
    key: VisualKey
    title: str


class Company:
    """One Superset that only this company uses, a Slack workspace, and the clock the product goes by.

    Superset itself runs on real time. ``happens`` lets what is done at it be dated as the clock says; the
    product's own records are never touched.
    """

    def __init__(self, server: SupersetServer, clock: SimulatedClock, slack: SlackSandbox, url: str) -> None:
        self.server = server
        self.clock = clock
        self.slack = slack
        self.slack_url = url
        self.people = {
            name: server.create_user(name, address(name), role="Admin" if name == SERVICE else "Alpha")
            for name in ("olga", "otto", "oscar", VIEWER, SERVICE)
        }
        for name in ("olga", "otto", "oscar", VIEWER):
            slack.add_member(address(name), name.title())
        for channel in ("analytics", "bi-deprecation"):
            slack.add_channel(channel)
        self.dataset = server.create_dataset(server.create_database())

    # what people do

    def chart(self, title: str, *owners: str) -> Thing:
        number = self.server.create_chart(title, self.dataset, [self.people[name] for name in owners])
        return Thing(number, self._key("chart", number), title)

    def dashboard(self, title: str, *owners: str, charts: Sequence[Thing], **more: object) -> Thing:
        number = self.server.create_dashboard(
            title, [self.people[name] for name in owners], charts=[chart.number for chart in charts], **more
        )
        return Thing(number, self._key("dashboard", number), title)

    def change(self, thing: Thing, **values: object) -> None:
        """Somebody edits it at Superset."""
        self.server.call("PUT", f"/api/v1/{thing.key.type}/{thing.number}", values)

    def open(self, dashboard: Thing) -> None:
        """The viewer loads the page, and nothing more: it is enough for Superset's log."""
        self.server.open_page(VIEWER, f"/superset/dashboard/{dashboard.number}/")

    # time

    @contextmanager
    def happens(self, at: datetime | None = None) -> Iterator[None]:
        """What is done at Superset in this block was done at that moment, by default now by our clock."""
        began = datetime.now(UTC)
        yield
        days = (began - (at or self.clock.now())) / DAY
        ended = datetime.now(UTC)
        self.server.move(began.replace(tzinfo=None), ended.replace(tzinfo=None), days, but=SERVICE)

    def has_used(self, living: Thing, days: int) -> None:
        """The viewer has been opening a dashboard every other day for that long."""
        for ago in range(days, 0, -RHYTHM):
            with self.happens(self.clock.now() - timedelta(days=ago - 0.5)):
                self.open(living)

    def pass_days(self, days: int, living: Thing) -> None:
        """Days go by, and the dashboard everybody uses is used."""
        for day in range(days):
            self.clock.advance(DAY)
            if day % RHYTHM == 0:
                with self.happens(self.clock.now() - DAY / 4):
                    self.open(living)

    # what Superset and Slack say

    def dashboards(self) -> set[str]:
        """The uuids of what stands at Superset now."""
        return {stored.uuid for stored in self.server.dashboards()}

    def charts(self) -> set[str]:
        return {stored.uuid for stored in self.server.charts()}

    def stored(self, thing: Thing) -> StoredVisual | None:
        """The thing as Superset stores it now, under whatever number."""
        all_of_type = self.server.dashboards() if thing.key.type == "dashboard" else self.server.charts()
        return next((stored for stored in all_of_type if stored.uuid == thing.key.native_id), None)

    def charts_on(self, dashboard: Thing) -> set[str]:
        """The uuids of the charts that stand on it now."""
        stored = self.stored(dashboard)
        placed = self.server.charts_on(stored.id) if stored else []
        return {chart.uuid for chart in self.server.charts() if chart.id in placed}

    def writes(self, since: int) -> list[Call]:
        """The calls that could change something and that the product made, by Superset's own record."""
        return self.server.write_calls(since, by=SERVICE)

    def told(self, name: str) -> str:
        """Everything the app wrote to somebody directly."""
        return "\n".join(_words(m.text, m.blocks) for m in self.slack.messages_for(address(name)))

    def told_channel(self, name: str) -> str:
        return "\n".join(_words(m.text, m.blocks) for m in self.slack.messages(name))

    def _key(self, kind: str, number: int) -> VisualKey:
        stored = self.server.dashboards() if kind == "dashboard" else self.server.charts()
        return VisualKey("superset", kind, next(each.uuid for each in stored if each.id == number))


def address(name: str) -> str:
    """Everybody's e-mail address, at Superset and in Slack."""
    return f"{name}@example.com"


def _words(text: str, blocks: object) -> str:
    return f"{text} {json.dumps(blocks, ensure_ascii=False)}"


@contextmanager
def open_company(home: Path, clock: SimulatedClock) -> Iterator[Company]:
    """Start both servers and let the people in."""
    slack = SlackSandbox(clock)
    with ExitStack() as running:
        server = running.enter_context(SupersetServer(home))
        url = running.enter_context(slack.serve()).url
        yield Company(server, clock, slack, url)
