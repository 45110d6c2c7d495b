"""When the daily service starts runs, and that a failed run does not end it."""

from datetime import UTC, datetime, timedelta

import pytest

from bi_governance.errors import SourceUnreachable
from bi_governance.scheduler import GRACE_SECONDS, build, schedule_of
from bi_governance.settings import ScheduleSettings


def starts(text_or_model, since, count=3):
    found = []
    for name, trigger in schedule_of(text_or_model):
        moment, fire = since, None
        for _ in range(count):
            fire = trigger.get_next_fire_time(fire, moment)
            found.append((name, fire.astimezone(UTC)))
            moment = fire + timedelta(seconds=1)
    return found


def test_every_day_at_the_configured_time_in_the_teams_zone_across_dst():
    schedule = ScheduleSettings(daily_at="06:00", timezone="Europe/Amsterdam")
    found = starts(schedule, datetime(2026, 3, 28, tzinfo=UTC))
    assert [at for _, at in found] == [
        datetime(2026, 3, 28, 5, tzinfo=UTC),
        datetime(2026, 3, 29, 4, tzinfo=UTC),
        datetime(2026, 3, 30, 4, tzinfo=UTC),
    ]


def test_a_second_start_when_the_deletion_window_opens_if_the_daily_run_lies_outside_it():
    schedule = ScheduleSettings.model_validate(
        {"daily_at": "06:00", "delete_window": {"days": ["mon", "tue"], "hours": "09:00-16:00"}}
    )
    found = starts(schedule, datetime(2026, 3, 2, tzinfo=UTC), count=2)
    assert ("deletions", datetime(2026, 3, 2, 9, tzinfo=UTC)) in found
    assert ("deletions", datetime(2026, 3, 3, 9, tzinfo=UTC)) in found


def test_another_start_when_people_may_be_written_to_so_that_no_message_waits_forever():
    office = {"days": ["mon", "tue"], "hours": "08:00-18:00"}
    schedule = ScheduleSettings.model_validate({"daily_at": "06:00", "notice_window": office})
    found = starts(schedule, datetime(2026, 3, 2, tzinfo=UTC), count=2)
    assert ("notices", datetime(2026, 3, 2, 8, tzinfo=UTC)) in found
    assert ("notices", datetime(2026, 3, 3, 8, tzinfo=UTC)) in found
    both = ScheduleSettings.model_validate({"notice_window": office, "delete_window": office})
    assert [n for n, _ in schedule_of(both)] == ["daily", "deletions"]


def test_no_second_start_without_a_window_or_with_the_daily_run_inside_it():
    assert [n for n, _ in schedule_of(ScheduleSettings())] == ["daily"]
    inside = ScheduleSettings.model_validate({"daily_at": "10:00", "delete_window": {"hours": "09:00-16:00"}})
    assert [n for n, _ in schedule_of(inside)] == ["daily"]


def test_a_late_start_still_happens_and_missed_ones_are_one():
    scheduler = build(ScheduleSettings(), lambda: None, lambda: None)
    for job in scheduler.get_jobs():
        assert job.misfire_grace_time == GRACE_SECONDS > 3600
        assert job.coalesce
        assert job.max_instances == 1


def test_the_watch_comes_every_hour_beside_the_runs():
    seen = []
    scheduler = build(ScheduleSettings(), lambda: seen.append("run"), lambda: seen.append("watch"))
    daily, watch = scheduler.get_jobs()
    assert (daily.id, watch.id) == ("daily", "watch")
    assert watch.trigger.interval == timedelta(hours=1)
    watch.func()
    assert seen == ["watch"]


def test_a_failed_run_is_logged_and_does_not_end_the_service(capsys):
    def fail():
        raise SourceUnreachable("no answer", source="looker_prod")

    for job in build(ScheduleSettings(), fail, fail).get_jobs():
        job.func()
        assert "no answer" in capsys.readouterr().out


def test_other_errors_are_not_swallowed():
    def fail():
        raise ZeroDivisionError

    for job in build(ScheduleSettings(), fail, fail).get_jobs():
        with pytest.raises(ZeroDivisionError):
            job.func()
