"""Talking to one Power BI tenant: tokens renewed in time, budgeted calls, lists read to their end."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import requests

from bi_governance.connectors.budget import Budgets
from bi_governance.connectors.http import Session, call, json_of, open_session
from bi_governance.connectors.powerbi.capabilities import ALLOWANCES
from bi_governance.errors import IncompleteFeed, SourceAuthFailed, SourceBroken, SourceError

API_URL = "https://api.powerbi.com"
AUTHORITY_URL = "https://login.microsoftonline.com"
SCOPE = "https://analysis.windows.net/powerbi/api/.default"
ORG = "/v1.0/myorg"
ADMIN = f"{ORG}/admin"
PAGE_SIZE = 5000  # the most `$top` may be for workspaces
RENEW_SECONDS_EARLY = 300.0
SIGN_IN_HINT = "Check tenant_id, client_id and client_secret; the secret may have expired in Microsoft Entra."

Item = Mapping[str, Any]

# Microsoft counts per tenant: the reader's app and the remover's draw on one budget.
BUDGETS = Budgets()


@dataclass(frozen=True, slots=True)
class Identity:
    """An app registration in Microsoft Entra and its secret."""

    client_id: str
    client_secret: str

    @classmethod
    def of_reader(cls, options: Mapping[str, Any]) -> Identity:
        """The one that reads the admin APIs."""
        return cls(str(options["client_id"]), str(options["client_secret"]))

    @classmethod
    def of_remover(cls, options: Mapping[str, Any]) -> Identity:
        """The one that is a member of workspaces: exports, deletes, imports; by default the reader's."""
        if not options.get("remover_client_id"):
            return cls.of_reader(options)
        return cls(str(options["remover_client_id"]), str(options.get("remover_client_secret") or ""))


class PowerBIClient:
    """One app registration at one tenant; nothing is sent before it is needed. For several threads.

    `wall_clock` gives seconds since 1970 and `sleep` waits seconds: between two looks at something
    unfinished, and where Microsoft permits so many calls per minute. By default both are the machine's.
    """

    def __init__(
        self,
        source: str,
        options: Mapping[str, Any],
        identity: Identity,
        wall_clock: Callable[[], float] | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self.source = source
        self.identity = identity
        self.api_url = str(options.get("api_url") or API_URL).rstrip("/")
        self.tenant_id = str(options["tenant_id"])
        self.page_size = min(int(options.get("page_size", PAGE_SIZE)), PAGE_SIZE)
        self._wall_clock, self._sleep = wall_clock or time.time, sleep or time.sleep
        place = f"{self.api_url} {self.tenant_id}".lower()
        self.budget = BUDGETS.at(place, source, ALLOWANCES, self._wall_clock, self._sleep)
        self._authority = str(options.get("authority_url") or AUTHORITY_URL).rstrip("/")
        self._scope = str(options.get("scope") or SCOPE)
        self._settings = {
            "timeout": float(options.get("timeout", 120.0)),
            "verify": options.get("verify_ssl", True),
            "backoff": float(options.get("backoff", 0.5)),
            "patience": float(options.get("patience", 30.0)),
        }
        self._poll_seconds = float(options.get("poll_seconds", 5.0))
        self._lock = threading.RLock()
        self._threads = threading.local()
        self._sessions: list[Session] = []
        self._token, self._renew_at = "", 0.0
        self._server_time: datetime | None = None

    def close(self) -> None:
        """Forget the token and close connections; there is nothing to log out of."""
        with self._lock:
            while self._sessions:
                self._sessions.pop().close()
            self._threads = threading.local()
            self._token = ""

    def now(self) -> datetime:
        """What the service's clock showed at its last answer, else this machine's clock."""
        return self._server_time or datetime.fromtimestamp(self._wall_clock(), UTC)

    def claims(self) -> Item:
        """What our access token says of us (`oid`, `tid`); empty when it is not readable."""
        parts = self._valid_token().split(".")
        if len(parts) != 3:
            return {}
        try:
            found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        except ValueError:
            return {}
        return found if isinstance(found, Mapping) else {}

    def send(self, method: str, path: str, **request: Any) -> requests.Response:
        """One request with our token, renewed once when it is refused.

        BudgetSpent, with nothing sent, when the published limit for such calls is used up.
        """
        token = self._valid_token()
        try:
            return self._call(method, path, token, **request)
        except SourceAuthFailed:
            renewed = self._renewed(token)
        return self._call(method, path, renewed, **request)

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON of one GET."""
        return json_of(self.send("GET", path, params=params), self.source)

    def item(self, path: str, params: Mapping[str, Any] | None = None) -> Item:
        """The JSON object a GET answers; SourceBroken for anything else."""
        found = self.get(path, params)
        if not isinstance(found, Mapping):
            raise SourceBroken("expected a JSON object", source=self.source, request=f"GET {path}")
        return found

    def rows(self, path: str, params: Mapping[str, Any] | None = None, key: str = "value") -> list[Item]:
        """The rows of one answer, under `key`; SourceBroken when they are not there."""
        return self.rows_in(self.item(path, params), path, key)

    def rows_in(self, body: Item, path: str, key: str) -> list[Item]:
        """The list under `key`; an answer without one is not an empty answer."""
        rows = body.get(key)
        if not isinstance(rows, list):
            raise SourceBroken(f"an answer without {key}", source=self.source, request=f"GET {path}")
        return rows

    def pages(self, path: str, params: Mapping[str, Any] | None = None) -> Iterator[list[Item]]:
        """Pages by `$top` and `$skip` until one is empty, and is so again when asked for once more.

        The answers carry no total, so a short page ends nothing: the next begins where it stopped.
        IncompleteFeed when the list begins to repeat itself.
        """
        seen: set[str] = set()
        skip = 0
        while True:
            window = {**(params or {}), "$top": self.page_size, "$skip": skip}
            page = self.rows(path, window) or self.rows(path, window)
            if not page:
                return
            fresh = [item for item in page if str(item["id"]) not in seen]
            if not fresh:
                raise self.incomplete("a list repeats itself instead of going on", path)
            seen.update(str(item["id"]) for item in fresh)
            skip += len(page)
            yield fresh

    def continued(self, path: str, key: str, params: Mapping[str, Any] | None = None) -> Iterator[list[Item]]:
        """Pages by continuation token until there is none; empty pages in between are normal.

        IncompleteFeed when a token comes back, or the last page says that it is not the last.
        """
        used: set[str] = set()
        body = self.item(path, params)
        while True:
            yield self.rows_in(body, path, key)
            token = _token_of(body)
            if not token:
                break
            if token in used:
                raise self.incomplete("a continuation token leads back to itself", path)
            used.add(token)
            body = self.item(path, {"continuationToken": f"'{token}'"})
        if body.get("lastResultSet") is False:
            raise self.incomplete("an answer says that it is not the last but not how to go on", path)

    def until(self, done: Callable[[Item], bool], path: str, most_polls: int = 180) -> Item:
        """Look at `path` until it is done, `poll_seconds` apart; SourceBroken after `most_polls` looks."""
        for _ in range(most_polls):
            found = self.item(path)
            if done(found):
                return found
            if self._poll_seconds:
                self._sleep(self._poll_seconds)
        raise SourceBroken(
            f"still not finished after {most_polls} looks",
            source=self.source,
            request=f"GET {path}",
            hint="Run again later, or raise poll_seconds.",
        )

    def incomplete(self, what: str, path: str) -> IncompleteFeed:
        return IncompleteFeed(
            what, source=self.source, request=f"GET {path}", hint="Run again; nothing is judged by it."
        )

    def _call(self, method: str, path: str, token: str, **request: Any) -> requests.Response:
        self.budget.spend(method, path)
        headers = {**(request.pop("headers", None) or {}), "Authorization": f"Bearer {token}"}
        answer = call(self._session(), self.source, method, self.api_url + path, headers=headers, **request)
        shown = answer.headers.get("Date")
        if shown:
            self._server_time = parsedate_to_datetime(shown)
        return answer

    def _session(self) -> Session:
        """This thread's own session; the token is shared."""
        session: Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = open_session(self._authority, reading_posts=(self._token_path,), **self._settings)
            self._threads.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    @property
    def _token_path(self) -> str:
        return f"/{self.tenant_id}/oauth2/v2.0/token"

    def _valid_token(self) -> str:
        with self._lock:
            if self._token and self._wall_clock() < self._renew_at:
                return self._token
            return self._renewed(self._token)

    def _renewed(self, stale: str) -> str:
        """A token other than `stale`: another thread's, or a new one."""
        with self._lock:
            if self._token in ("", stale):
                self._token = self._signed_in()
            return self._token

    def _signed_in(self) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.identity.client_id,
            "client_secret": self.identity.client_secret,
            "scope": self._scope,
        }
        try:
            answer = call(self._session(), self.source, "POST", self._authority + self._token_path, data=form)
        except SourceError as error:
            # Entra answers 400 to an unknown tenant or app, 401 to a wrong secret.
            if isinstance(error, SourceAuthFailed) or error.status == 400:
                raise SourceAuthFailed(
                    error.message,
                    source=self.source,
                    status=error.status,
                    request=error.request,
                    hint=SIGN_IN_HINT,
                ) from error
            raise
        body = json_of(answer, self.source)
        if not isinstance(body, Mapping) or not body.get("access_token"):
            raise SourceBroken("the sign-in gave no access token", source=self.source)
        self._renew_at = self._wall_clock() + float(body.get("expires_in", 0)) - RENEW_SECONDS_EARLY
        return str(body["access_token"])


def _token_of(body: Item) -> str:
    """The token in plain; answers carry it percent-encoded, ready for an address."""
    token = body.get("continuationToken")
    if token:
        return unquote(str(token))
    query = parse_qs(urlsplit(str(body.get("continuationUri") or "")).query)
    return "".join(query.get("continuationToken", [])).strip("'")
