"""Alarms: what the admins are to look at, and what is no reason to call them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bi_governance.alarms import Alarm, alarms
from bi_governance.guards import Evidence, Limits, source_vetoes
from bi_governance.lifecycle import State
from bi_governance.model import Person, SourceDay
from tests.core.estate import NOW, busy_days, days, healthy

ROBBIE = Person("77", "Robbie", "robbie@acme.test")
MIDNIGHT = NOW.replace(hour=0)


def day(visuals: int, who: Person | None = ROBBIE, *, days_ago: int = 1) -> SourceDay:
    start = MIDNIGHT - days(days_ago)
    return SourceDay("looker_prod", start, start, start + days(1), 100, who, visuals)


def found(*seen: SourceDay, population: int = 100, limits: Limits | None = None) -> tuple[Alarm, ...]:
    evidence = Evidence({"looker_prod": healthy(days=(*busy_days(30), *seen))})
    return alarms(evidence, {"looker_prod": population}, State(), limits or Limits(), NOW)


@pytest.mark.parametrize(("visuals", "is_told"), [(49, False), (50, True), (130, True)])
def test_one_account_that_used_most_visuals_in_a_day_is_told_by_name(visuals: int, is_told: bool) -> None:
    told = found(day(visuals))
    assert [(a.source, a.name, a.subject) for a in told] == (
        [("looker_prod", "actor_domination", "77")] if is_told else []
    )
    for alarm in told:
        assert alarm.text.startswith(
            f"Robbie (robbie@acme.test) used {visuals} different visuals on 2026-05-31, of 100 there are"
        )
        assert "add robbie@acme.test to sources.looker_prod.robots" in alarm.advice


@pytest.mark.parametrize(
    ("who", "called"),
    [
        (Person("77"), "77"),
        (Person("77", "Robbie", login="rob"), "Robbie (rob)"),
        (Person("77", "rob", login="rob"), "rob"),
    ],
)
def test_an_account_is_called_what_the_setting_takes(who: Person, called: str) -> None:
    (alarm,) = found(day(90, who))
    assert alarm.text.startswith(f"{called} used 90 ")


def test_in_a_small_source_a_person_may_open_everything() -> None:
    assert found(day(19), population=19) == ()
    assert len(found(day(20), population=20)) == 1


def test_a_machine_that_comes_once_a_week_is_one_alarm() -> None:
    assert len(found(day(90, days_ago=8))) == 0
    assert len(found(day(90, days_ago=7))) == 1
    (alarm,) = found(day(60, days_ago=3), day(90, days_ago=2), day(80))
    assert "used 90 different visuals on 2026-05-30" in alarm.text


def test_each_account_is_an_alarm_of_its_own() -> None:
    other = replace(ROBBIE, id="78", email="other@acme.test")
    assert [a.subject for a in found(day(90, days_ago=2), day(90, other))] == ["77", "78"]


def test_how_much_is_too_much_is_a_setting() -> None:
    assert found(day(90), limits=Limits(busiest_percent=91)) == ()


def test_anonymous_use_is_nobody_in_particular() -> None:
    assert found(day(90, None)) == ()


def test_most_means_most_to_the_very_visual() -> None:
    assert found(day(499), population=1000) == ()
    assert len(found(day(500), population=1000)) == 1


def test_a_day_just_as_old_as_a_week_and_a_day_is_still_told() -> None:
    evidence = Evidence({"looker_prod": healthy(days=(day(90, days_ago=8),))})
    assert len(alarms(evidence, {"looker_prod": 100}, State(), Limits(), MIDNIGHT)) == 1


def test_of_equal_days_the_first_is_named() -> None:
    (alarm,) = found(day(90, days_ago=3), day(90))
    assert "on 2026-05-29" in alarm.text


def test_a_source_without_living_visuals_has_no_machine() -> None:
    evidence = Evidence({"looker_prod": healthy(days=(day(90),))})
    limits = Limits(busiest_min_population=1)
    assert alarms(evidence, {}, State(), limits, NOW) == ()


def test_who_turns_out_to_be_a_person_may_be_left() -> None:
    (alarm,) = found(day(90))
    assert "neither those of the past. If it is a person, leave it" in alarm.advice
    assert alarm.advice.endswith("nothing is stopped by this.")


def test_an_alarm_stops_nothing() -> None:
    evidence = healthy(days=(*busy_days(30)[:-1], day(100)))
    assert source_vetoes(evidence, State(), Limits(), NOW) == ()
