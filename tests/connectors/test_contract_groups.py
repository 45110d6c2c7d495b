"""What connectors owe the rules by group: everybody's groups by name, or an error - never a shorter list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from bi_governance.connectors.registry import PLATFORMS
from bi_governance.errors import SourceError
from bi_governance.model import Facts, Person
from bi_governance.ports import Reader
from bi_governance.rules import Match
from bi_governance.sandbox.server import Fault
from tests.connectors.harness import START, Connected, harness_of, with_harness

# Entra, not Power BI, keeps the groups of its people.
GROUPED = [name for name in with_harness() if name != "powerbi"]


@pytest.fixture(params=GROUPED)
def grouped(request: pytest.FixtureRequest) -> Iterator[Connected]:
    """Every platform whose groups can be read, in turn."""
    harness = harness_of(request.param)
    with harness.serve() as server:
        connection = Connected(harness, server)
        yield connection
        connection.close()


def groups_by_user(connected: Connected, reader: Reader) -> dict[str, str | None]:
    """Per user id the column as the feed of users has it."""
    pages = reader.read_inventory(f"{connected.harness.platform}_user")
    return {str(row["user_id"]): row["group_names"] for page in pages for row in page}  # type: ignore[misc]


def groups_of_owner(connected: Connected, reader: Reader) -> tuple[str, ...]:
    """Of whoever owns what the harness adds."""
    key = connected.harness.add_visual("Revenue")
    told = groups_by_user(connected, reader)[reader.look(key, START - timedelta(days=1)).owner_id]
    assert told is not None
    return tuple(json.loads(told))


def test_a_rule_by_group_fits_the_owners_visuals(connected: Connected) -> None:
    """Where groups are known; elsewhere the feed does not claim to know them."""
    reader, key = connected.reader(groups=True), connected.harness.add_visual("Revenue")
    connected.harness.join('Finance "EMEA"')
    sighting = reader.look(key, START - timedelta(days=1))
    if connected.harness.platform not in GROUPED:
        rows = [row for page in reader.read_inventory(f"{connected.harness.platform}_user") for row in page]
        assert rows
        assert not any("group_names" in row for row in rows)
        return
    facts = Facts(
        key,
        connected.harness.platform,
        "Revenue",
        owner=Person(sighting.owner_id),
        owner_groups=groups_of_owner(connected, reader),
    )
    assert Match(group='finance "*').fits(facts, START) is True
    assert Match(group="Finance").fits(facts, START) is False


def test_people_who_are_not_in_a_group_are_known_not_to_be(grouped: Connected) -> None:
    grouped.harness.join("Finance")
    other = grouped.harness.give_to_somebody_else(grouped.harness.add_visual("Revenue"))
    told = groups_by_user(grouped, grouped.reader(groups=True))
    assert "Finance" not in json.loads(told[other] or "null")
    assert sum("Finance" in json.loads(groups or "null") for groups in told.values()) == 1


def test_more_groups_than_a_page_holds_are_all_read(grouped: Connected) -> None:
    names = {f"Team {number}" for number in range(2 * grouped.harness.page_size + 1)}
    for name in sorted(names):
        grouped.harness.join(name)
    assert names <= set(groups_of_owner(grouped, grouped.reader(groups=True)))


def test_groups_are_read_only_where_they_are_asked_for(grouped: Connected) -> None:
    grouped.harness.join("Finance")
    assert set(groups_by_user(grouped, grouped.reader()).values()) == {None}
    if grouped.harness.platform != "superset":  # which tells roles with the users, at no further call
        assert len(grouped.server.requests.matching(grouped.harness.paths.groups)) == 0


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_groups_that_cannot_be_read_leave_the_feed_of_users_incomplete(
    grouped: Connected, status: int
) -> None:
    grouped.harness.join("Finance")
    pattern = grouped.harness.paths.groups
    grouped.server.faults.add(Fault(pattern, "status", status=status, times=None))
    with pytest.raises(SourceError):
        groups_by_user(grouped, grouped.reader(groups=True))


@pytest.mark.parametrize("kind", ["truncate", "empty", "html", "drop"])
def test_groups_that_come_back_short_are_not_believed(grouped: Connected, kind: str) -> None:
    grouped.harness.join("Finance")
    pattern = grouped.harness.paths.groups
    grouped.server.faults.add(Fault(pattern, kind, times=None))  # type: ignore[arg-type]
    try:
        told = groups_by_user(grouped, grouped.reader(groups=True))
    except SourceError:
        return
    # A list of nobody makes owners people of whom nothing is known.
    assert not told or any("Finance" in json.loads(groups or "null") for groups in told.values())


def test_doctor_says_whether_groups_can_be_read_where_rules_need_it(grouped: Connected) -> None:
    def about(reader: Reader) -> list[bool]:
        return [probe.ok for probe in reader.probe() if "groups" in probe.name]

    grouped.harness.join("Finance")
    assert about(grouped.reader()) == []
    assert about(grouped.reader(groups=True)) == [True]
    grouped.server.faults.add(Fault(grouped.harness.paths.groups, "status", status=403, times=None))
    assert about(grouped.reader(groups=True)) == [False]


def test_a_platform_that_declares_groups_says_what_they_are() -> None:
    assert {name: PLATFORMS[name].load_capabilities().groups for name in with_harness()} == {
        "domo": "groups",
        "looker": "groups",
        "powerbi": "",
        "superset": "roles and groups",
        "tableau": "groups",
    }
