"""What Superset 6.1.0 writes into the `json` of a log row, by the kind of row."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from bi_governance.sandbox.rest import Row
from bi_governance.sandbox.timeline import Happening, to_micros

_WORKER = {"force": "false"}  # a report's worker adds `standalone` and this to the address of the page


def log_json(row: Happening) -> str | None:
    """The text of the `json` column; None where Superset writes none."""
    action, _, detail = row.kind.partition(":")
    if action == "ChartDataRestApi._get_data_response":
        return None
    dashboard, _, chart = row.subject.partition("/")
    if action == "log":
        return json.dumps(_beacon(row, detail, dashboard, chart))
    write = _WRITERS.get(action)
    return json.dumps(write(detail, dashboard, chart) if write else _api(action, detail, dashboard, chart))


def _beacon(row: Happening, event: str, dashboard: str, chart: str) -> Row:
    """What a browser reports; the rows of one page share an impression."""
    micros = to_micros(row.at)
    source, source_id = ("dashboard", dashboard) if dashboard else ("slice", chart)
    return {
        "ts": micros // 1000,
        "event_id": f"event-{row.id}",
        "impression_id": f"impression-{row.actor or 'guest'}-{micros}",
        "event_name": event,
        "event_type": "user",
        "visibility": "visible",
        "version": "1.0.0",
        "source": source,
        "source_id": int(source_id),
    }


def _dashboard_page(detail: str, dashboard: str, _chart: str) -> Row:
    page = {
        "path": f"/superset/dashboard/{dashboard}/",
        "url_rule": "/superset/dashboard/<dashboard_id_or_slug>/",
        "object_ref": "Superset.dashboard",
        "dashboard_id_or_slug": dashboard,
        "dashboard_id": int(dashboard),
        "dashboard_version": "v2",
        "dash_edit_perm": True,
        "edit_mode": False,
    }
    return {**page, **_WORKER, "standalone": "3"} if detail == "worker" else page


def _explore_page(detail: str, _dashboard: str, chart: str) -> Row:
    page = {"path": "/explore/", "object_ref": "ExploreView.root", "slice_id": int(chart)}
    if detail != "worker":
        return page
    return {**page, **_WORKER, "standalone": "true", "form_data": {"slice_id": int(chart)}}


def _embedded_page(detail: str, _dashboard: str, _chart: str) -> Row:
    return {
        "path": f"/embedded/{detail}",
        "object_ref": "EmbeddedView.embedded",
        "embedded_dashboard_id": detail,
    }


def _api(action: str, detail: str, dashboard: str, chart: str) -> Row:
    resource = action.partition("RestApi")[0].lower()
    if action.endswith(".export"):
        return {"path": f"/api/v1/{resource}/export/", "rison": json.loads(detail), "object_ref": action}
    ids = {"dashboard_id": int(dashboard)} if dashboard else {}
    ids |= {"slice_id": int(chart)} if chart else {}
    return {"path": f"/api/v1/{resource}/{dashboard or chart}", "object_ref": action, **ids}


_WRITERS: Mapping[str, Callable[[str, str, str], Row]] = {
    "dashboard": _dashboard_page,
    "root": _explore_page,
    "embedded": _embedded_page,
}
