"""What the ledger promises: append once, give back the same, fold, and never be corrupted by a reader."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, timedelta

import pytest
import sqlalchemy as sa

from bi_governance import events as ev
from bi_governance.cases import Case
from bi_governance.errors import StorageError
from bi_governance.ledger import SqlLedger
from bi_governance.lifecycle import fold
from bi_governance.model import Mode
from tests.ledger.samples import AMSTERDAM, KEY, NOW, OTHER, kept, one_of_each_kind, plan, started


def test_events_of_every_kind_come_back_as_they_were(ledger: SqlLedger) -> None:
    events = one_of_each_kind()
    assert len(events) == len(ev.KINDS) > 15
    assert ledger.append(events) == len(events)
    assert list(ledger.events()) == events
    assert ledger.verify() == len(events)


def test_moments_leave_in_utc_whatever_zone_they_came_in(ledger: SqlLedger) -> None:
    event = kept()
    local = replace(event, at=event.at.astimezone(AMSTERDAM), until=event.until.astimezone(AMSTERDAM))
    ledger.append([local])
    (found,) = ledger.events()
    assert isinstance(found, ev.KeptUntil)
    assert (found.at, found.until) == (event.at, event.until)
    assert found.at.tzinfo is UTC
    assert found.until.tzinfo is UTC


@pytest.mark.parametrize("field", ["at", "until"])
def test_a_naive_moment_is_refused_and_nothing_recorded(ledger: SqlLedger, field: str) -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        ledger.append([kept(1), replace(kept(2), **{field: NOW.replace(tzinfo=None)})])
    assert list(ledger.events()) == []


def test_text_of_any_kind_survives(ledger: SqlLedger) -> None:
    for reason in ("a\x00b", "\ud800", "'; drop table event; --", "تقرير 📊", "x" * 100_000):
        ledger.append([replace(kept(), reason=reason)])
        assert [e.reason for e in ledger.events() if isinstance(e, ev.KeptUntil)][-1] == reason
    assert ledger.verify() == 5


def test_events_of_one_visual_or_one_run(ledger: SqlLedger) -> None:
    events = [started("a"), kept(1, KEY, "a"), kept(2, OTHER, "a"), kept(3, KEY, "b")]
    ledger.append(events)
    assert list(ledger.events(key=KEY)) == [events[1], events[3]]
    assert list(ledger.events(run_id="a")) == events[:3]
    assert list(ledger.events(key=KEY, run_id="a")) == [events[1]]
    assert list(ledger.events(key=replace(KEY, native_id="nobody"))) == []


def test_what_is_recorded_already_is_left_out_and_not_counted(ledger: SqlLedger) -> None:
    assert ledger.append([started("a"), kept(), started("a")]) == 2
    assert ledger.append([started("a"), kept(), started("b")]) == 2
    assert ledger.append([started("a"), started("b")]) == 0
    assert [type(e).__name__ for e in ledger.events()] == [
        "RunStarted",
        "KeptUntil",
        "KeptUntil",
        "RunStarted",
    ]
    assert ledger.verify() == 4


def test_appending_nothing_records_nothing(ledger: SqlLedger) -> None:
    assert ledger.append([]) == 0
    assert ledger.verify() == 0


def test_a_long_ledger_is_read_to_the_end(ledger: SqlLedger) -> None:
    events = [kept(number, KEY if number % 2 else OTHER) for number in range(2500)]
    ledger.append(events)
    assert list(ledger.events()) == events
    assert list(ledger.events(key=KEY)) == events[1::2]
    assert ledger.state() == fold(events)
    assert ledger.verify() == 2500


def test_reading_sees_what_is_appended_meanwhile(ledger: SqlLedger) -> None:
    ledger.append([kept(number) for number in range(1000)])
    seen = 0
    for _ in ledger.events():
        seen += 1
        if seen == 1:
            ledger.append([kept(1000)])  # a reader holds no lock that keeps a writer waiting
    assert seen == 1001


def test_state_is_everything_folded_however_it_arrives(ledger: SqlLedger, url: str) -> None:
    events: list[ev.Event] = [kept(1), ev.ModeChanged(at=NOW, mode=Mode.LIVE, reason="go", source=KEY.source)]
    ledger.append(events)
    assert ledger.state() == fold(events)
    other = SqlLedger(url)
    later = [kept(2, OTHER), ev.ModeChanged(at=NOW, mode=Mode.DRY_RUN, reason="stop")]
    other.append(later)
    other.close()
    assert ledger.state() == fold([*events, *later])


def test_state_reads_only_what_is_new(ledger: SqlLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    folded: list[ev.Event] = []

    def noting(history, into):
        history = list(history)
        folded.extend(history)
        return fold(history, into)

    monkeypatch.setattr("bi_governance.ledger.sql.fold", noting)
    ledger.append([kept(1), kept(2)])
    ledger.state()
    ledger.append([kept(3)])
    ledger.state()
    ledger.state()
    assert folded == [kept(1), kept(2), kept(3)]


def test_a_state_that_was_handed_out_cannot_corrupt_the_next(ledger: SqlLedger) -> None:
    ledger.append(one_of_each_kind())
    (intent,) = (e for e in one_of_each_kind() if isinstance(e, ev.NoticeIntended))
    ledger.append([replace(intent, message_id="m2")])
    before = ledger.state()
    spoilt = ledger.state()
    fold([kept(9, OTHER), started("x")], into=spoilt)
    spoilt.cases[KEY] = Case(KEY, episode=99)
    spoilt.removals.clear()
    for stretches in spoilt.trials.values():
        stretches.clear()
    for intents in spoilt.unsettled_notices.values():
        intents.clear()
    spoilt.own_modes.clear()
    assert before.removals
    assert before.unsettled_notices
    assert ledger.state() == before


def test_plans_come_back_newest_first_and_each_once(ledger: SqlLedger) -> None:
    first, second = plan("run-1"), plan("run-2")
    for each in (first, second, first, plan("run-2")):
        ledger.save_plan(each)
    assert ledger.plans() == [second.to_json(), first.to_json()]
    assert ledger.plans(limit=1) == [second.to_json()]


def test_another_plan_of_the_same_run_is_kept_too(ledger: SqlLedger) -> None:
    ledger.save_plan(plan("run-1", "before"))
    ledger.save_plan(plan("run-1", "after"))
    assert [body["config_digest"] for body in ledger.plans()] == ["after", "before"]


def test_an_event_only_a_newer_version_knows_is_named(ledger: SqlLedger, raw: sa.Engine) -> None:
    ledger.append([kept()])
    with raw.connect() as connection:
        connection.execute(
            sa.text(
                "insert into event (at, kind, run_id, actor, data, prev_hash, hash) "
                "select at, 'visual.teleported', run_id, actor, data, prev_hash, hash from event"
            )
        )
    with pytest.raises(StorageError, match=r"event 2 is of the kind 'visual\.teleported'.*upgrade"):
        ledger.state()
    with pytest.raises(StorageError, match="upgrade"):
        list(ledger.events())


def test_several_threads_share_one_ledger(ledger: SqlLedger) -> None:
    def work(worker: int) -> int:
        counted = 0
        for number in range(20):
            counted += ledger.append(
                [kept(number), started(f"shared-{number}"), started(f"{worker}-{number}")]
            )
            ledger.state()
        return counted

    with ThreadPoolExecutor(4) as pool:
        counted = sum(pool.map(work, range(4)))
    assert counted == 4 * 20 + 20 + 4 * 20
    assert ledger.verify() == counted
    assert ledger.state() == fold(ledger.events())
    assert ledger.state().case(KEY).kept_until == NOW + timedelta(minutes=19, days=30)
