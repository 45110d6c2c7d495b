"""What `doctor` checks at a Domo, each with the page where an administrator sets it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from bi_governance.connectors.domo.account import ME, Account
from bi_governance.connectors.domo.cards import Cards
from bi_governance.connectors.domo.client import DomoClient
from bi_governance.connectors.domo.groups import Groups
from bi_governance.connectors.domo.history import AuditLog
from bi_governance.connectors.domo.pages import Pages
from bi_governance.connectors.domo.schedules import reports
from bi_governance.errors import SourceError
from bi_governance.ports import Probe

SCOPES = {"dashboard": "pages", "user": "owners", "audit": "access history"}
_CLIENTS = "At developer.domo.com under My Account > Manage Clients"
_ROLES = "In Domo under Admin > Roles"
_TOKENS = "In Domo under Admin > Authentication > Access tokens"


def probe(client: DomoClient, account: Account, pages: Pages, cards: Cards, log: AuditLog) -> Iterator[Probe]:
    """One check after the other; after a failed log-in none of the others makes sense."""
    login = _attempt(
        "log in", lambda: f"as user {account.me} at {client.api_url}", f"{_CLIENTS}, check id and secret."
    )
    yield login
    if not login.ok:
        return
    for scope, gives in SCOPES.items():
        yield _scope(account, scope, gives)
    yield _attempt("read the access log", lambda: _audit(log), f"{_ROLES}, grant 'View activity log'.")
    yield _attempt("read users", lambda: _users(account), f"{_CLIENTS}, add the scope user.")
    if client.has_instance:
        yield from _instance(client, pages, cards)
    else:
        yield _everything(account)
        yield Probe(
            "instance API",
            ok=True,
            detail="not configured: cards and scheduled reports cannot be read, so pages are only reported: "
            "nobody is warned and nothing is removed; set instance_url and developer_token to change that",
        )
    yield from _robots(account)


def groups_probe(client: DomoClient) -> Probe:
    """Whether the groups of users can be read, which only rules by group need."""
    return _attempt(
        "read groups", lambda: f"{len(Groups(client))} groups", f"{_CLIENTS}, add the scope user."
    )


def _instance(client: DomoClient, pages: Pages, cards: Cards) -> Iterator[Probe]:
    token = _attempt(
        "log in at the instance",
        lambda: f"as {client.instance('GET', ME).get('displayName')} at {client.instance_url}",
        f"{_TOKENS}, make a token.",
    )
    yield token
    if not token.ok:
        return
    manage = f"{_ROLES}, give the token's role the grant 'Manage all cards and pages'."
    yield _attempt("see every page", lambda: _complete(pages), manage)
    yield _attempt("see every card", lambda: _cards(cards), manage)
    yield _attempt(
        "read scheduled reports",
        lambda: f"{sum(len(page) for page in reports(client))} scheduled reports",
        f"{_ROLES}, give the token's role the grant 'Manage all cards and pages'.",
    )


def _attempt(name: str, check: Callable[[], str], advice: str) -> Probe:
    try:
        return Probe(name, ok=True, detail=check())
    except SourceError as error:
        return Probe(name, ok=False, detail=str(error), advice=advice)


def _scope(account: Account, scope: str, gives: str) -> Probe:
    ok = scope in account.scopes
    return Probe(
        f"scope {scope}",
        ok=ok,
        detail=f"{gives}: {'granted' if ok else 'not granted'}",
        advice="" if ok else f"{_CLIENTS}, add the scope {scope} to the client.",
    )


def _everything(account: Account) -> Probe:
    ok = account.role == "Admin"
    return Probe(
        "see every page",
        ok=ok,
        detail=f"role: {account.role or 'none'}",
        advice="" if ok else "In Domo under Admin > People, give the client's user the role Admin.",
    )


def _audit(log: AuditLog) -> str:
    epoch = datetime.fromtimestamp(0, UTC)
    newest = log.read(epoch, None, limit=1)
    return f"newest row: {newest[0].get('time')}" if newest else "the log is empty: it proves nothing yet"


def _users(account: Account) -> str:
    return f"{sum(len(page) for page in account.people())} users"


def _complete(pages: Pages) -> str:
    return f"{sum(len(page) for page in pages.rows(1000))} pages, as many as the instance counts"


def _cards(cards: Cards) -> str:
    return f"{sum(len(page) for page in cards.listed())} cards"


def _robots(account: Account) -> Iterator[Probe]:
    try:
        found = account.robots()
    except SourceError:
        return  # the users could not be read, which was said above
    for robot, ids in found:
        yield Probe(
            f"robot {robot}",
            ok=bool(ids),
            detail=f"{len(ids)} accounts",
            advice="" if ids else "No account has this id, e-mail or name; correct `robots`.",
            is_needed=False,
        )
