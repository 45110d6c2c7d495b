"""Groups, platform by platform: groups inside groups, roles through groups, members that were counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bi_governance.errors import IncompleteFeed, SourceBroken, SourceForbidden
from bi_governance.ports import Reader
from bi_governance.sandbox.server import Fault
from tests.connectors.harness import Connected, harness_of
from tests.connectors.looker_bench import Bench

HIERARCHY = "GET /api/4.0/groups/search/with_hierarchy"
USERS = "GET /api/v1/security/users/"
ALL_USERS = {"id": "1", "name": "All Users", "parent_group_ids": []}


def told(reader: Reader, user_id: object) -> list[str]:
    """The groups of a user by name."""
    pages = reader.read_inventory(f"{reader.platform}_user")
    rows = {row["user_id"]: row for page in pages for row in page}
    names: list[str] = json.loads(str(rows[str(user_id)]["group_names"]))
    return names


def served(platform: str) -> Iterator[Connected]:
    harness = harness_of(platform)
    with harness.serve() as server:
        connection = Connected(harness, server)
        yield connection
        connection.close()


@pytest.fixture
def tableau() -> Iterator[Connected]:
    yield from served("tableau")


@pytest.fixture
def domo() -> Iterator[Connected]:
    yield from served("domo")


class TestLooker:
    def test_whoever_is_in_a_group_is_in_the_groups_around_it(self, bench: Bench) -> None:
        company = bench.looker.add_group("Headquarters")
        finance = bench.looker.add_group("Finance", parent_id=company)
        bench.looker.add_group("Finance EMEA", bench.ada, parent_id=finance)
        bench.looker.add_group("Legal", parent_id=company)
        names = told(bench.reader(groups=True), bench.ada)
        assert names == ["All Users", "Finance", "Finance EMEA", "Headquarters"]

    def test_groups_that_hold_each_other_are_read_all_the_same(self, bench: Bench) -> None:
        first = bench.looker.add_group("First", bench.ada)
        second = bench.looker.add_group("Second", parent_id=first)
        bench.looker.groups[first].parent_ids.append(second)
        assert told(bench.reader(groups=True), bench.ada) == ["All Users", "First", "Second"]

    def test_a_group_made_while_people_are_read_is_looked_up(self, bench: Bench) -> None:
        bench.looker.add_group("Finance", bench.ada)
        self._list_lacks_it(bench, times=1)
        assert told(bench.reader(groups=True), bench.ada) == ["All Users", "Finance"]

    def test_a_group_that_stays_unlisted_makes_the_feed_incomplete(self, bench: Bench) -> None:
        bench.looker.add_group("Finance", bench.ada)
        self._list_lacks_it(bench, times=2)
        with pytest.raises(IncompleteFeed, match="in the groups 2, which are not in the list of groups"):
            told(bench.reader(groups=True), bench.ada)

    def test_users_whose_groups_are_left_out_make_the_feed_incomplete(self, bench: Bench) -> None:
        users = [{"id": bench.ada, "display_name": "Ada Byron"}]
        bench.server.faults.add(Fault("GET /api/4.0/users/search", "status", status=200, body=users))
        with pytest.raises(IncompleteFeed, match="does not say in which groups"):
            told(bench.reader(groups=True), bench.ada)

    def test_nobody_is_in_no_group_at_all(self, bench: Bench) -> None:
        """Everybody is in All Users, so an empty list is one that we may not see."""
        us = bench.looker.users[bench.looker.credentials.user_id]
        us.permissions -= {"see_users"}
        with pytest.raises(IncompleteFeed, match="the list of groups is empty"):
            told(bench.reader(groups=True), bench.ada)

    @staticmethod
    def _list_lacks_it(bench: Bench, times: int) -> None:
        """A page with All Users alone, and the empty one that ends the list, so many times."""
        for _ in range(times):
            bench.server.faults.add(
                Fault(HIERARCHY, "status", status=200, body=[ALL_USERS]), Fault(HIERARCHY, "empty")
            )


class TestSuperset:
    def test_groups_count_and_so_do_the_roles_they_give(self, superset: Connected) -> None:
        sandbox: Any = superset.harness.sandbox  # type: ignore[attr-defined]
        ada = superset.harness.ada  # type: ignore[attr-defined]
        auditor = sandbox.add_role("Auditor")
        sandbox.add_group("Finance EMEA", ada, roles=[auditor])
        sandbox.add_group("Legal", roles=[sandbox.add_role("Lawyer")])
        assert told(superset.reader(groups=True), ada) == ["Alpha", "Auditor", "Finance EMEA"]

    def test_the_groups_are_read_only_where_somebody_is_in_one(self, superset: Connected) -> None:
        sandbox: Any = superset.harness.sandbox  # type: ignore[attr-defined]
        sandbox.switches.deny("can_get", "Group")
        ada = superset.harness.ada  # type: ignore[attr-defined]
        assert told(superset.reader(groups=True), ada) == ["Alpha"]
        sandbox.add_group("Finance", ada)
        with pytest.raises(SourceForbidden):
            told(superset.reader(groups=True), ada)

    @pytest.mark.parametrize(
        ("memberships", "names"),
        [
            ({"roles": [{"id": 3, "name": "Alpha"}]}, ["Alpha"]),
            ({"roles": [], "groups": []}, []),
            ({}, None),
            ({"groups": []}, None),
            ({"roles": [{"id": 3}], "groups": []}, None),
            ({"roles": [], "groups": [7]}, None),
            ({"roles": [], "groups": None}, None),
            ({"roles": [], "groups": [{"id": 7, "name": "Finance"}]}, None),
        ],
    )
    def test_what_a_version_does_not_say_is_not_taken_for_nothing(
        self, superset: Connected, memberships: dict[str, object], names: list[str] | None
    ) -> None:
        """Only of groups may it say nothing: before they came, there were roles alone."""
        users = {"count": 1, "ids": [9], "result": [{"id": 9, "username": "ada", **memberships}]}
        superset.server.faults.add(Fault(USERS, "status", status=200, body=users, times=None))
        reader = superset.reader(groups=True)
        if names is not None:
            assert told(reader, 9) == names
            return
        with pytest.raises(IncompleteFeed):
            told(reader, 9)


class TestTableau:
    def test_people_are_read_group_by_group(self, tableau: Connected) -> None:
        sandbox: Any = tableau.harness.sandbox  # type: ignore[attr-defined]
        ada = tableau.harness.ada  # type: ignore[attr-defined]
        crowd = [sandbox.add_person(f"p{number}@acme.example", "P") for number in range(45)]
        sandbox.add_group("Sales", *crowd, ada)
        sandbox.add_group("Nobody")
        before = len(tableau.server.requests)
        assert told(tableau.reader(groups=True), ada) == ["All Users", "Sales"]
        assert told(tableau.reader(groups=True), sandbox.me) == ["All Users"]
        asked = tableau.server.requests.matching("GET /api/.*/groups/[^/]+/users$")
        assert len(asked) == 2 * (3 + 3 + 2)  # pages of 20; an empty list is asked for again
        assert len(tableau.server.requests) > before

    def test_a_list_of_members_that_is_cut_short_makes_the_feed_incomplete(self, tableau: Connected) -> None:
        tableau.harness.join("Finance")
        tableau.server.faults.add(Fault("GET /api/.*/groups/[^/]+/users$", "truncate", times=None))
        with pytest.raises(IncompleteFeed):
            told(tableau.reader(groups=True), tableau.harness.ada)  # type: ignore[attr-defined]

    def test_an_empty_site_of_groups_is_not_believed(self, tableau: Connected) -> None:
        tableau.server.faults.add(Fault("GET /api/.*/groups$", "empty", times=None))
        with pytest.raises(IncompleteFeed, match="not even in All Users"):
            told(tableau.reader(groups=True), tableau.harness.ada)  # type: ignore[attr-defined]


class TestDomo:
    def test_fewer_members_than_the_group_counts_make_the_feed_incomplete(self, domo: Connected) -> None:
        domo.harness.join("Finance")
        domo.server.faults.add(Fault("GET /v1/groups/[0-9]+/users$", "empty", times=None))
        with pytest.raises(IncompleteFeed, match="Finance counts 1 members but gave 0"):
            told(domo.reader(groups=True), domo.harness.ada)  # type: ignore[attr-defined]

    def test_a_group_without_a_name_is_no_answer(self, domo: Connected) -> None:
        nameless = Fault("GET /v1/groups$", "status", status=200, body=[{"id": 4}])
        domo.server.faults.add(nameless, Fault("GET /v1/groups$", "empty", times=None))
        with pytest.raises(SourceBroken, match="group 4 has no name"):
            told(domo.reader(groups=True), domo.harness.ada)  # type: ignore[attr-defined]

    def test_groups_need_no_instance_api(self, domo: Connected) -> None:
        domo.harness.join("Finance")
        reader = domo.reader(groups=True, instance_url="", developer_token="")
        assert told(reader, domo.harness.ada) == ["Finance"]  # type: ignore[attr-defined]
        assert reader.capabilities.groups
