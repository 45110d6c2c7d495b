"""What people are told after their warning, in its thread, and how the warning itself stays true."""

from dataclasses import replace
from datetime import time

import pytest

from bi_governance import events as ev
from bi_governance.errors import DeliveryError, NotEditable
from bi_governance.follow import FRESH
from bi_governance.keep import exempt, keep_until
from bi_governance.model import Action, Mode, NoticeKind
from bi_governance.ports import Reach, Recipient, Thread, TrialNotices
from bi_governance.restore import restore
from bi_governance.rules import Match, Policy, Rule
from bi_governance.run import daily_run, one_runner
from bi_governance.run_report import summary
from bi_governance.window import ActionWindow
from tests.flow.test_daily_run import go_live, run_days
from tests.flow.world import DAY, START


@pytest.fixture
def warned(world):
    """Two boards of Ada's, warned of in one message on the first day."""
    world.bi.add("1")
    world.bi.add("2")
    go_live(world)
    run_days(world, 1)
    return world


def kinds(world) -> list[str]:
    return [str(digest.kind) for digest, _ in world.post.accepted.values()]


def newest(world):
    return next(reversed(world.post.accepted.values()))[0]


def mended(world) -> dict[str, str | None]:
    """What the newest edit of the warning says became of each board."""
    digest = [d for d in world.post.edits if d.kind is NoticeKind.WARNING][-1]
    return {i.facts.key.native_id: i.ending.code if i.ending else None for i in digest.items}


def test_whoever_used_it_is_told_once_in_the_thread_and_the_warning_is_mended(warned):
    root = warned.post.accepted[newest(warned).message_id][1]
    warned.bi.view("1")
    run_days(warned, 2)
    assert kinds(warned) == ["warning", "rescued"]
    reply = newest(warned)
    assert [i.facts.key.native_id for i in reply.items] == ["1"]
    assert reply.recipient.thread == Thread(root.channel, root.ts)
    assert mended(warned) == {"1": "used", "2": None}
    assert len(warned.post.edits) == 1
    still_open = warned.post.edits[0].items[1]
    assert still_open.deadline == START + 7 * DAY
    assert still_open.decision.usage.how


def test_reminders_answer_the_warning(warned):
    root = warned.post.accepted[newest(warned).message_id][1]
    run_days(warned, 4)
    assert kinds(warned) == ["warning", "reminder"]
    assert newest(warned).recipient.thread == Thread(root.channel, root.ts)


def test_a_reminder_to_somebody_else_starts_a_conversation_of_its_own(warned):
    grace = Recipient("grace@acme.example", "Grace")
    warned.post.reach = lambda _person, _source: Reach(grace)
    run_days(warned, 4)
    assert newest(warned).kind is NoticeKind.REMINDER
    assert newest(warned).recipient.thread is None


def test_a_reminder_goes_stale_with_its_warning_and_is_mended_too(warned):
    run_days(warned, 4)
    warned.bi.view("1")
    warned.bi.view("2")
    run_days(warned, 2)
    assert {d.kind for d in warned.post.edits} == {NoticeKind.WARNING, NoticeKind.REMINDER}
    assert all(i.ending and i.ending.code == "used" for d in warned.post.edits for i in d.items)
    assert kinds(warned).count("rescued") == 1


def test_what_was_deleted_is_told_with_the_date_until_which_it_can_be_restored(warned):
    run_days(warned, 7)
    told = newest(warned)
    assert (told.kind, told.mode) == (NoticeKind.DELETED, Mode.LIVE)
    assert {i.facts.key.native_id for i in told.items} == {"1", "2"}
    assert {i.restorable_until for i in told.items} == {START + 37 * DAY}
    assert {i.lost_on_restore for i in told.items} == {("favourites are gone",)}
    assert mended(warned) == {"1": "deleted", "2": "deleted"}


def test_what_was_restored_is_told_in_the_same_thread_and_the_warning_says_so(warned):
    root = warned.post.accepted[newest(warned).message_id][1]
    run_days(warned, 7)
    with one_runner(warned.services) as lease:
        restore(warned.services, warned.key("1"), actor="grace", lease=lease)
    run_days(warned, 2)
    assert kinds(warned)[-2:] == ["deleted", "restored"]
    told = newest(warned)
    assert told.recipient.thread == Thread(root.channel, root.ts)
    assert [(i.facts.key.native_id, i.lost_on_restore) for i in told.items] == [
        ("1", ("favourites are gone",))
    ]
    assert mended(warned) == {"1": "restored", "2": "deleted"}


def test_whoever_kept_it_knows_so_the_message_is_mended_and_nothing_is_sent(warned):
    keep_until(warned.services, warned.key("1"), warned.clock.now() + 90 * DAY, actor="ada")
    exempt(warned.services, warned.key("2"), actor="grace", reason="audit")
    run_days(warned, 2)
    assert kinds(warned) == ["warning"]
    assert mended(warned) == {"1": "kept", "2": "exempt"}
    (edit,) = warned.post.edits
    assert [i.ending.actor for i in edit.items] == ["ada", "grace"]


def test_whoever_puts_it_off_hears_nothing_until_then_and_is_warned_as_if_for_the_first_time(warned):
    keep_until(warned.services, warned.key("1"), warned.clock.now() + 30 * DAY, actor="ada")
    exempt(warned.services, warned.key("2"), actor="grace", reason="audit")
    run_days(warned, 30)
    assert kinds(warned) == ["warning"]
    run_days(warned, 5)
    assert kinds(warned) == ["warning", "warning", "reminder"]
    assert warned.bi.writes == []


def test_a_warning_never_stands_when_deletions_were_switched_off(warned):
    off = ev.ModeChanged(at=warned.clock.now(), actor="admin", mode=Mode.DRY_RUN, reason="holiday")
    warned.ledger.append([off])
    run_days(warned, 1)
    assert mended(warned) == {"1": "switched_to_dry-run", "2": "switched_to_dry-run"}


@pytest.mark.parametrize("who", [TrialNotices.OWNERS, TrialNotices.CHANNEL])
def test_the_trial_tells_what_would_have_been_deleted_and_who_wanted_it_after_all(world, who):
    world.services = replace(world.services, trial_notices=who)
    world.bi.add("1")
    run_days(world, 8)
    assert kinds(world) == ["warning", "reminder", "reminder", "deleted"]
    assert newest(world).mode is Mode.DRY_RUN
    assert newest(world).items[0].restorable_until is None
    world.bi.view("1")
    run_days(world, 2)
    assert kinds(world)[-1] == "rescued"
    assert world.bi.writes == []


def test_where_nobody_is_told_of_the_trial_nobody_is_told_what_came_of_it(world):
    world.services = replace(world.services, trial_notices=TrialNotices.NONE)
    world.bi.add("1")
    run_days(world, 9)
    assert (world.post.accepted, world.post.edits) == ({}, [])


def test_news_that_could_not_be_told_is_told_later_and_fails_no_run(warned):
    warned.bi.view("1")
    warned.post.refuse = "Slack is down"
    report = run_days(warned, 2)
    assert report.outcome == "done"
    assert any(line.startswith("Not told: ") for line in summary(report)[1])
    warned.post.refuse = None
    run_days(warned, 2)
    assert kinds(warned).count("rescued") == 1


def test_old_news_is_no_news(warned):
    warned.bi.view("1")
    warned.post.refuse, warned.post.refuse_edits = "Slack is down", DeliveryError("Slack is down")
    run_days(warned, FRESH.days + 2)
    warned.post.refuse = warned.post.refuse_edits = None
    run_days(warned, 1)
    assert "rescued" not in kinds(warned)


def test_a_failed_edit_blocks_nothing_and_is_tried_again(warned):
    warned.bi.view("1")
    warned.post.refuse_edits = DeliveryError("Slack is down")
    report = run_days(warned, 2)
    assert report.outcome == "done"
    assert report.followed.unedited == ["ada: Slack is down"]
    warned.post.refuse_edits = None
    run_days(warned, 2)
    assert len(warned.post.edits) == 1
    assert mended(warned) == {"1": "used", "2": None}


def test_what_can_never_be_edited_is_left_alone_and_that_is_recorded(warned):
    warned.bi.view("1")
    warned.post.refuse_edits = NotEditable("an e-mail that was sent cannot be changed")
    run_days(warned, 2)
    warned.post.refuse_edits = None
    run_days(warned, 2)
    assert warned.post.edits == []
    (edited,) = [e for e in warned.ledger.events() if isinstance(e, ev.NoticeEdited)]
    assert edited.problem == "an e-mail that was sent cannot be changed"


def test_a_crash_before_the_edit_is_recorded_repeats_the_same_edit(warned):
    warned.bi.view("1")
    warned.clock.forward(1)
    append = warned.ledger.append

    def dies(events, lease=None):
        if any(isinstance(e, ev.NoticeEdited) for e in events):
            raise KeyboardInterrupt
        return append(events, lease)

    warned.ledger.append = dies
    with pytest.raises(KeyboardInterrupt):
        daily_run(warned.services)
    warned.ledger.append = append
    run_days(warned, 2)
    assert len(warned.post.edits) == 2
    first, second = warned.post.edits
    assert [i.ending for i in first.items] == [i.ending for i in second.items]
    assert kinds(warned) == ["warning", "rescued"]


def test_a_crash_after_a_reply_was_accepted_does_not_double_it(warned):
    warned.bi.view("1")
    warned.clock.forward(1)
    append = warned.ledger.append

    def dies(events, lease=None):
        if any(isinstance(e, ev.NoticeDelivered) for e in events):
            raise KeyboardInterrupt
        return append(events, lease)

    warned.ledger.append = dies
    with pytest.raises(KeyboardInterrupt):
        daily_run(warned.services)
    warned.ledger.append = append
    run_days(warned, 2)
    assert kinds(warned) == ["warning", "rescued"]
    assert not warned.ledger.state().unsettled_notices


def test_the_last_call_goes_out_on_the_day_and_moves_nothing(warned):
    """A day's run a minute before the deadline: last call; the first run after it deletes."""
    warned.clock.forward(6 - 1 / 1440)
    report = daily_run(warned.services)
    assert newest(warned).kind is NoticeKind.LAST_CALL
    assert newest(warned).items[0].deadline == START + 7 * DAY
    assert report.deleted.removed == []
    daily_run(warned.services)
    assert kinds(warned).count("last_call") == 1
    warned.clock.forward(1 / 1440)
    assert len(daily_run(warned.services).deleted.removed) == 2


def test_a_last_call_that_failed_stops_no_deletion(warned):
    warned.clock.forward(6 - 1 / 1440)
    warned.post.refuse = "Slack is down"
    daily_run(warned.services)
    warned.clock.forward(1 / 1440)
    assert len(daily_run(warned.services).deleted.removed) == 2


def test_only_a_warning_starts_the_grace(warned):
    """Every other kind of notice, delivered first and alone, leaves a visual as unwarned as it was."""
    warned.bi.add("3")
    for kind in NoticeKind:
        if kind is NoticeKind.WARNING:
            continue
        warned.ledger.append(
            [
                ev.NoticeDelivered(
                    at=START,
                    key=warned.key("3"),
                    episode=0,
                    notice=kind,
                    mode=Mode.LIVE,
                    message_id=f"x{kind}",
                    recipient="ada@acme.example",
                    channel="D",
                    ts="1",
                    deadline=START,
                )
            ]
        )
    report = run_days(warned, 1)
    assert report.plan.decision(warned.key("3")).action is Action.WARN
    assert warned.ledger.state().case(warned.key("3")).warning.at == START + DAY


def test_outside_working_hours_everything_waits_and_nothing_gets_sooner(world):
    """The 2nd of March 2026 is a Monday; this team answers on Wednesdays only."""
    world.services = replace(
        world.services, notice_window=ActionWindow(days=frozenset({2}), opens=time(6), closes=time(17))
    )
    world.bi.add("1")
    go_live(world)
    report = run_days(world, 2)
    assert (world.post.accepted, report.warned.waiting) == ({}, 1)
    assert any("Waiting for working hours" in line for line in summary(report)[1])
    run_days(world, 1)
    assert kinds(world) == ["warning"]
    deadline = world.ledger.state().case(world.key("1")).warning.deadline
    assert deadline == START + 9 * DAY
    run_days(world, 7)  # to the next Wednesday, when it is deleted and may be told
    assert world.bi.writes == ["remove 1"]
    assert kinds(world) == ["warning", "deleted"]


def test_holidays_count_as_outside(world):
    world.services = replace(world.services, notice_window=ActionWindow(holidays=frozenset({START.date()})))
    world.bi.add("1")
    go_live(world)
    run_days(world, 2)
    assert world.ledger.state().case(world.key("1")).warning.at == START + DAY


def test_one_digest_lists_the_nearest_deadline_first(world):
    patient = (Rule(name="patient", match=Match(title="Board 0"), warning_days=20),
               Rule(name="quick", match=Match(title="Board 2"), warning_days=3))  # fmt: skip
    world.services = replace(world.services, policy=Policy(rules=patient))
    world.post.items_per_message = 50
    for number in range(4):
        world.bi.add(str(number))
    go_live(world)
    run_days(world, 1)
    told = newest(world)
    deadlines = [i.deadline for i in told.items]
    assert deadlines == sorted(deadlines)
    assert [i.facts.key.native_id for i in told.items] == ["2", "1", "3", "0"]


def test_what_is_around_a_board_is_said(world):
    world.bi.add("1")
    world.store.read_orders = {"1"}
    go_live(world)
    run_days(world, 1)
    assert newest(world).items[0].reads == ("shop.orders",)
