"""Who is told when the owner cannot be: in order, with reasons, with a longer grace, shown by explain."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from rich.console import Console

from bi_governance import events as ev
from bi_governance.cli.views import explanation_view
from bi_governance.errors import RecipientUnknown
from bi_governance.explain import explain
from bi_governance.guards import Limits
from bi_governance.model import Facts, Person, Role, Viewer, VisualKey
from bi_governance.notify import SlackNotifier
from bi_governance.people import People
from bi_governance.ports import Reach, Recipient
from bi_governance.preview import preview
from bi_governance.run import daily_run
from bi_governance.sandbox.clock import SimulatedClock
from bi_governance.sandbox.faults import Fault
from bi_governance.sandbox.slack import SlackSandbox
from bi_governance.succession import recipient_of
from tests.flow.test_daily_run import go_live, run_days
from tests.flow.world import START, World

NO_WARNINGS = Limits(trial_days=0, ramp_first=None, warn_per_run=0)
WARNING, LONGER = timedelta(days=7), timedelta(days=14)
ADA = Person("1", "Ada", "ada@acme.example", active=True)
BOB = Person("2", "Bob", "bob@acme.example", active=True)
EVE = Person("3", "Eve", "eve@acme.example", active=True)
PEOPLE = People(managers={"ada@acme.example": "eve@acme.example"}, service_accounts=("svc-*",))


class Book:
    """An address book: whoever is not in it cannot be told, and the team can."""

    def __init__(self, *known: str, guests: tuple[str, ...] = ()) -> None:
        self.known, self.guests, self.asked = known, guests, []

    def reach(self, person: Person, source: str) -> Reach:
        self.asked.append(person.email)
        if person.email not in (*self.known, *self.guests):
            return Reach(None, "is not on Slack")
        return Reach(Recipient(person.email, person.name), is_guest=person.email in self.guests)

    def team(self, why: str) -> Recipient:
        return Recipient("#team", "#team", why)


def visual(owner=ADA, folder_owner=BOB) -> Facts:
    return Facts(VisualKey("bi", "board", "1"), "fake", "Board", owner=owner, folder_owner=folder_owner)


def viewed_by(*people: Person) -> tuple[Viewer, ...]:
    return tuple(Viewer(person, 9 - n, START) for n, person in enumerate(people))


def chosen(book: Book, facts: Facts, *viewers: Person) -> tuple[str, Role, str]:
    found = recipient_of(facts, viewed_by(*viewers), PEOPLE, book)
    return found.address, found.role, found.succession


def test_an_owner_who_can_be_told_is_told_and_nobody_else_is_looked_up() -> None:
    book = Book("ada@acme.example", "bob@acme.example")
    assert chosen(book, visual(), BOB) == ("ada@acme.example", Role.OWNER, "")
    assert book.asked == ["ada@acme.example"]


def test_the_first_in_line_who_can_be_told_is_told_and_why_nobody_before() -> None:
    zoe = Person("9", "Zoe", "zoe@acme.example")
    line = ["bob@acme.example", "eve@acme.example", "zoe@acme.example"]
    roles = [Role.FOLDER_OWNER, Role.MANAGER, Role.VIEWER]
    skipped = [
        "its owner is not on Slack",
        "the folder's owner is not on Slack",
        "the owner's manager is not on Slack",
        "a frequent viewer is not on Slack",
    ]
    for place, role in enumerate(roles):
        why = "; ".join(skipped[: place + 1])
        assert chosen(Book(*line[place:]), visual(), zoe) == (line[place], role, why)
    assert chosen(Book(), visual(), zoe) == ("#team", Role.TEAM, "; ".join(skipped))


def test_empty_places_in_the_line_are_named_too() -> None:
    why = (
        "it has no known owner; no owner of its folder is known; no manager of its owner is known; "
        "nobody is known to have used it lately"
    )
    assert chosen(Book(), visual(None, None)) == ("#team", Role.TEAM, why)


def test_one_person_in_several_places_is_asked_once() -> None:
    book = Book()
    again = Person("77", "Ada", " ADA@acme.example", active=True)
    why = chosen(book, visual(ADA, again), ADA, EVE)[2]
    assert book.asked == ["ada@acme.example", "eve@acme.example"]
    assert "the folder's owner is the same person" in why
    assert "a frequent viewer is the same person" in why


def test_whoever_left_or_is_no_person_is_not_even_looked_up() -> None:
    book = Book("ada@acme.example", "svc-x@acme.example")
    left = replace(ADA, active=False)
    robot = Person("8", "Loader", "svc-x@acme.example", active=True)
    address, role, why = chosen(book, visual(left, robot))
    assert (address, role, book.asked) == ("#team", Role.TEAM, ["eve@acme.example"])
    assert why.startswith(
        "its owner has left: the account is deactivated; the folder's owner is a service account"
    )


def test_a_guest_is_told_about_what_is_theirs_with_more_time_and_stands_in_for_nobody() -> None:
    assert chosen(Book(guests=("ada@acme.example",)), visual()) == (
        "ada@acme.example", Role.OWNER, "its owner is a guest on Slack",
    )  # fmt: skip
    address, _, why = chosen(Book("eve@acme.example", guests=("bob@acme.example",)), visual())
    assert address == "eve@acme.example"
    assert "the folder's owner is a guest on Slack, who stands in for nobody" in why


def test_why_names_nobody() -> None:
    why = chosen(Book(), visual(), Person("9", "Zoe", "zoe@acme.example"))[2]
    assert not [name for name in ("Ada", "Bob", "Eve", "Zoe", "acme") if name in why]


def test_without_a_team_nobody_is_left(world) -> None:
    world.services = replace(world.services, people=PEOPLE)
    world.post.unreachable = {"ada"}
    with pytest.raises(RecipientUnknown, match="its owner is not in; no owner of its folder"):
        recipient_of(visual(replace(ADA, id="ada"), None), (), People(), world.post)


# Through a workspace on loopback, from the warning to `explain`.


@pytest.fixture
def slack() -> Iterator[SlackSandbox]:
    """Ada, Carol and Eve are on Slack, Gil as a guest, Sam in another workspace, and Ron is a bot."""
    slack = SlackSandbox(SimulatedClock(START))
    for name in ("ada", "carol", "eve"):
        slack.add_member(f"{name}@acme.example", name.title())
    slack.add_member("gil@acme.example", "Gil", guest=True)
    slack.add_member("sam@acme.example", "Sam", team="T0ELSEWHERE")
    slack.add_member("ron@acme.example", "Ron", bot=True)
    for channel in ("bi-deprecation", "analytics"):
        slack.add_channel(channel)
    with slack.serve():
        yield slack


@pytest.fixture
def company(tmp_path, slack) -> Iterator[World]:
    world = World(tmp_path)
    notifier = SlackNotifier(
        token=slack.token,
        channel="#bi-deprecation",
        admin_channel="#analytics",
        zone=UTC,
        clock=world.clock,
        base_url=f"{slack.serve().url}/api/",
    )
    people = People(service_accounts=("svc-*",), managers={"left@acme.example": "eve@acme.example"})
    world.services = replace(world.services, notifier=notifier, people=people)
    world.store.people = {
        "left": Person("left", "Lew Left", "left@acme.example", active=False),
        "never": Person("never", "Nora Never", "nora@acme.example", active=True),
        "case": Person("case", "Ada", "ADA@Acme.Example", active=True),
        "service": Person("service", "Loader", None, active=True, login="svc-loader"),
        "known": Person("known", "Crawler", "crawler@acme.example", active=True, is_service=True),
        "guest": Person("guest", "Gil", "gil@acme.example", active=True),
        "away": Person("away", "Sam", "sam@acme.example", active=True),
        "bot": Person("bot", "Ron", "ron@acme.example", active=True),
        "nobody": None,
    }
    world.store.folder_owners = {"Sales": Person("c", "Carol", "carol@acme.example", active=True)}
    go_live(world)
    yield world
    world.close()


CASES = {
    # owner: where it lies, who used it, who is told, as what, and why it was not the owner
    "left": ("Shared", "", "eve@acme.example", "manager", "its owner has left: the account is deactivated"),
    "never": ("Sales", "", "carol@acme.example", "folder owner", "its owner is not on Slack"),
    "case": ("Sales", "", "ada@acme.example", "owner", ""),
    "service": ("Shared", "eve", "eve@acme.example", "viewer", "its owner is a service account"),
    "known": ("Shared", "", "#bi-deprecation", "team", "its owner is a service account"),
    "guest": ("Sales", "", "gil@acme.example", "owner", "its owner is a guest on Slack"),
    "away": (
        "Sales", "", "carol@acme.example", "folder owner", "its owner belongs to another Slack workspace",
    ),
    "bot": ("Sales", "", "carol@acme.example", "folder owner", "its owner is a bot on Slack"),
    "nobody": ("Shared", "", "#bi-deprecation", "team", "it has no known owner"),
}  # fmt: skip


def test_every_owner_ends_with_a_named_recipient_and_grace_that_explain_shows(company, slack) -> None:
    """Whoever stands in for the owner has the longer grace; an owner spelt otherwise is simply told."""
    for owner, (folder, viewer, *_) in CASES.items():
        company.bi.add(owner, f"Board of {owner}", owner=owner, folder=folder)
        if viewer:
            company.bi.view(owner, viewer, START - timedelta(days=70))
    assert daily_run(company.services).outcome == "done"
    ids = {member.email: member.id for member in slack.members.values()}
    for owner, (_, _, reader, role, why) in CASES.items():
        found = explain(company.services, str(company.key(owner)))
        (told,) = found.to_json()["told"]
        assert told["recipient"] == ids.get(reader, reader), owner
        assert (told["role"], told["why"].partition(";")[0]) == (role, why), owner
        assert told["longer_grace"] is bool(why)
        expected = START + WARNING + (LONGER if why else timedelta(0))
        assert told["deadline"] == expected.isoformat()
        assert found.decision.deadline == expected
        messages = slack.messages_for(reader) if "@" in reader else slack.messages(reader)
        assert sum(f"Board of {owner}" in str(message.blocks) for message in messages) == 1
        shown = spoken(found)
        name = slack.members[ids[reader]].real_name if reader in ids else reader
        assert f"to {name}" in shown
        assert f"as {role}" in shown
        assert ("with the longer grace, because " + why if why else "as owner") in shown


def spoken(found) -> str:
    """What `explain` prints, as one line of words."""
    console = Console(width=400, file=io.StringIO())
    console.print(explanation_view(found, UTC))
    return " ".join(console.file.getvalue().split())


def test_a_stand_in_reads_why_it_came_to_them_and_the_visual_goes_after_the_longer_grace(
    company, slack
) -> None:
    company.bi.add("1", owner="never", folder="Sales")
    daily_run(company.services)
    said = str(slack.message_for("carol@acme.example").blocks)
    assert "You are told in the owner's place, because its owner is not on Slack." in said
    assert "Why you: the folder it lies in is yours." in said
    assert "Owner: Nora Never, nora@acme.example" in said
    company.clock.forward((WARNING + LONGER).days - 0.01)
    daily_run(company.services)
    assert company.bi.writes == []
    company.clock.forward(0.01)
    daily_run(company.services)
    assert company.bi.writes == ["remove 1"]


def test_while_slack_cannot_say_who_somebody_is_nobody_else_is_told_instead(company, slack) -> None:
    company.bi.add("1", owner="never", folder="Sales")
    slack.faults.add(Fault("lookupByEmail", "status", times=None))
    report = run_days(company, 3)
    assert report.outcome == "failed"
    assert slack.messages_for("carol@acme.example") == []
    assert slack.messages("#bi-deprecation") == []
    assert {type(e) for e in company.ledger.events(key=company.key("1"))} == {ev.NoticeFailed}
    slack.faults.clear()
    daily_run(company.services)
    assert len(slack.messages_for("carol@acme.example")) == 1


def test_the_preview_is_what_the_stand_in_would_get(company, slack) -> None:
    """Of what one owner has, only what the same person is told about."""
    for native_id, folder in (("1", "Sales"), ("2", "Shared"), ("3", "Sales")):
        company.bi.add(native_id, owner="never", folder=folder)
    daily_run(replace(company.services, limits=NO_WARNINGS))
    digest = preview(company.services, str(company.key("1"))).digest
    assert (digest.recipient.name, digest.recipient.role) == ("Carol", Role.FOLDER_OWNER)
    assert [item.facts.key.native_id for item in digest.items] == ["1", "3"]
    digest = preview(company.services, str(company.key("2"))).digest
    assert (digest.recipient.role, len(digest.items)) == (Role.TEAM, 1)
