"""The drill on the Superset sandbox, of today and newer: the same visuals afterwards, whatever goes wrong."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest

from bi_governance.connectors.superset import SupersetRehearser
from bi_governance.errors import SourceError
from bi_governance.sandbox.server import Fault
from tests.connectors.harness import SOURCE, Connected

MARK = "0123456789ab"


@pytest.fixture
def rehearser(superset: Connected) -> Iterator[SupersetRehearser]:
    made = SupersetRehearser(SOURCE, superset.harness.options(superset.server.url))
    yield made
    made.close()


def visuals(superset: Connected) -> list:
    sandbox = superset.harness.sandbox
    return [copy.deepcopy(dict(sandbox.visuals(kind))) for kind in ("dashboard", "chart")]


def test_the_diff_is_empty_and_nothing_is_left_or_touched(superset, rehearser) -> None:
    key = superset.harness.add_visual("Revenue")
    saved, before = superset.reader().backup(key), visuals(superset)
    superset.remover().remove(key)
    gone = visuals(superset)
    assert gone != before
    assert rehearser.rehearse(key, saved, MARK) == ()
    assert visuals(superset) == gone


def test_every_write_is_about_the_copy(superset, rehearser) -> None:
    key = superset.harness.add_visual("Revenue")
    saved = superset.reader().backup(key)
    rehearser.rehearse(key, saved, MARK)
    asked = [f"{r.method} {r.path}" for r in superset.server.requests.writes()]
    number = saved.manifest["number"]
    assert not any(path.endswith(f"/{number}") for path in asked)
    assert asked[0] == "POST /api/v1/dashboard/import/"
    assert {path.split()[0] for path in asked[1:]} == {"DELETE"}


@pytest.mark.parametrize("request_", [r"GET /api/v1/dashboard/export/", r"GET /api/v1/security/users/"])
def test_a_copy_goes_also_when_comparing_it_fails(superset, rehearser, request_) -> None:
    key = superset.harness.add_visual("Revenue")
    saved, before = superset.reader().backup(key), visuals(superset)
    superset.server.faults.add(Fault(request_, "status", status=500, times=None))
    with pytest.raises(SourceError):
        rehearser.rehearse(key, saved, MARK)
    assert visuals(superset) == before


def test_a_copy_that_cannot_be_removed_is_no_success_and_is_found_later(superset, rehearser) -> None:
    key = superset.harness.add_visual("Revenue")
    saved, before = superset.reader().backup(key), visuals(superset)
    superset.server.faults.add(Fault(r"DELETE ", "status", status=500, times=None))
    with pytest.raises(SourceError):
        rehearser.rehearse(key, saved, MARK)
    titles = {v.title for v in superset.harness.sandbox.visuals("dashboard").values()}
    assert f"bi-governance drill {MARK}: Revenue" in titles
    superset.server.faults.clear()
    rehearser.clean_up(key, saved, MARK)
    assert visuals(superset) == before
