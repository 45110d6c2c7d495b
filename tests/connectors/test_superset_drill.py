"""The drill on the Superset sandbox, of today and newer: the same visuals afterwards, whatever goes wrong."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest

from bi_governance.connectors.superset import SupersetRehearser
from bi_governance.errors import SourceError
from bi_governance.sandbox.server import Fault
from tests.connectors.harness import SOURCE, Connected, harness_of

MARK = "0123456789ab"


@pytest.fixture
def connected() -> Iterator[Connected]:
    harness = harness_of("superset")
    with harness.serve() as server:
        connection = Connected(harness, server)
        yield connection
        connection.close()


@pytest.fixture
def rehearser(connected: Connected) -> Iterator[SupersetRehearser]:
    made = SupersetRehearser(SOURCE, connected.harness.options(connected.server.url))
    yield made
    made.close()


def visuals(connected: Connected) -> list:
    sandbox = connected.harness.sandbox
    return [copy.deepcopy(dict(sandbox.visuals(kind))) for kind in ("dashboard", "chart")]


def test_the_diff_is_empty_and_nothing_is_left_or_touched(connected, rehearser) -> None:
    key = connected.harness.add_visual("Revenue")
    saved, before = connected.reader().backup(key), visuals(connected)
    connected.remover().remove(key)
    gone = visuals(connected)
    assert gone != before
    assert rehearser.rehearse(key, saved, MARK) == ()
    assert visuals(connected) == gone


def test_every_write_is_about_the_copy(connected, rehearser) -> None:
    key = connected.harness.add_visual("Revenue")
    saved = connected.reader().backup(key)
    rehearser.rehearse(key, saved, MARK)
    asked = [f"{r.method} {r.path}" for r in connected.server.requests.writes()]
    number = saved.manifest["number"]
    assert not any(path.endswith(f"/{number}") for path in asked)
    assert asked[0] == "POST /api/v1/dashboard/import/"
    assert {path.split()[0] for path in asked[1:]} == {"DELETE"}


@pytest.mark.parametrize("request_", [r"GET /api/v1/dashboard/export/", r"GET /api/v1/security/users/"])
def test_a_copy_goes_also_when_comparing_it_fails(connected, rehearser, request_) -> None:
    key = connected.harness.add_visual("Revenue")
    saved, before = connected.reader().backup(key), visuals(connected)
    connected.server.faults.add(Fault(request_, "status", status=500, times=None))
    with pytest.raises(SourceError):
        rehearser.rehearse(key, saved, MARK)
    assert visuals(connected) == before


def test_a_copy_that_cannot_be_removed_is_no_success_and_is_found_later(connected, rehearser) -> None:
    key = connected.harness.add_visual("Revenue")
    saved, before = connected.reader().backup(key), visuals(connected)
    connected.server.faults.add(Fault(r"DELETE ", "status", status=500, times=None))
    with pytest.raises(SourceError):
        rehearser.rehearse(key, saved, MARK)
    titles = {v.title for v in connected.harness.sandbox.visuals("dashboard").values()}
    assert f"bi-governance drill {MARK}: Revenue" in titles
    connected.server.faults.clear()
    rehearser.clean_up(key, saved, MARK)
    assert visuals(connected) == before
