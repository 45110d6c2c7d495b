"""The cap counts what a crash left unrecorded: dying is no way to delete more."""

from pathlib import Path

import pytest

from bi_governance import events as ev
from bi_governance.sandbox.server import Fault
from tests.crash.again import LATER, MUCH_LATER, die_and_run_again
from tests.crash.child import Blow
from tests.crash.estate import DUE, EVE, Company, titles
from tests.crash.product import Product
from tests.crash.record import count

ONE = {"delete_per_run": 1, "delete_percent": 100}


@pytest.fixture
def capped(eve: Product, company: Company, tmp_path: Path) -> Product:
    """The product, allowed to delete one visual per source and run."""
    company.open(EVE)
    return eve.copied_to(tmp_path / "capped", limits=ONE)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("effect", ["remover.remove", "ledger.append"])
@pytest.mark.parametrize("source", ["looker_prod", "superset"])
def test_a_crash_frees_no_second_deletion(capped: Product, source: str, effect: str, when: str) -> None:
    about = source if effect == "remover.remove" else f"removal.done {source}"
    die_and_run_again(capped, "delete", Blow(when, effect, about))
    _assert_one_of_each(capped)


def test_a_removal_that_could_not_be_confirmed_counts(capped: Product) -> None:
    """The platform falls silent about a visual right after its removal: whether it is gone is not known."""
    asked = _readings(capped)
    looker = capped.company.looker
    looker.faults.add(Fault(READING, "status", status=500, times=None, after=asked))
    for command, at in (("delete", DUE), ("run", LATER)):
        ended = capped.run(command, at=at)
        removals = [r for r in looker.requests.writes() if r.method == "PATCH"]
        assert len(removals) == 1, ended.said

    looker.faults.clear()
    assert capped.run("delete", at=MUCH_LATER).status == 0
    _assert_one_of_each(capped)


# What is asked about the visual that is removed first; all others go on being readable.
READING = r"GET /api/4.0/dashboards/1$"


def _readings(capped: Product) -> int:
    """How often the visual is asked for until it is removed, found out by a rehearsal."""
    rehearsal = capped.copied_to(capped.folder.parent / "rehearsal", limits=ONE)
    rehearsal.run("delete", at=DUE, blow=Blow("after", "remover.remove", "looker_prod"))
    asked = len(capped.company.looker.requests.matching(READING))
    capped.company.open(EVE)
    return asked


def _assert_one_of_each(capped: Product) -> None:
    for _ in range(2):
        gone = capped.company.gone()
        assert sorted(title.partition(" ")[0] for title in gone) == ["Looker", "Superset"]
        assert gone <= set(titles("removed"))
        assert count(capped, ev.Removed) == dict.fromkeys(gone, 1)
        assert capped.run("delete", at=MUCH_LATER).status == 0
