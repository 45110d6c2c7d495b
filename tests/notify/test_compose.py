"""Every word people read, held against golden files, and what each notice must never leave out."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bi_governance.connectors.registry import PLATFORMS
from bi_governance.model import Mode, NoticeKind, RemovalRoute, VisualKey
from bi_governance.notify.blocks import render_blocks
from bi_governance.notify.buttons import OF_A_WARNING
from bi_governance.notify.compose import Reading, compose_announcement, compose_digest
from bi_governance.notify.message import Message
from bi_governance.notify.moments import say_moment
from bi_governance.notify.slack import SlackNotifier
from bi_governance.notify.text import render_text
from bi_governance.ports import Announcement
from bi_governance.told import ASKING
from tests.notify.rendering import GOLDEN, composed, rendered
from tests.notify.samples import ADA, EVERYDAY, TO_ADA, TO_CHANNEL, ZONE, digest, ended, item

RENDERED = dict(rendered())
KINDS = list(NoticeKind)


@pytest.mark.parametrize("name", sorted(RENDERED))
def test_what_people_read_is_what_was_agreed(name: str) -> None:
    assert RENDERED[name] == (GOLDEN / name).read_text(encoding="utf-8")


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(RENDERED)


def test_every_kind_of_message_was_agreed_live_and_as_a_trial() -> None:
    agreed = {(sample.kind, sample.mode) for sample in EVERYDAY.values()}
    never = {(NoticeKind.RESTORED, Mode.DRY_RUN)}  # nothing is deleted in a trial, so nothing comes back
    assert agreed == {(kind, mode) for kind in NoticeKind for mode in Mode} - never


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not NoticeKind.RESTORED])
def test_a_trial_says_plainly_that_nothing_will_be_deleted(kind: NoticeKind) -> None:
    message = composed(digest(kind, Mode.DRY_RUN, item()))
    assert message.title.startswith("Trial")
    assert message.paragraphs[0] == "This is a trial: nothing will be deleted."
    assert "Will be deleted" not in render_text(message)
    assert "trial" not in render_text(composed(digest(kind, Mode.LIVE, item()))).lower()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("recipient", [TO_ADA, TO_CHANNEL])
def test_every_item_is_there_with_its_link(kind, mode, recipient) -> None:
    items = tuple(item(str(number), f"Title {number}") for number in range(7))
    message = composed(digest(kind, mode, *items, recipient=recipient))
    assert [(i.key, i.title, i.link) for i in message.items] == [
        (str(i.facts.key), i.facts.title, i.facts.url) for i in items
    ]
    assert message.id == "m1"


def test_times_are_told_in_the_teams_zone() -> None:
    moment = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)  # a minute before the clocks change
    assert say_moment(moment, ZONE) == "Sun 29 Mar 2026, 01:59 CET"
    assert say_moment(moment.replace(hour=1), ZONE) == "Sun 29 Mar 2026, 03:59 CEST"
    assert say_moment(moment, ZoneInfo("Pacific/Auckland")) == "Sun 29 Mar 2026, 13:59 NZDT"
    assert say_moment(moment, UTC) == "Sun 29 Mar 2026, 00:59 UTC"


def test_the_owner_is_named_where_the_reader_is_not_the_owner() -> None:
    sample = digest(NoticeKind.WARNING, Mode.LIVE, item(), item("9", owner=None), recipient=TO_CHANNEL)
    owners = [fact.text for i in composed(sample).items for fact in i.facts if fact.name == "Owner"]
    assert owners == ["Ada Lovelace, ada@acme.example", "unknown"]
    assert any(TO_CHANNEL.succession in paragraph for paragraph in composed(sample).paragraphs)
    to_owner = composed(replace(sample, recipient=TO_ADA))
    assert not any(fact.name == "Owner" for i in to_owner.items for fact in i.facts)


def test_an_owner_known_by_id_alone_is_named_by_it() -> None:
    sample = digest(
        NoticeKind.WARNING, Mode.LIVE, item(owner=replace(ADA, name="", email=None)), recipient=TO_CHANNEL
    )
    assert _fact(composed(sample), "Owner") == "7"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not NoticeKind.RESTORED])
def test_what_a_restore_cannot_bring_back_is_said(kind: NoticeKind) -> None:
    """Once for all of a type, whatever single items add to it."""
    found = [item(str(n), lost=("subscriptions", "alerts"), note="a note") for n in range(8)]
    message = composed(digest(kind, Mode.LIVE, *found, item("9", lost=("subscriptions", "tiles"))))
    said = (
        "Once deleted, a restore cannot bring back, "
        "of dashboards of looker_prod: subscriptions, alerts, tiles"
    )
    assert message.paragraphs.count(said) == 1
    assert _fact(message, "Note") == "a note"


def test_what_could_not_be_brought_back_is_said_of_each() -> None:
    message = composed(digest(NoticeKind.RESTORED, Mode.LIVE, item(lost=("subscriptions", "alerts"))))
    assert _fact(message, "Could not be brought back") == "subscriptions, alerts"


def test_all_that_every_platform_loses_has_room_in_the_fullest_message() -> None:
    """Uncut, as declared: for each platform by itself, and for one owner who has things at all of them."""
    declared = {
        VisualKey(name, kind, "1"): lost
        for name in PLATFORMS
        for kind, lost in PLATFORMS[name].load_capabilities().lost_on_restore.items()
        if lost
    }
    assert {"powerbi", "superset", "tableau"} <= {key.source for key in declared}
    sample = item("T" * 150, "F" * 100, rule="R" * 100)
    for keys in (*([key] for key in declared), list(declared)):
        of_each = [
            replace(sample, facts=replace(sample.facts, key=k), lost_on_restore=declared[k]) for k in keys
        ]
        full = (of_each * SlackNotifier.items_per_message)[: SlackNotifier.items_per_message]
        blocks = json.dumps(render_blocks(composed(digest(NoticeKind.WARNING, Mode.LIVE, *full))))
        assert [lost for key in keys for lost in declared[key] if lost not in blocks] == []


@pytest.mark.parametrize("kind", sorted(ASKING))
def test_a_warning_says_when_why_and_how_to_keep_it(kind: NoticeKind) -> None:
    message = composed(digest(kind, Mode.LIVE, item(gap_days=2)))
    assert _fact(message, "Will be deleted") == "not before Mon 9 Mar 2026, 09:00 CET"
    assert _fact(message, "Why it is listed") == "not used for 53 days, not counting 2 without access history"
    assert "To keep it, open it before its date, or press a button below." in render_text(message)
    assert [c.action for c in message.items[0].choices] == [*OF_A_WARNING]
    assert {c.value for c in message.items[0].choices} == {"0 looker_prod:dashboard:42"}


def test_without_buttons_nobody_is_told_to_press_one() -> None:
    message = composed(EVERYDAY["warning_owner_live"], has_buttons=False)
    assert "press" not in render_text(message)
    assert not any(i.choices for i in message.items)


def test_what_an_item_came_to_replaces_what_was_asked_about_it() -> None:
    settled = ended(item("9", "Orders", lost=("tiles",)), NoticeKind.DELETED)
    message = composed(digest(NoticeKind.WARNING, Mode.LIVE, item(), settled))
    assert message.title == "One of your dashboards will be deleted unless somebody keeps it"
    first, second = message.items
    assert (len(first.choices), first.is_settled) == (len(OF_A_WARNING), False)
    assert (second.choices, second.is_settled) == ((), True)
    assert [f.text for f in second.facts] == [
        "deleted on Mon 9 Mar 2026; it can be restored until Wed 8 Apr 2026"
    ]


def test_when_nothing_is_open_any_more_nothing_is_asked() -> None:
    message = composed(EVERYDAY["warning_settled"])
    assert message.title.startswith("Settled")
    assert message.paragraphs == ()
    assert not any(i.choices for i in message.items)


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ([RemovalRoute.TRASH], "stays in the platform's own trash and in our backup"),
        ([RemovalRoute.HARD], "is gone from the platform; from our backup"),
        (
            [RemovalRoute.HARD, RemovalRoute.TRASH],
            "from the platform's own trash where it has one, else from",
        ),
    ],
)
def test_what_is_kept_is_said_with_for_how_long(routes, said) -> None:
    items = [item(str(n), route=route) for n, route in enumerate(routes)]
    message = composed(replace(digest(NoticeKind.WARNING, Mode.LIVE, *items), retention_days=45))
    (text,) = [p for p in message.paragraphs if "can be restored for" in p]
    assert said in text
    assert "45 days" in text
    assert not any(
        "restored for" in p
        for p in composed(digest(NoticeKind.WARNING, Mode.LIVE, item(route=None))).paragraphs
    )


def test_by_how_many_it_was_used_and_since_when_that_is_known() -> None:
    def viewers(count: int, people: int, seen: datetime | None = None) -> list[str]:
        given = item(viewers=(count, people))
        given = replace(given, facts=replace(given.facts, last_viewed_at=seen))
        message = composed(digest(NoticeKind.WARNING, Mode.LIVE, given))
        return [f.text for f in message.items[0].facts if f.name == "Used by"]

    assert viewers(1, 1) == ["1 view by 1 person since Mon 1 Sep 2025"]
    assert viewers(1200, 30) == ["1,200 views by 30 people since Mon 1 Sep 2025"]
    assert viewers(0, 0) == ["nobody since Mon 1 Sep 2025"]
    assert viewers(0, 0, datetime(2025, 12, 1, tzinfo=UTC)) == []  # known from the platform's own field alone


def test_many_names_are_counted() -> None:
    message = composed(digest(NoticeKind.WARNING, Mode.LIVE, item(holds=tuple("abcde"), part_of=("x",))))
    assert _fact(message, "Holds") == "a, b, c and 2 more"
    assert _fact(message, "Still shown in") == "x"


@pytest.mark.parametrize("kind", [NoticeKind.RESCUED, NoticeKind.RESTORED])
def test_what_is_settled_cannot_be_answered(kind: NoticeKind) -> None:
    assert composed(digest(kind, Mode.LIVE, item())).items[0].choices == ()


def test_what_was_deleted_can_be_had_back_unless_it_was_a_trial() -> None:
    deleted = composed(digest(NoticeKind.DELETED, Mode.LIVE, item()))
    assert [c.label for c in deleted.items[0].choices] == ["Restore", "Why?"]
    assert "press 'Restore' below" in render_text(deleted)
    assert composed(digest(NoticeKind.DELETED, Mode.DRY_RUN, item())).items[0].choices == ()


def test_a_use_through_a_container_and_no_use_at_all() -> None:
    inside = item(via=VisualKey("looker_prod", "dashboard", "7"))
    never = replace(
        inside,
        decision=replace(inside.decision, usage=replace(inside.decision.usage, last_used=None, via=None)),
    )
    message = composed(digest(NoticeKind.WARNING, Mode.LIVE, inside, never))
    said = [fact.text for i in message.items for fact in i.facts if fact.name == "Last used"]
    assert said == ["Thu 8 Jan 2026 (viewed through looker_prod:dashboard:7)", "no use is known"]


def test_a_warning_without_a_date_says_so() -> None:
    assert _fact(composed(digest(NoticeKind.WARNING, Mode.LIVE, item(deadline=None))), "Will be deleted") == (
        "the date is not set yet"
    )


def test_a_command_can_be_pasted_whatever_the_key_holds() -> None:
    sample = digest(NoticeKind.DELETED, Mode.LIVE, item("a b; rm -rf $HOME"))
    message = compose_digest(sample, Reading(ZONE, "the analytics team", is_owner=True))
    assert "bi-governance restore 'looker_prod:dashboard:a b; rm -rf $HOME'" in message.paragraphs[-1]


def test_an_announcement_keeps_its_lines_and_drops_empty_ones() -> None:
    message = compose_announcement(Announcement("a", "Title\nover two", ("one", "", "two\r\nlines")))
    assert message == Message("a", "Title over two", ("one", "two lines"))


def _fact(message: Message, name: str) -> str:
    (text,) = {fact.text for i in message.items for fact in i.facts if fact.name == name}
    return text
