"""Deleting from the Superset sandbox and restoring: what differs afterwards is what is declared as lost."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import pytest

from bi_governance.connectors.superset import CAPABILITIES
from bi_governance.model import RemovalRoute, VisualKey
from bi_governance.sandbox.superset import SupersetSandbox
from tests.connectors.harness import LONG, SOURCE, START, Connected

NUMBER = "its number: links and bookmarks that use the number instead of the short name stop working"
MADE = "who made it, who changed it last, and when: our account, at the restore"
WORDS = {
    "id": NUMBER,
    "favourites": "who marked it as a favourite",
    "schedules": "alerts and reports, which have to be gone before it can be deleted",
    "history": "its access history in Superset itself, which stays under its old number",
    "created_by": MADE,
    "created_on": MADE,
    "changed_by": MADE,
    "changed_on": MADE,
    "last_saved_at": MADE,
    "embedded_uuid": "its embedding into other sites, if any: it has to be set up again under a new id",
    "charts": "charts on it whose dataset is gone, if they are deleted too",
    "annotations": "annotations taken from other charts or annotation layers",
}


@pytest.fixture
def sandbox(superset: Connected) -> SupersetSandbox:
    return superset.harness.sandbox


def state(sandbox: SupersetSandbox, key: VisualKey) -> dict[str, Any]:
    """All that the sandbox holds about a visual, by name."""
    visual = next(v for v in sandbox.visuals(key.type).values() if v.uuid == key.native_id)
    found = asdict(visual)
    for inner in ("chart_ids", "was_on", "deleted_at", "json_metadata"):
        del found[inner]  # told apart below, of the trash, or an empty remark
    tags, params = found.pop("tags"), json.loads(found.pop("params"))
    return found | {
        "tags": [tag for tag in tags if not tag.startswith("favorited_by:")],
        "favourites": [tag for tag in tags if tag.startswith("favorited_by:")],
        "schedules": [r.name for r in sandbox.reports.values() if getattr(r, f"{key.type}_id") == visual.id],
        "history": _visits(sandbox, key.type, visual.id),
        "charts": sorted(sandbox.charts[i].uuid for i in visual.chart_ids),
        "places": sorted(d.uuid for d in sandbox.dashboards.values() if visual.id in d.chart_ids)
        if key.type == "chart"
        else [],
        "annotations": params.pop("annotation_layers", []),
        "parameters": params,
    }


def _visits(sandbox: SupersetSandbox, type_: str, number: int) -> int:
    """How often the page of what has that number was opened."""
    rows = [sandbox.log.row(position) for position in sandbox.log.between(None, None)]
    pages = {"dashboard": f"{number}/", "chart": f"/{number}"}
    return len([row for row in rows if row.subject == pages[type_] and row.kind in ("dashboard", "root")])


def lost(before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """What differs, in the words for it; without words, by its name."""
    return {WORDS.get(name, name) for name in before if before[name] != after[name]}


def add_chart(superset: Connected, dataset: int) -> VisualKey:
    sandbox, ada = superset.harness.sandbox, superset.harness.ada
    number = sandbox.add_chart("Orders", owner_id=ada, dataset_id=dataset, created_at=START - LONG)
    return VisualKey(SOURCE, "chart", sandbox.charts[number].uuid)


def furnish(superset: Connected, key: VisualKey) -> int:
    """Give a visual all it can have; returns the report, which has to be gone before it can go."""
    sandbox, ada = superset.harness.sandbox, superset.harness.ada
    visual = next(v for v in sandbox.visuals(key.type).values() if v.uuid == key.native_id)
    visual.owner_ids = [ada, sandbox.add_person("grace@acme.example", "Grace Hopper")]
    visual.certified_by, visual.description = "Data team", "What we sell"
    visual.tags = ["finance"] if key.type == "dashboard" else []
    sandbox.favourite(key.type, visual.id, by=ada)
    sandbox.view(key.type, visual.id, by=ada, at=START - timedelta(days=90))
    return sandbox.add_report("Weekly", owner_id=ada, **{f"{key.type}_id": visual.id})


def test_what_a_dashboard_loses_is_what_is_declared(superset: Connected, sandbox: SupersetSandbox) -> None:
    doomed = sandbox.add_dataset("doomed", owner_id=superset.harness.ada)
    kept, broken = add_chart(superset, superset.harness.dataset), add_chart(superset, doomed)
    key = superset.harness.add_visual("Revenue")
    visual = next(iter(sandbox.dashboards.values()))
    visual.chart_ids = list(sandbox.charts)
    visual.slug, visual.role_ids = "revenue", [3]
    sandbox.embed(visual.id)
    report = furnish(superset, key)
    before = state(sandbox, key)
    del sandbox.reports[report], sandbox.datasets[doomed]
    superset.harness.clock.advance(timedelta(hours=1))
    saved = superset.reader().backup(key)
    remover = superset.remover()
    for each in (key, broken):
        remover.remove(each)
    outcome = remover.restore(key, RemovalRoute.HARD, saved)
    after = state(sandbox, key)
    assert lost(before, after) == set(CAPABILITIES.lost_on_restore["dashboard"])
    assert after["charts"] == [kept.native_id]
    assert set(CAPABILITIES.lost_on_restore["dashboard"]) <= set(outcome.lost)


def test_what_a_chart_loses_is_what_is_declared(superset: Connected, sandbox: SupersetSandbox) -> None:
    key = add_chart(superset, superset.harness.dataset)
    board = superset.harness.add_visual("Revenue")
    visual = next(iter(sandbox.charts.values()))
    next(iter(sandbox.dashboards.values())).chart_ids = [visual.id]
    layers = [{"name": "event", "annotationType": "EVENT"}, {"name": "line", "annotationType": "FORMULA"}]
    visual.params = json.dumps({"metric": "count", "annotation_layers": layers})
    report = furnish(superset, key)
    before = state(sandbox, key)
    del sandbox.reports[report]
    superset.harness.clock.advance(timedelta(hours=1))
    saved = superset.reader().backup(key)
    remover = superset.remover()
    remover.remove(key)
    outcome = remover.restore(key, RemovalRoute.HARD, saved)
    after = state(sandbox, key)
    assert lost(before, after) == set(CAPABILITIES.lost_on_restore["chart"])
    assert after["places"] == [board.native_id]
    assert outcome.lost == CAPABILITIES.lost_on_restore["chart"]
