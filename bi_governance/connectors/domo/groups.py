"""Which groups the people of a Domo are members of, by name."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping

from bi_governance.connectors.domo.client import DomoClient, Item
from bi_governance.errors import IncompleteFeed, SourceBroken

GROUPS = "/v1/groups"
_HINT = "Run again; if it stays, leave `group` out of the rules about this source."


class Groups:
    """All groups of one Domo with their members: one paged list, and one more for each group.

    The public API lists groups as `{id, name, memberCount, ...}` and the members of one as bare user ids
    (Domo's reference: List groups, List users in a group; scope `user`). Neither list tells a total, but
    `memberCount` does; IncompleteFeed where fewer members came, or no group at all: a rule names one.
    """

    def __init__(self, client: DomoClient) -> None:
        self._client = client
        groups = {str(group["id"]): group for page in client.listed(GROUPS) for group in page}
        if not groups:
            raise IncompleteFeed("the list of groups is empty", source=client.source, hint=_HINT)
        self._names = self._by_member(groups)
        self._count = len(groups)

    def __len__(self) -> int:
        return self._count

    def names_of(self, user_id: str) -> str:
        """The names of the user's groups as a JSON list."""
        return json.dumps(sorted(self._names.get(user_id, ())))

    def _by_member(self, groups: Mapping[str, Item]) -> Mapping[str, set[str]]:
        names: defaultdict[str, set[str]] = defaultdict(set)
        for id_, group in groups.items():
            if not group.get("name"):
                raise SourceBroken(f"group {id_} has no name", source=self._client.source)
            for member in self._members(id_, group):
                names[member].add(str(group["name"]))
        return names

    def _members(self, id_: str, group: Item) -> set[str]:
        members = {str(user) for page in self._client.listed(f"{GROUPS}/{id_}/users") for user in page}
        counted = group.get("memberCount")
        if isinstance(counted, int) and len(members) < counted:
            raise IncompleteFeed(
                f"the group {group['name']} counts {counted} members but gave {len(members)}",
                source=self._client.source,
                request=f"GET {GROUPS}/{id_}/users",
                hint=_HINT,
            )
        return members
