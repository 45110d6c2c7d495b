"""Whether a Looker connection can do its work: log-in, permissions, reach of the history, clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from email.utils import parsedate_to_datetime

from bi_governance.connectors.looker import history, schedules
from bi_governance.connectors.looker.client import LookerClient
from bi_governance.connectors.looker.groups import Groups
from bi_governance.errors import SourceError
from bi_governance.ports import Probe

_SKEW_ALLOWED = timedelta(minutes=5)
_NEEDED = {
    "access_data": "Without it nothing of a model is shown, and dashboards on it look gone.",
    "see_user_dashboards": "Without it dashboards are left out, and look gone.",
    "see_lookml_dashboards": "Without it LookML dashboards are left out, and look gone.",
    "see_looks": "Without it looks are left out, and look gone.",
    "see_queries": "It tells which explore a look reads.",
    "see_lookml": "It tells which tables an explore reads, and saves dashboards as LookML.",
    "see_system_activity": "It reads who used what.",
    "see_schedules": "Without it only our own schedules are listed, and scheduled content looks unused.",
    "see_alerts": "Without it the alerts of others cannot be seen.",
    "see_users": "It finds the owners.",
}
_WHERE = "in Looker under Admin > Users > Roles"
_ADMIN = (
    f"Give the user of our API key the Admin role, {_WHERE}: "
    "Looker leaves out what a user may not see, silently."
)


def probes(
    client: LookerClient, robots: Sequence[str], retention: timedelta, wall_clock: Callable[[], float]
) -> Iterator[Probe]:
    """One result after the other; a failed log-in makes the others pointless and ends them."""
    try:
        me = client.ask(lambda sdk: sdk.me(fields="id,display_name,email"))
    except SourceError as error:
        yield Probe("log-in", ok=False, detail=str(error), advice=error.hint)
        return
    yield Probe("log-in", ok=True, detail=f"as {me.display_name} (user {me.id})")
    yield _clock(client, wall_clock)
    yield from _permissions(client, str(me.id))
    yield _checked("system activity", lambda: _reach(client, retention), history.NEEDS_SYSTEM_ACTIVITY)
    yield _checked("alerts of all owners", lambda: _alerts(client), _ADMIN)
    for robot in robots:
        yield _checked(f"robot {robot}", lambda robot=robot: _robot(client, robot), _ADMIN)  # type: ignore[misc]


def groups(client: LookerClient) -> Probe:
    """Whether the groups of users can be read, which only rules by group need."""
    return _checked(
        "groups", lambda: Probe("groups", ok=True, detail=f"{len(Groups(client))} groups"), _ADMIN
    )


def accounts(client: LookerClient, robot: str) -> set[str]:
    """The ids of a robot given by e-mail address or by id."""
    if "@" not in robot:
        return {robot}
    return {str(user.id) for user in client.ask(lambda sdk: sdk.search_users(email=robot, fields="id"))}


def _checked(name: str, check: Callable[[], Probe], advice: str) -> Probe:
    try:
        return check()
    except SourceError as error:
        return Probe(name, ok=False, detail=str(error), advice=error.hint or advice)


def _permissions(client: LookerClient, user_id: str) -> Iterator[Probe]:
    try:
        roles = client.ask(lambda sdk: sdk.user_roles(user_id, fields="id,name,permission_set"))
    except SourceError as error:
        yield Probe("permissions", ok=False, detail=str(error), advice=_ADMIN)
        return
    held = {p for role in roles if role.permission_set for p in role.permission_set.permissions or ()}
    admin = "administer" in held or any(r.permission_set and r.permission_set.all_access for r in roles)
    for permission, why in _NEEDED.items():
        ok = admin or permission in held
        yield Probe(
            permission,
            ok=ok,
            detail="granted" if ok else f"missing. {why}",
            advice="" if ok else f"Give our account a role with the permission {permission}, {_WHERE}.",
        )
    names = ", ".join(str(role.name) for role in roles) or "none"
    yield Probe("sees everything", ok=admin, detail=f"roles: {names}", advice="" if admin else _ADMIN)


def _reach(client: LookerClient, retention: timedelta) -> Probe:
    """How far back System Activity goes; the range is relative, so that Looker's own clock decides."""
    time_field = "history.created_time"
    rows = history.run(
        client, [time_field], {time_field: f"{retention.days} days"}, sorts=[time_field], limit=1
    )
    if not rows:
        return Probe(
            "system activity",
            ok=False,
            detail=f"no run of anything in {retention.days} days",
            advice="Nothing can be judged before there is history; check that System Activity is enabled.",
        )
    first = history.moment(rows[0][time_field])
    return Probe("system activity", ok=True, detail=f"reaches back to {first:%Y-%m-%d}")


def _alerts(client: LookerClient) -> Probe:
    first = next(schedules.alert_pages(client), ())
    return Probe("alerts of all owners", ok=True, detail=f"{len(first)} on the first page")


def _robot(client: LookerClient, robot: str) -> Probe:
    found = sorted(accounts(client, robot))
    if found:
        return Probe(f"robot {robot}", ok=True, detail=f"user {', '.join(found)}")
    return Probe(
        f"robot {robot}",
        ok=False,
        detail="no such user",
        advice="Correct `robots` in the configuration.",
        is_needed=False,
    )


def _clock(client: LookerClient, wall_clock: Callable[[], float]) -> Probe:
    date = client.last.date
    if not date:
        return Probe("clock", ok=True, detail="the platform does not tell the time")
    skew = abs(timedelta(seconds=parsedate_to_datetime(date).timestamp() - wall_clock()))
    ok = skew <= _SKEW_ALLOWED
    advice = "" if ok else "Set the clock of this machine: late or early days would be read as complete."
    return Probe("clock", ok=ok, detail=f"{skew.total_seconds():.0f} s apart", advice=advice)
