"""What the terminal shows of a plan."""

from __future__ import annotations

from datetime import UTC

from rich.console import Console, RenderableType

from bi_governance.cli.views import plan_view
from tests.core.estate import plan_for, visual


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
