"""The messages people have: what became of each item, what they were not told yet, and when one is stale."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bi_governance import events as ev
from bi_governance.lifecycle import State, fold
from bi_governance.model import Mode, NoticeKind
from tests.core.estate import NOW, ago, mode, notice, removed, visual

ONE, TWO = visual("1"), visual("2")
SENT = [notice(facts, 7, message_id="m", mode=Mode.LIVE) for facts in (ONE, TWO)]
LIVE = mode(30, Mode.LIVE)


def rescued(facts, code: str = "used", episode: int = 0) -> ev.Rescued:
    return ev.Rescued(at=ago(1), key=facts.key, episode=episode, mode=Mode.LIVE, code=code, reason="viewed")


def edited(version: int) -> ev.NoticeEdited:
    return ev.NoticeEdited(at=NOW, message_id="m", version=version)


def after(*events: ev.Event) -> State:
    return fold([LIVE, *SENT, *events])


def codes(state: State) -> dict[str, str | None]:
    (told,) = state.mail.messages.values()
    return {key.native_id: item.ending.code if item.ending else None for key, item in told.items.items()}


@pytest.mark.parametrize(
    ("event", "code", "kind"),
    [
        (rescued(ONE), "used", NoticeKind.RESCUED),
        (removed(ONE.key, ago(1)), "deleted", NoticeKind.DELETED),
        (ev.KeptUntil(at=ago(1), key=ONE.key, until=NOW), "kept", None),
        (ev.Exempted(at=ago(1), key=ONE.key, reason="r"), "exempt", None),
        (ev.Regretted(at=ago(1), key=ONE.key, how="asked", mode=Mode.LIVE), "wanted", NoticeKind.RESCUED),
        (ev.Unexempted(at=ago(1), key=ONE.key), "visual.unexempted", None),
    ],
)
def test_what_ends_an_episode_is_noted_in_its_message(event, code, kind) -> None:
    state = after(event)
    assert codes(state) == {"1": code, "2": None}
    told = state.mail.messages["m"]
    assert told.is_stale
    untold = told.items[ONE.key].untold
    assert (untold.kind if untold else None) == kind


def test_a_switch_ends_all_and_is_no_news() -> None:
    state = after(mode(1, Mode.DRY_RUN))
    assert codes(state) == {"1": "switched_to_dry-run", "2": "switched_to_dry-run"}
    assert not any(item.untold for item in state.mail.messages["m"].items.values())


@pytest.mark.parametrize(
    "event", [rescued(ONE, episode=1), removed(visual("3").key, ago(1)), notice(ONE, 2, mode=Mode.LIVE)]
)
def test_what_ends_nothing_leaves_the_message_as_it_is(event) -> None:
    assert not after(event).mail.messages["m"].is_stale


def test_a_message_is_up_to_date_once_its_edit_is_recorded_until_more_happens() -> None:
    assert after(rescued(ONE)).mail.messages["m"].is_stale
    assert not after(rescued(ONE), edited(1)).mail.messages["m"].is_stale
    assert after(rescued(ONE), edited(1), rescued(TWO)).mail.messages["m"].is_stale
    assert after(rescued(ONE), rescued(TWO), edited(1)).mail.messages["m"].is_stale


def test_what_was_told_is_told_no_more() -> None:
    news = notice(ONE, 1, notice=NoticeKind.RESCUED, mode=Mode.LIVE, message_id="n")
    item = after(rescued(ONE), news).mail.messages["m"].items[ONE.key]
    assert item.ending is not None
    assert item.untold is None
    other = notice(ONE, 1, notice=NoticeKind.RESCUED, mode=Mode.LIVE, message_id="n", episode=1)
    assert after(rescued(ONE), other).mail.messages["m"].items[ONE.key].untold is not None


def test_what_was_restored_is_news_again() -> None:
    gone = removed(ONE.key, ago(2))
    told = notice(ONE, 2, notice=NoticeKind.DELETED, mode=Mode.LIVE, message_id="n")
    back = ev.Restored(at=ago(1), key=ONE.key, immune_until=NOW, actor="grace", lost="alerts")
    item = after(gone, told, back).mail.messages["m"].items[ONE.key]
    assert item.untold is not None
    assert (item.untold.kind, item.untold.actor, item.untold.lost) == (
        NoticeKind.RESTORED, "grace", "alerts",
    )  # fmt: skip
    assert item.version == 2


def test_a_settled_message_is_forgotten_and_one_with_something_deleted_is_not() -> None:
    news = [
        notice(facts, 1, notice=NoticeKind.RESCUED, mode=Mode.LIVE, message_id="n") for facts in (ONE, TWO)
    ]
    assert not after(rescued(ONE), rescued(TWO), *news, edited(2)).mail.messages
    assert not after(rescued(ONE), rescued(TWO), edited(2), *news).mail.messages
    assert after(rescued(ONE), rescued(TWO), edited(2)).mail.messages, "nobody was told yet"
    assert after(rescued(ONE), removed(TWO.key, ago(1)), *news, edited(2)).mail.messages
    assert not fold([edited(1)]).mail.messages


def test_what_was_forgotten_hears_of_nothing_more() -> None:
    kept = [ev.KeptUntil(at=ago(1), key=facts.key, until=NOW) for facts in (ONE, TWO)]
    state = after(*kept, edited(2), notice(ONE, 0, episode=1, mode=Mode.LIVE, message_id="again"))
    assert list(state.mail.messages) == ["again"]
    assert [told.message_id for told in state.mail.of(ONE.key)] == ["again"]
    assert list(state.mail.of(TWO.key)) == []


@pytest.mark.parametrize("kind", [NoticeKind.REMINDER, NoticeKind.LAST_CALL])
def test_what_asks_goes_stale_and_only_the_warning_has_news(kind) -> None:
    later = notice(ONE, 3, notice=kind, days_before=1, mode=Mode.LIVE, message_id="r")
    state = after(later, rescued(ONE))
    assert state.mail.messages["r"].is_stale
    assert not fold([edited(1).__class__(at=NOW, message_id="r", version=1)], state).mail.messages.get("r")


@pytest.mark.parametrize("kind", [NoticeKind.RESCUED, NoticeKind.DELETED, NoticeKind.RESTORED])
def test_news_asks_nothing_and_never_goes_stale(kind) -> None:
    assert not fold([LIVE, notice(ONE, 7, notice=kind, mode=Mode.LIVE)]).mail.messages


def test_a_message_is_known_by_all_that_finds_it_again() -> None:
    said = notice(
        ONE,
        7,
        message_id="m",
        mode=Mode.LIVE,
        deadline=NOW,
        recipient="U1",
        succession="left",
        role="manager",
    )
    (told,) = fold([LIVE, said]).mail.messages.values()
    assert (told.recipient, told.reader, told.succession, told.role) == ("U1", "U1", "left", "manager")
    assert (told.channel, told.ts) == ("D1", "1.0")
    item = told.items[ONE.key]
    assert (item.title, item.folder, item.deadline) == (ONE.title, ONE.folder, NOW)
    (other,) = fold([LIVE, replace(said, reader="ada@acme.test")]).mail.messages.values()
    assert other.reader == "ada@acme.test"


def test_a_restore_is_news_only_where_the_message_says_that_it_is_gone() -> None:
    back = ev.Restored(at=ago(1), key=ONE.key, immune_until=NOW)
    assert codes(after(rescued(ONE), back))["1"] == "used"
    again = notice(ONE, 3, mode=Mode.LIVE, message_id="again", episode=1)
    state = after(replace(rescued(ONE), at=ago(4)), again, removed(ONE.key, ago(2), 1), back)
    endings = {m.message_id: m.items[ONE.key].ending for m in state.mail.of(ONE.key)}
    assert {name: ending.code for name, ending in endings.items() if ending} == {
        "m": "used",
        "again": "restored",
    }


def test_a_restore_while_it_is_only_warned_of_is_noted_once() -> None:
    back = ev.Restored(at=ago(1), key=ONE.key, immune_until=NOW)
    assert after(back).mail.messages["m"].items[ONE.key].version == 1
