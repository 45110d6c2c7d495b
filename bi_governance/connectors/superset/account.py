"""Who we are at one Superset, what that lets us see, and which people no longer work there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from bi_governance.connectors.superset.client import Item, SupersetClient
from bi_governance.connectors.superset.visuals import USER_COLUMNS
from bi_governance.errors import IncompleteFeed
from bi_governance.model import Person

ADMIN_ROLE = "Admin"


class Account:
    """Our own account and the other people, read once and remembered."""

    def __init__(self, client: SupersetClient, admin_role: str, robots: Sequence[str]) -> None:
        self._client = client
        self._robots = robots
        self.admin_role = admin_role

    @cached_property
    def me(self) -> Person:
        """The account we log in with."""
        found = self._client.result("/api/v1/me/")
        name = str(found.get("username") or "")
        return Person(str(found["id"]), name=name, email=found.get("email") or None, active=True)

    @cached_property
    def _granted(self) -> Mapping[str, Any]:
        """What each of our roles grants, by the name of the role."""
        roles = self._client.result("/api/v1/me/roles/").get("roles")
        return roles if isinstance(roles, dict) else {}

    @property
    def roles(self) -> tuple[str, ...]:
        """The names of our roles."""
        return tuple(sorted(self._granted))

    @property
    def permissions(self) -> frozenset[tuple[str, str]]:
        """What our roles grant together, as (`can_read`, `Dashboard`)."""
        return frozenset((str(each[0]), str(each[1])) for role in self._granted.values() for each in role)

    @property
    def sees_everything(self) -> bool:
        """Whether Superset shows us all content; to anybody but an administrator it hides some, silently."""
        return self.admin_role in self.roles

    def require_everything(self) -> None:
        """IncompleteFeed unless we see everything."""
        if not self.sees_everything:
            raise IncompleteFeed(
                f"the account '{self.me.name}' has the roles {', '.join(self.roles) or 'none'}; without "
                f"'{self.admin_role}' Superset hides content and counts only what it shows",
                source=self._client.source,
                hint=f"Give the account the role {self.admin_role}.",
            )

    def people(self, more: Sequence[str] = ()) -> Iterator[Sequence[Item]]:
        """Every user, page by page, if asked with more columns than most need."""
        return self._client.ordered("security/users", (*USER_COLUMNS, *more), "id")

    @cached_property
    def inactive(self) -> frozenset[str]:
        """The numbers of the users who can no longer log in."""
        return frozenset(str(user["id"]) for page in self.people() for user in page if not user.get("active"))

    @cached_property
    def not_viewers(self) -> frozenset[str]:
        """The numbers of our own account and of the configured robots."""
        robots = (numbers for _, numbers in self.robots())
        return frozenset({self.me.id}.union(*robots))

    def robots(self) -> list[tuple[str, frozenset[str]]]:
        """Each configured robot (user name, e-mail or number) with the numbers of its accounts."""
        if not self._robots:
            return []
        names: dict[str, set[str]] = defaultdict(set)
        for user in (user for page in self.people() for user in page):
            for name in (user["id"], user.get("username"), user.get("email")):
                names[str(name).lower()].add(str(user["id"]))
        return [(robot, frozenset(names[robot.lower()])) for robot in self._robots]
