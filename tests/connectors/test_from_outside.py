"""A platform from another package: taken from the document as it stands there, installed, and worked with."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bi_governance import events as ev
from bi_governance.app import App
from bi_governance.connectors.registry import PLATFORMS, _Platforms
from bi_governance.model import Mode, VisualKey
from bi_governance.restore import restore
from bi_governance.run import daily_run, one_runner
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.settings import Settings
from tests.connectors.harness import START
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "adding-a-platform-from-outside.md"
DAY = timedelta(days=1)
IDLE, BUSY = VisualKey("reports", "report", "idle"), VisualKey("reports", "report", "busy")


def only_block(language: str) -> str:
    (block,) = (block for block in blocks(language) if block.page == PAGE)
    return block.text


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The document's package, as an installer would leave it on the path."""
    site = tmp_path / "site"
    project = tomllib.loads(only_block("toml"))["project"]
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0.0\n")
    lines = [
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in points.items())
        for group, points in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(lines))
    (site / "bi_governance_shelf.py").write_text(only_block("python"))
    monkeypatch.syspath_prepend(site)
    _Platforms._all.cache_clear()
    yield
    _Platforms._all.cache_clear()
    sys.modules.pop("bi_governance_shelf", None)


class Shelf:
    """The folder of reports, and what people do with them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        created = (START - 200 * DAY).isoformat()
        for name in ("idle", "busy"):
            report = {"title": f"The {name} one", "owner": "ada@acme.example", "created": created}
            (folder / f"{name}.json").write_text(json.dumps(report))
        for days in range(100):
            self.open("busy", START - days * DAY - timedelta(hours=1))
        self.open("idle", START - 90 * DAY)

    def open(self, report: str, at) -> None:
        with (self.folder / "accesses.jsonl").open("a") as log:
            log.write(json.dumps({"at": at.isoformat(), "report": report, "who": "ada@acme.example"}) + "\n")


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "reports")


@pytest.fixture
def app(package: None, shelf: Shelf, tmp_path: Path) -> Iterator[App]:
    settings = Settings.model_validate(
        {
            "warehouse": {"url": f"duckdb:///{tmp_path}/warehouse.duckdb", "dbt_target": f"{tmp_path}/dbt"},
            "ledger": {"url": f"sqlite:///{tmp_path}/ledger.db"},
            "backups": {"url": f"file://{tmp_path}/backups"},
            "outbox": f"{tmp_path}/outbox",
            "sources": {"reports": {"platform": "shelf", "folder": str(shelf.folder)}},
            "trial": {"days": 0},
        }
    )
    with App(settings, clock=SimulatedClock(START)) as made:
        yield made


def test_what_is_installed_is_a_platform_and_its_settings_are_checked(package: None) -> None:
    shelf = PLATFORMS["shelf"]
    assert shelf.mistakes("reports", {"folder": "/x"}) == []
    assert shelf.mistakes("reports", {"fodler": "/x"}) == [
        "sources.reports: shelf needs folder",
        "sources.reports.fodler: unknown key; did you mean 'folder'?",
    ]
    assert all(probe.advice for probe in shelf.reader_factory()("reports", {"folder": "/nowhere"}).probe())


def test_it_warns_deletes_and_restores_like_any_other(app: App, shelf: Shelf) -> None:
    live = ev.ModeChanged(at=START, mode=Mode.LIVE, reason="test", source=None)
    app.ledger.append([live])
    first = daily_run(app.services)
    assert (first.outcome, first.collections[0].problems()) == ("done", [])
    assert app.ledger.state().case(IDLE).is_open
    for _ in range(8):
        app.clock.advance(DAY)  # type: ignore[attr-defined]
        shelf.open("busy", app.clock.now() - timedelta(hours=1))
    second = daily_run(app.services)
    assert second.deleted.removed == [IDLE]
    assert not (shelf.folder / "idle.json").exists()
    assert (shelf.folder / "busy.json").exists()
    with one_runner(app.services) as lease:
        restore(app.services, IDLE, actor="ada", lease=lease)
    assert (shelf.folder / "idle.json").exists()
    app.clock.advance(DAY)  # type: ignore[attr-defined]
    shelf.open("busy", app.clock.now() - timedelta(hours=1))
    third = daily_run(app.services)
    assert (third.deleted.removed, third.plan is not None) == ([], True)
    assert {facts.platform for facts in third.estate.facts} == {"shelf"}  # type: ignore[union-attr]


def test_a_folder_that_is_gone_stops_the_source(app: App, shelf: Shelf) -> None:
    daily_run(app.services)
    shelf.folder.rename(shelf.folder.with_name("elsewhere"))
    app.clock.advance(DAY)  # type: ignore[attr-defined]
    report = daily_run(app.services)
    assert report.outcome == "failed"
    assert "there is no folder" in report.collections[0].problems()[0]
    assert "Check the setting folder." in report.collections[0].problems()[0]
