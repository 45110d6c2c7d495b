"""Warning fatigue: how many warnings get any reaction, and when the admins hear that hardly any does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from bi_governance import events as ev
from bi_governance.alarms import Alarm, alarms, lately_acknowledged
from bi_governance.attention import Share
from bi_governance.guards import Evidence, Limits
from bi_governance.lifecycle import fold
from bi_governance.model import Mode, NoticeKind
from tests.core.estate import KEY, LIVE, NOW, ago, days, healthy, key, mode, notice, removed, visual

SOURCE = "looker_prod"
MONTH = (ago(30), NOW)


def warning(native: str = "42", sent: float = 12, due: float = 5, **known: Any) -> ev.NoticeDelivered:
    """A live warning sent and due so many days ago."""
    return notice(visual(native), sent, **{"mode": Mode.LIVE, "deadline": ago(due), **known})


def share(*history: ev.Event, of: Mode = Mode.LIVE) -> Share:
    return fold([LIVE, *history]).attention.share(SOURCE, of, *MONTH)


REACTIONS: list[ev.VisualEvent] = [
    *(
        ev.Rescued(at=ago(8), key=KEY, episode=0, mode=Mode.LIVE, code=code, reason="r")
        for code in ("used", "renamed", "moved", "owner_changed", "scheduled", "certified")
    ),
    ev.KeptUntil(at=ago(8), key=KEY, until=ago(-20)),
    ev.Exempted(at=ago(8), key=KEY, reason="board"),
    ev.ExemptionRequested(at=ago(8), key=KEY, reason="board"),
    ev.HandedOver(at=ago(8), key=KEY, to_id="U2", to_name="Bob", to_email="bob@acme.test"),
    ev.Answered(at=ago(8), key=KEY, episode=0, outcome="done", said="s", answer="why"),
    ev.RemovalAgreed(at=ago(8), key=KEY, episode=0, mode=Mode.LIVE),
]


@pytest.mark.parametrize("event", REACTIONS, ids=lambda e: getattr(e, "code", e.kind))
def test_what_people_do_while_they_are_warned_is_a_reaction(event: ev.VisualEvent) -> None:
    assert share(warning(), event) == Share(1, 1)


def test_what_is_deleted_without_a_word_got_none() -> None:
    assert share(warning(), removed(KEY, ago(5))) == Share(1, 0)


def test_what_happened_before_the_warning_is_no_reaction_to_it() -> None:
    earlier = ev.KeptUntil(at=ago(14), key=KEY, until=ago(13))
    assert share(earlier, warning(episode=1)) == Share(1, 0)


def test_a_reminder_asks_for_no_second_answer() -> None:
    reminder = warning(sent=8, notice=NoticeKind.REMINDER, days_before=3)
    assert share(warning(), reminder) == Share(1, 0)


@pytest.mark.parametrize("code", ["seasonal", "rule", "notice_expired", "not_removable"])
def test_where_we_gave_up_before_the_date_nobody_failed_to_answer(code: str) -> None:
    rescued = ev.Rescued(at=ago(8), key=KEY, episode=0, mode=Mode.LIVE, code=code, reason="r")
    assert share(warning(), rescued) == Share(0, 0)


def test_a_switch_of_the_mode_takes_the_question_back() -> None:
    assert share(warning(due=5), mode(8, Mode.DRY_RUN)) == Share(0, 0)
    assert share(warning(due=8), mode(5, Mode.DRY_RUN)) == Share(1, 0)


def test_only_dates_that_came_within_the_time_asked_about_count() -> None:
    assert share(warning("1", due=-1), warning("2", sent=50, due=31)) == Share(0, 0)


def test_a_date_that_came_now_counts_and_one_at_the_very_beginning_did_in_the_time_before() -> None:
    assert share(warning("1", due=0), warning("2", sent=40, due=30)) == Share(1, 0)


def test_a_trial_s_warning_that_arrives_in_live_asks_nobody_anything() -> None:
    assert share(warning(mode=Mode.DRY_RUN), of=Mode.DRY_RUN) == Share(0, 0)


def test_the_share_is_said_in_percent_where_there_is_one() -> None:
    assert str(Share(20, 1)) == "1 of 20 warned visuals (5%) got a reaction"
    assert str(Share(0, 0)) == "0 of 0 warned visuals got a reaction"


def test_trial_and_live_are_counted_apart() -> None:
    trial = fold([warning(mode=Mode.DRY_RUN)]).attention
    assert trial.share(SOURCE, Mode.DRY_RUN, *MONTH) == Share(1, 0)
    assert trial.share(SOURCE, Mode.LIVE, *MONTH) == Share(0, 0)
    assert trial.share("other", Mode.DRY_RUN, *MONTH) == Share(0, 0)


# --- the alarm


def answered(count: int, of: int) -> Iterator[ev.Event]:
    for number in range(of):
        yield warning(str(number))
        if number < count:
            yield ev.KeptUntil(at=ago(8), key=key(str(number)), until=ago(-20))


def found(history: Iterable[ev.Event], limits: Limits | None = None) -> tuple[Alarm, ...]:
    evidence = Evidence({SOURCE: healthy()})
    return alarms(evidence, {SOURCE: 100}, fold(history), limits or Limits(), NOW)


@pytest.mark.parametrize(
    ("count", "of", "is_told"),
    [(0, 20, True), (0, 19, False), (1, 20, True), (2, 20, False), (3, 40, True), (4, 40, False)],
)
def test_hardly_any_reaction_is_told_once_there_were_enough_warnings(
    count: int, of: int, is_told: bool
) -> None:
    told = found([LIVE, *answered(count, of)])
    assert [a.name for a in told] == (["warnings_unread"] if is_told else [])
    for alarm in told:
        assert f"{count} of {of} warned visuals" in alarm.text
        assert "limits.acknowledged_percent" in alarm.advice


def test_the_alarm_names_its_source_and_what_to_look_at() -> None:
    (alarm,) = found([LIVE, *answered(0, 20)])
    assert (alarm.source, alarm.subject) == (SOURCE, "")
    assert alarm.advice.startswith("Ask some owners whether the warnings reach them")
    assert (
        "`notices.wording` changes what they say, `people` who gets them. Nothing is stopped" in alarm.advice
    )
    assert alarm.advice.endswith("if few answers are usual, lower limits.acknowledged_percent.")


def test_the_mode_of_the_source_itself_decides_what_is_counted() -> None:
    """Everything else is in dry-run."""
    alone = [mode(60, Mode.LIVE, SOURCE), *answered(0, 20)]
    assert [a.source for a in found(alone)] == [SOURCE]
    assert lately_acknowledged(SOURCE, fold(alone), Limits(), NOW) == Share(20, 0)


def test_in_a_trial_nobody_is_expected_to_answer() -> None:
    trial = [warning(str(number), mode=Mode.DRY_RUN) for number in range(30)]
    assert found(trial) == ()


def test_zero_percent_is_never_told() -> None:
    assert found([LIVE, *answered(0, 30)], Limits(acknowledged_percent=0)) == ()
    assert days(30) == Limits().acknowledged_within
