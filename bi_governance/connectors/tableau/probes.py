"""What `doctor` checks at a Tableau site."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bi_governance.connectors.tableau import dependencies, inventory, schedules
from bi_governance.connectors.tableau.client import TableauClient
from bi_governance.connectors.tableau.groups import names_by_user
from bi_governance.connectors.tableau.usage import Usage
from bi_governance.errors import IncompleteFeed, SourceError
from bi_governance.ports import Probe

ADMINISTRATORS = frozenset(
    {"ServerAdministrator", "SiteAdministrator", "SiteAdministratorCreator", "SiteAdministratorExplorer"}
)
ROLE_HINT = "Give our account the site role Site Administrator Explorer, under Users in the site's menu."


def probes(client: TableauClient, usage: Usage, robots: Sequence[str]) -> Iterator[Probe]:
    """One check after the other; without a session none of the others makes sense."""
    session = _attempt("sign in", lambda: f"at {client.base_url}, site {client.site_id}", "Check the token.")
    yield session
    if not session.ok:
        return
    yield _role(client)
    yield _attempt("read content", lambda: _workbooks(client), ROLE_HINT)
    yield _attempt("read subscriptions and alerts", lambda: _deliveries(client), ROLE_HINT)
    yield _attempt("read lineage", lambda: _lineage(client), dependencies.METADATA_HINT)
    yield _attempt("read use", usage.check, "Check the setting `history`.")
    if robots:
        yield _known_robots(client, robots)


def groups(client: TableauClient) -> Probe:
    """Whether the groups of users can be read, which only rules by group need."""
    return _attempt("read groups", lambda: f"those of {len(names_by_user(client))} users", ROLE_HINT)


def require_administrator(client: TableauClient) -> None:
    """IncompleteFeed unless we see everything: Tableau lists to others only what they may see, as a whole."""
    role = site_role(client)
    if role not in ADMINISTRATORS:
        raise IncompleteFeed(
            f"our account has the site role {role}, which is shown a part only",
            source=client.source,
            hint=ROLE_HINT,
        )


def site_role(client: TableauClient) -> str:
    return client.ask(lambda server: str(server.users.get_by_id(str(server.user_id)).site_role))


def _attempt(name: str, check: Callable[[], str], advice: str) -> Probe:
    try:
        return Probe(name, ok=True, detail=check())
    except SourceError as error:
        return Probe(name, ok=False, detail=str(error), advice=error.hint or advice)


def _role(client: TableauClient) -> Probe:
    try:
        role = site_role(client)
    except SourceError as error:
        return Probe("site administrator", ok=False, detail=str(error), advice=error.hint or ROLE_HINT)
    ok = role in ADMINISTRATORS
    return Probe("site administrator", ok=ok, detail=f"site role {role}", advice="" if ok else ROLE_HINT)


def _workbooks(client: TableauClient) -> str:
    first = next(inventory.workbooks(client), [])
    return f"{len(first)} workbooks on the first page"


def _deliveries(client: TableauClient) -> str:
    return f"{sum(len(page) for page in schedules.schedules(client))} subscriptions and alerts"


def _lineage(client: TableauClient) -> str:
    return f"lineage of {dependencies.ask(client, {'first': 1, 'after': None})['totalCount']} workbooks"


def _known_robots(client: TableauClient, robots: Sequence[str]) -> Probe:
    try:
        missing = _unknown_robots(client, robots)
    except SourceError as error:
        return Probe("robots", ok=False, detail=str(error), advice=error.hint or ROLE_HINT)
    if not missing:
        return Probe("robots", ok=True, detail=f"all {len(robots)} are known")
    return Probe(
        "robots",
        ok=False,
        detail=f"nobody is called {', '.join(missing)}",
        advice="List user names, e-mails or ids as they are.",
        is_needed=False,
    )


def _unknown_robots(client: TableauClient, robots: Sequence[str]) -> list[str]:
    known = {
        str(value).lower()
        for page in inventory.users(client)
        for user in page
        for value in (user["user_id"], user["name"], user["email"])
        if value
    }
    return [robot for robot in robots if robot.lower() not in known]
