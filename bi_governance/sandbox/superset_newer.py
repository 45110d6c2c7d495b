"""Superset after 6.1, where it differs: editors and viewers instead of owners and roles, and a trash.

As on its main branch in 2026: the names of columns, filters and calls are taken from there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from bi_governance.sandbox.rest import Call, Handler, Row
from bi_governance.sandbox.superset_access import SupersetAccess, refusal
from bi_governance.sandbox.superset_lists import Listing, parse_q, row_field
from bi_governance.sandbox.superset_records import SupersetKind, SupersetVisual
from bi_governance.sandbox.superset_world import SupersetWorld

USER, ROLE = 1, 2
SUBJECTS = Listing(
    "List Subject",
    (
        "id",
        "uuid",
        "label",
        "secondary_label",
        "type",
        "active",
        "user_id",
        "role_id",
        "group_id",
        "created_on",
    ),
    ("label", "type", "active", "created_on", "changed_on"),
    ("label", "type", "active", "user_id", "role_id", "group_id"),
)
_RENAMED = {"owners": "editors", "roles": "viewers"}


def modern(listing: Listing) -> Listing:
    """The list with editors and viewers in place of owners and roles."""
    columns = dict.fromkeys(new for old in listing.columns for new in _modern_columns(old))
    filters = tuple(_RENAMED.get(name, name) for name in listing.filter_columns)
    return replace(listing, columns=tuple(columns), filter_columns=filters)


def _modern_columns(name: str) -> Iterable[str]:
    head = name.partition(".")[0]
    if head not in _RENAMED:
        return (name,)
    return tuple(f"{_RENAMED[head]}.{part}" for part in ("id", "label", "type"))


def modern_row(world: SupersetWorld, row: Row, visual: SupersetVisual | None = None) -> Row:
    """A rendered row as a newer version shows it; roles edit only visuals."""
    people = [world.subject_of_user(owner["id"]) for owner in row["owners"]]
    editors = people + [world.subject_of_role(role) for role in (visual.editing_role_ids if visual else ())]
    shown = {name: value for name, value in row.items() if name not in _RENAMED}
    shown["editors"] = [_subject(world, number) for number in editors]
    if "roles" in row:
        shown["viewers"] = [_subject(world, world.subject_of_role(role["id"])) for role in row["roles"]]
    return shown


def _subject(world: SupersetWorld, number: int) -> Row:
    found = world.subjects()[number]
    return {name: found[name] for name in ("id", "label", "type")}


def deleted_state(call: Call, kind: SupersetKind) -> str:
    """`include`, `only`, or empty: which visuals a list shows beside or instead of the living."""
    query = parse_q(call)
    filters = query.get("filters") or () if isinstance(query, dict) else ()
    wanted = [f["value"] for f in filters if f.get("opr") == f"{kind}_deleted_state"]
    return str(wanted[0]) if wanted and wanted[0] in ("include", "only") else ""


class SupersetNewer:
    """The calls 6.1 does not have."""

    def __init__(self, world: SupersetWorld, access: SupersetAccess) -> None:
        self._world, self._access = world, access

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "GET /api/v1/security/subject/": self.subjects,
            "POST /api/v1/dashboard/{uuid}/restore": lambda call: self.restore(call, "dashboard"),
            "POST /api/v1/chart/{uuid}/restore": lambda call: self.restore(call, "chart"),
        }

    def subjects(self, call: Call) -> object:
        self._access.require_admin(call.actor)
        return SUBJECTS.answer(call, list(self._world.subjects().values()), row_field, lambda chosen: chosen)

    def restore(self, call: Call, kind: SupersetKind) -> object:
        """Out of the trash under the same number, unless another dashboard has its slug now."""
        trash = self._world.trash[kind].values()
        visual = next((v for v in trash if v.uuid == call.params["uuid"]), None)
        if visual is None:
            raise refusal(404)
        self._access.require_owner(call.actor, visual)
        living = self._world.visuals(kind).values()
        if visual.slug and any(other.slug == visual.slug for other in living):
            raise refusal(422, "A dashboard with this slug already exists")
        self._world.restore(visual)
        self._world.record(f"{kind.title()}RestApi.restore", by=call.actor.id)
        return {"message": "OK"}
