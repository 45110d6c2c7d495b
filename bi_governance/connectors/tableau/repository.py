"""When content was used, from the events in Tableau Server's own database, the repository.

Facts about it are from Tableau's data dictionary (github.com/tableau/tableau-data-dictionary, 2025.3).
`historical_events` holds one row per event; its `hist_*` ids point to copies that outlive what they describe.
In those, `view_id`, `workbook_id`, `user_id` and `site_id` become null when the original is deleted. Times
are UTC without saying so; `luid` is what the REST API calls the id.

How long events are kept (`wgserver.audit_history_expiration_days`, 183) and that recording can be switched
off (`auditing.enabled`) is from help.tableau.com, "Create Custom Administrative Views"; that downloads and
exports are used as signs of use, from tableau/community-tableau-server-insights.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from bi_governance.connectors.tableau.client import TableauClient
from bi_governance.connectors.tableau.database import REQUEST, RepositoryDatabase
from bi_governance.errors import IncompleteFeed, SourceMissing
from bi_governance.model import Coverage, Interval
from bi_governance.ports import Page

HISTORY_DAYS = 183
# A server on which nothing at all happened for longer than this, not even a sign-in, records no events.
MOST_SILENCE = timedelta(days=3)
AUDITING_HINT = (
    "See whether events are recorded: `tsm configuration get -k auditing.enabled` must say true; "
    "what happened while it was off is not known."
)

# Opening, downloading and exporting. A failed attempt counts as well: somebody wanted it. Extract refreshes,
# publications and changes of owner are other action types and no use.
_USES = sa.text(
    """
    select
        events.id, events.created_at, types.name as event_name,
        cast(users.luid as text) as user_luid, actors.name as user_name, actors.email as user_email,
        cast(views.luid as text) as view_luid, cast(workbooks.luid as text) as workbook_luid
    from public.historical_events as events
    inner join public.historical_event_types as types on events.historical_event_type_id = types.type_id
    left join public.hist_users as actors on events.hist_actor_user_id = actors.id
    left join public.users as users on actors.user_id = users.id
    left join public.hist_views as seen on events.hist_view_id = seen.id
    left join public.views as views on seen.view_id = views.id
    left join public.hist_workbooks as opened on events.hist_workbook_id = opened.id
    left join public.workbooks as workbooks on workbooks.id = coalesce(opened.workbook_id, views.workbook_id)
    left join public.hist_sites as places
        on places.id = coalesce(events.hist_target_site_id, events.hist_actor_site_id)
    where
        events.created_at >= :start and events.created_at < :end
        and (events.hist_view_id is not null or events.hist_workbook_id is not null)
        and (types.action_type = 'Access' or types.name ilike 'download %' or types.name ilike 'export %')
        and :site in (places.site_id, views.site_id, workbooks.site_id)
        and (
            cast(:workbook as text) is null
            or cast(workbooks.luid as text) = :workbook or cast(views.luid as text) = any(:views)
        )
    order by events.created_at, events.id
    """
)
_SITE = sa.text("select id from public.sites where cast(luid as text) = :luid")
_NEWEST = sa.text("select max(created_at) as at from public.historical_events where created_at < :end")
# Where the newest stretch of events without a long silence in it begins. By hours, so that little is sorted:
# a long silence never fits into one.
_RECORDED = sa.text(
    """
    select earliest as at
    from (
        select min(created_at) as earliest, lag(max(created_at)) over (order by min(created_at)) as before
        from public.historical_events
        where created_at >= :start and created_at < :end
        group by date_trunc('hour', created_at)
    ) as hours
    where before is null or earliest - before > :silence
    order by earliest desc
    limit 1
    """
)
_KINDS = {"download": "export", "export": "export"}
_NOBODY: tuple[str, ...] = ()
_ALWAYS = datetime(9999, 1, 1, tzinfo=UTC)


class Repository:
    """Events of one site, read in slices; proven only for stretches in which the server recorded anything.

    `retention` is how long the server keeps events, `robots` who never counts in `last_use`.
    """

    def __init__(
        self,
        client: TableauClient,
        database: RepositoryDatabase,
        retention: timedelta,
        robots: Collection[str],
    ) -> None:
        self._client, self._database, self._retention = client, database, retention
        self._robots = frozenset(robot.lower() for robot in robots)

    def start(self, wanted: datetime, now: datetime, proven: Coverage) -> datetime:  # noqa: ARG002
        """Within retention, and after the last long silence there was.

        A silence that began before `wanted` is seen too: events are looked at from a little earlier.
        IncompleteFeed when there is no event at all: that proves nothing.
        """
        earliest = max(wanted, now - self._retention)
        found = self._database.one(
            _RECORDED, start=_plain(earliest - MOST_SILENCE), end=_plain(now), silence=MOST_SILENCE
        )
        if found is None:
            raise self._silent("nothing", now)
        return min(max(earliest, _utc(found["at"])), now)

    def read(self, window: Interval) -> Iterator[Page]:
        """Uses within the window; IncompleteFeed when the server recorded nothing for long before its end."""
        site = self._site()
        self._require_recording(window.end)
        for page in self._events(site, window.start, window.end):
            yield [_access(row) for row in page]

    def last_use(
        self,
        workbook_id: str,
        views: dict[str, int],
        since: datetime,
        now: datetime,  # noqa: ARG002
    ) -> datetime | None:
        ours = self._robots | {self._client.user_id}
        newest: datetime | None = None
        for page in self._events(self._site(), since, _ALWAYS, workbook_id, tuple(views)):
            for row in page:
                at = _utc(row["created_at"])
                names = {str(row[key] or "").lower() for key in ("user_luid", "user_name", "user_email")}
                if at > since and not names & ours:
                    newest = at
        return newest

    def check(self) -> str:
        """Every table is read once, though not a row of it need be there."""
        site = self._site()
        list(self._events(site, _ALWAYS, _ALWAYS))
        found = self._database.one(_NEWEST, end=_plain(_ALWAYS))
        if found is None or found["at"] is None:
            raise IncompleteFeed(
                "the repository holds no event at all", source=self._client.source, hint=AUDITING_HINT
            )
        return f"events can be read from the repository; the newest is of {found['at']:%Y-%m-%d %H:%M} UTC"

    def close(self) -> None:
        self._database.close()

    def _site(self) -> int:
        """The number of our site here; SourceMissing when this is the repository of another server."""
        luid = self._client.site_id
        found = self._database.one(_SITE, luid=luid)
        if found is None:
            raise SourceMissing(
                f"the repository knows no site {luid}",
                source=self._client.source,
                request=REQUEST,
                hint="repository_url must lead to the repository of the same Tableau Server as server_url.",
            )
        return int(found["id"])

    def _events(
        self,
        site: int,
        start: datetime,
        end: datetime,
        workbook: str | None = None,
        views: tuple[str, ...] = _NOBODY,
    ) -> Iterator[list[Mapping[str, Any]]]:
        """Uses of the whole site, or of one workbook and the views, oldest first."""
        return self._database.rows(
            _USES,
            self._client.page_size,
            site=site,
            start=_plain(start),
            end=_plain(end),
            workbook=workbook,
            views=list(views),
        )

    def _require_recording(self, end: datetime) -> None:
        found = self._database.one(_NEWEST, end=_plain(end))
        newest = None if found is None or found["at"] is None else _utc(found["at"])
        if newest is None or newest + MOST_SILENCE < end:
            raise self._silent("nothing" if newest is None else f"nothing since {newest:%Y-%m-%d %H:%M}", end)

    def _silent(self, recorded: str, before: datetime) -> IncompleteFeed:
        return IncompleteFeed(
            f"the server recorded {recorded} in the time before {before:%Y-%m-%d %H:%M}",
            source=self._client.source,
            request=REQUEST,
            hint=AUDITING_HINT,
        )


def _access(row: Mapping[str, Any]) -> dict[str, object]:
    """A row of the raw table; of somebody who was deleted the name is left."""
    name = str(row["event_name"] or "")
    return {
        "event_key": f"event {row['id']}",
        "accessed_at": _utc(row["created_at"]),
        "user_id": row["user_luid"] or row["user_name"],
        "workbook_id": row["workbook_luid"],
        "view_id": row["view_luid"],
        "event_name": name,
        "access_kind": _KINDS.get(name.lower().split(" ", maxsplit=1)[0], "view"),
        "counter": None,
    }


def _plain(moment: datetime) -> datetime:
    """As the repository writes times: UTC without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
