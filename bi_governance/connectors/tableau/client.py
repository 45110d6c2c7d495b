"""The vendor in quarantine: Tableau's client library, its sessions, and where its errors are translated."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar
from xml.etree.ElementTree import ParseError

import requests
import tableauserverclient as tsc
from tableauserverclient.models.exceptions import UnknownGranteeTypeError, UnpopulatedPropertyError
from tableauserverclient.namespace import UnknownNamespaceError
from tableauserverclient.server.endpoint.exceptions import TableauError, XMLError
from tableauserverclient.server.exceptions import EndpointUnavailableError, ServerInfoEndpointNotFoundError

from bi_governance.connectors import http
from bi_governance.errors import (
    IncompleteFeed,
    SourceAuthFailed,
    SourceBroken,
    SourceError,
    SourceForbidden,
    SourceMissing,
)

# All that the library can raise: its own, and what its parsers let through when an answer has another shape
# than they expect (AttributeError, IndexError and KeyError come from elements that are not there).
VENDOR_ERRORS = (
    TableauError,
    ServerInfoEndpointNotFoundError,
    EndpointUnavailableError,
    UnknownNamespaceError,
    UnknownGranteeTypeError,
    UnpopulatedPropertyError,
    requests.RequestException,
    ParseError,
    ValueError,
    AttributeError,
    LookupError,
)
METADATA = "/api/metadata/graphql"
QUERY_DATA = "/api/v1/vizql-data-service/query-datasource"
_MAX_PAGE = 1000
_SIGN_IN = "/auth/signin"
_PAGE_BEYOND_END = "400006"

_UNTYPED: Any = tsc  # some of its constructors have no annotations

Answer = TypeVar("Answer")


class Identified(Protocol):
    """Any record of Tableau's."""

    @property
    def id(self) -> str | None: ...


Record = TypeVar("Record", bound=Identified)
Fetch = Callable[[tsc.Server, tsc.RequestOptions], tuple[list[Record], tsc.PaginationItem]]


class TableauClient:
    """One site of one Tableau: signs in when first needed, every failure is a SourceError.

    `options` are the source's settings: server_url, site, token_name, token_value, and optionally timeout
    (seconds per answer), verify_ssl, page_size (at most 1000), backoff and patience (seconds).

    A personal access token holds one session: signing in elsewhere ends ours, so that a token refused in the
    middle is renewed once. All threads share one sign-in for the same reason.
    """

    def __init__(self, source: str, options: Mapping[str, Any]) -> None:
        self.source = source
        self.base_url = str(options["server_url"]).rstrip("/")
        self.page_size = min(_MAX_PAGE, max(1, int(options.get("page_size") or _MAX_PAGE)))
        self.site = str(options.get("site") or "")
        self._options = options
        self._lock = threading.RLock()
        self._server: tsc.Server | None = None

    @property
    def user_id(self) -> str:
        """Who we are, by id."""
        return self.ask(lambda server: str(server.user_id))

    @property
    def site_id(self) -> str:
        return self.ask(lambda server: str(server.site_id))

    def ask(self, request: Callable[[tsc.Server], Answer], hint: str = "") -> Answer:
        """Run calls of the library; a session that was ended is begun again once."""
        server = self._signed_in()
        token = server.auth_token
        try:
            return self._attempt(server, request, hint)
        except SourceAuthFailed:
            self._sign_in_again(token)
        return self._attempt(server, request, hint)

    def post_json(self, path: str, body: Mapping[str, Any], hint: str = "") -> Any:
        """Send JSON to one of Tableau's newer services and return its JSON; for reading only."""

        def post(server: tsc.Server) -> Any:
            headers = {"X-Tableau-Auth": str(server.auth_token), "Accept": "application/json"}
            session: Any = server.session
            answer = http.call(session, self.source, "POST", self.base_url + path, json=body, headers=headers)
            return http.json_of(answer, self.source)

        try:
            return self.ask(post)
        except (SourceForbidden, SourceMissing) as error:
            error.hint = hint or error.hint
            raise

    def pages(self, fetch: Fetch[Record]) -> Iterator[list[Record]]:
        """Every page, proven complete against the advertised total of the first and the last page.

        A list that is said to be empty is asked for once more. IncompleteFeed when pages end early, a total
        changes on the way, or rows repeat.
        """
        seen: set[str] = set()
        number, first_total = 1, None
        while True:
            rows, total = self._page(fetch, number)
            if number == 1 and total == 0:
                rows, total = self._page(fetch, number)
            first_total = total if first_total is None else first_total
            new = {str(row.id) for row in rows} - seen
            if total != first_total or len(new) != len(rows) or (not rows and len(seen) < total):
                raise self._incomplete(f"received {len(seen | new)} of {total} (at first {first_total})")
            seen |= new
            if rows:
                yield rows
            if len(seen) >= total:
                break
            number += 1
        if len(seen) != total:
            raise self._incomplete(f"received {len(seen)} of {total}")

    def close(self) -> None:
        """Sign out; a platform that is gone by now is no reason to fail."""
        with self._lock:
            server, self._server = self._server, None
        if server is None:
            return
        try:
            server.auth.sign_out()
        except VENDOR_ERRORS:
            pass
        finally:
            server.close()

    def _page(self, fetch: Fetch[Record], number: int) -> tuple[list[Record], int]:
        options = _UNTYPED.RequestOptions(pagenumber=number, pagesize=self.page_size)
        try:
            rows, pagination = self.ask(lambda server: fetch(server, options))
        except SourceBroken as error:
            if error.status == 400 and _PAGE_BEYOND_END in error.message:
                raise self._incomplete(f"page {number} is said to lie beyond the end") from error
            raise
        if pagination.total_available is None:
            raise SourceBroken(
                "a list without a total",
                source=self.source,
                status=self._last().status,
                request=self._last().request,
                hint="Check server_url: a log-in page or a proxy may be answering in Tableau's place.",
            )
        return rows, int(pagination.total_available)

    def _incomplete(self, words: str) -> IncompleteFeed:
        last = self._last()
        return IncompleteFeed(
            words,
            source=self.source,
            status=last.status,
            request=last.request,
            hint="Content may have changed while it was listed; run again.",
        )

    def version(self) -> str | None:
        """The server's product version, e.g. 2025.3.0; None where it does not say."""
        try:
            info = self.ask(lambda server: server.server_info.get())
        except SourceError:
            return None
        return str(info.product_version) if info is not None and info.product_version else None

    def _signed_in(self) -> tsc.Server:
        with self._lock:
            if self._server is None:
                server: tsc.Server = _UNTYPED.Server(self.base_url, session_factory=self._open_session)
                server.version = self._attempt(server, _version)
                self._attempt(server, self._sign_in)
                self._server = server
            return self._server

    def _sign_in_again(self, refused: str | None) -> None:
        """Another thread may have been faster; then its session is ours as well."""
        with self._lock:
            if self._server is not None and self._server.auth_token == refused:
                self._attempt(self._server, self._sign_in)

    def _sign_in(self, server: tsc.Server) -> None:
        name, secret = str(self._options["token_name"]), str(self._options["token_value"])
        server.auth.sign_in(tsc.PersonalAccessTokenAuth(name, secret, site_id=self.site))

    def _open_session(self) -> http.Session:
        options = self._options
        return http.open_session(
            self.base_url,
            timeout=float(options.get("timeout", 120)),
            verify=options.get("verify_ssl", True),
            backoff=float(options.get("backoff", 0.5)),
            patience=float(options.get("patience", 30)),
            reading_posts=(METADATA, QUERY_DATA),
        )

    def _last(self) -> http.Exchange:
        session: Any = self._server.session if self._server else None
        return session.last if session is not None else http.Exchange("", "")

    def _attempt(self, server: tsc.Server, request: Callable[[tsc.Server], Answer], hint: str = "") -> Answer:
        session: Any = server.session
        session.last = http.Exchange("", "")
        try:
            return request(server)
        except VENDOR_ERRORS as error:
            raise self.translated(error, session.last, hint) from error

    def translated(self, error: Exception, last: http.Exchange, hint: str = "") -> SourceError:
        """What an error of the library is, by the exchange it came from."""
        if last.error is not None or last.status is None:
            return http.translated(self.source, last, "" if last.error else type(error).__name__)
        if last.status < 400:
            return SourceBroken(
                f"an answer that makes no sense ({type(error).__name__})",
                source=self.source,
                status=last.status,
                request=last.request,
                hint="Check server_url: a log-in page or a proxy may be answering in Tableau's place.",
            )
        if last.path.endswith(_SIGN_IN) and last.status in (401, 403):
            return SourceAuthFailed(
                "Tableau does not accept the personal access token",
                source=self.source,
                status=last.status,
                request=last.request,
                hint="Check token_name, token_value and site; tokens die after 15 days without use, "
                "another one is made under My Account Settings.",
            )
        return http.translated(self.source, last, _words(error), hint if last.status in (403, 404) else "")


def _version(server: tsc.Server) -> str:
    info = server.server_info.get()
    if info is None or not info.rest_api_version:
        raise ValueError("no version in the answer")
    return str(info.rest_api_version)


def _words(error: Exception) -> str:
    """What Tableau said: code, summary and detail."""
    if not isinstance(error, XMLError) or not error.code:
        return ""
    return f"{error.code} {error.summary}: {error.detail}"
