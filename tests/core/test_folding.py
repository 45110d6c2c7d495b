"""What every event leaves behind, field by field; what it means is told elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bi_governance import events as ev
from bi_governance.lifecycle import Told, fold
from bi_governance.model import Mode, NoticeKind, RemovalRoute
from bi_governance.told import Ending
from tests.core.estate import NOW, ago, mode, notice, removed, visual

ONE = visual("1")
LIVE = mode(30, Mode.LIVE)
WARNING = notice(ONE, 7, message_id="m", mode=Mode.LIVE, retention_days=30)
AT = ago(1)
AGREED = {"at": AT, "actor": "ada", "key": ONE.key}


def case_after(*happened: ev.Event):
    return fold([LIVE, WARNING, *happened]).case(ONE.key)


@pytest.mark.parametrize(
    ("event", "ending"),
    [
        (
            ev.Rescued(**AGREED, episode=0, mode=Mode.LIVE, code="used", reason="viewed"),
            Ending(NoticeKind.RESCUED, AT, "used", "viewed"),
        ),
        (removed(ONE.key, AT), Ending(NoticeKind.DELETED, AT, "deleted")),
        (
            ev.Restored(**AGREED, immune_until=NOW, lost="its alerts"),
            Ending(NoticeKind.RESTORED, AT, "restored", "", "ada", "its alerts"),
        ),
        (
            ev.Regretted(**AGREED, how="opened", mode=Mode.LIVE),
            Ending(NoticeKind.RESCUED, AT, "wanted", "opened", "ada"),
        ),
        (ev.KeptUntil(**AGREED, until=NOW), Ending(None, AT, "kept", NOW.isoformat(), "ada")),
        (ev.Exempted(**AGREED, reason="audit"), Ending(None, AT, "exempt", "audit", "ada")),
        (ev.Unexempted(**AGREED), Ending(None, AT, "visual.unexempted", "", "ada")),
        (
            ev.ModeChanged(at=AT, actor="ada", mode=Mode.DRY_RUN, reason="holidays"),
            Ending(None, AT, "switched_to_dry-run", "holidays", "ada"),
        ),
    ],
    ids=lambda value: value.kind if isinstance(value, ev.Event) else "",
)
def test_a_message_is_told_when_by_whom_and_why_it_is_over(event, ending) -> None:
    state = fold([LIVE, WARNING, event])
    assert state.mail.messages["m"].items[ONE.key].ending == ending


def test_a_trial_tells_of_what_would_have_been_deleted() -> None:
    warning = replace(WARNING, mode=Mode.DRY_RUN)
    simulated = ev.RemovalSimulated(at=AT, key=ONE.key, episode=0, plan_digest="d")
    state = fold([warning, simulated, replace(simulated, at=NOW)])
    assert state.mail.messages["m"].items[ONE.key].ending == Ending(NoticeKind.DELETED, AT, "simulated")


def test_a_warning_says_how_long_a_restore_is_possible() -> None:
    assert case_after().warning.retention_days == 30


def test_viewers_are_counted_once_each_and_open_nothing() -> None:
    told = notice(ONE, 2, notice=NoticeKind.VIEWER, mode=Mode.LIVE, recipient="bob@acme.test")
    other = replace(told, recipient="eve@acme.test", message_id="n")
    case = case_after(told, told, other)
    assert case.viewers_told == ("bob@acme.test", "eve@acme.test")
    assert [n.kind for n in case.notices] == [NoticeKind.WARNING]
    assert case_after(told, ev.KeptUntil(**AGREED, until=NOW)).viewers_told == ()


def test_who_got_it_and_what_was_asked_for_is_kept() -> None:
    handed = ev.HandedOver(**AGREED, to_id="U2", to_name="Bob", to_email="bob@acme.test")
    asked = ev.ExemptionRequested(**AGREED, reason="audit")
    case = case_after(handed, asked)
    assert (case.handed_over, case.exemption_requested, case.episode) == (handed, asked, 1)
    assert case_after(asked, ev.ExemptionDeclined(**AGREED)).exemption_requested is None
    assert case_after(asked, ev.Exempted(**AGREED, reason="audit")).exemption_requested is None


def test_a_purge_and_a_drill_are_open_until_they_are_over() -> None:
    gone = removed(ONE.key, ago(3))
    purging = ev.PurgeIntended(at=ago(2), key=ONE.key, episode=0, backup="b.zip")
    assert case_after(gone, purging).purge_intended == purging
    failed = ev.PurgeFailed(at=AT, key=ONE.key, episode=0, reason="full")
    assert case_after(gone, purging, failed).purge_intended is None
    purged = case_after(gone, purging, ev.Purged(at=AT, key=ONE.key))
    assert (purged.removal, purged.purge_intended, purged.purged_at) == (None, None, AT)
    assert purged.gone.backup == "b.zip"
    again = removed(ONE.key, NOW, episode=purged.episode)
    assert case_after(gone, purging, ev.Purged(at=AT, key=ONE.key), again).purged is None
    back = ev.Restored(**AGREED, immune_until=NOW)
    assert case_after(gone, purging, back).purge_intended is None
    drill = ev.DrillIntended(at=ago(2), key=ONE.key, mark="m", backup="b.zip")
    assert case_after(gone, drill).drill_intended == drill
    for over, drilled_at in (
        (ev.Drilled(at=AT, key=ONE.key, mark="m"), AT),
        (ev.DrillCleaned(at=AT, key=ONE.key, mark="m"), None),
    ):
        case = case_after(gone, drill, over)
        assert (case.drill_intended, case.drilled_at) == (None, drilled_at)
    left = case_after(gone, drill, ev.DrillFailed(at=AT, key=ONE.key, mark="m", reason="r"))
    assert (left.drill_intended, left.drilled_at) == (drill, AT)


def test_a_restore_under_another_id_goes_on_there() -> None:
    back = ev.Restored(**AGREED, immune_until=NOW, native_id="9")
    twin = replace(ONE.key, native_id="9")
    state = fold([LIVE, removed(ONE.key, ago(3)), back])
    assert (state.case(twin).restored_at, state.case(twin).immune_until) == (AT, NOW)


def test_what_concerns_no_visual_is_remembered_too() -> None:
    first, second = (ev.RunStarted(at=ago(n), run_id=f"r{n}") for n in (3, 2))
    about = {"source": "looker_prod", "name": "feed_fresh", "subject": ""}
    raised = ev.ConcernRaised(at=ago(2), **about, text="it ends")
    state = fold([first, second, ev.MonthReported(at=AT, month="2026-02"), raised])
    assert (state.first_run, state.months_reported) == (ago(3), {"2026-02"})
    assert state.concerns[raised.concern] == Told(ago(2), is_over=False)
    over = fold([raised, ev.ConcernSettled(at=AT, **about)])
    assert over.concerns[raised.concern] == Told(AT, is_over=True)
    assert over.open_concerns() == {}


def test_a_deletion_counts_as_missed_for_the_episode_it_ended() -> None:
    episode_one = replace(WARNING, episode=1)
    kept = ev.KeptUntil(at=ago(8), key=ONE.key, until=ago(8))
    gone = removed(ONE.key, ago(3), episode=1, route=RemovalRoute.TRASH)
    opened = ev.Regretted(**AGREED, how="opened", mode=Mode.LIVE)
    state = fold([LIVE, kept, episode_one, gone, opened])
    assert [(key, episode) for key, episode in state.standing.losses] == [(ONE.key, 1)]
