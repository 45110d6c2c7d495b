"""Domo's audit log: uses of pages and cards, in closed windows, each row once."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bi_governance.connectors.domo.client import DomoClient, Item
from bi_governance.errors import IncompleteFeed, SourceBroken
from bi_governance.model import VisualKey
from bi_governance.ports import Page

AUDIT = "/v1/audit"
PAGE_ROWS = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
# How late a row may turn up in the log and still be found by a look that only reads on.
_LATE = timedelta(hours=1)
_COLUMNS = {"PAGE": "page_id", "CARD": "card_id"}
_KINDS = {
    "VIEWED": "view",
    "UPDATED": "edit",
    "EDITED": "edit",
    "CREATED": "edit",
    "EXPORTED": "export",
    "EMBED_VIEWED": "embed",
}
_NO_USE = frozenset({"DELETED", "LOCKED", "UNLOCKED", "SHARED", "UNSHARED"})


@dataclass(frozen=True, slots=True)
class Use:
    """One row of the log about a page or card; Domo tells seconds, and `key` is a digest of the whole row."""

    key: str
    at: datetime
    user_id: str
    action: str
    object_type: str
    object_id: str

    @property
    def is_use(self) -> bool:
        """Whether somebody used it, rather than administered it."""
        return self.action not in _NO_USE

    def as_row(self) -> dict[str, object]:
        """A row of `domo_historical_access`; an action we do not know counts as a view."""
        row: dict[str, object] = {
            "event_key": self.key,
            "accessed_at": self.at,
            "user_id": self.user_id,
            "page_id": None,
            "card_id": None,
            "action": self.action,
            "object_type": self.object_type,
            "access_kind": _KINDS.get(self.action, "view"),
        }
        return row | {_COLUMNS[self.object_type]: self.object_id}


class AuditLog:
    """The log is newest first and may grow while it is paged: rows repeat, none is skipped."""

    def __init__(self, client: DomoClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._since: datetime | None = None
        self._newest: datetime | None = None
        self._uses: dict[tuple[str, str], dict[str, datetime]] = {}

    def rows(self, start: datetime, end: datetime) -> Iterator[Page]:
        """Rows of uses within [start, end), page by page.

        IncompleteFeed when a time lies outside: Domo does not state the zone of its texts, and read in
        another one they would be put on the wrong day.
        """
        for uses in self._pages(start, end):
            for use in uses:
                if not start - _SECOND < use.at <= end:
                    raise IncompleteFeed(
                        f"asked for {start:%Y-%m-%d %H:%M} to {end:%H:%M} UTC, got a row of "
                        f"{use.at:%Y-%m-%d %H:%M:%S}: the times of the audit log are not UTC",
                        source=self._client.source,
                        hint="Ask Domo's support to give the audit log of this instance in UTC.",
                    )
            found = [use.as_row() for use in uses if use.is_use and use.at < end]
            if found:
                yield found

    def start(self, wanted: datetime, now: datetime) -> datetime:
        """The first moment from `wanted` on that the log reaches; `now` when it is empty.

        Found by halving, to a second: asking whether anything lies before a moment costs one row.
        """
        if self._reaches(wanted):
            return wanted
        if not self._reaches(now):
            return now
        before, after = wanted, now
        while after - before > _SECOND:
            middle = before + (after - before) / 2
            if self._reaches(middle):
                after = middle
            else:
                before = middle
        return after

    def last_use(self, key: VisualKey, since: datetime, not_by: Collection[str]) -> datetime | None:
        """The newest use after `since` by anybody else."""
        by_user = self._known(key, since)
        return max((at for user, at in by_user.items() if user not in not_by and at > since), default=None)

    def last_by(self, key: VisualKey, since: datetime, users: Collection[str]) -> datetime | None:
        """The newest use after `since` by one of these."""
        by_user = self._known(key, since)
        return max((at for user, at in by_user.items() if user in users), default=None)

    def _known(self, key: VisualKey, since: datetime) -> dict[str, datetime]:
        """Who used it last when, everything up to this moment read; what was read once is not read again.

        The public log cannot be asked for one object.
        """
        with self._lock:
            if self._since is None or since < self._since:
                self._since, self._newest, self._uses = since, None, {}
            begin = self._since if self._newest is None else max(self._since, self._newest - _LATE)
            for uses in self._pages(begin, None):
                for use in uses:
                    self._newest = use.at if self._newest is None else max(self._newest, use.at)
                    self._remember(use)
            return dict(self._uses.get((key.type.upper(), key.native_id), {}))

    def _remember(self, use: Use) -> None:
        if use.is_use:
            by_user = self._uses.setdefault((use.object_type, use.object_id), {})
            by_user[use.user_id] = max(by_user.get(use.user_id, use.at), use.at)

    def _pages(self, start: datetime, end: datetime | None) -> Iterator[list[Use]]:
        """New uses page by page, to an empty page that stays empty."""
        offset, seen = 0, set[str]()
        while rows := (self.read(start, end, offset) or self.read(start, end, offset, limit=1)):
            offset += len(rows)
            uses = {use.key: use for use in map(self._use, rows) if use is not None and use.key not in seen}
            seen |= uses.keys()
            yield list(uses.values())

    def read(
        self, start: datetime, end: datetime | None, offset: int = 0, limit: int = PAGE_ROWS
    ) -> list[Item]:
        """One page of the log, newest first; `end` None reads up to now."""
        query = {"start": _milliseconds(start), "limit": limit, "offset": offset}
        if end is not None:
            query["end"] = _milliseconds(end)
        answer = self._client.public("GET", AUDIT, params=query)
        if not isinstance(answer, list):
            raise SourceBroken("the audit log came as something else than a list", source=self._client.source)
        return answer

    def _reaches(self, moment: datetime) -> bool:
        return bool(self.read(_EPOCH, moment, limit=1))

    def _use(self, row: Item) -> Use | None:
        """A row about a page or card; one that does not say which is refused, names are no identity."""
        type_ = str(row.get("objectType") or "").upper()
        if type_ not in _COLUMNS:
            return None
        if not row.get("objectId"):
            raise IncompleteFeed(
                "the audit log does not say the ids of pages and cards", source=self._client.source
            )
        return Use(
            key=hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()[:32],
            at=self._time(row),
            user_id=str(row.get("userId") or row.get("actorId") or ""),
            action=str(row.get("actionType") or "").upper(),
            object_type=type_,
            object_id=str(row["objectId"]),
        )

    def _time(self, row: Item) -> datetime:
        """Epoch milliseconds, or a text like `2017-12-13 10:57:35 PM`."""
        time = row.get("time")
        if isinstance(time, int):
            return _EPOCH + timedelta(milliseconds=time)
        try:
            return datetime.strptime(str(time), "%Y-%m-%d %I:%M:%S %p").replace(tzinfo=UTC)
        except ValueError as error:
            raise SourceBroken(
                f"a row of the audit log has the time {time!r}", source=self._client.source
            ) from error


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
