"""Who stands behind the editors of a newer Superset, where 6.1 has owners."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

from bi_governance.connectors.superset.client import Item, SupersetClient
from bi_governance.connectors.superset.visuals import USER_COLUMNS

USER, ROLE, GROUP = 1, 2, 3  # the types of Superset's subjects
SUBJECT_COLUMNS = ("type", "label", "user_id", "role_id", "group_id")


class Editors:
    """The subjects of one Superset and the people behind them, read when first needed."""

    def __init__(self, client: SupersetClient) -> None:
        self._client = client

    def with_owners(self, item: Item) -> Item:
        """The item with `owners`, people by the number of their account.

        A version with editors numbers these on its own. Editors who are people own; a role or a group
        does through its members only where no person does.
        """
        editors = item.get("editors")
        if item.get("owners") is not None or editors is None:
            return item
        subjects = [found for each in editors if (found := self.by_number.get(int(each["id"])))]
        people = [int(each["user_id"]) for each in subjects if each.get("user_id") is not None]
        numbers = people or [number for each in subjects for number in self._members(each)]
        return {**item, "owners": [self._person(number) for number in sorted(set(numbers))]}

    def of_people(self, numbers: Iterable[int]) -> list[int]:
        """The subjects that are these accounts; who has none is left out."""
        wanted = set(numbers)
        return [number for number, each in self.by_number.items() if each.get("user_id") in wanted]

    @cached_property
    def by_number(self) -> Mapping[int, Item]:
        """All subjects."""
        pages = self._client.ordered("security/subject", SUBJECT_COLUMNS, "created_on")
        return {int(subject["id"]): subject for page in pages for subject in page}

    def _person(self, number: int) -> Item:
        return self._users.get(number) or {"id": number}

    def _members(self, subject: Item) -> Sequence[int]:
        number = subject.get("role_id") if subject.get("type") == ROLE else subject.get("group_id")
        return [] if number is None else self._in[int(subject["type"]), int(number)]

    @cached_property
    def _users(self) -> Mapping[int, Item]:
        columns = (*USER_COLUMNS, "roles.id", "groups", "groups.id")
        pages = self._client.ordered("security/users", columns, "id")
        return {int(user["id"]): user for page in pages for user in page}

    @cached_property
    def _in(self) -> Mapping[tuple[int, int], list[int]]:
        """The accounts in each role and group, by type and number."""
        members: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
        for number, user in self._users.items():
            for type_, name in ((ROLE, "roles"), (GROUP, "groups")):
                for within in _numbers(user.get(name) or ()):
                    members[type_, within].append(number)
        return members


def _numbers(items: Iterable[object]) -> Iterator[int]:
    """The numbers of related items, which some versions list bare."""
    for item in items:
        number = item.get("id") if isinstance(item, Mapping) else item
        if isinstance(number, int):
            yield number
