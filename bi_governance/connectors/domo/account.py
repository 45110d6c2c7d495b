"""Who we are at one Domo, and which accounts never count as viewers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from bi_governance.connectors.domo.client import DomoClient, Item
from bi_governance.connectors.domo.groups import Groups
from bi_governance.errors import SourceBroken
from bi_governance.model import Person

USERS = "/v1/users"
ME = "/api/content/v2/users/me"


class Account:
    """The account of our API client, that of the developer token, and the configured robots."""

    def __init__(self, client: DomoClient, robots: Sequence[str]) -> None:
        self._client = client
        self._robots = robots

    @property
    def me(self) -> str:
        """The user id our API client acts as."""
        user = self._client.login().get("userId")
        if user is None:
            raise SourceBroken("the log-in does not say who we are", source=self._client.source)
        return str(user)

    @property
    def role(self) -> str:
        """The role of that user, as the log-in names it."""
        return str(self._client.login().get("role") or "")

    @property
    def scopes(self) -> frozenset[str]:
        """What our API client may do."""
        granted = self._client.login().get("scope") or ()
        return frozenset(granted.split() if isinstance(granted, str) else map(str, granted))

    @cached_property
    def own(self) -> tuple[Person, ...]:
        """Our accounts: the client's and, where another, the developer token's."""
        people = [Person(self.me, name="API client")]
        if self._client.has_instance:
            token = self._client.instance("GET", ME)
            if str(token["id"]) != self.me:
                people.append(Person(str(token["id"]), name=str(token.get("displayName") or "")))
        return tuple(people)

    @cached_property
    def not_viewers(self) -> frozenset[str]:
        """The ids of our accounts and of the configured robots."""
        ours = {person.id for person in self.own}
        return frozenset(ours.union(*(ids for _, ids in self.robots())))

    def people(self) -> Iterator[Sequence[Item]]:
        """Every user, page by page, each once."""
        seen: set[str] = set()
        for page in self._client.listed(USERS):
            fresh = [user for user in page if str(user["id"]) not in seen]
            seen.update(str(user["id"]) for user in fresh)
            yield fresh

    def robots(self) -> list[tuple[str, frozenset[str]]]:
        """Each configured robot (id, e-mail or name) with the ids of its accounts."""
        if not self._robots:
            return []
        users = [user for page in self.people() for user in page]
        return [(robot, frozenset(_ids_named(robot.lower(), users))) for robot in self._robots]


def _ids_named(robot: str, users: Sequence[Item]) -> Iterator[str]:
    for user in users:
        if robot in {str(user.get(part) or "").lower() for part in ("id", "email", "name")}:
            yield str(user["id"])


def user_row(user: Item, groups: Groups | None) -> dict[str, object]:
    """A row of `domo_user`; the public API lists no deleted users and does not say who is active."""
    return {
        "user_id": str(user["id"]),
        "name": user.get("name"),
        "email": user.get("email"),
        "role": user.get("role"),
        "group_names": groups.names_of(str(user["id"])) if groups else None,
        "active": None,
    }
