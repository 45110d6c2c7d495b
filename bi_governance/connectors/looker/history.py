"""Who ran what in Looker: System Activity, read in windows that are proven to be whole."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from looker_sdk.sdk.api40.models import WriteQuery

from bi_governance.connectors.concurrent import abandon
from bi_governance.connectors.looker.client import LookerClient
from bi_governance.connectors.looker.inventory import text
from bi_governance.errors import IncompleteFeed, SourceBroken, SourceForbidden, SourceMissing
from bi_governance.model import Interval, VisualKey
from bi_governance.ports import Page, Row

NEEDS_SYSTEM_ACTIVITY = (
    "Give our account a role with the permission see_system_activity, in Looker under Admin > Users > Roles."
)
ROW_LIMIT = 50_000
_SECOND, _SHORTEST_WINDOW = timedelta(seconds=1), timedelta(minutes=1)
_TIME, _COUNT = "history.created_time", "history.count"
_FIELDS = (_TIME, "user.id", "history.dashboard_id", "look.id", "history.source", _COUNT)
_STRING_WILDCARDS = re.compile(r'([%_^",])')


@dataclass(frozen=True, slots=True)
class Use:
    """A visual was run by somebody (None: an embedded or public viewer) at a moment known to the second."""

    at: datetime
    user_id: str | None


def read(client: LookerClient, window: Interval, row_limit: int = ROW_LIMIT) -> Iterator[Page]:
    """Access rows of the window, one per second, person, visual and source.

    Looker cuts results off without a word, at the limit asked for or at one of its own. So the runs in
    the rows must add up to the total it counts for the same window; else the window is halved, down to
    one minute, and then it is an IncompleteFeed.
    """
    yield from _read_on(client, window, row_limit, at_once(client, window, row_limit))


def at_once(client: LookerClient, window: Interval, row_limit: int) -> Page | None:
    """The access rows of the window, or None when one answer does not hold them all."""
    around = {_TIME: _range(window.start - _SECOND, window.end + _SECOND)}
    rows = _whole(client, _FIELDS, around, _TIME, row_limit)
    if rows is None:
        return None
    return [row for row in map(_access_row, rows) if _belongs(row, window)]


def _read_on(client: LookerClient, window: Interval, row_limit: int, rows: Page | None) -> Iterator[Page]:
    if rows is not None:
        if rows:
            yield rows
        return
    if window.length <= _SHORTEST_WINDOW:
        raise IncompleteFeed(
            f"more runs than {row_limit} rows within the minute of {_stamp(window.start)}",
            source=client.source,
            request=client.last.request,
            hint="Looker does not return all of them; nothing can be concluded about this day.",
        )
    middle = _whole_second(window.start + window.length / 2)
    yield from read(client, Interval(window.start, middle), row_limit)
    yield from read(client, Interval(middle, window.end), row_limit)


class Ahead:
    """Reads the days that follow the one asked for while that one is being stored.

    Windows are asked for day by day; those to come are guessed, and a wrong guess costs a few calls in
    vain. At most as many days are held as calls are allowed at once, none of more than `row_limit` rows:
    a day that needs halving is read when its turn comes.
    """

    def __init__(self, client: LookerClient, row_limit: int) -> None:
        self._client, self._row_limit = client, row_limit
        self._until: datetime | None = None
        self._begun: dict[Interval, Future[Page | None]] = {}

    def begin(self, until: datetime) -> None:
        """From here on windows will be asked for, the last of them ending at this moment."""
        self.drop()
        self._until = until

    def read(self, window: Interval) -> Iterator[Page]:
        """As `read`."""
        mine = self._begun.pop(window, None)
        wanted = list(self._following(window))
        abandon(future for day, future in self._begun.items() if day not in wanted)
        self._begun = {day: future for day, future in self._begun.items() if day in wanted}
        for day in wanted:
            if day not in self._begun:
                self._begun[day] = self._client.workers.begin(self._at_once, day)
        first = self._at_once(window) if mine is None else mine.result()
        yield from _read_on(self._client, window, self._row_limit, first)

    def drop(self) -> None:
        """Nothing more will be asked for."""
        begun, self._begun = self._begun, {}
        abandon(begun.values())

    def _at_once(self, window: Interval) -> Page | None:
        return at_once(self._client, window, self._row_limit)

    def _following(self, window: Interval) -> Iterator[Interval]:
        start = window.end
        for _ in range(self._client.workers.count - 1):
            if self._until is None or start >= self._until:
                return
            end = min(start + timedelta(days=1), self._until)
            yield Interval(start, end)
            start = end


def oldest(client: LookerClient, since: datetime, until: datetime) -> datetime | None:
    """The oldest run on record in that stretch, of anything and by anybody."""
    rows = run(client, [_TIME], {_TIME: _range(since, until)}, sorts=[_TIME], limit=1)
    return moment(rows[0][_TIME]) if rows else None


def start_of_proof(wanted: datetime, now: datetime, first: datetime | None, retention: timedelta) -> datetime:
    """The earliest moment at or after `wanted` from which all history is there.

    History older than the oldest row cannot be proven: nothing may have happened, or it was pruned, or
    this is a young instance. The day of the oldest row may itself be half pruned, so proof begins with
    the midnight after it; without any row it begins now.
    """
    if first is None:
        return max(wanted, now)
    day_after = datetime.combine(first.date(), datetime.min.time(), UTC) + timedelta(days=1)
    return max(wanted, now - retention, min(day_after, now))


def uses(client: LookerClient, key: VisualKey, since: datetime, row_limit: int = ROW_LIMIT) -> list[Use]:
    """Runs of one visual since then, newest first; IncompleteFeed when there are too many to tell."""
    subject = (
        {"history.dashboard_id": _STRING_WILDCARDS.sub(r"^\1", key.native_id)}
        if key.type == "dashboard"
        else {"look.id": key.native_id}
    )
    filters = {**subject, _TIME: f"after {_stamp(_whole_second(since))}"}
    rows = _whole(client, [_TIME, "user.id", _COUNT], filters, f"{_TIME} desc", row_limit)
    if rows is None:
        raise IncompleteFeed(
            f"Looker does not return all runs of {key}", source=client.source, request=client.last.request
        )
    return [Use(moment(row[_TIME]), text(row["user.id"])) for row in rows]


def run(
    client: LookerClient,
    fields: Sequence[str],
    filters: Mapping[str, str],
    *,
    sorts: Sequence[str] = (),
    limit: int = ROW_LIMIT,
) -> list[Mapping[str, Any]]:
    """An inline query on the history explore, in UTC and past Looker's cache.

    SourceForbidden without see_system_activity (Looker says 404), SourceBroken for an error inside a 200.
    """
    query = WriteQuery(
        model="system__activity",
        view="history",
        fields=list(fields),
        filters=dict(filters),
        sorts=list(sorts),
        limit=str(limit),
        query_timezone="UTC",
    )
    try:
        body = client.ask(
            lambda sdk: sdk.run_inline_query("json", query, cache=False), hint=NEEDS_SYSTEM_ACTIVITY
        )
    except SourceMissing as error:
        raise SourceForbidden(
            "System Activity cannot be queried",
            source=client.source,
            status=error.status,
            request=error.request,
            hint=NEEDS_SYSTEM_ACTIVITY,
        ) from error
    return _parsed(client, body, fields)


def moment(value: object) -> datetime:
    """A time of System Activity, which is in the query's zone: UTC, as we ask for it."""
    parsed = datetime.fromisoformat(str(value))
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def _parsed(client: LookerClient, body: str | bytes, fields: Sequence[str]) -> list[Mapping[str, Any]]:
    try:
        rows = json.loads(body)
    except ValueError:
        rows = None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _broken(client, "System Activity gave an answer that makes no sense")
    for row in rows:
        if "looker_error" in row:
            raise _broken(client, f"System Activity could not run the query: {row['looker_error']}")
        if missing := [name for name in fields if name not in row]:
            raise _broken(client, f"System Activity left out {', '.join(missing)}")
    return rows


def _broken(client: LookerClient, message: str) -> SourceBroken:
    last = client.last
    return SourceBroken(message, source=client.source, status=last.status, request=last.request)


def _whole(
    client: LookerClient, fields: Sequence[str], filters: Mapping[str, str], sort: str, row_limit: int
) -> list[Mapping[str, Any]] | None:
    """The rows, or None when they are provably not all.

    The total is asked for first, so runs recorded meanwhile can only make the rows more.
    """
    total = run(client, [_COUNT], filters, limit=1)
    rows = run(client, fields, filters, sorts=[sort], limit=row_limit)
    counted = sum(int(row[_COUNT] or 0) for row in rows)
    expected = int(total[0][_COUNT] or 0) if total else 0
    return None if len(rows) >= row_limit or counted < expected else rows


def _access_row(row: Mapping[str, Any]) -> Row:
    at = moment(row[_TIME])
    user, dashboard, look = (text(row[name]) for name in ("user.id", "history.dashboard_id", "look.id"))
    kind = str(row["history.source"] or "")
    identity = json.dumps([at.isoformat(), user, dashboard, look, kind])
    return {
        "event_key": hashlib.sha256(identity.encode()).hexdigest()[:32],
        "accessed_at": at,
        "user_id": user,
        "dashboard_id": dashboard,
        "look_id": look,
        "source_kind": kind,
        "run_count": int(row[_COUNT] or 0),
    }


def _belongs(row: Row, window: Interval) -> bool:
    """Runs of visuals within the window; its first second counts whole, because Looker tells no fractions.

    We ask for a second more on either side and cut here, so that it does not matter whether Looker
    takes the edges of a range as in or out.
    """
    at = row["accessed_at"]
    assert isinstance(at, datetime)
    visual = row["dashboard_id"] is not None or row["look_id"] is not None
    return visual and _whole_second(window.start) <= at < window.end


def _range(start: datetime, end: datetime) -> str:
    return f"{_stamp(_whole_second(start))} to {_stamp(_whole_second(end + _SECOND))}"


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _whole_second(at: datetime) -> datetime:
    return at.replace(microsecond=0)
