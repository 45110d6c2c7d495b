"""The reading half of Tableau's REST API, for what the product asks of it."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote_plus

from starlette.responses import Response

from bi_governance.sandbox.rest import Call, Handler
from bi_governance.sandbox.tableau_access import TableauAccess
from bi_governance.sandbox.tableau_files import as_downloaded
from bi_governance.sandbox.tableau_world import (
    TableauDelivery,
    TableauGroup,
    TableauUser,
    TableauView,
    TableauWorkbook,
    TableauWorld,
)
from bi_governance.sandbox.tableau_xml import Element, answer, element, listing, refusal

SITE = "/api/{version}/sites/{site}"


class TableauReads:
    """Lists and single items; only administrators see what others own."""

    def __init__(self, world: TableauWorld, access: TableauAccess) -> None:
        self._world, self._access = world, access

    def handlers(self) -> dict[str, Handler]:
        return {
            f"GET {SITE}/users": self.users,
            f"GET {SITE}/users/{{id}}": self.user,
            f"GET {SITE}/groups": self.groups,
            f"GET {SITE}/groups/{{id}}/users": self.members,
            f"GET {SITE}/projects": self.projects,
            f"GET {SITE}/workbooks": self.workbooks,
            f"GET {SITE}/workbooks/{{id}}": lambda call: answer(self.workbook_xml(self.workbook(call))),
            f"GET {SITE}/workbooks/{{id}}/views": self.workbook_views,
            f"GET {SITE}/workbooks/{{id}}/permissions": lambda call: self.permissions(self.workbook(call)),
            f"GET {SITE}/workbooks/{{id}}/content": self.content,
            f"GET {SITE}/views": self.views,
            f"GET {SITE}/views/{{id}}": lambda call: answer(self.view_xml(self.view(call), call)),
            f"GET {SITE}/subscriptions": lambda call: self.deliveries(call, "subscription"),
            f"GET {SITE}/dataAlerts": lambda call: self.deliveries(call, "alert"),
            f"GET {SITE}/datasources": self.datasources,
        }

    def users(self, call: Call) -> Response:
        return listing(call, "users", [_user(user) for user in self._world.users.values()])

    def user(self, call: Call) -> Response:
        user = self._world.users.get(call.params["id"])
        if user is None:
            raise refusal(404002, "User not found", "No such user")
        return answer(_user(user))

    def groups(self, call: Call) -> Response:
        rows = [
            element("group", element("domain", name="local"), id=group.id, name=group.name)
            for group in self._groups().values()
        ]
        return listing(call, "groups", rows)

    def members(self, call: Call) -> Response:
        group = self._groups().get(call.params["id"])
        if group is None:
            raise refusal(404012, "Group not found", "There is no group with that id")
        return listing(call, "users", [_user(self._world.users[id_]) for id_ in group.user_ids])

    def _groups(self) -> dict[str, TableauGroup]:
        everybody = TableauGroup("all-users", "All Users", list(self._world.users))
        return {everybody.id: everybody, **self._world.groups}

    def projects(self, call: Call) -> Response:
        rows = [
            element(
                "project",
                *([element("owner", id=item.owner_id)] if item.owner_id else []),
                id=item.id,
                name=item.name,
                description="",
                contentPermissions="ManagedByOwner",
                parentProjectId=item.parent_id,
            )
            for item in self._world.projects.values()
        ]
        return listing(call, "projects", rows)

    def workbooks(self, call: Call) -> Response:
        items = [item for item in self._seen(call) if _matches(item, call.query.get("filter", ""))]
        if call.query.get("sort", "").startswith("createdAt"):
            items.sort(key=lambda item: (item.created_at, item.number))
        return listing(call, "workbooks", [self.workbook_xml(item) for item in items])

    def workbook(self, call: Call) -> TableauWorkbook:
        item = self._world.workbooks.get(call.params["id"])
        if item is None:
            raise refusal(404006, "Workbook not found", "There is no workbook with that id")
        if item not in list(self._seen(call)):
            raise refusal(403004, "Forbidden", "The user lacks permissions on the workbook")
        return item

    def view(self, call: Call) -> TableauView:
        item = self._world.views.get(call.params["id"])
        if item is None:
            raise refusal(404011, "View not found", "There is no view with that id")
        return item

    def workbook_views(self, call: Call) -> Response:
        views = self._world.views_of(self.workbook(call).id)
        return answer(element("views", *(self.view_xml(view, call) for view in views)))

    def views(self, call: Call) -> Response:
        seen = {item.id for item in self._seen(call)}
        rows = [self.view_xml(item, call) for item in self._world.views.values() if item.workbook_id in seen]
        return listing(call, "views", rows)

    def content(self, call: Call) -> Response:
        item = self.workbook(call)
        name = f'name="tableau_workbook"; filename="{item.number}.twbx"'
        content = as_downloaded(item.content, _address(item), self._world.site_name)
        return Response(content, media_type="application/octet-stream", headers={"Content-Disposition": name})

    def permissions(self, item: TableauWorkbook) -> Response:
        rules = [
            element(
                "granteeCapabilities",
                element(kind, id=id_),
                element("capabilities", *(element("capability", name=n, mode=m) for n, m in granted.items())),
            )
            for (kind, id_), granted in item.grants.items()
        ]
        owner = element("owner", id=item.owner_id)
        return answer(element("permissions", element("workbook", owner, id=item.id, name=item.title), *rules))

    def deliveries(self, call: Call, kind: str) -> Response:
        made = [item for item in self._world.deliveries.values() if item.kind == kind]
        if kind == "subscription":
            return listing(call, "subscriptions", [_subscription(item) for item in made])
        return listing(call, "dataAlerts", [self._alert(item) for item in made])

    def datasources(self, call: Call) -> Response:
        at = self._world.insights_refreshed_at or self._world.clock.now()
        rows = [
            element(
                "datasource",
                element("project", id="admin-insights", name="Admin Insights"),
                id=id_,
                name=name,
                contentUrl=name.replace(" ", ""),
                type="dataengine",
                createdAt=at,
                updatedAt=at,
            )
            for name, id_ in self._world.insights.items()
        ]
        visible = self._world.insights_visible and self._access.is_administrator(call)
        return listing(call, "datasources", rows if visible else [])

    def workbook_xml(self, item: TableauWorkbook) -> Element:
        project = self._world.projects.get(item.project_id or "")
        place = ("Project", project.id) if project else ("PersonalSpace", item.owner_id)
        return element(
            "workbook",
            *([element("project", id=project.id, name=project.name)] if project else []),
            element("location", id=place[1], type=place[0]),
            element("owner", id=item.owner_id),
            _tags(item.tags),
            id=item.id,
            name=item.title,
            description=item.description,
            contentUrl=_address(item),
            webpageUrl=f"https://tableau.example/#/site/{self._world.site_name}/workbooks/{item.number}",
            showTabs=item.show_tabs,
            size=1,
            createdAt=item.created_at,
            updatedAt=item.updated_at,
            hasExtracts=item.has_extracts,
        )

    def view_xml(self, view: TableauView, call: Call) -> Element:
        item = self._world.workbooks[view.workbook_id]
        usage = [element("usage", totalViewCount=view.views)]
        return element(
            "view",
            element("workbook", id=item.id),
            element("owner", id=item.owner_id),
            *([element("project", id=item.project_id)] if item.project_id else []),
            _tags(view.tags),
            *(usage if call.query.get("includeUsageStatistics") == "true" else []),
            id=view.id,
            name=view.name,
            contentUrl=f"{_address(item)}/sheets/{view.name}",
            createdAt=item.created_at,
            updatedAt=item.updated_at,
            sheetType="view",
            viewUrlName=view.name,
        )

    def _alert(self, item: TableauDelivery) -> Element:
        view = self._world.views[item.target_id]
        workbook = self._world.workbooks[view.workbook_id]
        inside = (
            element("workbook", id=workbook.id, name=workbook.title),
            element("project", id=workbook.project_id or "", name=""),
        )
        return element(
            "dataAlert",
            element("owner", id=item.user_id, name=self._world.users[item.user_id].name),
            element("view", *inside, id=view.id, name=view.name),
            id=item.id,
            subject=item.subject,
            creatorId=item.user_id,
            createdAt=self._world.clock.now(),
            updatedAt=self._world.clock.now(),
            frequency="Daily",
            public=True,
        )

    def _seen(self, call: Call) -> Iterable[TableauWorkbook]:
        everything = self._access.is_administrator(call)
        return [i for i in self._world.workbooks.values() if everything or i.owner_id == call.actor]


def _address(item: TableauWorkbook) -> str:
    return item.title.replace(" ", "")


def _matches(item: TableauWorkbook, filters: str) -> bool:
    for part in filter(None, filters.split(",")):
        field, _, value = unquote_plus(part).split(":", 2)
        if (field == "name" and item.title != value) or (field == "tags" and value not in item.tags):
            return False
    return True


def _tags(tags: set[str]) -> Element:
    return element("tags", *(element("tag", label=tag) for tag in sorted(tags)))


def _user(user: TableauUser) -> Element:
    return element(
        "user",
        id=user.id,
        name=user.name,
        fullName=user.full_name,
        email=user.email,
        siteRole=user.role,
        externalAuthUserId="",
    )


def _subscription(item: TableauDelivery) -> Element:
    return element(
        "subscription",
        element("content", id=item.target_id, type=item.target_type, sendIfViewEmpty=True),
        element("schedule", id="every-monday", name="Every Monday"),
        element("user", id=item.user_id),
        id=item.id,
        subject=item.subject,
        attachImage=True,
        attachPdf=False,
        suspended=item.suspended,
    )
