"""The demo, whole: the real pipeline on sandbox servers must end as the estate's own truth says."""

import io
import json
from datetime import timedelta

import pytest
from rich.console import Console

from bi_governance.errors import ConfigurationError
from bi_governance.events import SourceVetoed
from bi_governance.ledger import SqlLedger
from bi_governance.sandbox.demo import OUTAGE_ON, START, play
from bi_governance.sandbox.demo_servers import SOURCES

# What takes long to prepare is prepared by one worker, not by each.
pytestmark = pytest.mark.xdist_group("demo")


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """One performance: its folder and what it printed on an 80-column terminal."""
    folder = tmp_path_factory.mktemp("stage") / "demo"
    said = io.StringIO()
    play(folder, Console(file=said, width=80, emoji=False, highlight=False))
    return folder, said.getvalue()


def test_it_tells_the_story_to_a_stranger(played):
    _, said = played
    for part in (
        "would have",
        "regret",
        "switches to live",
        "keeps 'Year-end close'",
        "rescued",
        "restored",
        "left alone",
        "Superset answers every call with an error",
        "veto on superset",
        "quarantine;",
        "Rossi told 24 Mar",
        "too early",
        "reported",
        "went along",
    ):
        assert part in " ".join(said.split()), part
    assert "85 of 85 visuals ended as the estate's own truth says" in said
    assert "Changing calls the BI servers saw: 0 in dry-run" in " ".join(said.split())


def test_something_was_removed_at_every_platform(played):
    folder, _ = played
    ledger = SqlLedger(f"sqlite:///{folder}/ledger.db")
    removed = {removal.key.source for removal in ledger.state().removals}
    ledger.close()
    assert removed == set(SOURCES.values())


def test_one_failing_platform_stops_no_other(played):
    folder, _ = played
    ledger = SqlLedger(f"sqlite:///{folder}/ledger.db")
    vetoed = {(event.at.date(), event.source) for event in ledger.events() if isinstance(event, SourceVetoed)}
    ledger.close()
    assert vetoed == {((START + timedelta(days=OUTAGE_ON)).date(), "superset")}


def test_it_fits_a_terminal(played):
    _, said = played
    assert max(len(line) for line in said.splitlines()) <= 80


def test_it_leaves_files_one_can_open(played):
    folder, _ = played
    assert "What happened to whom" in (folder / "report.html").read_text(encoding="utf-8")
    messages = (folder / "messages.md").read_text(encoding="utf-8")
    assert "will be deleted unless somebody keeps" in messages
    assert "*Changed since; now it reads:*" in messages
    assert json.loads((folder / "plan.json").read_text(encoding="utf-8"))["decisions"]
    ledger = SqlLedger(f"sqlite:///{folder}/ledger.db")
    assert ledger.verify() > 100
    ledger.close()


def test_it_never_clears_a_folder_that_is_not_an_earlier_demo(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="not empty"):
        play(tmp_path, Console(file=io.StringIO()))
    assert (tmp_path / "thesis.txt").exists()
