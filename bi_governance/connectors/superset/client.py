"""Talking to one Superset: lazy log-in, a token renewed when it expires, lists read to their proven end."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

from bi_governance.connectors.concurrent import Workers
from bi_governance.connectors.http import Session, call, json_of, open_session
from bi_governance.connectors.superset.rison import Filter, Value, rison
from bi_governance.errors import IncompleteFeed, SourceAuthFailed, SourceBroken, SourceConflict, SourceError

PAGE_SIZE = 100  # Superset's own maximum; more is silently lowered
# Calls under way at once: modest, because people use the same Superset meanwhile.
CONCURRENCY = 4
LOGIN = "/api/v1/security/login"
REFRESH = "/api/v1/security/refresh"

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list: its items, their numbers in the same order, and how many match in all."""

    items: tuple[Item, ...]
    ids: tuple[int, ...]
    count: int


class SupersetClient:
    """The reading half of one account at one Superset; nothing is sent before it is needed.

    May be used by several threads.
    """

    def __init__(self, source: str, options: Mapping[str, Any]) -> None:
        self.source = source
        self.base_url = str(options["base_url"]).rstrip("/")
        self._login = {
            "username": str(options["username"]),
            "password": str(options["password"]),
            "provider": str(options.get("provider", "db")),
            "refresh": True,
        }
        self._settings = {
            "timeout": float(options.get("timeout", 120.0)),
            "verify": options.get("verify_ssl", True),
            "backoff": float(options.get("backoff", 0.5)),
            "patience": float(options.get("patience", 30.0)),
        }
        self._page_size = min(int(options.get("page_size", PAGE_SIZE)), PAGE_SIZE)
        self.workers = Workers(int(options.get("concurrency", CONCURRENCY)), f"superset {source}")
        self._lock = threading.RLock()
        self._threads = threading.local()
        self._sessions: list[Session] = []
        self._token = self._refresh_token = ""

    def close(self) -> None:
        """Forget the tokens and close connections; Superset's tokens need no log-out."""
        self.workers.close()
        with self._lock:
            while self._sessions:
                self._sessions.pop().close()
            self._threads = threading.local()
            self._token = self._refresh_token = ""

    def send(self, method: str, path: str, **request: Any) -> requests.Response:
        """One request with our token; a token that is no longer accepted is renewed once.

        An expired token is a 401, one signed with another key a 422 that holds only `msg`.
        """
        token = self._token or self._renewed("")
        try:
            return self._call(method, path, token, **request)
        except (SourceAuthFailed, SourceConflict) as error:
            if not (isinstance(error, SourceAuthFailed) or error.message.startswith('{"msg"')):
                raise
        return self._call(method, path, self._renewed(token), **request)

    def get(self, path: str, query: Value | None = None) -> Any:
        """The JSON of one GET; `query` goes into `q` as rison."""
        parameters = None if query is None else {"q": rison(query)}
        return json_of(self.send("GET", path, params=parameters), self.source)

    def front_page(self) -> str:
        """The page somebody not logged in sees first; a redirect elsewhere is not followed."""
        address = f"{self.base_url}/login/"
        return call(self._session(), self.source, "GET", address, allow_redirects=False).text

    def result(self, path: str) -> Item:
        """What a GET answers under `result`."""
        return self._mapping(self._mapping(self.get(path), path).get("result"), path)

    def page(
        self,
        resource: str,
        columns: Sequence[str],
        filters: Sequence[Filter] = (),
        *,
        order: str = "",
        descending: bool = False,
        page: int = 0,
        page_size: int = PAGE_SIZE,
    ) -> Listing:
        """One page of `/api/v1/{resource}/`; columns this version does not know are left out by it."""
        query: dict[str, Value] = {
            "columns": list(columns),
            "filters": [condition.encoded() for condition in filters],
            "page": page,
            "page_size": min(page_size, self._page_size),
        }
        if order:
            query |= {"order_column": order, "order_direction": "desc" if descending else "asc"}
        path = f"/api/v1/{resource}/"
        return self._listing(self.get(path, query), path)

    def scan(
        self, resource: str, columns: Sequence[str], filters: Sequence[Filter] = ()
    ) -> Iterator[Sequence[Item]]:
        """All items of a list that can be filtered by `id`, a window of numbers at a time.

        Each window is narrow enough to come back whole in one answer, which its `count` proves: edits,
        additions and equal titles cannot make an item slip between two pages. IncompleteFeed when fewer
        items came than there were, before and after.
        """
        columns = ("id", *columns)
        first = rest = self._page_above(resource, columns, filters, 0)
        lower, width, received = 0, self._page_size, 0
        while len(rest.items) < rest.count:
            window, width = self._window(resource, columns, filters, lower, width)
            yield window.items
            received += window.count
            lower += width
            if window.count * 2 <= self._page_size:
                width *= 2
            if not window.items or first.count - received <= self._page_size:
                rest = self._page_above(resource, columns, filters, lower)
        yield rest.items
        self._require_all(resource, filters, received + rest.count, first.count)

    def ordered(self, resource: str, columns: Sequence[str], order: str) -> Iterator[Sequence[Item]]:
        """All items of a list without a filter on `id`: ordered pages, read twice at most."""
        found: dict[int, Item] = {}
        count = 0
        for _ in range(2):
            count = self._read_ordered(resource, columns, order, found)
            if found and len(found) == count:
                break
        if len(found) != count:
            raise self._incomplete(resource, count, len(found))
        items = tuple(found.values())
        yield from (items[i : i + PAGE_SIZE] for i in range(0, len(items), PAGE_SIZE))

    def _read_ordered(self, resource: str, columns: Sequence[str], order: str, found: dict[int, Item]) -> int:
        found.clear()
        number, count = 0, 1
        while len(found) < count:
            listing = self.page(resource, ("id", *columns), order=order, page=number)
            if not listing.items:
                return listing.count
            found.update(zip(listing.ids, listing.items, strict=True))
            number, count = number + 1, listing.count
        return count

    def _page_above(
        self, resource: str, columns: Sequence[str], filters: Sequence[Filter], lower: int
    ) -> Listing:
        """A page of what is numbered above `lower`; an empty one is believed only twice."""
        above = (*filters, Filter("id", "gt", lower))
        return self._page_or_again(resource, columns, above)

    def _page_or_again(self, resource: str, columns: Sequence[str], filters: Sequence[Filter]) -> Listing:
        listing = self.page(resource, columns, filters)
        return listing if listing.count else self.page(resource, columns, filters)

    def _window(
        self, resource: str, columns: Sequence[str], filters: Sequence[Filter], lower: int, width: int
    ) -> tuple[Listing, int]:
        """The items numbered above `lower`, at most `width` further, narrowed until they come back whole."""
        while True:
            between = (*filters, Filter("id", "gt", lower), Filter("id", "lt", lower + width + 1))
            window = self._page_or_again(resource, columns, between)
            if len(window.items) >= window.count:
                return window, width
            if width == 1 or not window.items:
                raise self._incomplete(resource, window.count, len(window.items))
            width = max(1, width // 2)

    def _require_all(self, resource: str, filters: Sequence[Filter], received: int, before: int) -> None:
        """IncompleteFeed when fewer came than there were before and than there are now."""
        if received < before:
            now = self.page(resource, ("id",), filters, page_size=1).count
            if received < min(before, now):
                raise self._incomplete(resource, now, received)

    def _incomplete(self, resource: str, count: int, received: int) -> IncompleteFeed:
        return IncompleteFeed(
            f"a list says it has {count} items but handed out {received}",
            source=self.source,
            request=f"GET /api/v1/{resource}/",
            hint="Run again; if it stays, something between us and Superset cuts answers short.",
        )

    def _listing(self, body: Any, path: str) -> Listing:
        answer = self._mapping(body, path)
        items, ids, count = answer.get("result"), answer.get("ids"), answer.get("count")
        if not (isinstance(items, list) and isinstance(ids, list) and isinstance(count, int)):
            raise SourceBroken(
                "a list without result, ids and count", source=self.source, request=f"GET {path}"
            )
        if len(items) != len(ids):
            raise SourceBroken(
                f"{len(items)} items but {len(ids)} ids", source=self.source, request=f"GET {path}"
            )
        return Listing(tuple(items), tuple(ids), count)

    def _mapping(self, body: Any, path: str) -> Item:
        if not isinstance(body, Mapping):
            raise SourceBroken("expected a JSON object", source=self.source, request=f"GET {path}")
        return body

    def _call(self, method: str, path: str, token: str, **request: Any) -> requests.Response:
        headers = {**(request.pop("headers", None) or {}), "Authorization": f"Bearer {token}"}
        return call(self._session(), self.source, method, self.base_url + path, headers=headers, **request)

    def _session(self) -> Session:
        """This thread's own session; the tokens are shared."""
        session: Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = open_session(self.base_url, reading_posts=(LOGIN, REFRESH), **self._settings)
            session.headers["Accept"] = "application/json"  # else some refusals are a page that says only 500
            self._threads.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _renewed(self, stale: str) -> str:
        """An access token other than `stale`: another thread's, by the refresh token, or by the password."""
        with self._lock:
            if self._token in ("", stale):
                self._token = self._refreshed() or self._logged_in()
            return self._token

    def _refreshed(self) -> str:
        token, self._refresh_token = self._refresh_token, ""
        if not token:
            return ""
        try:
            answer = self._json(self._call("POST", REFRESH, token), REFRESH)
        except (SourceAuthFailed, SourceConflict):
            return ""
        self._refresh_token = token
        return str(answer.get("access_token") or "")

    def _logged_in(self) -> str:
        response = call(self._session(), self.source, "POST", self.base_url + LOGIN, json=self._login)
        answer = self._json(response, LOGIN)
        self._refresh_token = str(answer.get("refresh_token") or "")
        if not answer.get("access_token"):
            raise SourceAuthFailed(
                "the log-in gave no access token", source=self.source, request=f"POST {LOGIN}"
            )
        return str(answer["access_token"])

    def _json(self, response: requests.Response, path: str) -> Item:
        return self._mapping(json_of(response, self.source), path)


class SupersetWriter(SupersetClient):
    """The same account, able to change things; only the remover builds one."""

    def write(self, method: str, path: str, **request: Any) -> None:
        """One changing request, with the CSRF token, session cookie and referrer Superset asks for."""
        token = self.get("/api/v1/security/csrf_token/").get("result", "")
        headers = {"X-CSRFToken": str(token), "Referer": self.base_url + "/"}
        json_of(self.send(method, path, headers=headers, **request), self.source)


def with_hint(error: SourceError, hint: str) -> SourceError:
    """The same failure, with what to do about it here."""
    return type(error)(
        error.message, source=error.source, status=error.status, request=error.request, hint=hint
    )
