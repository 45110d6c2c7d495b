"""Talking to one Domo: the public API with a token renewed when it expires, and the instance's own API."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bi_governance.connectors.http import Session, call, json_of, open_session
from bi_governance.errors import (
    ConfigurationError,
    IncompleteFeed,
    SourceAuthFailed,
    SourceBroken,
    SourceForbidden,
)

API_URL = "https://api.domo.com"
TOKEN = "/oauth/token"  # noqa: S105 - a path
PAGE_ADMIN = "/api/content/v1/pages/adminsummary"
CARD_ADMIN = "/api/content/v2/cards/adminsummary"
# Domo answers an empty list, without an error, when asked for more cards than this at once.
MOST_ROWS = 100
PAGE_SIZE = 50

Item = Mapping[str, Any]


class DomoClient:
    """One API client at the public API and, where configured, one developer token at the instance.

    Nothing is sent before it is needed; may be used by several threads.
    """

    def __init__(self, source: str, options: Mapping[str, Any]) -> None:
        self.source = source
        self.api_url = str(options.get("api_url") or API_URL).rstrip("/")
        self.instance_url = str(options.get("instance_url") or "").rstrip("/")
        self.page_size = max(1, min(int(options.get("page_size", PAGE_SIZE)), MOST_ROWS))
        self._developer_token = str(options.get("developer_token") or "")
        if bool(self.instance_url) != bool(self._developer_token):
            raise ConfigurationError(
                f"sources.{source}: instance_url and developer_token go together; give both or none."
            )
        self._login = (str(options["client_id"]), str(options["client_secret"]))
        self._settings = {
            "timeout": float(options.get("timeout", 120.0)),
            "verify": options.get("verify_ssl", True),
            "backoff": float(options.get("backoff", 0.5)),
            "patience": float(options.get("patience", 30.0)),
        }
        self._lock = threading.RLock()
        self._threads = threading.local()
        self._sessions: list[Session] = []
        self._token: Item = {}

    @property
    def has_instance(self) -> bool:
        """Whether the instance API is configured; without it cards and reports cannot be seen."""
        return bool(self.instance_url)

    def close(self) -> None:
        """Forget the token and close connections; Domo's tokens need no log-out."""
        with self._lock:
            while self._sessions:
                self._sessions.pop().close()
            self._threads = threading.local()
            self._token = {}

    def login(self) -> Item:
        """What Domo says of our client: `access_token`, `userId`, `role`, `scope`, `customer`."""
        return self._token or self._renewed({})

    def public(self, method: str, path: str, **request: Any) -> Any:
        """The JSON (None when there is none) of one call of the public API."""
        token = self.login()
        try:
            return self._public(method, path, token, **request)
        except SourceAuthFailed:
            return self._public(method, path, self._renewed(token), **request)

    def instance(self, method: str, path: str, **request: Any) -> Any:
        """The JSON (None when there is none) of one call of the instance API.

        SourceForbidden without its settings: nothing there may be read as absent.
        """
        if not self.has_instance:
            raise SourceForbidden(
                "cards and scheduled reports are only in Domo's instance API, which is not configured",
                source=self.source,
                hint="Give the source instance_url and developer_token.",
            )
        headers = {"X-DOMO-Developer-Token": self._developer_token, "Accept": "application/json"}
        response = call(
            self._session(), self.source, method, self.instance_url + path, headers=headers, **request
        )
        return json_of(response, self.source) if response.content else None

    def listed(self, path: str) -> Iterator[list[Item]]:
        """Every row of a public list that tells no total, page by page.

        The next page begins after what came, so a short page loses nothing; the end is an empty page
        that stays empty when it is asked for again.
        """
        offset = 0
        while True:
            rows = self._rows(path, self.page_size, offset) or self._rows(path, 1, offset)
            if not rows:
                return
            offset += len(rows)
            yield rows

    def summaries(self, path: str, rows: str, total: str, key: str, body: Item) -> Iterator[list[Item]]:
        """Every row of one of the instance's admin lists, each once.

        IncompleteFeed when fewer different rows came than the list counts.
        """
        skip, expected, seen = 0, None, set[str]()
        while expected is None or skip < expected:
            answer = self.instance(
                "POST", path, params={"limit": self.page_size, "skip": skip}, json=dict(body)
            )
            if not isinstance(answer, dict) or not isinstance(answer.get(total), int):
                raise SourceBroken(f"{path} gave no {total}", source=self.source)
            page, expected = list(answer.get(rows) or ()), int(answer[total])
            fresh = [row for row in page if str(row[key]) not in seen]
            seen.update(str(row[key]) for row in fresh)
            skip += len(page)
            if not page:
                break
            yield fresh
        if len(seen) < expected:
            raise IncompleteFeed(
                f"{path} counts {expected} but gave {len(seen)}", source=self.source, hint="Run again."
            )

    def _rows(self, path: str, limit: int, offset: int) -> list[Item]:
        answer = self.public("GET", path, params={"limit": limit, "offset": offset})
        if not isinstance(answer, list):
            raise SourceBroken(f"{path} gave something else than a list", source=self.source)
        return answer

    def _public(self, method: str, path: str, token: Item, **request: Any) -> Any:
        headers = {"Authorization": f"Bearer {token['access_token']}", "Accept": "application/json"}
        response = call(self._session(), self.source, method, self.api_url + path, headers=headers, **request)
        return json_of(response, self.source) if response.content else None

    def _renewed(self, refused: Item) -> Item:
        """A token other than the refused one; of several threads only one asks for it."""
        with self._lock:
            if not self._token or self._token is refused:
                response = call(
                    self._session(),
                    self.source,
                    "POST",
                    self.api_url + TOKEN,
                    data={"grant_type": "client_credentials"},
                    auth=self._login,
                )
                answer = json_of(response, self.source)
                if not isinstance(answer, dict) or not answer.get("access_token"):
                    raise SourceBroken("the log-in gave no token", source=self.source)
                self._token = answer
            return self._token

    def _session(self) -> Session:
        session: Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = open_session(self.api_url, reading_posts=(TOKEN,), **self._settings)
            if self.has_instance:
                _mount_reading(session, self)
            self._threads.session = session
            with self._lock:
                self._sessions.append(session)
        return session


def _mount_reading(session: Session, client: DomoClient) -> None:
    """The admin lists are POSTs that change nothing: they are repeated like reads."""
    adapter = session.get_adapter(client.api_url + TOKEN)
    for path in (PAGE_ADMIN, CARD_ADMIN):
        session.mount(client.instance_url + path, adapter)


def owners_of(item: Item) -> list[str]:
    """The ids of the people who own a page or card, groups left out, main owner first."""
    people = [str(o["id"]) for o in item.get("owners") or () if str(o.get("type", "USER")).upper() == "USER"]
    main = str(item.get("ownerId") or "")
    return [main, *(p for p in people if p != main)] if main else people


def chunks(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """The rows in pieces of at most `size`."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
