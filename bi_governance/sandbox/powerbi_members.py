"""What members of a workspace may do over the ordinary API: export, delete, import, rebind."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass

from starlette.responses import Response

from bi_governance.sandbox.powerbi_access import PowerBIAccess, refusal
from bi_governance.sandbox.powerbi_render import PowerBIRenderer
from bi_governance.sandbox.powerbi_world import PowerBIReport, PowerBIWorld
from bi_governance.sandbox.rest import Call, Handler, Row

ORG = "/v1.0/myorg"
_RDL = '<?xml version="1.0"?><Report xmlns="http://schemas.microsoft.com/sqlserver/reporting/2016/01/reportdefinition"/>'


@dataclass(slots=True)
class _Import:
    name: str
    report_id: str | None
    polls: int = 0


class PowerBIMembers:
    """Handlers of the ordinary API."""

    def __init__(self, world: PowerBIWorld, access: PowerBIAccess, renderer: PowerBIRenderer) -> None:
        self._world, self._access, self._render = world, access, renderer
        self._imports: dict[str, _Import] = {}

    def handlers(self) -> dict[str, Handler]:
        group = f"{ORG}/groups/{{group}}"
        return {
            f"GET {ORG}/groups": self.groups,
            f"GET {group}/reports": self.reports,
            f"DELETE {group}/reports/{{id}}": self.delete,
            f"GET {group}/reports/{{id}}/Export": self.export,
            f"POST {group}/reports/{{id}}/Rebind": self.rebind,
            f"POST {group}/imports": self.start_import,
            f"GET {group}/imports/{{id}}": self.import_state,
        }

    def groups(self, call: Call) -> Row:
        ours = [w for w in self._world.workspaces.values() if self._access.is_member(call.actor, w.id)]
        rows = [self._render.group(each) for each in ours]
        skip, top = call.int_of("$skip") or 0, call.int_of("$top") or len(rows)
        return {"value": rows[skip : skip + top]}

    def reports(self, call: Call) -> Row:
        self._access.require_contributor(call)
        held = self._world.reports.values()
        return {"value": [self._render.report(r) for r in held if r.workspace_id == call.params["group"]]}

    def delete(self, call: Call) -> Response:
        self._world.remove_report(self._report(call).id)
        return Response()

    def export(self, call: Call) -> Response:
        """A .pbix or .rdl; downloading is recorded as a use, as any is."""
        report = self._report(call)
        if report.refusal or report.is_rebound:
            raise refusal(400, report.refusal or "PBIX export is not supported after a rebind")
        by = call.actor.client_id
        self._world.record("ExportReport", "report", report.id, by=by)
        if report.report_type == "PaginatedReport":
            return Response(_RDL, media_type="application/octet-stream")
        return Response(_pbix(report), media_type="application/zip")

    def rebind(self, call: Call) -> Response:
        report, dataset_id = self._report(call), call.json().get("datasetId")
        if dataset_id not in self._world.datasets:
            raise refusal(404)
        report.dataset_id, report.is_rebound = dataset_id, True
        return Response()

    def start_import(self, call: Call) -> Response:
        self._access.require_contributor(call)
        name, _, extension = call.query.get("datasetDisplayName", "").rpartition(".")
        if call.query.get("nameConflict") != "Abort":
            raise refusal(400, "the sandbox only knows nameConflict=Abort")
        here = call.params["group"]
        if any(r.name == name and r.workspace_id == here for r in self._world.reports.values()):
            raise refusal(409, "DuplicatePackageFoundError")
        import_id = self._world.new_id("import")
        report_id = self._imported(call, name, extension)
        self._imports[import_id] = _Import(name, report_id)
        return Response(json.dumps({"id": import_id}), 202, media_type="application/json")

    def import_state(self, call: Call) -> Row:
        self._access.require_contributor(call)
        found = self._imports.get(call.params["id"])
        if found is None:
            raise refusal(404)
        found.polls += 1
        row: Row = {"id": call.params["id"], "name": found.name, "reports": [], "datasets": []}
        if found.polls == 1:
            return {**row, "importState": "Publishing"}
        if found.report_id is None:
            return {**row, "importState": "Failed", "error": {"code": "ModelNotFound"}}
        report = self._render.report(self._world.reports[found.report_id])
        return {**row, "importState": "Succeeded", "reports": [report]}

    def _imported(self, call: Call, name: str, extension: str) -> str | None:
        content = _file_in(call)
        dataset_id, type_ = None, "PaginatedReport"
        if extension == "pbix":
            type_ = "PowerBIReport"
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                dataset_id = json.loads(archive.read("Connections"))["datasetId"]
            if dataset_id is not None and dataset_id not in self._world.datasets:
                return None
        by = call.actor.object_id
        return self._world.add_report(
            name, workspace_id=call.params["group"], by=by, dataset_id=dataset_id, report_type=type_
        )

    def _report(self, call: Call) -> PowerBIReport:
        self._access.require_contributor(call)
        report = self._world.reports.get(call.params["id"])
        if report is None or report.workspace_id != call.params["group"]:
            raise refusal(404)
        return report


def _pbix(report: PowerBIReport) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("Version", "1.28")
        archive.writestr("Report/Layout", json.dumps({"name": report.name}))
        archive.writestr("Connections", json.dumps({"datasetId": report.dataset_id}))
    return buffer.getvalue()


def _file_in(call: Call) -> bytes:
    """The one file of a multipart body."""
    boundary = call.headers["content-type"].partition("boundary=")[2].encode()
    _, _, rest = call.raw.partition(b"\r\n\r\n")
    return rest.rpartition(b"\r\n--" + boundary)[0]
