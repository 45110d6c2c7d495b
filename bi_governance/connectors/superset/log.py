"""Superset's action log, read so that nothing slips while it grows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta

from bi_governance.connectors.superset.client import PAGE_SIZE, SupersetClient, with_hint
from bi_governance.connectors.superset.rison import Filter, utc_text
from bi_governance.connectors.superset.visits import (
    BEACONS,
    CHART_DATA_PATH,
    DATA,
    EXPORTS,
    GROUPS,
    PAGES,
    Access,
    LogRow,
    Visits,
    kind_of,
    number_in,
    numbers_in,
    read_row,
)
from bi_governance.errors import IncompleteFeed, SourceBroken, SourceForbidden, SourceMissing

COLUMNS = ("action", "dttm", "json", "slice_id", "dashboard_id", "user_id", "referrer")
COUNTED = frozenset(action for group in GROUPS for action in group)
TICK = timedelta(microseconds=1)
LOADING = timedelta(seconds=5)
LOG_HINT = (
    "Superset must keep its action log in its database and show it: FAB_ADD_SECURITY_VIEWS and "
    "SUPERSET_LOG_VIEW on in superset_config.py, and 'can read on Log' in a role of the account "
    "(Settings > List Roles)."
)


class ActionLog:
    """The log of one Superset, read so that rows arriving meanwhile cannot shift the pages."""

    def __init__(self, client: SupersetClient) -> None:
        self._client = client
        self._embedded: dict[str, int | None] = {}
        self._has_in = True

    def accesses(self, start: datetime, end: datetime) -> Iterator[list[Access]]:
        """Uses within [start, end), page by page; IncompleteFeed when rows are missing."""
        visits = Visits()
        for group in GROUPS:
            for rows in self._rows_of(group, start, end):
                found = [access for row in rows for access in self.uses(row)]
                yield [access for access in found if visits.is_new(access)]

    def uses(self, row: LogRow) -> list[Access]:
        """What one row says was used, before rows of the same visit are merged; mostly nothing."""
        if row.action not in COUNTED:
            return []
        if row.action in EXPORTS:
            kind = "dashboard" if row.action.startswith("Dashboard") else "chart"
            return [Access(row, kind, number, "export") for number in numbers_in(row.detail.get("rison"))]
        type_, number = self._subject(row)
        return [] if number is None else [Access(row, type_, number, kind_of(row))]

    def oldest(self) -> datetime | None:
        """When the oldest row that was not pruned was written; None for an empty log."""
        return next((row.at for row in self._page((), descending=False, page_size=1)), None)

    def last_use(
        self, type_: str, number: int, since: datetime, not_by: Collection[str], embedded_as: str = ""
    ) -> datetime | None:
        """The newest use of one visual after `since` by anybody else, searched newest first."""
        found = [
            self._newest_use(traces, type_, number, since, not_by)
            for traces in _traces(type_, number, embedded_as)
        ]
        return max((at for at in found if at is not None), default=None)

    def _newest_use(
        self,
        traces: Sequence[Filter],
        type_: str,
        number: int,
        since: datetime,
        not_by: Collection[str],
    ) -> datetime | None:
        """When the newest matching visit was; the rows a page writes while it loads are one moment."""
        last: LogRow | None = None
        for row in self.newest((*traces, Filter("dttm", "gt", utc_text(since)))):
            if last is not None and row.at < last.at - LOADING:
                break
            if row.user_id in not_by or not self._concerns(row, type_, number):
                continue
            if last is None:
                last = row
            elif row.action in PAGES and row.user_id == last.user_id:
                return row.at
        return None if last is None else last.at

    def _concerns(self, row: LogRow, type_: str, number: int) -> bool:
        """Whether a row is a use of the visual; a chart shown on a dashboard is used with it."""
        column = row.dashboard_id if type_ == "dashboard" else row.chart_id
        return any((use.type, use.number) == (type_, number) or column == number for use in self.uses(row))

    def newest(self, filters: Sequence[Filter] = ()) -> Iterator[LogRow]:
        """Matching rows, newest first."""
        number, rows = 0, self._page(filters, descending=True)
        while rows:
            yield from rows
            number += 1
            rows = self._page(filters, descending=True, page=number)

    def _rows_of(self, group: Sequence[str], start: datetime, end: datetime) -> Iterator[list[LogRow]]:
        """All rows of these actions; a server whose filters lack `in` is asked one action at a time."""
        if self._has_in:
            try:
                yield from self._walk(Filter("action", "in", list(group)), start, end)
            except SourceBroken as error:
                if error.status != 400:
                    raise
                self._has_in = False
            else:
                return
        for action in group:
            yield from self._walk(Filter("action", "eq", action), start, end)

    def _walk(self, wanted: Filter, start: datetime, end: datetime) -> Iterator[list[LogRow]]:
        """Rows in the order of time; each page begins at the moment the one before ended with.

        Going on from a moment instead of a page number, nothing can slip: rows sharing that moment are
        read again and recognised by their id.
        """
        since, number, seen = start - TICK, 0, set[int]()
        expected, received = None, 0
        while True:
            times = (Filter("dttm", "gt", utc_text(since)), Filter("dttm", "lt", utc_text(end)))
            rows, count = self._read((wanted, *times), page=number)
            fresh = [row for row in rows if row.id not in seen]
            expected = count if expected is None else expected
            received += len(fresh)
            yield fresh
            if not rows or (number == 0 and len(rows) >= count):
                break
            if rows[-1].at - TICK > since:
                since, number = rows[-1].at - TICK, 0
                seen = {row.id for row in rows if row.at == rows[-1].at}
            else:
                number, seen = number + 1, seen | {row.id for row in rows}
        if received < expected:
            raise IncompleteFeed(
                f"the log has {expected} rows but gave {received}", source=self._client.source
            )

    def _page(
        self, filters: Sequence[Filter], *, descending: bool, page: int = 0, page_size: int = PAGE_SIZE
    ) -> list[LogRow]:
        return self._read(filters, descending=descending, page=page, page_size=page_size)[0]

    def _read(
        self,
        filters: Sequence[Filter],
        *,
        descending: bool = False,
        page: int = 0,
        page_size: int = PAGE_SIZE,
    ) -> tuple[list[LogRow], int]:
        try:
            listing = self._client.page(
                "log",
                COLUMNS,
                filters,
                order="dttm",
                descending=descending,
                page=page,
                page_size=page_size,
            )
        except (SourceForbidden, SourceMissing) as error:
            raise with_hint(error, LOG_HINT) from error
        rows = [read_row(number, item) for number, item in zip(listing.ids, listing.items, strict=True)]
        return [row for row in rows if row is not None], listing.count

    def _subject(self, row: LogRow) -> tuple[str, int | None]:
        """Whose page it is: the dashboard's, also for the charts on it, else the chart's."""
        if row.dashboard_id is not None:
            return "dashboard", row.dashboard_id
        if row.action == "embedded":
            return "dashboard", self._embedded_dashboard(str(row.detail.get("embedded_dashboard_id") or ""))
        source, number = row.detail.get("source"), number_in(row.detail.get("source_id"))
        if row.action in BEACONS and source == "dashboard":
            return "dashboard", number
        if row.chart_id is not None or row.action not in (*BEACONS, *DATA):
            return "chart", row.chart_id
        if row.action in BEACONS:
            return "chart", number if source in ("slice", "explore") else None
        path = CHART_DATA_PATH.search(str(row.detail.get("path") or ""))
        return "chart", int(path.group(1)) if path else None

    def _embedded_dashboard(self, uuid: str) -> int | None:
        """The dashboard behind the uuid under which it is embedded; None when there is none any more."""
        if uuid and uuid not in self._embedded:
            try:
                found = self._client.result(f"/api/v1/embedded_dashboard/{uuid}")
            except SourceMissing:
                found = {}
            self._embedded[uuid] = number_in(found.get("dashboard_id"))
        return self._embedded.get(uuid)


def _traces(type_: str, number: int, embedded_as: str) -> Iterator[Sequence[Filter]]:
    """Which rows may tell of a use: those naming the visual, and those naming it only in their JSON."""
    if type_ == "dashboard":
        yield (Filter("dashboard_id", "eq", number),)
        yield (Filter("action", "eq", "DashboardRestApi.export"),)
        if embedded_as:
            yield (Filter("action", "eq", "embedded"), Filter("json", "ct", embedded_as))
    else:
        yield (Filter("slice_id", "eq", number),)
        yield (Filter("action", "eq", "ChartRestApi.export"),)
        yield (Filter("action", "eq", "ChartDataRestApi.data"), Filter("json", "ct", f"/chart/{number}/data"))
