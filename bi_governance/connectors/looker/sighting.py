"""One Looker visual as it is now, without running it: where it is, who used it last, what refers to it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from looker_sdk.sdk.api40.models import Dashboard, DashboardElement, LookWithQuery, ScheduledPlan

from bi_governance.connectors.looker import boards, folders, history, schedules
from bi_governance.connectors.looker.client import LookerClient
from bi_governance.connectors.looker.inventory import is_lookml, utc
from bi_governance.errors import SourceMissing
from bi_governance.model import VisualKey
from bi_governance.ports import Sighting

_FIELDS = "id,title,user_id,folder_id,folder(id,name),deleted,updated_at,last_accessed_at"
_LOOK_FIELDS = f"{_FIELDS},public"
# How far Looker's last_accessed_at may lie after the history row of the same run.
_SAME_RUN = timedelta(minutes=2)


def fetch(client: LookerClient, key: VisualKey, fields: str | None = None) -> Dashboard | LookWithQuery:
    """The visual, in the trash or not, with all or these fields; SourceMissing when it is gone for good."""
    if key.type == "dashboard":
        return client.ask(lambda sdk: sdk.dashboard(key.native_id, fields=fields))
    return client.ask(lambda sdk: sdk.look(key.native_id, fields=fields))


def sighting(client: LookerClient, key: VisualKey, since: datetime, own: Collection[str]) -> Sighting:
    """What Looker says of it now; runs by the accounts in `own` are not uses."""
    try:
        visual = fetch(client, key, _LOOK_FIELDS if key.type == "look" else _FIELDS)
    except SourceMissing:
        return Sighting(exists=False)
    trashed = bool(visual.deleted) and not is_lookml(key.native_id)  # Looker says so of those kept as code
    return Sighting(
        exists=True,
        is_trashed=trashed,
        title=visual.title or "",
        owner_id=str(visual.user_id or ""),
        folder=folders.path_now(client, visual.folder.id if visual.folder else visual.folder_id),
        last_used_at=_last_used(client, key, visual, since, own),
        updated_at=utc(visual.updated_at),
        references=() if trashed else tuple(_references(client, key, visual)),
    )


def _last_used(
    client: LookerClient,
    key: VisualKey,
    visual: Dashboard | LookWithQuery,
    since: datetime,
    own: Collection[str],
) -> datetime | None:
    """The newest run by others; last_accessed_at counts where no run of ours accounts for it."""
    runs = history.uses(client, key, since)
    newest = max((run.at for run in runs if run.user_id not in own), default=None)
    ours = max((run.at for run in runs if run.user_id in own), default=None)
    accessed = utc(visual.last_accessed_at)
    if accessed is None or accessed <= since or (ours is not None and accessed <= ours + _SAME_RUN):
        return newest
    return accessed if newest is None else max(newest, accessed)


def _references(client: LookerClient, key: VisualKey, visual: Dashboard | LookWithQuery) -> Iterator[str]:
    for plan in plans_of(client, key):
        if schedules.is_living(plan):
            yield f"schedule '{plan.name or plan.id}' ({plan.crontab or plan.datagroup or 'once'})"
    yield from (f"it is on board '{title}'" for title in boards.titles_with(client, key))
    if isinstance(visual, LookWithQuery):
        yield from (f"dashboard '{title}' shows it" for title in _showing(client, key.native_id))
        if visual.public:
            yield "it has a public link"
    else:
        for alert in alerts_of(client, elements_of(client, key)):
            if not alert.is_disabled:
                yield f"alert '{alert.title or alert.id}' watches one of its tiles"


def plans_of(client: LookerClient, key: VisualKey) -> list[ScheduledPlan]:
    """Everybody's schedules of one visual."""
    id_ = key.native_id
    if key.type == "look":
        return list(client.ask(lambda sdk: sdk.scheduled_plans_for_look(id_, all_users=True)))
    return list(client.ask(lambda sdk: sdk.scheduled_plans_for_dashboard(id_, all_users=True)))


def elements_of(client: LookerClient, key: VisualKey) -> list[DashboardElement]:
    """The tiles of one dashboard; LookML dashboards keep theirs in code."""
    if is_lookml(key.native_id):
        return []
    return list(client.ask(lambda sdk: sdk.dashboard_dashboard_elements(key.native_id)))


def alerts_of(client: LookerClient, elements: list[DashboardElement]) -> list[schedules.Alert]:
    """The alerts on these tiles; the list of all alerts is only read when a tile says that it has some."""
    ids = {str(element.id) for element in elements if element.alert_count}
    if not ids:
        return []
    return [alert for page in schedules.alert_pages(client) for alert in page if alert.element_id in ids]


def _showing(client: LookerClient, look_id: str) -> list[str]:
    """Titles of the live dashboards with a tile that shows the look."""
    found = client.ask(lambda sdk: sdk.search_dashboard_elements(look_id=look_id, fields="id,dashboard_id"))
    titles = []
    for dashboard_id in sorted({str(e.dashboard_id) for e in found if e.dashboard_id}):
        dashboard = _if_there(client, dashboard_id)
        if dashboard is not None and not dashboard.deleted:
            titles.append(dashboard.title or dashboard_id)
    return titles


def _if_there(client: LookerClient, dashboard_id: str) -> Dashboard | None:
    try:
        return client.ask(lambda sdk: sdk.dashboard(dashboard_id, fields="id,title,deleted"))
    except SourceMissing:
        return None
