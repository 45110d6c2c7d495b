"""The ledger folded: episodes, modes, trials, removals."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from bi_governance import events as ev
from bi_governance.cases import Case, Notice, Removal
from bi_governance.lifecycle import State, fold
from bi_governance.model import Mode, NoticeKind, RemovalRoute, VisualKey
from tests.core.estate import KEY, NOW, ago, key, mode, notice, planned, reminder, removed, visual

FACTS = visual()
DRY, LIVE = Mode.DRY_RUN, Mode.LIVE


def rescued(days_ago: float, episode: int = 0, in_mode: Mode = DRY) -> ev.Rescued:
    return ev.Rescued(at=ago(days_ago), key=KEY, episode=episode, mode=in_mode, code="used", reason="r")


def case(*history: ev.Event) -> Case:
    return fold(history).case(KEY)


def test_a_visual_nothing_happened_to_has_an_empty_case() -> None:
    assert State().case(KEY) == Case(KEY)
    assert not Case(KEY).is_open
    assert Case(KEY).warning is None


def test_a_delivered_warning_opens_an_episode_as_the_owner_read_it() -> None:
    found = case(notice(FACTS, 7, deadline=NOW, succession="manager")).warning
    assert found == Notice(
        kind=NoticeKind.WARNING,
        at=ago(7),
        message_id=f"m-{KEY}-7",
        recipient="alice@acme.test",
        deadline=NOW,
        title="Dashboard 42",
        owner_id="7",
        folder="Sales",
        days_before=None,
        succession="manager",
        reader="alice@acme.test",
        channel="D1",
        ts="1.0",
    )
    named = case(notice(FACTS, 7, reader="Alice Ames")).warning
    assert named is not None
    assert named.reader == "Alice Ames"


def test_an_escalation_is_remembered_once_and_is_no_notice() -> None:
    told = [notice(FACTS, days, notice=NoticeKind.ESCALATION) for days in (2, 1)]
    found = case(notice(FACTS, 7), *told)
    assert found.escalated_at == ago(2)
    assert [n.kind for n in found.notices] == [NoticeKind.WARNING]
    assert case(notice(FACTS, 7), told[0], rescued(1)).escalated_at is None


def test_the_first_warning_of_an_episode_is_the_one_that_counts() -> None:
    found = case(reminder(FACTS, 8, 3), notice(FACTS, 7), notice(FACTS, 2)).warning
    assert found is not None
    assert found.at == ago(7)


@pytest.mark.parametrize("kind", [NoticeKind.RESCUED, NoticeKind.DELETED, NoticeKind.RESTORED])
def test_telling_people_what_happened_opens_nothing(kind: NoticeKind) -> None:
    assert case(notice(FACTS, 7, notice=kind)).notices == ()


def test_a_notice_that_was_intended_or_failed_is_no_notice() -> None:
    intended = ev.NoticeIntended(
        at=ago(7), key=KEY, episode=0, notice=NoticeKind.WARNING, mode=DRY, message_id="m", recipient="a"
    )
    failed = ev.NoticeFailed(
        at=ago(7), key=KEY, episode=0, notice=NoticeKind.WARNING, mode=DRY, message_id="m", reason="429"
    )
    assert not case(intended).is_open
    assert not case(intended, failed).is_open


@pytest.mark.parametrize("wrong", [{"episode": 1}, {"mode": LIVE}])
def test_a_notice_of_another_episode_or_mode_does_not_count(wrong: dict[str, object]) -> None:
    assert not case(notice(FACTS, 7, **wrong)).is_open


def test_a_rescue_ends_the_episode_and_the_next_starts_afresh() -> None:
    history = (notice(FACTS, 9), rescued(8))
    assert case(*history) == Case(KEY, episode=1)
    assert case(*history, notice(FACTS, 7, episode=1)).is_open


@pytest.mark.parametrize("late", [rescued(6, episode=0), rescued(6, episode=1, in_mode=LIVE)])
def test_a_rescue_of_another_episode_or_mode_changes_nothing(late: ev.Rescued) -> None:
    history = (notice(FACTS, 9), rescued(8), notice(FACTS, 7, episode=1))
    assert case(*history, late) == case(*history)


def test_a_keep_ends_the_episode_and_lasts_until_its_date() -> None:
    found = case(notice(FACTS, 9), ev.KeptUntil(at=ago(8), key=KEY, until=ago(-30), reason="audit"))
    assert (found.is_open, found.episode, found.kept_until, found.kept_reason) == (
        False,
        1,
        ago(-30),
        "audit",
    )


def test_an_exemption_ends_the_episode_and_its_revocation_starts_a_new_cycle() -> None:
    exempt = ev.Exempted(at=ago(8), key=KEY, reason="board")
    found = case(notice(FACTS, 9), exempt)
    assert (found.is_open, found.episode, found.exempt_reason) == (False, 1, "board")
    again = case(notice(FACTS, 9), exempt, ev.Unexempted(at=ago(7), key=KEY))
    assert (again.is_open, again.episode, again.exempt_reason) == (False, 2, None)


def test_a_simulated_deletion_is_remembered_for_its_episode_only() -> None:
    simulated = ev.RemovalSimulated(at=ago(1), key=KEY, episode=0, plan_digest="d")
    assert case(notice(FACTS, 9), simulated).simulated_at == ago(1)
    assert case(notice(FACTS, 9), simulated, rescued(0)).simulated_at is None


def test_a_simulation_that_belongs_to_an_episode_already_over_is_ignored() -> None:
    simulated = ev.RemovalSimulated(at=ago(1), key=KEY, episode=0, plan_digest="d")
    assert case(notice(FACTS, 9), rescued(8), notice(FACTS, 7, episode=1), simulated).simulated_at is None


def test_a_simulation_recorded_after_going_live_does_not_shield_the_visual() -> None:
    simulated = ev.RemovalSimulated(at=ago(1), key=KEY, episode=0, plan_digest="d")
    assert case(mode(20, LIVE), notice(FACTS, 9, mode=LIVE), simulated).simulated_at is None


def test_a_removal_keeps_what_a_restore_needs() -> None:
    intent = ev.RemovalIntended(
        at=ago(1), key=KEY, episode=0, route=RemovalRoute.TRASH, backup="b.zip", plan_digest="d"
    )
    assert case(intent).removal_intended == intent
    found = case(notice(FACTS, 9), intent, removed(KEY, ago(1), route=RemovalRoute.TRASH))
    assert found.removal is not None
    assert (found.removal.at, found.removal.route, found.removal.backup) == (
        ago(1),
        RemovalRoute.TRASH,
        "b.zip",
    )
    assert (found.removal_intended, found.is_open, found.episode) == (None, False, 1)


def test_a_failed_removal_leaves_the_visual_where_it_was() -> None:
    intent = ev.RemovalIntended(
        at=ago(1), key=KEY, episode=0, route=RemovalRoute.HARD, backup="b", plan_digest="d"
    )
    history = (notice(FACTS, 9), intent, ev.RemovalFailed(at=ago(1), key=KEY, episode=0, reason="500"))
    assert case(*history) == case(notice(FACTS, 9))


def test_a_refused_removal_changes_nothing() -> None:
    refused = ev.RemovalRefused(at=ago(1), key=KEY, episode=0, guard="kept", reason="r")
    assert case(notice(FACTS, 9), refused) == case(notice(FACTS, 9))


def test_a_removal_counts_even_when_its_episode_ended_before_it_was_recorded() -> None:
    history = (mode(20, LIVE), notice(FACTS, 9, mode=LIVE), mode(1, DRY), removed(KEY, ago(1)))
    assert case(*history).removal is not None


def test_a_restore_counts_as_use_grants_immunity_and_starts_a_new_episode() -> None:
    back = ev.Restored(at=ago(1), key=KEY, immune_until=ago(-29))
    intent = ev.RestoreIntended(at=ago(1), key=KEY, route=RemovalRoute.HARD)
    assert case(removed(KEY, ago(2)), intent).restore_intended == intent
    found = case(removed(KEY, ago(2)), intent, back)
    assert (found.removal, found.restore_intended, found.restored_at, found.immune_until, found.episode) == (
        None, None, ago(1), ago(-29), 2,
    )  # fmt: skip


def test_a_visual_restored_under_a_new_id_takes_its_immunity_along() -> None:
    back = ev.Restored(at=ago(1), key=KEY, immune_until=ago(-29), native_id="43")
    found = fold([removed(KEY, ago(2)), back]).case(key("43"))
    assert (found.restored_at, found.immune_until) == (ago(1), ago(-29))
    exempt = ev.Exempted(at=ago(3), key=key("43"), reason="board")
    kept = fold([exempt, removed(KEY, ago(2)), back]).case(key("43"))
    assert (kept.key, kept.exempt_reason) == (key("43"), "board")


@pytest.mark.parametrize("native_id", ["", "42"])
def test_a_visual_restored_under_its_own_id_has_one_case(native_id: str) -> None:
    back = ev.Restored(at=ago(1), key=KEY, immune_until=ago(-29), native_id=native_id)
    state = fold([removed(KEY, ago(2)), back])
    assert list(state.cases) == [KEY]
    assert state.case(KEY).episode == 2


def test_a_failed_restore_leaves_the_visual_restorable() -> None:
    intent = ev.RestoreIntended(at=ago(1), key=KEY, route=RemovalRoute.HARD)
    failed = ev.RestoreFailed(at=ago(1), key=KEY, reason="gone")
    assert case(removed(KEY, ago(2)), intent, failed) == case(removed(KEY, ago(2)))


def test_a_purged_visual_can_no_longer_be_restored() -> None:
    found = case(removed(KEY, ago(40)), ev.Purged(at=ago(1), key=KEY))
    assert (found.removal, found.purged_at) == (None, ago(1))


def test_a_regret_is_remembered_and_ends_the_episode() -> None:
    found = case(notice(FACTS, 9), ev.Regretted(at=ago(1), key=KEY, how="opened", mode=DRY))
    assert (found.regrets, found.is_open, found.episode) == ((ago(1),), False, 1)
    twice = case(*(ev.Regretted(at=ago(n), key=KEY, how="opened", mode=DRY) for n in (2, 1)))
    assert twice.regrets == (ago(2), ago(1))


@pytest.mark.parametrize(("sent", "asked", "was"), [(3, 3, True), (1, 3, True), (3, 1, False), (1, 1, True)])
def test_a_later_reminder_makes_an_earlier_one_unnecessary(sent: int, asked: int, was: bool) -> None:
    assert case(notice(FACTS, 9), reminder(FACTS, 3, sent)).reminded(asked) is was


def test_a_warning_is_no_reminder() -> None:
    assert not case(notice(FACTS, 9)).reminded(3)


# --- the rest of the state


def test_the_newest_run_that_did_not_fail_is_the_last_success() -> None:
    def finished(days_ago: float, outcome: str) -> ev.RunFinished:
        return ev.RunFinished(at=ago(days_ago), run_id=str(days_ago), outcome=outcome)

    assert fold([finished(3, "done"), finished(2, "vetoed"), finished(1, "failed")]).last_success == ago(2)
    assert fold([finished(3, "failed")]).last_success is None


def test_the_newest_pinned_instance_holds() -> None:
    pins = [ev.SourcePinned(at=ago(n), source="looker_prod", fingerprint=str(n)) for n in (3, 2)]
    assert fold(pins).fingerprints == {"looker_prod": "2"}


def test_the_newest_instance_seen_holds() -> None:
    seen = [ev.SourceSeen(at=ago(n), source="looker_prod", fingerprint=str(n)) for n in (3, 2)]
    assert fold(seen).seen == {"looker_prod": "2"}


def test_the_newest_build_of_the_marts_holds() -> None:
    built = [ev.MartsBuilt(at=ago(n), failed="[]") for n in (3, 2)]
    assert fold(built).marts == built[1]


def test_a_message_without_an_outcome_stays_unsettled() -> None:
    def intended(message: str, which: VisualKey = KEY) -> ev.NoticeIntended:
        return ev.NoticeIntended(
            at=ago(2),
            key=which,
            episode=0,
            notice=NoticeKind.WARNING,
            mode=DRY,
            message_id=message,
            recipient="a",
        )

    history = [intended("a"), intended("a", key("43")), intended("b"), intended("c")]
    assert fold(history).unsettled_notices == {"a": history[:2], "b": [history[2]], "c": [history[3]]}
    failed = ev.NoticeFailed(
        at=NOW, key=KEY, episode=0, notice=NoticeKind.WARNING, mode=DRY, message_id="b", reason="x"
    )
    settled = fold([*history, notice(FACTS, 1, message_id="a"), failed])
    assert list(settled.unsettled_notices) == ["c"]
    escalated = replace(intended("d"), notice=NoticeKind.ESCALATION)
    either = fold([*history, escalated])
    assert list(either.unsettled({NoticeKind.ESCALATION})) == [escalated]
    assert list(either.unsettled({NoticeKind.WARNING, NoticeKind.ESCALATION})) == [*history, escalated]


def test_every_removal_is_listed() -> None:
    gone = [removed(KEY, ago(2)), removed(key("43"), ago(1))]
    assert fold(gone).removals == gone


def test_what_concerns_no_visual_opens_no_case() -> None:
    history = [ev.SourceVetoed(at=NOW, source="s", guard="g", reason="r"), ev.RunStarted(at=NOW, run_id="r")]
    assert fold(history).cases == {}


def test_folding_in_two_parts_is_folding_at_once() -> None:
    history = [planned(30), notice(FACTS, 9), mode(8, LIVE), removed(KEY, ago(1)), planned(0)]
    for cut in range(len(history)):
        assert fold(history[cut:], fold(history[:cut])) == fold(history)


def test_an_event_written_twice_counts_once() -> None:
    at: datetime = ago(1)
    history: list[ev.Event] = [
        notice(FACTS, 9),
        reminder(FACTS, 3, 3),
        rescued(2),
        notice(FACTS, 2, episode=1),
        ev.RemovalSimulated(at=at, key=KEY, episode=1, plan_digest="d"),
        removed(KEY, NOW, 1),
    ]
    for end in range(len(history) + 1):
        doubled = [event for event in history[:end] for _ in range(2)]
        assert fold(doubled) == fold(history[:end])
    assert fold(history).case(KEY).removal == Removal(NOW, RemovalRoute.HARD, "b.zip", 1)
