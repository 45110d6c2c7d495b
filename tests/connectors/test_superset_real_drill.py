"""The drill on a real Superset: a backup comes back as it was saved, and of the copy nothing is left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bi_governance.connectors.superset import SupersetRehearser
from bi_governance.connectors.superset.importing import send
from bi_governance.connectors.superset.rehearsing import _Copy
from bi_governance.connectors.superset.restoring import read_archive
from bi_governance.errors import SourceConflict
from bi_governance.model import RemovalRoute, VisualKey
from bi_governance.ports import BackupContent
from tests.connectors.superset_bench import World, open_world
from tests.servers.superset import SupersetServer

pytestmark = [pytest.mark.superset, pytest.mark.xdist_group("superset")]
TABLES = (
    "dashboards",
    "slices",
    "tables",
    "dbs",
    "tag",
    "tagged_object",
    "dashboard_slices",
    "dashboard_user",
    "slice_user",
    "dashboard_roles",
)


@pytest.fixture(scope="module")
def world(superset_server: SupersetServer) -> Iterator[World]:
    with open_world(superset_server) as opened:
        yield opened


@pytest.fixture
def rehearser(world: World) -> Iterator[SupersetRehearser]:
    made = SupersetRehearser("ss", world.options)
    yield made
    made.close()


def everything(world: World) -> dict[str, list[Any]]:
    found = {table: world.server.rows(table) for table in TABLES}
    # Superset keeps a tag of its own for every account that ever owned something, ours included.
    return found | {"tag": [row for row in found["tag"] if row["type"] == "custom"]}


def furnished(world: World, slug: str) -> tuple[VisualKey, VisualKey]:
    """A dashboard with filters that name charts by number, roles, a tag, an address; and one chart of it."""
    chart, chart_key = world.chart()
    board, key = world.dashboard(chart, world.shared_chart, slug=slug)
    metadata = {
        "color_scheme": "supersetColors",
        "native_filter_configuration": [
            {
                "id": "NATIVE_FILTER-1",
                "name": "Day",
                "filterType": "filter_select",
                "scope": {"rootPath": ["ROOT_ID"], "excluded": [chart]},
                "chartsInScope": [world.shared_chart],
                "targets": [{"datasetId": world.dataset, "column": {"name": "day"}}],
            }
        ],
    }
    body = {"roles": [3], "css": ".x {}", "certified_by": "QA", "json_metadata": json.dumps(metadata)}
    world.server.call("PUT", f"/api/v1/dashboard/{board}", body)
    world.server.add_tag(board, "finance")
    world.server.call("PUT", f"/api/v1/chart/{chart}", {"description": "Days", "cache_timeout": 33})
    return key, chart_key


def test_a_filter_that_came_back_on_other_charts_would_be_noticed(world, rehearser) -> None:
    """The saved dashboard spared one chart from its filter; the copy is told to spare the other."""
    key, _ = furnished(world, "filtered")
    saved = world.reader.backup(key)
    charts = [dict(chart) for chart in saved.manifest["charts"]]
    charts[0]["uuid"], charts[1]["uuid"] = charts[1]["uuid"], charts[0]["uuid"]
    swapped = BackupContent(saved.files, {**saved.manifest, "charts": charts})
    differences = rehearser.rehearse(key, swapped, "6123456789ab")
    assert any(words.startswith("metadata of ") for words in differences)


@pytest.mark.parametrize("kind", ["dashboard", "chart"])
def test_the_diff_is_empty_and_nothing_is_left_or_touched(world, rehearser, kind) -> None:
    board, chart = furnished(world, f"drill-{kind}")
    key = board if kind == "dashboard" else chart
    saved = world.lose(key)
    before = everything(world)
    assert rehearser.rehearse(key, saved, "0123456789ab") == ()
    assert everything(world) == before
    # And the real restore still works afterwards.
    world.remover.restore(key, RemovalRoute.HARD, saved)
    assert world.number_of(key) is not None


def test_it_can_be_rehearsed_while_the_original_lives(world, rehearser) -> None:
    key, _ = furnished(world, "alive")
    saved = world.reader.backup(key)
    before = everything(world)
    assert rehearser.rehearse(key, saved, "1123456789ab") == ()
    assert everything(world) == before


def test_what_an_import_drops_is_named(world, rehearser) -> None:
    number, key = world.chart()
    layers = [
        {"name": "event", "annotationType": "EVENT", "sourceType": "table", "value": world.shared_chart}
    ]
    parameters = {"viz_type": "table", "datasource": f"{world.dataset}__table", "annotation_layers": layers}
    world.server.call("PUT", f"/api/v1/chart/{number}", {"params": json.dumps(parameters)})
    saved = world.lose(key)
    differences = rehearser.rehearse(key, saved, "2123456789ab")
    assert any(words.startswith("params of ") for words in differences)


def test_an_owner_who_left_is_named(world, rehearser) -> None:
    leaver = world.server.create_user("dora", "dora@example.com", role="Alpha")
    key = world.dashboard_key(
        world.server.create_dashboard("Two owners", [world.owner, leaver], charts=(world.shared_chart,))
    )
    saved = world.lose(key)
    world.server.call("DELETE", f"/api/v1/security/users/{leaver}")
    assert rehearser.rehearse(key, saved, "3123456789ab") == (
        "dora@example.com as owner of it, whose account is gone",
    )


def test_what_would_leave_a_dataset_behind_is_not_rehearsed(world, rehearser) -> None:
    dataset = world.own_dataset()
    chart, chart_key = world.chart(dataset)
    _, key = world.dashboard(chart)
    saved = world.lose(key)
    world.remover.remove(chart_key)
    world.server.call("DELETE", f"/api/v1/dataset/{dataset}")
    before = everything(world)
    with pytest.raises(
        SourceConflict, match="not rehearsed: a restore would bring it back without the dataset"
    ):
        rehearser.rehearse(key, saved, "4123456789ab")
    assert everything(world) == before


def test_what_an_interrupted_drill_left_is_found_and_removed(world, rehearser) -> None:
    key, _ = furnished(world, "interrupted")
    saved = world.lose(key)
    before = everything(world)
    copy = _Copy(key, read_archive(key, saved), "5123456789ab")
    send(rehearser._client, copy.key, copy.archive)
    titles = [d.title for d in world.server.dashboards()]
    assert any(title.startswith("bi-governance drill 5123456789ab: ") for title in titles)
    rehearser.clean_up(key, saved, "5123456789ab")
    rehearser.clean_up(key, saved, "5123456789ab")
    assert everything(world) == before
