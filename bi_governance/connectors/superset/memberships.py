"""Which roles people of a Superset have and which groups they are in, by name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property

from bi_governance.connectors.superset.client import Item, SupersetClient
from bi_governance.errors import IncompleteFeed

COLUMNS = ("roles.id", "roles.name", "groups")


class Memberships:
    """Names of roles and groups, as the list of users gives them when `COLUMNS` are asked for.

    Superset leaves out columns that it does not know, without a word. A version without groups says nothing
    of them, which is fine; roles are told by all. Whoever is in a group also has the roles of that group
    (Flask-AppBuilder 5.2.1, `BaseSecurityManager.get_user_roles`): where anybody is in one, groups are read.
    """

    def __init__(self, client: SupersetClient) -> None:
        self._client = client

    def names_of(self, user: Item) -> str:
        """The names of the user's roles and groups as a JSON list; IncompleteFeed where some are left out."""
        who = f"user {user['id']}"
        groups = self._named(user.get("groups", ()), f"groups of {who}")
        names = {*groups.values(), *self._named(user.get("roles"), f"roles of {who}").values()}
        for number in groups:
            if number not in self._roles_by_group:
                raise self._incomplete(f"{who} is in group {number}, which is not in the list of groups")
            names |= self._roles_by_group[number]
        return json.dumps(sorted(names))

    @cached_property
    def _roles_by_group(self) -> Mapping[int, frozenset[str]]:
        pages = self._client.ordered("security/groups", ("roles.id", "roles.name"), "id")
        return {
            int(group["id"]): frozenset(
                self._named(group.get("roles"), f"roles of group {group['id']}").values()
            )
            for page in pages
            for group in page
        }

    def _named(self, items: Sequence[Item] | None, what: str) -> dict[int, str]:
        if items is None or not all(isinstance(item, Mapping) and item.get("name") for item in items):
            raise self._incomplete(f"Superset does not name the {what}")
        return {int(item["id"]): str(item["name"]) for item in items}

    def _incomplete(self, words: str) -> IncompleteFeed:
        return IncompleteFeed(
            words,
            source=self._client.source,
            request="GET /api/v1/security/users/",
            hint="Run again; if it stays, leave `group` out of the rules about this source.",
        )
