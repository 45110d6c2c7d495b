"""Superset's export zip and its import: the uuid is kept, the number is new, the importer becomes owner."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterable
from typing import Any

import yaml

from bi_governance.sandbox.rest import Call, Refusal, Row
from bi_governance.sandbox.superset_records import SupersetKind, SupersetVisual
from bi_governance.sandbox.superset_world import SupersetWorld

_VERSION = "1.0.0"
_TYPES: dict[SupersetKind, str] = {"dashboard": "Dashboard", "chart": "Slice"}


def export_zip(world: SupersetWorld, visuals: Iterable[SupersetVisual]) -> bytes:
    """The archive for visuals of one kind, with everything they draw on."""
    chosen = list(visuals)
    files = {"metadata.yaml": _metadata(world, chosen[0].kind)}
    for visual in chosen:
        charts = [world.charts[i] for i in visual.chart_ids] if visual.kind == "dashboard" else [visual]
        if visual.kind == "dashboard":
            files[f"dashboards/{_file(visual)}"] = _dashboard_yaml(world, visual)
        for chart in charts:
            files[f"charts/{_file(chart)}"] = _chart_yaml(world, chart)
            files |= _sources(world, chart.dataset_id) if chart.dataset_id in world.datasets else {}
    buffer = io.BytesIO()
    root = f"{chosen[0].kind}_export_{world.clock.now():%Y%m%dT%H%M%S}"
    with zipfile.ZipFile(buffer, "w") as bundle:
        for name, content in files.items():
            bundle.writestr(f"{root}/{name}", str(yaml.safe_dump(content, sort_keys=False)))
    return buffer.getvalue()


def _file(visual: SupersetVisual) -> str:
    return f"{re.sub(r'[^A-Za-z0-9]+', '_', visual.title)}_{visual.id}.yaml"


def _metadata(world: SupersetWorld, kind: SupersetKind) -> Row:
    return {"version": _VERSION, "type": _TYPES[kind], "timestamp": world.clock.now().isoformat()}


def _dashboard_yaml(world: SupersetWorld, visual: SupersetVisual) -> Row:
    position: Row = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
    }
    for chart_id in visual.chart_ids:
        chart = world.charts[chart_id]
        meta = {"chartId": chart.id, "uuid": chart.uuid, "sliceName": chart.title, "width": 4, "height": 50}
        position[f"CHART-{chart.id}"] = {
            "type": "CHART",
            "id": f"CHART-{chart.id}",
            "children": [],
            "meta": meta,
        }
    return {
        "dashboard_title": visual.title,
        "description": visual.description,
        "css": None,
        "slug": visual.slug,
        "certified_by": visual.certified_by or "",
        "certification_details": "",
        "published": visual.published,
        "uuid": visual.uuid,
        "position": position,
        "metadata": json.loads(visual.json_metadata or "{}"),
        "tags": [tag for tag in visual.tags if not tag.startswith("favorited_by:")],
        "version": _VERSION,
    }


def _chart_yaml(world: SupersetWorld, chart: SupersetVisual) -> Row:
    return {
        "slice_name": chart.title,
        "description": chart.description,
        "certified_by": chart.certified_by,
        "certification_details": None,
        "viz_type": chart.viz_type,
        "params": json.loads(chart.params),
        "query_context": None,
        "cache_timeout": None,
        "uuid": chart.uuid,
        "version": _VERSION,
        "dataset_uuid": world.datasets[chart.dataset_id].uuid if chart.dataset_id in world.datasets else None,
    }


def _sources(world: SupersetWorld, dataset_id: int) -> dict[str, Row]:
    dataset = world.datasets[dataset_id]
    database = world.databases[dataset.database_id]
    return {
        f"datasets/{database.name}/{dataset.table_name}.yaml": {
            "table_name": dataset.table_name,
            "schema": dataset.schema,
            "sql": dataset.sql,
            "uuid": dataset.uuid,
            "metrics": [],
            "columns": [],
            "version": _VERSION,
            "database_uuid": database.uuid,
        },
        f"databases/{database.name}.yaml": {
            "database_name": database.name,
            "sqlalchemy_uri": database.sqlalchemy_uri,
            "uuid": database.uuid,
            "version": _VERSION,
        },
    }


def uploaded_form(call: Call) -> dict[str, bytes]:
    """The parts of a multipart body by field name."""
    match = re.search(r'boundary="?([^";]+)"?', call.headers.get("content-type", ""))
    if match is None:
        return {}
    parts: dict[str, bytes] = {}
    for chunk in (b"\r\n" + call.raw).split(f"\r\n--{match[1]}".encode())[1:-1]:
        head, _, content = chunk.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]+)"', head)
        if name:
            parts[name[1].decode()] = content
    return parts


def import_zip(
    world: SupersetWorld, kind: SupersetKind, bundle: bytes, *, overwrite: bool, importer: int
) -> None:
    """Bring an archive in; raises Refusal: 422 for the wrong kind or what exists, 500 for no zip."""
    files = _read(bundle)
    if files.get("metadata.yaml", {}).get("type") != _TYPES[kind]:
        raise _import_error(kind, {"metadata.yaml": f"Must be equal to {_TYPES[kind]}."})
    mine = {name: body for name, body in files.items() if name.startswith(f"{kind}s/")}
    _revive(world, files)
    if any(name.startswith("charts/") and not body.get("dataset_uuid") for name, body in files.items()):
        raise _import_error(kind, {"dataset_uuid": ["Field may not be null."]})
    if not overwrite:
        _require_new(world, kind, mine)
    for name, body in files.items():
        if name.startswith("datasets/"):
            _import_dataset(world, body, importer)
    for name, body in files.items():
        if name.startswith("charts/"):
            _import_chart(world, body, importer, overwrite=overwrite and kind == "chart")
    for name, body in mine.items():
        if name.startswith("dashboards/"):
            _import_dashboard(world, body, importer)


def _revive(world: SupersetWorld, files: dict[str, Row]) -> None:
    """A newer version takes out of its trash whatever an archive holds, overwriting or not."""
    for trash in world.trash.values():
        for visual in list(trash.values()):
            if any(body.get("uuid") == visual.uuid for body in files.values()):
                world.restore(visual)


def _read(bundle: bytes) -> dict[str, Row]:
    try:
        with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
            texts = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
        return {name: yaml.safe_load(text) for name, text in texts.items() if name.endswith(".yaml")}
    except (zipfile.BadZipFile, yaml.YAMLError) as error:
        fault = {"message": "File is not a zip file", "error_type": "GENERIC_BACKEND_ERROR", "level": "error"}
        raise Refusal(500, {"errors": [fault]}) from error


def _import_error(kind: SupersetKind, extra: Row) -> Refusal:
    error = {"message": f"Error importing {kind}", "error_type": "GENERIC_COMMAND_ERROR", "level": "warning"}
    return Refusal(422, {"errors": [{**error, "extra": extra}]})


def _require_new(world: SupersetWorld, kind: SupersetKind, mine: dict[str, Row]) -> None:
    known = {visual.uuid for visual in world.visuals(kind).values()}
    taken = {
        name: f"{kind.title()} already exists and `overwrite=true` was not passed"
        for name, body in mine.items()
        if body["uuid"] in known
    }
    if taken:
        raise _import_error(kind, taken)


def _by_uuid(records: dict[int, Any], uuid: str) -> Any:
    return next((record for record in records.values() if record.uuid == uuid), None)


def _import_dataset(world: SupersetWorld, body: Row, importer: int) -> None:
    if _by_uuid(world.datasets, body["uuid"]) is None:
        id_ = world.add_dataset(
            body["table_name"], owner_id=importer, schema=body["schema"], sql=body.get("sql")
        )
        world.datasets[id_].uuid = body["uuid"]


def _import_chart(world: SupersetWorld, body: Row, importer: int, *, overwrite: bool) -> None:
    chart = _by_uuid(world.charts, body["uuid"])
    if chart is not None and not overwrite:
        return
    if chart is None:
        dataset = _by_uuid(world.datasets, body["dataset_uuid"])
        chart = world.charts[world.add_chart(body["slice_name"], owner_id=importer, dataset_id=dataset.id)]
        chart.uuid = body["uuid"]
    chart.title, chart.viz_type, chart.params = (
        body["slice_name"],
        body["viz_type"],
        json.dumps(_without_annotations(body["params"])),
    )
    chart.description, chart.certified_by = body.get("description"), body.get("certified_by") or None
    _take_over(world, chart, importer)


def _without_annotations(params: Row) -> Row:
    """Of a chart's annotations an import keeps the formulas, which refer to nothing."""
    layers = params.get("annotation_layers", ())
    formulas = [layer for layer in layers if layer.get("annotationType") == "FORMULA"]
    return {**params, "annotation_layers": formulas} if layers else params


def _import_dashboard(world: SupersetWorld, body: Row, importer: int) -> None:
    # a slug in use wins over the uuid: that dashboard is overwritten, whoever it is
    holders = (d for d in world.dashboards.values() if body.get("slug") and d.slug == body["slug"])
    visual = _by_uuid(world.dashboards, body["uuid"]) or next(holders, None)
    if visual is None:
        visual = world.dashboards[world.add_dashboard(body["dashboard_title"], owner_id=importer)]
    visual.uuid = body["uuid"]
    visual.tags = list(body.get("tags") or [])
    cells = [
        cell for cell in body["position"].values() if isinstance(cell, dict) and cell.get("type") == "CHART"
    ]
    charts = (_by_uuid(world.charts, cell["meta"]["uuid"]) for cell in cells)
    visual.chart_ids = [chart.id for chart in charts if chart is not None]
    visual.title, visual.slug, visual.published = (
        body["dashboard_title"],
        body.get("slug"),
        body.get("published", True),
    )
    visual.description, visual.certified_by = body.get("description"), body.get("certified_by") or None
    visual.json_metadata = json.dumps(body.get("metadata") or {})
    _take_over(world, visual, importer)


def _take_over(world: SupersetWorld, visual: SupersetVisual, importer: int) -> None:
    visual.owner_ids = [importer, *(i for i in visual.owner_ids if i != importer)]
    visual.changed_on, visual.changed_by = world.clock.now(), importer
