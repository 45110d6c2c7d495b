"""The vendor in quarantine: Looker's SDK, its session and the one place where its errors are translated."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cache
from itertools import count
from typing import IO, Any, Protocol, TextIO, TypeVar, cast

import requests
from cattrs.errors import BaseValidationError
from looker_sdk.error import SDKError
from looker_sdk.rtl import serialize
from looker_sdk.sdk.api40.methods import Looker40SDK

from bi_governance.connectors import http
from bi_governance.connectors.concurrent import Workers
from bi_governance.connectors.looker import lists
from bi_governance.connectors.looker.session import Connections, Settings, SharedLogin
from bi_governance.errors import IncompleteFeed, SourceAuthFailed, SourceBroken, SourceError

# All that the SDK can raise: its own two, what its deserialiser lets through, its asserts on answers.
VENDOR_ERRORS = (SDKError, serialize.DeserializeError, BaseValidationError, AssertionError)
# Calls under way at once: modest, because people use the same Looker meanwhile.
CONCURRENCY = 4

_API = "/api/4.0"
_READING_POSTS = (f"{_API}/login", f"{_API}/queries/run/")
_LEGACY_API_PORT = ":19999"
_CHUNK_BYTES = 64 * 1024
_IN_MEMORY_BYTES = 1024 * 1024  # longer lists wait on disk while they are read

Answer = TypeVar("Answer")
Item = TypeVar("Item")


class Identified(Protocol):
    """Any Looker record."""

    id: str | None


Record = TypeVar("Record", bound=Identified)


class LookerClient:
    """One Looker instance: logs in once when first needed, every failure a SourceError; safe for threads.

    `options` are the source's settings: base_url, client_id, client_secret, and optionally timeout
    (seconds per answer), verify_ssl (bool or path of a CA bundle), page_size, concurrency (calls under
    way at once, 4), backoff and patience (seconds, see `http.open_session`).
    """

    def __init__(self, source: str, options: Mapping[str, Any]) -> None:
        self.source = source
        self.base_url = str(options["base_url"]).rstrip("/")
        self.page_size = max(1, int(options.get("page_size") or 500))
        wanted = options.get("concurrency")
        self.workers = Workers(CONCURRENCY if wanted is None else int(wanted), f"looker {source}")
        self._options = options
        settings = Settings(self.base_url, options)
        self._connections = Connections(settings, self._open_session)
        deserialize: Any = _deserialize  # the SDK declares it positional but calls it by keyword
        self._login = SharedLogin(settings, self._connections, deserialize, "4.0")
        self._sdk = Looker40SDK(self._login, deserialize, serialize.serialize40, self._connections, "4.0")

    @property
    def web_url(self) -> str:
        """Where people open Looker: the API address without its former port of its own."""
        return self.base_url.removesuffix(_LEGACY_API_PORT)

    @property
    def last(self) -> http.Exchange:
        """The newest exchange of this thread."""
        return self._connections.session.last

    def ask(self, request: Callable[[Looker40SDK], Answer], hint: str = "") -> Answer:
        """Run one SDK call; a token that the server no longer knows is renewed once.

        Raises SourceError with status and request; `hint` says what to do when Looker answers 403 or 404.
        """
        session = self._connections.session
        session.last = http.Exchange("", "")
        try:
            return request(self._sdk)
        except VENDOR_ERRORS as error:
            failure = self._translated(error, session.last, hint)
            if not _is_stale_token(failure):
                raise failure from error
        self._login.forget_refused()
        try:
            return request(self._sdk)
        except VENDOR_ERRORS as error:
            raise self._translated(error, session.last, hint) from error

    def ask_each(self, request: Callable[[Item], Answer], items: Iterable[Item]) -> Iterator[Answer]:
        """`request(item)`, itself a call to `ask`, for each item in order, some under way at once."""
        return self.workers.in_order(request, items)

    def pages(
        self, search: Callable[[Looker40SDK, int, int], Sequence[Record]]
    ) -> Iterator[Sequence[Record]]:
        """Every page of a search called with (SDK, limit, offset), until an empty one.

        A short page proves nothing (a server may cut them shorter than asked), an empty one does. After
        a full page the next ones are asked for together, as if they were full too; where one is not, what
        was asked for beyond it is dropped and the search goes on from where that page ended.
        IncompleteFeed when the server sends the same page again instead of the next.
        """
        offset, previous, full = 0, "", False
        while True:
            with closing(self._pages_from(search, offset, together=full)) as found:
                for page in found:
                    if not page:
                        return
                    if str(page[-1].id) == previous:
                        raise self._repeats()
                    offset, previous = offset + len(page), str(page[-1].id)
                    full = len(page) == self.page_size
                    yield page
                    if not full:
                        break

    def _repeats(self) -> IncompleteFeed:
        return IncompleteFeed(
            "the platform repeats a page instead of going on", source=self.source, request=self.last.request
        )

    def _pages_from(
        self,
        search: Callable[[Looker40SDK, int, int], Sequence[Record]],
        offset: int,
        *,
        together: bool,
    ) -> Generator[Sequence[Record], None, None]:
        """The page at an offset, and with `together` page after page without end."""

        def page_at(start: int) -> Sequence[Record]:
            return self.ask(lambda sdk: search(sdk, self.page_size, start))

        if together:
            yield from self.ask_each(page_at, count(offset, self.page_size))
        else:
            yield page_at(offset)

    def listed(self, path: str, **query: object) -> Iterator[Mapping[str, Any]]:
        """The items of a list that Looker gives in one answer, as plain JSON objects.

        The answer is received whole and only then read item by item, mostly from disk: it may be longer
        than should be held, and whoever reads it may take longer than a connection stays open.
        """
        with self.ask(lambda sdk: self._received(sdk, f"{self.base_url}{_API}{path}", query)) as answer:
            request = self.last
            try:
                yield from lists.objects(answer)
            except ValueError as error:
                raise self._translated(error, request, "") from error

    def _received(self, sdk: Looker40SDK, url: str, query: Mapping[str, object]) -> TextIO:
        headers = sdk.auth.authenticate({})
        session = self._connections.session
        answer = cast(
            "IO[str]",
            tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, "w+", encoding="utf-8", newline=""),  # noqa: SIM115
        )
        try:
            with session.get(url, params=_as_text(query), headers=headers, stream=True) as response:
                if not response.ok:
                    raise _refusal(response.text)
                response.encoding = "utf-8"
                for chunk in response.iter_content(_CHUNK_BYTES, decode_unicode=True):
                    answer.write(chunk)
        except requests.RequestException as error:
            answer.close()
            session.last = replace(session.last, error=error)
            raise SDKError(str(error)) from error
        except SDKError:
            answer.close()
            raise
        answer.seek(0)
        return cast("TextIO", answer)

    def close(self) -> None:
        """Log out; a platform that is gone by now is no reason to fail."""
        self.workers.close()
        try:
            self._login.logout()
        except VENDOR_ERRORS:
            return
        finally:
            self._connections.close()

    def _open_session(self) -> http.Session:
        options = self._options
        session = http.open_session(
            self.base_url,
            timeout=float(options.get("timeout", 120)),
            verify=options.get("verify_ssl", True),
            backoff=float(options.get("backoff", 0.5)),
            patience=float(options.get("patience", 30)),
            reading_posts=_READING_POSTS,
        )
        # Once per connection: requests would go through the whole environment with every call.
        settings = session.merge_environment_settings(self.base_url, {}, None, session.verify, None)
        session.proxies, session.verify = settings["proxies"], settings["verify"]
        session.trust_env = False
        return session

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


def _refusal(body: str) -> SDKError:
    """The error a body describes, as the SDK would have raised it."""
    try:
        return cast("SDKError", _deserialize(data=body, structure=SDKError))
    except serialize.DeserializeError:
        return SDKError(body)


def _as_text(query: Mapping[str, object]) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in query.items()
    }


def _words(error: Exception) -> str:
    """What Looker said, with the fields at fault."""
    if not isinstance(error, SDKError):
        return ""
    details = (f"{detail.field} {detail.message}".strip() for detail in error.errors)
    return ": ".join(part for part in (error.message or "", ", ".join(details)) if part)


def _is_stale_token(failure: SourceError) -> bool:
    return isinstance(failure, SourceAuthFailed) and not failure.request.endswith("/login")
