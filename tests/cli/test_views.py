"""What the terminal shows of a plan, and of where everything stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from bi_governance.cli.views import plan_view, status_view
from bi_governance.errors import SourceUnreachable
from bi_governance.explain import current_plan, outlooks, status
from bi_governance.run import daily_run, gather
from tests.core.estate import plan_for, visual
from tests.flow.world import World


def text_of(shown: RenderableType) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(shown)
    return capture.get()


def test_a_plan_says_what_it_only_reports_and_why() -> None:
    plan = plan_for(visual(idle=200, obstacle="this source has no way to remove dashboards"))
    shown = text_of(plan_view(plan, UTC, {}))
    assert "looker_prod: 1 unused, only reported: this source has no way to remove dashboards" in shown


def test_a_plan_says_once_what_no_restore_brings_back() -> None:
    plan = plan_for(visual("1", idle=200), visual("2", idle=200))
    lost = {"looker_prod": {"dashboard": ["subscriptions", "its id"]}}
    shown = text_of(plan_view(plan, UTC, lost))
    assert shown.count("looker_prod: a restore cannot bring back, of dashboards: subscriptions, its id") == 1


@pytest.fixture
def troubled(tmp_path: Path) -> Iterator[World]:
    """A company with ten days of history and a feed that fails now."""
    world = World(tmp_path, history_days=10)
    world.bi.add("1")
    daily_run(world.services)
    world.bi.failing["history"] = SourceUnreachable("no answer", source="bi")
    world.clock.forward(1)
    daily_run(world.services)
    yield world
    world.close()


def test_status_says_from_when_deletions_are_possible_and_why_and_what_to_do(troubled: World) -> None:
    text = text_of(status_view(status(troubled.services), UTC))
    assert "bi: deletions become possible on 2026-04-21 at the earliest" in text
    assert "until 2026-04-21: 60 days without use must be proven; access history begins on 2026-02-20" in text
    assert "waits: it is in dry-run, and somebody has to switch it to live" in text
    assert "waits: stopped by collection_complete" in text
    assert "what to do: Run `bi-governance doctor`" in text


def test_plan_says_it_too(troubled: World) -> None:
    state = troubled.ledger.state()
    estate = gather(troubled.services, state)
    plan = current_plan(troubled.services, state, estate)
    text = text_of(plan_view(plan, UTC, {}, outlooks(troubled.services, state, estate)))
    assert "bi: deletions become possible on 2026-04-21 at the earliest" in text
    assert "veto bi: collection_complete" in text
    assert text.count("what to do: Run `bi-governance doctor`") == 1


def test_status_lists_every_gap(troubled: World) -> None:
    troubled.bi.failing.clear()
    troubled.clock.forward(5)
    troubled.services = replace(troubled.services, history_days=2)
    daily_run(troubled.services)
    text = text_of(status_view(status(troubled.services), UTC))
    assert "bi: gap 2026-03-02 06:00 .. 2026-03-06 00:00 UTC: not proven complete" in text


def test_status_counts_what_is_used_unused_and_unknown(tmp_path: Path) -> None:
    world = World(tmp_path)
    for number in "123":
        world.bi.add(number)
    world.bi.view("1", "bob", world.clock.now() - timedelta(days=2))
    daily_run(world.services)
    found = status(world.services).sources[0].to_json()
    assert (found["used"], found["unused"], found["unknown"]) == (1, 2, 0)
    shown = text_of(status_view(status(world.services), UTC)).splitlines()
    head = next(line for line in shown if "history proven" in line)
    columns = [cell.strip() for cell in head.strip("┃").split("┃")]
    row = next(line for line in shown if line.startswith("│ bi "))
    cells = dict(zip(columns, [cell.strip() for cell in row.strip("│").split("│")], strict=True))
    assert (cells["used, unused, unknown"], cells["warned"]) == ("1, 2, 0", "0")
    assert cells["history proven"].endswith("2026-03-02")
    world.close()
