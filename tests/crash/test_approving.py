"""Approving from the command line: killed at any moment, what is recorded was approved; only that goes."""

import json
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from bi_governance import events as ev
from tests.crash.child import Blow
from tests.crash.estate import DUE, EVE, Company
from tests.crash.product import Product
from tests.crash.record import count

NEXT = DUE + timedelta(minutes=5)
LIMITS = {
    "approval": True,
    "delete_per_run": 25,
    "delete_percent": 100,
    "delete_percent_min_population": 2,
    "ramp": None,
}


@pytest.fixture
def product(eve: Product, company: Company, tmp_path: Path) -> Product:
    """The day everything is due, where nothing goes that was not approved."""
    company.open(EVE)
    return eve.copied_to(tmp_path / "product", limits=LIMITS)


def approvals(product: Product) -> dict[str, int]:
    return count(product, ev.RemovalApproved)


def test_what_waits_is_approved_from_a_reviewed_plan_and_then_deleted(product: Product) -> None:
    assert product.run("delete", at=DUE).status == 0
    assert count(product, ev.Removed) == {}
    asked = product.run("approve", at=DUE)
    assert asked.status == 2
    assert "this needs a confirmation" in asked.said
    assert "was warned on" in asked.said
    file = str(product.folder / "plan.json")
    assert product.run("plan", "-o", file, at=DUE).status == 0
    done = product.run("approve", "--plan", file, "--yes", "--json", at=DUE)
    assert done.status == 0, done.said
    said = json.loads(done.said[done.said.index("{") :])
    keys = {str(key): title for title, key in product.company.keys.items()}
    assert said["dropped"] == []
    assert approvals(product) == {keys[key]: 1 for key in said["approved"]} != {}
    assert product.run("delete", at=NEXT).status == 0
    assert count(product, ev.Removed) == approvals(product)
    again = product.run("approve", "--yes", at=NEXT)
    assert "Nothing waits for an approval." in again.said


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_approving(product: Product, when: str) -> None:
    """All of a list is approved or none of it, and nothing is approved twice."""
    blow = Blow(when, "ledger.append", "removal.approved")
    assert product.run("approve", "--yes", at=DUE, blow=blow).status == -signal.SIGKILL
    found = approvals(product)
    assert (found == {}) is (when == "before")
    assert product.run("delete", at=NEXT).status == 0
    assert count(product, ev.Removed) == found
    assert product.run("approve", "--yes", at=NEXT).status == 0
    assert set(approvals(product).values()) == {1}


def test_where_nothing_needs_an_approval_it_says_so(eve: Product, company: Company, tmp_path: Path) -> None:
    company.open(EVE)
    refused = eve.copied_to(tmp_path / "free").run("approve", "--yes", at=DUE)
    assert refused.status == 2
    assert "set limits.approval: true" in " ".join(refused.said.split())
    assert "Traceback" not in refused.said
