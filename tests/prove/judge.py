"""The judge: knows what people did and what the servers saw, and shares no code with what decides.

It is called by the servers themselves at the moment something is taken away. What it finds wrong it writes
down, with the number of the invariant in docs/safety.md.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.prove.company import DAY, HISTORY_DAYS, HOUR, SOURCES, START, Company, Item

IDLE, GRACE, LONGER = timedelta(days=8), timedelta(days=3), timedelta(days=2)
REREAD = timedelta(days=3)
WARNING = re.compile(r"^(?!Nobody has answered).* will be deleted unless somebody keeps")
EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Told:
    """One message that asked about a visual, as its first reader saw it."""

    at: datetime
    reader: str


@dataclass(slots=True)
class Judge:
    """What it saw itself, and what it objects to."""

    company: Company
    backups: Path
    settings: dict[str, Any]
    violations: list[str] = field(default_factory=list)
    live: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(SOURCES, False))
    turned: dict[str, list[datetime]] = field(default_factory=lambda: {s: [] for s in SOURCES})
    said: dict[str, list[datetime]] = field(default_factory=dict)
    kept: dict[str, datetime] = field(default_factory=dict)
    agreed: dict[str, list[datetime]] = field(default_factory=dict)
    approved: dict[str, list[datetime]] = field(default_factory=dict)
    removed: list[tuple[datetime, Item]] = field(default_factory=list)
    honest: dict[str, list[datetime]] = field(default_factory=lambda: {s: [] for s in SOURCES})
    silent: dict[str, list[datetime]] = field(default_factory=lambda: {s: [] for s in SOURCES})
    built: dict[str, list[datetime]] = field(default_factory=lambda: {s: [] for s in SOURCES})
    troubled: set[str] = field(default_factory=set)
    doubted: bool = False
    is_running: bool = False
    population: dict[str, int] = field(default_factory=dict)
    trials: dict[str, list[datetime]] = field(default_factory=lambda: {s: [] for s in SOURCES})
    longest: dict[str, timedelta] = field(default_factory=lambda: dict.fromkeys(SOURCES, timedelta(0)))

    @property
    def now(self) -> datetime:
        return self.company.clock.now()

    def object(self, number: int, what: str) -> None:
        self.violations.append(f"{self.now:%Y-%m-%d %H:%M} invariant {number}: {what}")

    # -- what people did ---------------------------------------------------------------------------

    def switch(self, source: str, *, live: bool) -> None:
        if self.live[source] is not live:
            self.live[source] = live
            self.turned[source].append(self.now)
            self.trials[source].clear()

    def keep(self, item: Item, until: datetime) -> None:
        self.kept[item.handle] = until
        self.answer(item)

    def answer(self, item: Item) -> None:
        """Somebody said something about it, which ends its episode."""
        self.said.setdefault(item.handle, []).append(self.now)

    def agree(self, item: Item) -> None:
        self.agreed.setdefault(item.handle, []).append(self.now)

    def approve(self, item: Item) -> None:
        self.approved.setdefault(item.handle, []).append(self.now)

    # -- runs --------------------------------------------------------------------------------------

    def run_begins(self, *, doubted: bool) -> None:
        """A run reads the servers as they are now; `doubted` when a dbt test fails in it."""
        self.doubted, self.troubled, self.is_running = doubted, set(), True
        self.population = {source: self.company.population(source) for source in SOURCES}

    def run_read(self, source: str, *, whole: bool, silent: bool, built: bool) -> None:
        """How a source was collected, from the faults that struck it; `built` when marts followed."""
        if whole and built:
            self.built[source].append(self.now)
        if silent:
            self.silent[source].append(self.now)
        elif whole:
            self.honest[source].append(self.now)
        if whole and not self.live[source]:
            self.trials[source].append(self.now)
            span = self.now - self.trials[source][0]
            self.longest[source] = max(self.longest[source], span)

    # -- judgement ---------------------------------------------------------------------------------

    def taken_away(self, source: str, kind: str, native: str) -> None:
        """A server is about to take a visual away because our account told it to."""
        key = f"{source}:{kind}:{native}"
        item = next((i for i in (*self.company.items, *self.company.busy) if str(i.key) == key), None)
        if item is None:
            self.object(2, f"{key} was removed, which nobody here made")
            return
        self._judge_wishes(item)
        self._judge_source(source, item)
        self._judge_notice(item)
        self._judge_idle(item)
        self._judge_backup(item)
        self._judge_caps(source, item)
        self.removed.append((self.now, item))

    def _judge_wishes(self, item: Item) -> None:
        if self.kept.get(item.handle, self.now) > self.now:
            self.object(2, f"{item.handle} is kept until {self.kept[item.handle]:%Y-%m-%d}")
        holder = self.company.holder_of(item)
        for holds, why in (
            (item.owner == "vera", "its owner is protected by a rule"),
            (item.certified, "it is certified"),
            (bool(item.scheduled), "it is scheduled"),
            (holder is not None, f"{holder.handle if holder else ''} still shows it"),
        ):
            if holds:
                self.object(2, f"{item.handle}: {why}")

    def _judge_source(self, source: str, item: Item) -> None:
        if not self.live[source]:
            self.object(3, f"{item.handle} was removed in dry-run")
        if source in self.troubled or self.doubted:
            self.object(5, f"{item.handle} was removed although {source} could not be read or a test failed")
        if self.longest[source] < timedelta(days=self.settings["trial"]["days"]):
            self.object(5, f"{item.handle} was removed without a whole trial of {source}")

    def _turn(self, item: Item) -> datetime:
        """The last moment that makes every earlier warning worthless."""
        said = self.said.get(item.handle, ())
        moments = (*item.uses, *self._edits(item), *item.changes, *said, *self.turned[item.key.source])
        return max((START, *(m for m in moments if m <= self.now)))

    def _edits(self, item: Item) -> Iterator[datetime]:
        """What counts as use and is no view; out of the trash, if a run had seen it in there."""
        yield from item.edits
        for lost_at, back_at in item.returns:
            if any(lost_at < at <= back_at for at in self.built[item.key.source]):
                yield back_at

    def warnings(self, item: Item) -> Iterator[Told]:
        """Every warning in live that Slack accepted about it, oldest first."""
        slack = self.company.slack
        for message in slack.messages():
            blocks = message.as_posted or message.blocks
            if not blocks or item.handle not in json.dumps(blocks):
                continue
            if not WARNING.search(blocks[0].get("text", {}).get("text", "")):
                continue
            channel = slack.channels[message.channel]
            others = channel.members - {slack.bot_user_id} if channel.im else ()
            reader = next((slack.members[m].name for m in others), channel.name)
            yield Told(datetime.fromtimestamp(float(message.ts), UTC), reader)

    def _judge_notice(self, item: Item) -> None:
        turn = self._turn(item)
        # Slack numbers messages of one moment by microseconds.
        served = [t for t in self.warnings(item) if t.at >= turn - timedelta(seconds=1)]
        if not served:
            self.object(1, f"{item.handle} was removed without a warning since {turn:%Y-%m-%d %H:%M}")
            return
        first = served[0]
        if self.settings["limits"].get("approval") and not self._was_said(self.approved, item, first.at):
            self.object(14, f"{item.handle} was removed, and no admin approved it")
        if self._was_said(self.agreed, item, first.at):
            return
        grace = GRACE if first.reader == item.owner else GRACE + LONGER
        if self.now - first.at < grace - timedelta(seconds=1):
            after = self.now - first.at
            self.object(1, f"{item.handle} was removed {after} after its warning to {first.reader}")

    def _was_said(self, said: dict[str, list[datetime]], item: Item, warned_at: datetime) -> bool:
        turn = self._turn(item)
        return any(at >= max(turn, warned_at) for at in said.get(item.handle, ()))

    def _judge_idle(self, item: Item) -> None:
        """Every use counts, but for those that history itself denied, and only while it was read."""
        source = item.key.source
        needed = IDLE - (GRACE if self._was_said(self.agreed, item, self._turn(item)) else timedelta(0))
        known = [u for u in item.uses if not self._was_denied(source, u)]
        last = max((item.made_at, START - HISTORY_DAYS * DAY, *known, *self._edits(item)))
        if self.now - last < needed - timedelta(seconds=1):
            self.object(5, f"{item.handle} was removed {self.now - last} after its last use")
        if not self.is_running and not any(self.now - at <= 2 * DAY for at in self.honest[source]):
            self.object(5, f"{item.handle} was removed, and {source} was last read long ago")

    def _was_denied(self, source: str, use: datetime) -> bool:
        """A run was told that nothing had happened, and no honest one read that day again."""
        first = min((m for m in (*self.honest[source], *self.silent[source]) if m > use), default=EVER)
        if first not in self.silent[source]:
            return False
        later = (m for m in self.honest[source] if m > first)
        return not any(_midnight(m) - REREAD <= use or first.date() == use.date() for m in later)

    def _judge_backup(self, item: Item) -> None:
        for file in self.backups.rglob("*.zip"):
            with zipfile.ZipFile(file) as archive:
                if archive.testzip() is None and str(item.key) in archive.read("manifest.json").decode():
                    return
        self.object(6, f"{item.handle} was removed without a backup")

    def _judge_caps(self, source: str, item: Item) -> None:
        limits = self.settings["limits"]
        done = sum(1 for at, i in self.removed if i.key.source == source and self.now - at < 20 * HOUR)
        living = self.population.get(source, self.company.population(source))
        bounds = [limits["delete_per_run"]]
        if living >= limits["delete_percent_min_population"] or not limits["delete_percent"]:
            bounds.append(int(living * limits["delete_percent"] / 100))
        ramp, turned = limits["ramp"], self.turned[source]
        if ramp and turned and self.now - turned[-1] < timedelta(days=ramp["clean_days"]):
            bounds.append(ramp["first"])
        if done >= min(bounds):
            self.object(7, f"{item.handle} was number {done + 1} of at most {min(bounds)} at {source}")

    def judge_writes(self, before: dict[str, int], were_live: dict[str, bool]) -> None:
        """No server may have seen a changing call while it was in dry-run all the time."""
        for source, count in before.items():
            if self.company.writes(source) != count and not (were_live[source] or self.live[source]):
                self.object(3, f"{source} saw a changing call in dry-run")


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
