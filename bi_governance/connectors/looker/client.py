"""The vendor in quarantine: Looker's SDK, its session and the one place where its errors are translated."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Protocol, TypeVar

from cattrs.errors import BaseValidationError
from looker_sdk.error import SDKError
from looker_sdk.rtl import api_settings, auth_session, auth_token, requests_transport, serialize
from looker_sdk.sdk import constants
from looker_sdk.sdk.api40.methods import Looker40SDK

from bi_governance.connectors import http
from bi_governance.errors import IncompleteFeed, SourceAuthFailed, SourceBroken, SourceError

# All that the SDK can raise: its own two, what its deserialiser lets through, its asserts on answers.
VENDOR_ERRORS = (SDKError, serialize.DeserializeError, BaseValidationError, AssertionError)

_API = "/api/4.0"
_READING_POSTS = (f"{_API}/login", f"{_API}/queries/run/")
_LEGACY_API_PORT = ":19999"

Answer = TypeVar("Answer")


class Identified(Protocol):
    """Any Looker record."""

    id: str | None


Record = TypeVar("Record", bound=Identified)


class LookerClient:
    """One Looker instance: logs in when first needed, one SDK per thread, every failure a SourceError.

    `options` are the source's settings: base_url, client_id, client_secret, and optionally timeout
    (seconds per answer), verify_ssl (bool or path of a CA bundle), page_size, backoff and patience
    (seconds, see `http.open_session`).
    """

    def __init__(self, source: str, options: Mapping[str, Any]) -> None:
        self.source = source
        self.base_url = str(options["base_url"]).rstrip("/")
        self.page_size = max(1, int(options.get("page_size") or 500))
        self._options = options
        self._local = threading.local()
        self._lock = threading.Lock()
        self._sdks: list[tuple[Looker40SDK, http.Session]] = []

    @property
    def web_url(self) -> str:
        """Where people open Looker: the API address without its former port of its own."""
        return self.base_url.removesuffix(_LEGACY_API_PORT)

    @property
    def last(self) -> http.Exchange:
        """The newest exchange of this thread."""
        return self._connection()[1].last

    def ask(self, request: Callable[[Looker40SDK], Answer], hint: str = "") -> Answer:
        """Run one SDK call; a token that the server no longer knows is renewed once.

        Raises SourceError with status and request; `hint` says what to do when Looker answers 403 or 404.
        """
        sdk, session = self._connection()
        session.last = http.Exchange("", "")
        try:
            return request(sdk)
        except VENDOR_ERRORS as error:
            failure = self._translated(error, session.last, hint)
            if not _is_stale_token(failure):
                raise failure from error
        sdk.auth.token = auth_token.AuthToken()
        try:
            return request(sdk)
        except VENDOR_ERRORS as error:
            raise self._translated(error, session.last, hint) from error

    def pages(
        self, search: Callable[[Looker40SDK, int, int], Sequence[Record]]
    ) -> Iterator[Sequence[Record]]:
        """Every page of a search called with (SDK, limit, offset), until an empty one.

        A short page proves nothing (a server may cut them shorter than asked), an empty one does.
        IncompleteFeed when the server sends the same page again instead of the next.
        """
        offset, previous = 0, ""
        while batch := self.ask(lambda sdk, at=offset: search(sdk, self.page_size, at)):  # type: ignore[misc]
            if str(batch[-1].id) == previous:
                raise IncompleteFeed(
                    "the platform repeats a page instead of going on",
                    source=self.source,
                    request=self.last.request,
                )
            yield batch
            offset, previous = offset + len(batch), str(batch[-1].id)

    def close(self) -> None:
        """Log out everywhere; a platform that is gone by now is no reason to fail."""
        with self._lock:
            connections, self._sdks = self._sdks, []
        for sdk, session in connections:
            try:
                sdk.auth.logout()
            except VENDOR_ERRORS:
                continue
            finally:
                session.close()
        self._local = threading.local()

    def _connection(self) -> tuple[Looker40SDK, http.Session]:
        found: tuple[Looker40SDK, http.Session] | None = getattr(self._local, "connection", None)
        if found is None:
            found = self._local.connection = self._connect()
            with self._lock:
                self._sdks.append(found)
        return found

    def _connect(self) -> tuple[Looker40SDK, http.Session]:
        options = self._options
        session = http.open_session(
            self.base_url,
            timeout=float(options.get("timeout", 120)),
            backoff=float(options.get("backoff", 0.5)),
            patience=float(options.get("patience", 30)),
            reading_posts=_READING_POSTS,
        )
        settings = _Settings(self.base_url, str(options["client_id"]), str(options["client_secret"]))
        transport = requests_transport.RequestsTransport(settings, session)
        session.verify = options.get("verify_ssl", True)
        deserialize: Any = _deserialize  # the SDK declares it positional but calls it by keyword
        auth = auth_session.AuthSession(settings, transport, deserialize, "4.0")
        return Looker40SDK(auth, deserialize, serialize.serialize40, transport, "4.0"), session

    def _translated(self, error: Exception, last: http.Exchange, hint: str) -> SourceError:
        if last.error is not None or not last.method:
            return http.translated(self.source, last)
        if last.status is not None and last.status < 400:
            return SourceBroken(
                f"an answer that makes no sense ({type(error).__name__})",
                source=self.source,
                status=last.status,
                request=last.request,
                hint="Check base_url: a log-in page or a proxy may be answering in Looker's place.",
            )
        if last.path.endswith("/login") and last.status in (401, 403, 404):
            return SourceAuthFailed(  # Looker answers unknown API keys with 404
                "Looker does not accept the API key",
                source=self.source,
                status=last.status,
                request=last.request,
                hint="Check client_id and client_secret, and that their user is enabled.",
            )
        return http.translated(self.source, last, _words(error), hint if last.status in (403, 404) else "")


class _Settings(api_settings.ApiSettings):
    """Connection settings that live in memory only: no looker.ini, no environment."""

    def __init__(self, base_url: str, client_id: str, client_secret: str) -> None:
        self._config: api_settings.SettingsConfig = {
            "client_id": client_id,
            "client_secret": client_secret,
            "base_url": base_url,
        }
        super().__init__(sdk_version=constants.sdk_version)
        self.timeout = 0  # leaves the time limit to the session

    def read_config(self) -> api_settings.SettingsConfig:
        return self._config


class _ReadyConverter:
    """The SDK's converter with its hook for lists given once.

    The SDK gives it again with every answer, which throws away what the converter has compiled and leaves
    one more hook to try behind: answer by answer it gets slower, without end.
    """

    def __init__(self) -> None:
        self._hook = cache(serialize.converter40.register_structure_hook_factory)

    def register_structure_hook_factory(self, *hook: Any) -> None:
        """What the SDK does before it structures an answer."""
        self._hook(*hook)

    def structure(self, data: Any, structure: Any) -> Any:
        return serialize.converter40.structure(data, structure)


_READY: Any = _ReadyConverter()


def _deserialize(*, data: str, structure: Any) -> Any:
    """The SDK's own, except that errors lose their documentation links.

    For each link the SDK would fetch an error document from a CDN, without a time limit.
    """
    answer: Any = serialize.deserialize(data=data, structure=structure, converter=_READY)
    if isinstance(answer, SDKError):
        answer.documentation_url = ""
        for detail in answer.errors:
            detail.documentation_url = ""
    return answer


def _words(error: Exception) -> str:
    """What Looker said, with the fields at fault."""
    if not isinstance(error, SDKError):
        return ""
    details = (f"{detail.field} {detail.message}".strip() for detail in error.errors)
    return ": ".join(part for part in (error.message or "", ", ".join(details)) if part)


def _is_stale_token(failure: SourceError) -> bool:
    return isinstance(failure, SourceAuthFailed) and not failure.request.endswith("/login")
