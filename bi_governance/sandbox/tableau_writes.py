"""The changing half of Tableau's REST API: publishing, deleting, tags, owners and permissions."""

from __future__ import annotations

import re

from starlette.responses import Response

from bi_governance.sandbox.rest import Call, Handler
from bi_governance.sandbox.tableau_access import TableauAccess
from bi_governance.sandbox.tableau_files import as_stored, sheets_in
from bi_governance.sandbox.tableau_reads import SITE, TableauReads
from bi_governance.sandbox.tableau_world import TableauWorld
from bi_governance.sandbox.tableau_xml import answer, element, parsed, refusal


class TableauWrites:
    """What only administrators may do here."""

    def __init__(self, world: TableauWorld, access: TableauAccess, reads: TableauReads) -> None:
        self._world, self._access, self._reads = world, access, reads

    def handlers(self) -> dict[str, Handler]:
        workbook = f"{SITE}/workbooks/{{id}}"
        return {
            f"POST {SITE}/workbooks": self.publish,
            f"PUT {workbook}": self.update,
            f"DELETE {workbook}": self.delete,
            f"PUT {workbook}/tags": lambda call: self._tag(call, self._reads.workbook(call).tags),
            f"PUT {SITE}/views/{{id}}/tags": lambda call: self._tag(call, self._reads.view(call).tags),
            f"PUT {workbook}/permissions": self.grant,
            f"DELETE {workbook}/permissions/{{kind}}/{{grantee}}/{{name}}/{{mode}}": self.withdraw,
        }

    def publish(self, call: Call) -> Response:
        """A new workbook of the caller's; the project's rules apply to it."""
        sent = dict(_parts(call))
        item = parsed(sent["request_payload"])
        project, title = item.find("project"), item.get("name", "")
        project_id = None if project is None else project.get("id")
        if project_id not in self._world.projects:
            raise refusal(404005, "Project not found", "There is no project with that id")
        if any(w.title == title and w.project_id == project_id for w in self._world.workbooks.values()):
            raise refusal(409000, "Conflict", "A workbook of that name exists in the project")
        sheets = sheets_in(sent["tableau_workbook"])
        if sheets is None:
            raise refusal(400011, "Bad Request", "The file is not a valid workbook")
        id_ = self._world.add_workbook(
            title,
            owner_id=call.actor,
            project_id=project_id,
            created_at=self._world.clock.now(),
            sheets=sheets,
        )
        made = self._world.workbooks[id_]
        made.content, made.description = as_stored(sent["tableau_workbook"]), item.get("description")
        made.has_extracts = b".hyper" in made.content
        made.show_tabs = item.get("showTabs") == "true"
        made.grants = {who: dict(rules) for who, rules in self._world.default_grants.items()}
        return answer(self._reads.workbook_xml(made), status=201)

    def update(self, call: Call) -> Response:
        item, sent = self._reads.workbook(call), parsed(call.raw)
        owner = sent.find("owner")
        if owner is not None:
            if owner.get("id") not in self._world.users:
                raise refusal(404002, "User not found", "No such user")
            item.owner_id = str(owner.get("id"))
        item.title = sent.get("name", item.title)
        item.show_tabs = sent.get("showTabs", str(item.show_tabs).lower()) == "true"
        item.updated_at = self._world.clock.now()
        return answer(self._reads.workbook_xml(item))

    def delete(self, call: Call) -> Response:
        self._world.remove_workbook(self._reads.workbook(call).id)
        return Response(status_code=204)

    def grant(self, call: Call) -> Response:
        item = self._reads.workbook(call)
        for rule in parsed(call.raw):
            kind, id_ = rule[0].tag, str(rule[0].get("id"))
            if kind == "user" and id_ not in self._world.users:
                raise refusal(404002, "User not found", "No such user")
            granted = item.grants.setdefault((kind, id_), {})
            granted.update({str(c.get("name")): str(c.get("mode")) for c in rule[1]})
        return self._reads.permissions(item)

    def withdraw(self, call: Call) -> Response:
        grants = self._reads.workbook(call).grants
        who = (call.params["kind"].removesuffix("s"), call.params["grantee"])
        if grants.get(who, {}).pop(call.params["name"], None) is None:
            raise refusal(404000, "Not found", "There is no such rule")
        if not grants[who]:
            del grants[who]
        return Response(status_code=204)

    def _tag(self, call: Call, tags: set[str]) -> Response:
        added = {str(tag.get("label")) for tag in parsed(call.raw)}
        tags |= added
        return answer(element("tags", *(element("tag", label=tag) for tag in sorted(added))))


def _parts(call: Call) -> list[tuple[str, bytes]]:
    """Name and content of each part of a multipart request."""
    boundary = call.headers["content-type"].partition("boundary=")[2].strip('"').encode()
    parts = []
    for part in call.raw.split(b"--" + boundary)[1:-1]:
        head, _, body = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="?([a-z_]+)"?', head)
        parts.append((name[1].decode() if name else "", body.removesuffix(b"\r\n")))
    return parts
