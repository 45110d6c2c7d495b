"""What `doctor` checks at a Superset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from bi_governance.connectors.superset.account import Account
from bi_governance.connectors.superset.client import SupersetClient
from bi_governance.connectors.superset.log import LOG_HINT, ActionLog
from bi_governance.connectors.superset.places import Places
from bi_governance.connectors.superset.rison import Filter
from bi_governance.errors import SourceError, SourceForbidden, SourceMissing
from bi_governance.ports import Probe

MOST_SKEW = timedelta(minutes=5)
ROLES_PAGE = "Settings > List Roles"
USERS_PAGE = "Settings > List Users"
CONFIG = "superset_config.py"
# What we call, as Superset's roles grant it; reading first, then deleting, then restoring.
PERMISSIONS = (
    ("can_read", "Dashboard"),
    ("can_read", "Chart"),
    ("can_read", "Dataset"),
    ("can_read", "Database"),
    ("can_read", "Log"),
    ("can_get", "User"),
    ("can_export", "Dashboard"),
    ("can_export", "Chart"),
    ("can_read", "SecurityRestApi"),
    ("can_write", "Dashboard"),
    ("can_write", "Chart"),
    ("can_write", "Dataset"),
    ("can_write", "Database"),
    ("can_get", "Role"),
)
USERS_HINT = (
    f"Add 'can get on User' to a role of the account in {ROLES_PAGE}; FAB_ADD_SECURITY_API must be on in "
    f"{CONFIG}."
)
GROUPS_HINT = f"Add 'can get on User' and 'can get on Group' to a role of the account in {ROLES_PAGE}."
SCHEDULES_HINT = f"Add 'can read on ReportSchedule' to a role of the account in {ROLES_PAGE}."
ROLES_HINT = f"Let the account read its own roles, which are in {ROLES_PAGE}."
CSRF_HINT = (
    f"Add 'can read on SecurityRestApi' to a role of the account in {ROLES_PAGE}; see WTF_CSRF_ENABLED in "
    f"{CONFIG}."
)
SCHEDULES = ("can_read", "ReportSchedule")
SUBJECTS = ("can_read", "Subject")


def probe(
    client: SupersetClient,
    account: Account,
    places: Places,
    log: ActionLog,
    wall_clock: Callable[[], float],
) -> Iterator[Probe]:
    """One check after the other; after a failed log-in none of the others makes sense."""
    login = _attempt("log in", lambda: _version(client), "Check base_url, username, password and provider.")
    yield login
    if not login.ok:
        return
    yield _clock(client, wall_clock)
    yield _role(account)
    yield _permissions(account, places)
    yield _attempt("read users", lambda: _users(client), USERS_HINT)
    yield _attempt("read alerts and reports", lambda: _schedules(places), SCHEDULES_HINT)
    yield _attempt("prepare changes", lambda: _csrf(client), CSRF_HINT)
    history = _attempt("read the access log", lambda: _history(log), LOG_HINT)
    yield history
    if history.ok:
        yield _log_is_written(client, account, log)
    yield from _robots(account)


def groups_probe(count_members: Callable[[], int]) -> Probe:
    """Whether everybody's roles and groups can be read, which only rules by group need."""
    return _attempt("read roles and groups", lambda: f"those of {count_members()} users", GROUPS_HINT)


def _attempt(name: str, check: Callable[[], str], advice: str) -> Probe:
    try:
        return Probe(name, ok=True, detail=check())
    except (SourceForbidden, SourceMissing) as error:
        return Probe(name, ok=False, detail=str(error), advice=advice)
    except SourceError as error:
        return Probe(name, ok=False, detail=str(error), advice=error.hint or advice)


def _version(client: SupersetClient) -> str:
    me = client.result("/api/v1/me/")
    return f"as {me.get('username')} at {client.base_url}"


def _role(account: Account) -> Probe:
    try:
        roles = ", ".join(account.roles) or "none"
        advice = f"Give the account the role {account.admin_role} ({USERS_PAGE})."
        ok = account.sees_everything
        return Probe("see everything", ok=ok, detail=f"roles: {roles}", advice="" if ok else advice)
    except SourceError as error:
        return Probe("see everything", ok=False, detail=str(error), advice=error.hint)


def _permissions(account: Account, places: Places) -> Probe:
    """Whatever our calls need must be in one of our roles."""
    name = "permissions"
    try:
        needed = list(PERMISSIONS)
        needed += [] if places.features.is_off("ALERT_REPORTS") else [SCHEDULES]
        can_tell = PERMISSIONS[0] in account.permissions
        needed += [SUBJECTS] if can_tell and places.features.has_editors else []
        missing = [_in_words(each) for each in needed if each not in account.permissions]
    except SourceError as error:
        return Probe(name, ok=False, detail=str(error), advice=error.hint or ROLES_HINT)
    if not missing:
        return Probe(name, ok=True, detail=f"all {len(needed)} that reading, deleting and restoring need")
    listed = ", ".join(missing)
    advice = f"Add to a role of the account, in {ROLES_PAGE}: {listed}."
    return Probe(name, ok=False, detail=f"missing: {listed}", advice=advice)


def _in_words(permission: tuple[str, str]) -> str:
    """A permission as the page of roles writes it: `can write on Dashboard`."""
    return f"{permission[0].replace('_', ' ')} on {permission[1]}"


def _schedules(places: Places) -> str:
    if places.features.is_off("ALERT_REPORTS"):
        return "switched off in this Superset"
    return f"{sum(len(page) for page in places.schedules())} alerts and reports"


def _users(client: SupersetClient) -> str:
    return f"{client.page('security/users', ('id',), page_size=1).count} users"


def _csrf(client: SupersetClient) -> str:
    client.get("/api/v1/security/csrf_token/")
    return "a CSRF token is given; nothing was changed"


def _history(log: ActionLog) -> str:
    oldest = log.oldest()
    return (
        "the log is empty: it proves nothing yet"
        if oldest is None
        else f"reaches back to {oldest:%Y-%m-%d %H:%M} UTC"
    )


def _log_is_written(client: SupersetClient, account: Account, log: ActionLog) -> Probe:
    """A call of ours must appear in the log, at the time the server's clock shows."""
    name = "log is live and in UTC"
    try:
        shown = _server_time(client)
        mine = Filter("user_id", "eq", int(account.me.id))
        newest = next((row.at for row in log.newest((mine,))), None)
    except SourceError as error:
        return Probe(name, ok=False, detail=str(error), advice=error.hint or LOG_HINT)
    if newest is None:
        return Probe(name, ok=False, detail="our own calls leave no trace in the log", advice=LOG_HINT)
    advice = "Superset's log must be written at once, and its times must be UTC."
    return _apart(name, "our own call and its row", shown, newest, advice)


def _clock(client: SupersetClient, wall_clock: Callable[[], float]) -> Probe:
    advice = "Set the clock of this machine: late or early days would be read as complete."
    here = datetime.fromtimestamp(wall_clock(), UTC)
    try:
        shown = _server_time(client)
    except SourceError as error:
        return Probe("clock", ok=False, detail=str(error), advice=error.hint)
    return _apart("clock", "this machine and Superset", shown, here, advice)


def _server_time(client: SupersetClient) -> datetime | None:
    """What the server's clock shows; None when it keeps that to itself. The call leaves a row in the log."""
    answer = client.send("GET", "/api/v1/dashboard/", params={"q": "(page_size:1)"})
    shown = answer.headers.get("Date")
    return parsedate_to_datetime(shown) if shown else None


def _apart(name: str, what: str, one: datetime | None, other: datetime, advice: str) -> Probe:
    if one is None:
        return Probe(name, ok=True, detail="the server does not show its clock")
    skew = abs(one - other)
    ok = skew <= MOST_SKEW
    detail = f"{what} are {skew.total_seconds():.0f} s apart"
    return Probe(name, ok=ok, detail=detail, advice="" if ok else advice)


def _robots(account: Account) -> Iterator[Probe]:
    try:
        robots = account.robots()
    except SourceError as error:
        yield Probe("robots", ok=False, detail=str(error), advice=error.hint)
        return
    for robot, numbers in robots:
        found = f"user {', '.join(sorted(numbers))}" if numbers else "no such user"
        advice = "" if numbers else "Correct `robots` in the configuration."
        yield Probe(f"robot {robot}", ok=bool(numbers), detail=found, advice=advice, is_needed=False)
