"""Superset's changing calls: change owners or title, delete, import."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import HTMLResponse

from bi_governance.sandbox.rest import Call, Handler, Refusal, Row
from bi_governance.sandbox.superset_access import SupersetAccess, refusal
from bi_governance.sandbox.superset_lists import parse_q
from bi_governance.sandbox.superset_reads import SupersetReads
from bi_governance.sandbox.superset_records import SupersetKind, SupersetVisual
from bi_governance.sandbox.superset_transfer import import_zip, uploaded_form
from bi_governance.sandbox.superset_world import SupersetWorld

_ERROR_PAGE = "<!DOCTYPE html><html><head><title>500: Internal server error</title></head></html>"
_FIELDS = {
    "dashboard": {
        "dashboard_title": "title",
        "slug": "slug",
        "published": "published",
        "certified_by": "certified_by",
        "json_metadata": "json_metadata",
        "position_json": "position_json",
    },
    "chart": {
        "slice_name": "title",
        "description": "description",
        "certified_by": "certified_by",
        "params": "params",
        "viz_type": "viz_type",
    },
}


class SupersetWrites:
    """Changes one world as its API callers ask."""

    def __init__(self, world: SupersetWorld, access: SupersetAccess, reads: SupersetReads) -> None:
        self._world, self._access, self._reads = world, access, reads

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "POST /api/v1/dashboard/import/": lambda call: self.import_(call, "dashboard"),
            "PUT /api/v1/dashboard/{pk}": lambda call: self.update(call, "dashboard"),
            "DELETE /api/v1/dashboard/": lambda call: self.bulk_delete(call, "dashboard"),
            "DELETE /api/v1/dashboard/{pk}": lambda call: self.delete(call, "dashboard"),
            "POST /api/v1/chart/import/": lambda call: self.import_(call, "chart"),
            "PUT /api/v1/chart/{pk}": lambda call: self.update(call, "chart"),
            "DELETE /api/v1/chart/": lambda call: self.bulk_delete(call, "chart"),
            "DELETE /api/v1/chart/{pk}": lambda call: self.delete(call, "chart"),
        }

    def update(self, call: Call, kind: SupersetKind) -> object:
        visual = self._numbered(call, kind)
        self._access.require_owner(call.actor, visual)
        body = call.json()
        if self._world.is_newer:
            self._set_subjects(visual, body)
        owners = None if self._world.is_newer else body.get("owners")
        if owners is not None and not set(owners) <= self._world.users.keys():
            raise refusal(422, {"owners": ["Owners are invalid"]})
        self._require_free_slug(kind, visual, body.get("slug"))
        for name, attribute in _FIELDS[kind].items():
            if name in body:
                setattr(visual, attribute, body[name])
        visual.owner_ids = list(owners) if owners is not None else visual.owner_ids
        if not self._world.is_newer:
            visual.role_ids = list(body.get("roles", visual.role_ids))
        if kind == "chart" and "dashboards" in body:
            self._place(visual.id, set(body["dashboards"]))
        self._world.edit(kind, visual.id, by=call.actor.id)
        answer: Row = {"id": visual.id, "result": body}
        return (
            {**answer, "last_modified_time": visual.changed_on.timestamp()} if kind == "dashboard" else answer
        )

    def _set_subjects(self, visual: SupersetVisual, body: Row) -> None:
        """Editors and viewers of a newer version, which knows neither owners nor roles any more."""
        subjects = self._world.subjects()
        for name in ("editors", "viewers"):
            if not set(body.get(name, ())) <= subjects.keys():
                raise refusal(422, {name: ["Subjects are invalid"]})
        if "editors" in body:
            chosen = [subjects[number] for number in body["editors"]]
            visual.owner_ids = [each["user_id"] for each in chosen if each["user_id"] is not None]
            visual.editing_role_ids = [each["role_id"] for each in chosen if each["role_id"] is not None]
        if "viewers" in body:
            visual.role_ids = [subjects[number]["role_id"] for number in body["viewers"]]

    def _place(self, chart_id: int, dashboard_ids: set[int]) -> None:
        """Put a chart on exactly these dashboards."""
        for dashboard in self._world.dashboards.values():
            others = [i for i in dashboard.chart_ids if i != chart_id]
            dashboard.chart_ids = [*others, chart_id] if dashboard.id in dashboard_ids else others

    def _require_free_slug(self, kind: SupersetKind, visual: SupersetVisual, slug: str | None) -> None:
        others = (v for v in self._world.visuals(kind).values() if v is not visual)
        if slug and any(other.slug == slug for other in others):
            raise refusal(422, {"slug": ["Must be unique"]})

    def delete(self, call: Call, kind: SupersetKind) -> object:
        visual = self._numbered(call, kind)
        self._require_deletable(call, visual)
        self._remove(call, visual)
        return {"message": "OK"}

    def bulk_delete(self, call: Call, kind: SupersetKind) -> object:
        """All of `q=!(ids)` or none."""
        wanted = parse_q(call)
        records = self._world.visuals(kind)
        if not isinstance(wanted, list) or not wanted or not all(id_ in records for id_ in wanted):
            raise refusal(404)
        visuals = [records[id_] for id_ in wanted]
        for visual in visuals:
            self._require_deletable(call, visual)
        for visual in visuals:
            self._remove(call, visual)
        return {"message": f"Deleted {len(visuals)} {kind}{'s' if len(visuals) > 1 else ''}"}

    def _require_deletable(self, call: Call, visual: SupersetVisual) -> None:
        field = f"{visual.kind}_id"
        reports = [r.name for r in self._world.reports.values() if getattr(r, field) == visual.id]
        if reports:
            raise refusal(422, f"There are associated alerts or reports: {','.join(reports)}")
        self._access.require_owner(call.actor, visual)

    def _remove(self, call: Call, visual: SupersetVisual) -> None:
        self._world.remove(visual)
        self._world.record(f"{visual.kind.title()}RestApi.delete", by=call.actor.id)

    def _numbered(self, call: Call, kind: SupersetKind) -> SupersetVisual:
        if not call.params["pk"].isdigit():
            raise refusal(404)
        return self._reads.visual(call, kind)

    def import_(self, call: Call, kind: SupersetKind) -> object:
        form = uploaded_form(call)
        if "formData" not in form:
            raise refusal(400)
        overwrite = form.get("overwrite", b"").lower() == b"true"
        try:
            import_zip(self._world, kind, form["formData"], overwrite=overwrite, importer=call.actor.id)
        except Refusal:
            if "application/json" in call.headers.get("accept", ""):
                raise
            # without that header the real server turns every refusal into its HTML error page
            return HTMLResponse(_ERROR_PAGE, 500)
        self._world.record(f"{kind.title()}RestApi.import_", by=call.actor.id)
        return {"message": "OK"}
