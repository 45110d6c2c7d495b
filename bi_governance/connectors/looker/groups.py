"""Which groups the people of a Looker are members of, by name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from looker_sdk.sdk.api40.methods import Looker40SDK
from looker_sdk.sdk.api40.models import GroupHierarchy, User

from bi_governance.connectors.looker.client import LookerClient
from bi_governance.errors import IncompleteFeed

FIELDS = "id,name,parent_group_ids"
_HINT = "Give our account the Admin role, so that it sees every group; otherwise run again later."


class Groups:
    """All groups of one Looker, in one paged list, and once more when a user has one that is not in it.

    A group may lie in others, and then its members are members of those too: `User.group_ids` is documented
    as the ids of a user's groups and `GroupHierarchy.parent_group_ids` as those around a group (OpenAPI
    description of Looker's API 4.0), so the groups around are added here, whether Looker lists them or not.
    """

    def __init__(self, client: LookerClient) -> None:
        self._client = client
        self._read()

    def __len__(self) -> int:
        return len(self._groups)

    def names_of(self, user: User) -> str:
        """The names of the user's groups as a JSON list; IncompleteFeed where they are not all told."""
        if user.group_ids is None:
            raise self._incomplete(f"Looker does not say in which groups user {user.id} is")
        direct = [str(id_) for id_ in user.group_ids]
        if not self._with_those_around(direct) <= self._groups.keys():
            self._read()  # somebody may have made it since
        ids = self._with_those_around(direct)
        unknown = sorted(ids - self._groups.keys())
        if unknown:
            raise self._incomplete(
                f"user {user.id} is in the groups {', '.join(unknown)}, which are not in the list of groups"
            )
        return json.dumps(sorted({self._groups[id_].name or "" for id_ in ids}))

    def _with_those_around(self, direct: Iterable[str]) -> set[str]:
        found: set[str] = set()
        waiting = list(direct)
        while waiting:
            id_ = waiting.pop()
            if id_ not in found:
                found.add(id_)
                group = self._groups.get(id_)
                waiting += [str(parent) for parent in (group and group.parent_group_ids) or ()]
        return found

    def _read(self) -> None:
        def search(sdk: Looker40SDK, limit: int, offset: int) -> Sequence[GroupHierarchy]:
            return sdk.search_groups_with_hierarchy(fields=FIELDS, limit=limit, offset=offset, sorts="id")

        found = [group for page in self._client.pages(search) for group in page]
        if not found:  # everybody is at least in All Users
            raise self._incomplete("the list of groups is empty")
        self._groups: Mapping[str, GroupHierarchy] = {str(group.id): group for group in found}

    def _incomplete(self, words: str) -> IncompleteFeed:
        client = self._client
        return IncompleteFeed(words, source=client.source, request=client.last.request, hint=_HINT)
