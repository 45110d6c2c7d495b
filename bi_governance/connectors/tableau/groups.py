"""Which groups the people of a Tableau site are members of, by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import tableauserverclient as tsc

from bi_governance.connectors.tableau.client import Fetch, TableauClient
from bi_governance.errors import IncompleteFeed


def names_by_user(client: TableauClient) -> Mapping[str, set[str]]:
    """The names of the groups of every user who is in any, by the user's id.

    Tableau tells members by group only: a paged list of groups and at least one call for each of them, every
    list proven complete by its total (REST API reference: Query Groups, Get Users in Group). IncompleteFeed
    where one is not, and where we are in none ourselves, as everybody is in All Users. Groups hold people
    only, no other groups.
    """
    found: defaultdict[str, set[str]] = defaultdict(set)
    for groups in client.pages(lambda server, options: server.groups.get(options)):
        for group in groups:
            for users in client.pages(_members(str(group.id))):
                for user in users:
                    found[str(user.id)].add(group.name or "")
    if client.user_id not in found:
        raise IncompleteFeed(
            "our own account is in none of the listed groups, not even in All Users",
            source=client.source,
            hint="Run again; if it stays, something between us and Tableau cuts answers short.",
        )
    return found


def _members(group_id: str) -> Fetch[tsc.UserItem]:
    """One page of a group's users with its total, which the library's own way there keeps to itself."""

    def fetch(
        server: tsc.Server, options: tsc.RequestOptions
    ) -> tuple[list[tsc.UserItem], tsc.PaginationItem]:
        groups: Any = server.groups  # the method has no annotations
        answer = groups.get_request(f"{groups.baseurl}/{group_id}/users", options).content
        users = tsc.UserItem.from_response(answer, server.namespace)
        return users, tsc.PaginationItem.from_response(answer, server.namespace)

    return fetch
