"""What people do to a Superset over HTTP: sign in through the login form, make content, look at it."""

import json
import re
import secrets
import sqlite3
import time
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import requests

from tests.servers.superset_boot import ADMIN

CSRF_FIELD = re.compile(r'name="csrf_token"[^>]*?value="([^"]+)"', re.DOTALL)
DASHBOARD_TAG = 3  # ObjectType.dashboard of /api/v1/tag/<object_type>/<object_id>/
TIMEOUT = 60.0  # seconds; generous, because the machine may be busy
TABLE = "orders"


class Refused(Exception):
    """Superset answered a call of the test set-up with an error status; the message holds its answer."""


class SupersetHttp:
    """Seeds and uses one Superset, every call made by a signed-in person with a browser's session and token.

    Passwords are random and kept in ``passwords`` by user name.
    """

    def __init__(self, url: str, admin_password: str, home: Path) -> None:
        self.url = url
        self.home = home
        self.passwords = {ADMIN: admin_password}
        self._browsers: dict[str, requests.Session] = {}

    # content

    def create_user(self, username: str, email: str, role: str = "Alpha") -> int:
        """Add a person with one role: Admin, Alpha or Gamma, who sees no data (404); returns the user id."""
        self.passwords[username] = secrets.token_hex(16)
        listed = self.call("GET", "/api/v1/security/roles/?q=(page_size:100)")["result"]
        body = {
            "username": username,
            "email": email,
            "first_name": username.title(),
            "last_name": "Example",
            "password": self.passwords[username],
            "active": True,
            "roles": [found["id"] for found in listed if found["name"] == role],
        }
        return self._create("/api/v1/security/users/", body)

    def create_database(self, name: str = "analytics") -> int:
        """Make a small SQLite file with the table ``orders`` and connect it; returns the database id."""
        path = self.home / f"{name}.sqlite"
        with sqlite3.connect(path) as file:
            file.execute(f"create table if not exists {TABLE} (day text, amount real)")
            file.execute(f"insert into {TABLE} values ('2026-01-01', 1.5)")
        file.close()
        return self._create(
            "/api/v1/database/", {"database_name": name, "sqlalchemy_uri": f"sqlite:///{path}"}
        )

    def create_dataset(self, database: int, table: str = TABLE) -> int:
        """Register a physical table of the database; returns the dataset id."""
        return self._create("/api/v1/dataset/", {"database": database, "schema": "main", "table_name": table})

    def create_chart(self, name: str, dataset: int, owners: Sequence[int] = (), *, by: str = ADMIN) -> int:
        """Save a table chart that really can be queried; returns the chart id."""
        body = {
            "slice_name": name,
            "viz_type": "table",
            "datasource_id": dataset,
            "datasource_type": "table",
            "params": json.dumps(
                {"viz_type": "table", "datasource": f"{dataset}__table", "all_columns": ["day"]}
            ),
            "query_context": json.dumps(_query_context(dataset)),
        }
        return self._create("/api/v1/chart/", body | _owned(owners), by=by)

    def create_dashboard(
        self,
        title: str,
        owners: Sequence[int] = (),
        *,
        charts: Sequence[int] = (),
        published: bool = True,
        certified_by: str | None = None,
        slug: str | None = None,
        by: str = ADMIN,
    ) -> int:
        """Save a dashboard with the charts laid out on it, one per row; returns the dashboard id."""
        body = {"dashboard_title": title, "published": published, "certified_by": certified_by, "slug": slug}
        dashboard = self._create("/api/v1/dashboard/", body | _owned(owners), by=by)
        if charts:
            metadata = json.dumps({"positions": _layout(title, charts)})
            self.call("PUT", f"/api/v1/dashboard/{dashboard}", {"json_metadata": metadata}, by=by)
        return dashboard

    def create_report_schedule(self, dashboard: int, owners: Sequence[int] = ()) -> int:
        """Schedule a weekly e-mail of the dashboard, which no worker will send; returns the schedule id."""
        body = {
            "type": "Report",
            "name": f"Weekly {dashboard}",
            "dashboard": dashboard,
            "crontab": "0 8 * * 1",
            "recipients": [{"type": "Email", "recipient_config_json": {"target": "team@example.com"}}],
        }
        return self._create("/api/v1/report/", body | _owned(owners))

    def add_tag(self, dashboard: int, tag: str) -> None:
        """Tag the dashboard by hand."""
        self.call("POST", f"/api/v1/tag/{DASHBOARD_TAG}/{dashboard}/", {"properties": {"tags": [tag]}})

    def set_embedded(self, dashboard: int, allowed_domains: Sequence[str] = ()) -> str:
        """Allow the dashboard to be embedded; returns the uuid under which it then is."""
        body = {"allowed_domains": list(allowed_domains)}
        answer = self.call("POST", f"/api/v1/dashboard/{dashboard}/embedded", body)
        return str(answer["result"]["uuid"])

    def favourite(self, username: str, dashboard: int) -> None:
        """Star the dashboard as that person."""
        self.call("POST", f"/api/v1/dashboard/{dashboard}/favorites/", by=username)

    # use

    def view_dashboard_as(self, username: str, dashboard: int) -> None:
        """Open the dashboard as a browser does: the page, what it then fetches, and the beacon it sends.

        Only admins and owners may fetch a dashboard without charts: for others it raises Refused.
        """
        impression = uuid.uuid4().hex
        self.open_page(username, f"/superset/dashboard/{dashboard}/")
        self.call("GET", f"/api/v1/dashboard/{dashboard}", by=username)
        charts = self.call("GET", f"/api/v1/dashboard/{dashboard}/charts", by=username)["result"]
        self.call("GET", f"/api/v1/dashboard/{dashboard}/datasets", by=username)
        for chart in charts:
            dataset = int(chart["form_data"]["datasource"].split("__")[0])
            query = f"form_data=%7B%22slice_id%22%3A{chart['id']}%7D&dashboard_id={dashboard}"
            self.call("POST", f"/api/v1/chart/data?{query}", _query_context(dataset), by=username)
        events = [_event("mount_dashboard", impression, source="dashboard", source_id=dashboard)]
        events += [
            _event("load_chart", impression, source="dashboard", source_id=dashboard, slice_id=c["id"])
            for c in charts
        ]
        self._beacon(username, f"dashboard_id={dashboard}", events)

    def view_chart_as(self, username: str, chart: int) -> None:
        """Open the chart by itself on the explore page."""
        self.open_page(username, f"/explore/?slice_id={chart}")
        self.call("GET", f"/api/v1/explore/?slice_id={chart}", by=username)
        event = _event("mount_explorer", uuid.uuid4().hex, source="slice", source_id=chart)
        self._beacon(username, f"slice_id={chart}", [event])

    def open_page(self, username: str, path: str) -> str:
        """GET one page as that person; returns its HTML; raises Refused unless the answer is 200."""
        answer = self.browser(username).get(self.url + path, timeout=TIMEOUT, allow_redirects=False)
        return _accepted(answer, 200).text

    def _beacon(self, username: str, subject: str, events: Iterable[dict[str, object]]) -> None:
        """Send front-end events the way ``navigator.sendBeacon`` does: a multipart form, exempt from CSRF."""
        form = {"events": (None, json.dumps(list(events)))}
        path = f"/superset/log/?explode=events&{subject}"
        _accepted(self.browser(username).post(self.url + path, files=form, timeout=TIMEOUT), 200)

    # sessions

    def call(self, method: str, path: str, body: object = None, *, by: str = ADMIN) -> dict[str, Any]:
        """One call of Superset's API as that person; returns the JSON answer; raises Refused on any other.

        Redirects are not followed: a refused DELETE without a body answers 302 to the login page.
        """
        url = self.url + path
        answer = self.browser(by).request(method, url, json=body, timeout=TIMEOUT, allow_redirects=False)
        content: dict[str, Any] = _accepted(answer, 200, 201).json()
        return content

    def browser(self, username: str) -> requests.Session:
        """The session of a person who signed in through the login form; signs in on first use."""
        if username not in self._browsers:
            self._browsers[username] = self._sign_in(username)
        return self._browsers[username]

    def close_browsers(self) -> None:
        """Drop every session, so that no connection stays open."""
        while self._browsers:
            self._browsers.popitem()[1].close()

    def _sign_in(self, username: str) -> requests.Session:
        session = requests.Session()
        session.headers["Referer"] = self.url + "/login/"
        page = _accepted(session.get(self.url + "/login/", timeout=TIMEOUT), 200).text
        field = CSRF_FIELD.search(page)
        if field is None:
            raise Refused("the login page holds no CSRF field")
        form = {"username": username, "password": self.passwords[username], "csrf_token": field.group(1)}
        session.post(self.url + "/login/", data=form, timeout=TIMEOUT, allow_redirects=False)
        _accepted(
            session.get(self.url + "/api/v1/me/", timeout=TIMEOUT), 200
        )  # the form redirects either way
        token = _accepted(session.get(self.url + "/api/v1/security/csrf_token/", timeout=TIMEOUT), 200).json()
        session.headers["X-CSRFToken"] = token["result"]
        return session

    def _create(self, path: str, body: dict[str, Any], *, by: str = ADMIN) -> int:
        return int(self.call("POST", path, body, by=by)["id"])


def _accepted(answer: requests.Response, *statuses: int) -> requests.Response:
    if answer.status_code not in statuses:
        text = answer.text[:500]
        raise Refused(f"{answer.request.method} {answer.request.url} -> {answer.status_code}: {text}")
    return answer


def _owned(owners: Sequence[int]) -> dict[str, list[int]]:
    return {"owners": list(owners)} if owners else {}


def _query_context(dataset: int) -> dict[str, object]:
    source = {"id": dataset, "type": "table"}
    return {
        "datasource": source,
        "queries": [{"columns": ["day"], "metrics": [], "orderby": [], "row_limit": 10, "filters": []}],
        "result_format": "json",
        "result_type": "full",
    }


def _event(name: str, impression: str, **fields: object) -> dict[str, object]:
    sent = {"ts": int(time.time() * 1000), "event_id": uuid.uuid4().hex[:21], "impression_id": impression}
    return (
        sent
        | {"event_name": name, "event_type": "user", "visibility": "visible", "version": "1.0.0"}
        | fields
    )


def _layout(title: str, charts: Sequence[int]) -> dict[str, object]:
    rows = [f"ROW-{chart}" for chart in charts]
    layout: dict[str, object] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"id": "ROOT_ID", "type": "ROOT", "children": ["GRID_ID"]},
        "GRID_ID": {"id": "GRID_ID", "type": "GRID", "parents": ["ROOT_ID"], "children": rows},
        "HEADER_ID": {"id": "HEADER_ID", "type": "HEADER", "meta": {"text": title}},
    }
    for chart, row in zip(charts, rows, strict=True):
        layout |= _tile(chart, row)
    return layout


def _tile(chart: int, row: str) -> dict[str, object]:
    above = ["ROOT_ID", "GRID_ID"]
    tile = f"CHART-{chart}"
    background = {"background": "BACKGROUND_TRANSPARENT"}
    size = {"chartId": chart, "width": 4, "height": 50}
    return {
        row: {"id": row, "type": "ROW", "parents": above, "children": [tile], "meta": background},
        tile: {"id": tile, "type": "CHART", "parents": [*above, row], "children": [], "meta": size},
    }
