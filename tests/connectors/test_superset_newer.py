"""A Superset after 6.1, as its main branch is: a trash of its own, editors in place of owners."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from bi_governance.connectors.superset.client import SupersetClient
from bi_governance.connectors.superset.editors import Editors
from bi_governance.connectors.superset.features import Features
from bi_governance.errors import SourceConflict, SourceMissing
from bi_governance.model import RemovalRoute, VisualKey
from bi_governance.ports import Row
from bi_governance.sandbox.superset import SupersetSandbox
from bi_governance.sandbox.superset_records import SupersetVisual
from tests.connectors.harness import SOURCE, START, Connected, SimulatedClock
from tests.connectors.harness_superset import SupersetHarness

HARD = RemovalRoute.HARD
LONG_AGO = START - timedelta(days=60)


@pytest.fixture
def newer() -> Iterator[Connected]:
    """A newer Superset being served."""
    harness = SupersetHarness(SimulatedClock(START), is_newer=True)
    with harness.serve() as server:
        connection = Connected(harness, server)
        yield connection
        connection.close()


@pytest.fixture
def sandbox(newer: Connected) -> SupersetSandbox:
    return newer.harness.sandbox


def there(sandbox: SupersetSandbox, key: VisualKey) -> SupersetVisual:
    return next(v for v in sandbox.visuals(key.type).values() if v.uuid == key.native_id)


def row_of(newer: Connected, key: VisualKey) -> Row:
    rows = [row for page in newer.reader().read_inventory(f"superset_{key.type}") for row in page]
    return {str(row["uuid"]): row for row in rows}[key.native_id]


def chart(newer: Connected, title: str = "Orders") -> VisualKey:
    harness = newer.harness
    number = harness.sandbox.add_chart(title, owner_id=harness.ada, dataset_id=harness.dataset)
    return VisualKey(SOURCE, "chart", harness.sandbox.charts[number].uuid)


# -- the trash -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["dashboard", "chart"])
def test_what_is_in_the_trash_is_seen_there(newer: Connected, kind: str) -> None:
    key = newer.harness.add_visual("Revenue") if kind == "dashboard" else chart(newer)
    assert row_of(newer, key)["deleted_at"] is None
    newer.remover().remove(key)
    assert row_of(newer, key)["deleted_at"] is not None
    seen = newer.reader().look(key, LONG_AGO)
    assert (seen.exists, seen.is_trashed) == (True, True)
    for missing in (newer.remover().remove, newer.reader().backup):
        with pytest.raises(SourceMissing):
            missing(key)


def test_a_dashboard_comes_out_of_the_trash_as_it_was(newer: Connected, sandbox: SupersetSandbox) -> None:
    shown = chart(newer)
    key = newer.harness.add_visual("Revenue")
    visual = there(sandbox, key)
    visual.chart_ids = [there(sandbox, shown).id]
    visual.tags.append("finance")
    sandbox.favourite("dashboard", visual.id, by=newer.harness.ada)
    sandbox.embed(visual.id)
    before = repr(visual)
    saved = newer.reader().backup(key)
    newer.remover().remove(key)
    outcome = newer.remover().restore(key, HARD, saved)
    assert (outcome.native_id, outcome.lost) == (key.native_id, ())
    assert repr(there(sandbox, key)) == before
    assert [r.method for r in newer.server.requests.writes()] == ["DELETE", "POST"]
    assert newer.remover().restore(key, HARD, saved).lost == ()


def test_a_chart_returns_from_the_trash_to_its_dashboards(newer: Connected, sandbox: SupersetSandbox) -> None:
    shown, board = chart(newer), newer.harness.add_visual("Revenue")
    number = there(sandbox, shown).id
    there(sandbox, board).chart_ids = [number]
    saved = newer.reader().backup(shown)
    newer.remover().remove(shown)
    assert there(sandbox, board).chart_ids == []
    assert newer.remover().restore(shown, HARD, saved).lost == ()
    assert there(sandbox, board).chart_ids == [number]


def test_charts_that_went_too_come_out_of_the_trash_with_their_dashboard(
    newer: Connected, sandbox: SupersetSandbox
) -> None:
    shown, board = chart(newer), newer.harness.add_visual("Revenue")
    number = there(sandbox, shown).id
    there(sandbox, board).chart_ids = [number]
    saved = newer.reader().backup(board)
    newer.remover().remove(board)
    newer.remover().remove(shown)
    assert newer.remover().restore(board, HARD, saved).lost == ()
    assert there(sandbox, board).chart_ids == [number]


def test_what_was_purged_from_the_trash_is_imported(newer: Connected, sandbox: SupersetSandbox) -> None:
    key = newer.harness.add_visual("Revenue")
    number = there(sandbox, key).id
    saved = newer.reader().backup(key)
    newer.remover().remove(key)
    sandbox.trash["dashboard"].clear()
    outcome = newer.remover().restore(key, HARD, saved)
    assert there(sandbox, key).id != number
    assert there(sandbox, key).owner_ids == [newer.harness.ada]
    assert outcome.lost == tuple(saved.manifest["lost"]) != ()


def test_a_short_name_taken_meanwhile_keeps_it_in_the_trash(
    newer: Connected, sandbox: SupersetSandbox
) -> None:
    key = newer.harness.add_visual("Revenue")
    there(sandbox, key).slug = "revenue"
    saved = newer.reader().backup(key)
    newer.remover().remove(key)
    heir = newer.harness.add_visual("Heir")
    there(sandbox, heir).slug = "revenue"
    with pytest.raises(SourceConflict, match="slug") as refused:
        newer.remover().restore(key, HARD, saved)
    assert "give that one another" in str(refused.value)
    assert newer.reader().look(key, LONG_AGO).is_trashed


def test_a_newer_version_whose_trash_is_off_deletes_for_good(
    newer: Connected, sandbox: SupersetSandbox
) -> None:
    sandbox.has_soft_delete = False
    key = newer.harness.add_visual("Revenue")
    saved = newer.reader().backup(key)
    newer.remover().remove(key)
    assert not newer.reader().look(key, LONG_AGO).exists
    assert newer.remover().restore(key, HARD, saved).lost == tuple(saved.manifest["lost"])
    assert there(sandbox, key).owner_ids == [newer.harness.ada]


# -- editors ---------------------------------------------------------------------------------------


def test_editors_who_are_people_are_owners_under_the_number_of_their_account(
    newer: Connected, sandbox: SupersetSandbox
) -> None:
    key = newer.harness.add_visual("Revenue")
    grace = sandbox.add_person("grace@acme.example", "Grace Hopper")
    there(sandbox, key).owner_ids = [newer.harness.ada, grace]
    there(sandbox, key).editing_role_ids = [1]
    row = row_of(newer, key)
    assert json.loads(str(row["owner_ids"])) == [str(newer.harness.ada), str(grace)]
    assert newer.reader().look(key, LONG_AGO).owner_id == row["owner_id"] == str(newer.harness.ada)


def test_a_role_edits_through_its_members_where_no_person_does(
    newer: Connected, sandbox: SupersetSandbox
) -> None:
    key = newer.harness.add_visual("Revenue")
    there(sandbox, key).owner_ids = []
    there(sandbox, key).editing_role_ids = [3]
    assert json.loads(str(row_of(newer, key)["owner_ids"])) == [str(newer.harness.ada)]


def test_the_editors_of_a_schedule_are_its_owners(newer: Connected) -> None:
    key = newer.harness.add_visual("Revenue")
    newer.harness.schedule(key)
    rows = [row for page in newer.reader().read_inventory("superset_schedule") for row in page]
    assert [row["owner_id"] for row in rows] == [str(newer.harness.ada)]


def test_a_group_edits_through_its_members() -> None:
    """The sandbox has no groups; a version may list a person's groups as numbers or as objects."""
    editors = Editors(SupersetClient("unused", {"base_url": "http://unused", "username": "", "password": ""}))
    editors.__dict__["by_number"] = {
        7: {"id": 7, "type": 3, "user_id": None, "role_id": None, "group_id": 2},
        8: {"id": 8, "type": 3, "user_id": None, "role_id": None, "group_id": None},
    }
    editors.__dict__["_users"] = {
        4: {"id": 4, "roles": [{"id": 2}], "groups": [{"id": 2}]},
        5: {"id": 5, "groups": [2]},
        6: {"id": 6, "groups": ["2"]},
    }
    item = {"editors": [{"id": 7}, {"id": 8}, {"id": 9}]}
    assert [owner["id"] for owner in editors.with_owners(item)["owners"]] == [4, 5]


def test_an_import_gives_editors_and_viewers_back(newer: Connected, sandbox: SupersetSandbox) -> None:
    shown, key = chart(newer), newer.harness.add_visual("Revenue")
    visual = there(sandbox, key)
    visual.chart_ids = [there(sandbox, shown).id]
    visual.editing_role_ids, visual.role_ids = [3], [4]
    saved = newer.reader().backup(key)
    for each in (key, shown):
        newer.remover().remove(each)
    for trash in sandbox.trash.values():
        trash.clear()
    newer.remover().restore(key, HARD, saved)
    back = there(sandbox, key)
    assert (back.owner_ids, back.editing_role_ids, back.role_ids) == ([newer.harness.ada], [3], [4])
    assert there(sandbox, shown).owner_ids == [newer.harness.ada]


def test_editors_and_viewers_who_are_gone_are_named_as_lost(
    newer: Connected, sandbox: SupersetSandbox
) -> None:
    sandbox.has_soft_delete = False
    sandbox.roles[9] = "Analysts"
    key = newer.harness.add_visual("Revenue")
    there(sandbox, key).editing_role_ids = there(sandbox, key).role_ids = [9]
    saved = newer.reader().backup(key)
    newer.remover().remove(key)
    del sandbox.roles[9]
    lost = newer.remover().restore(key, HARD, saved).lost
    assert {"'Analysts' as editor of it, who is gone", "'Analysts' as viewer of it, who is gone"} <= set(lost)
    assert there(sandbox, key).owner_ids == [newer.harness.ada]


def test_a_backup_from_before_the_upgrade_names_its_owners_as_people(
    newer: Connected, sandbox: SupersetSandbox
) -> None:
    sandbox.has_soft_delete = False
    key = newer.harness.add_visual("Revenue")
    saved = newer.reader().backup(key)
    manifest = {k: v for k, v in saved.manifest.items() if k not in ("editors", "viewers")}
    newer.remover().remove(key)
    newer.remover().restore(key, HARD, type(saved)(saved.files, manifest))
    assert there(sandbox, key).owner_ids == [newer.harness.ada]


def test_what_has_another_editor_since_keeps_it(newer: Connected, sandbox: SupersetSandbox) -> None:
    sandbox.has_soft_delete = False
    key = newer.harness.add_visual("Revenue")
    saved = newer.reader().backup(key)
    newer.remover().remove(key)
    newer.remover().restore(key, HARD, saved)
    grace = sandbox.add_person("grace@acme.example", "Grace Hopper")
    there(sandbox, key).owner_ids = [grace]
    newer.remover().restore(key, HARD, saved)
    assert there(sandbox, key).owner_ids == [grace]


# -- knowing the version ---------------------------------------------------------------------------


@pytest.mark.parametrize("is_newer", [False, True])
def test_a_version_is_known_by_what_it_says_about_itself(is_newer: bool) -> None:
    harness = SupersetHarness(SimulatedClock(START), is_newer=is_newer)
    with harness.serve() as server:
        client = SupersetClient(SOURCE, harness.options(server.url))
        features = Features(client)
        told = (features.has_editors, features.has_trash("dashboard"), features.has_trash("chart"))
        assert told == (is_newer,) * 3
        client.close()
