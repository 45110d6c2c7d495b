"""Events: every kind survives being written down, and says whether it may be recorded once only."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bi_governance import events as ev
from bi_governance.model import Mode, NoticeKind, RemovalRoute, VisualKey
from tests.core.estate import KEY, NOW, ago, notice, removed, visual

words = st.text(st.characters(exclude_characters=":", codec="utf-8"), min_size=1, max_size=8)
st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
st.register_type_strategy(VisualKey, st.builds(VisualKey, words, words, st.text(min_size=1, max_size=12)))


@pytest.mark.parametrize("kind", sorted(ev.KINDS))
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_every_event_survives_its_record(kind: str, data: st.DataObject) -> None:
    event = data.draw(st.from_type(ev.KINDS[kind]))
    written = json.loads(json.dumps(ev.to_record(event)))
    assert ev.from_record(kind, event.at, event.actor, event.run_id, written) == event


@pytest.mark.parametrize("kind", sorted(ev.KINDS))
def test_a_kind_names_the_class_that_is_in_use(kind: str) -> None:
    cls = ev.KINDS[kind]
    assert cls.kind == kind
    assert getattr(ev, cls.__name__) is cls


def test_every_event_class_that_can_happen_has_a_kind() -> None:
    abstract = {ev.Event, ev.VisualEvent, ev.NoticeEvent, ev.AnswerEvent, ev.ConcernEvent}
    named = {c for c in vars(ev).values() if isinstance(c, type) and issubclass(c, ev.Event)} - abstract
    assert named == set(ev.KINDS.values())


def test_a_record_holds_plain_values_and_not_what_every_event_has() -> None:
    record = ev.to_record(ev.KeptUntil(at=NOW, key=KEY, until=ago(-30), reason="audit"))
    assert record == {
        "key": "looker_prod:dashboard:42",
        "until": "2026-07-01T06:00:00+00:00",
        "reason": "audit",
    }


def test_a_record_keeps_what_was_left_open() -> None:
    event = ev.ModeChanged(at=NOW, mode=Mode.LIVE, reason="go")
    assert ev.to_record(event) == {"mode": "live", "reason": "go", "source": None, "cause": ""}
    assert ev.from_record("mode.changed", NOW, "bob", "r", ev.to_record(event)) == ev.ModeChanged(
        at=NOW, actor="bob", run_id="r", mode=Mode.LIVE, reason="go"
    )


@pytest.mark.parametrize("kind", sorted(ev.KINDS))
def test_fields_of_a_newer_version_are_dropped(kind: str) -> None:
    event = _sample(kind)
    newer = {**ev.to_record(event), "colour": "blue", "kind": "x", "at": "y"}
    assert ev.from_record(kind, event.at, event.actor, event.run_id, newer) == event


def test_an_older_record_reads_with_the_defaults_of_what_it_lacks() -> None:
    older = {
        k: v for k, v in ev.to_record(notice(visual(), 7)).items() if k not in ("succession", "days_before")
    }
    assert ev.from_record("notice.delivered", ago(7), "bi-governance", "", older) == notice(visual(), 7)


def test_an_event_is_by_us_unless_said_otherwise() -> None:
    event = ev.Exempted(at=NOW, key=KEY, reason="board")
    assert (event.actor, event.run_id) == ("bi-governance", "")


def test_effects_are_recorded_once_per_visual_and_episode() -> None:
    names = [
        removed(KEY, NOW, 1).once,
        removed(KEY, NOW, 2).once,
        ev.RemovalSimulated(at=NOW, key=KEY, episode=1, plan_digest="d").once,
        ev.RemovalSimulated(at=NOW, key=KEY, episode=2, plan_digest="d").once,
        ev.Rescued(at=NOW, key=KEY, episode=1, mode=Mode.LIVE, code="used", reason="r").once,
        ev.Rescued(at=NOW, key=KEY, episode=1, mode=Mode.DRY_RUN, code="used", reason="r").once,
        ev.RunStarted(at=NOW, run_id="a").once,
        ev.RunStarted(at=NOW, run_id="b").once,
        ev.RunFinished(at=NOW, run_id="a", outcome="done").once,
    ]
    assert None not in names
    assert len(set(names)) == len(names)
    assert removed(KEY, ago(1), 1).once == removed(KEY, NOW, 1).once


def test_each_notice_is_recorded_once_per_episode_mode_kind_and_day() -> None:
    facts = visual()
    different = [
        notice(facts, 7),
        notice(visual("43"), 7),
        notice(facts, 7, episode=1),
        notice(facts, 7, mode=Mode.LIVE),
        notice(facts, 7, notice=NoticeKind.REMINDER, days_before=3),
        notice(facts, 7, notice=NoticeKind.REMINDER, days_before=1),
    ]
    assert len({n.once for n in different}) == len(different)
    assert notice(facts, 6, message_id="other").once == notice(facts, 7).once


@pytest.mark.parametrize(
    "kind", ["visual.kept", "visual.exempted", "visual.unexempted", "removal.intended", "mode.changed"]
)
def test_what_people_ask_for_may_be_recorded_again(kind: str) -> None:
    assert _sample(kind).once is None


def _sample(kind: str) -> ev.Event:
    plain: dict[str, Any] = {
        "at": NOW, "key": KEY, "episode": 1, "notice": NoticeKind.WARNING, "mode": Mode.LIVE,
        "message_id": "m", "recipient": "a", "channel": "c", "ts": "1", "reason": "r", "code": "used",
        "until": NOW, "route": RemovalRoute.TRASH, "backup": "b", "plan_digest": "d", "immune_until": NOW,
        "how": "opened", "source": "looker_prod", "fingerprint": "f", "guard": "g", "digest": "d",
        "outcome": "done", "month": "2026-02", "version": 1, "answer": "keep", "said": "Kept", "click": "c1",
        "what": "a click", "name": "feed_fresh", "subject": "news", "to_id": "U2", "to_name": "Bob",
        "to_email": "bob@acme.test", "mark": "m", "list_digest": "d",
    }  # fmt: skip
    cls = ev.KINDS[kind]
    names = cls.__dataclass_fields__
    return cls(**{name: value for name, value in plain.items() if name in names})


def test_what_was_intended_is_what_was_delivered() -> None:
    intended = ev.NoticeIntended(
        at=ago(1), actor="bot", run_id="r1", key=KEY, episode=2, notice=NoticeKind.REMINDER, mode=Mode.LIVE,
        message_id="m", recipient="a@acme.test", deadline=NOW, title="T", owner_id="7", folder="F",
        days_before=3, succession="manager", reader="Ann",
    )  # fmt: skip
    assert ev.NoticeDelivered.of(intended, at=NOW, run_id="r2", channel="C", ts="9") == ev.NoticeDelivered(
        at=NOW, actor="bot", run_id="r2", key=KEY, episode=2, notice=NoticeKind.REMINDER, mode=Mode.LIVE,
        message_id="m", recipient="a@acme.test", channel="C", ts="9", deadline=NOW, title="T", owner_id="7",
        folder="F", days_before=3, succession="manager", reader="Ann",
    )  # fmt: skip


def test_a_finished_run_leaves_its_lines_behind() -> None:
    def finished(summary: str) -> ev.RunFinished:
        return ev.RunFinished(at=NOW, run_id="r", outcome="done", summary=summary)

    assert ev.summary_lines(finished('["Plan: 2 warn", "Deleted 0"]')) == ["Plan: 2 warn", "Deleted 0"]
    assert ev.summary_lines(finished("")) == []
