"""Settings of when things happen, in the team's zone."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from bi_governance.settings.section import Section
from bi_governance.window import WEEKDAYS, ActionWindow


class WindowSettings(Section):
    """Local days and hours in which something may happen."""

    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = WEEKDAYS  # type: ignore[assignment]
    hours: str = Field("00:00-24:00", pattern=r"^\d\d:\d\d-\d\d:\d\d$")
    holidays: tuple[date, ...] = ()

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        opens, closes = self.span()
        if opens >= closes:
            raise ValueError(f"hours {self.hours} never open; write them as HH:MM-HH:MM within one day")
        if not self.days:
            raise ValueError(
                "days is empty, so nothing could ever happen; leave the window out to mean always"
            )
        return self

    def span(self) -> tuple[time, time]:
        """Opening and closing time; 24:00 is the end of the day."""
        opens, closes = self.hours.split("-")
        end = time.max if closes == "24:00" else time.fromisoformat(closes)
        return time.fromisoformat(opens), end


class ScheduleSettings(Section):
    """When the daily run starts, deletions may happen and people may be written to; no window: always.

    The admins are called when no run succeeded for `alarm_after_hours`.
    """

    daily_at: str = Field("06:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    timezone: str = "UTC"
    alarm_after_hours: Annotated[int, Field(ge=1, le=24 * 90)] = 48
    delete_window: WindowSettings | None = None
    notice_window: WindowSettings | None = None

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"'{name}' is not a time zone; write one like Europe/Amsterdam") from error
        return name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def alarm_after(self) -> timedelta:
        return timedelta(hours=self.alarm_after_hours)

    @property
    def time_of_day(self) -> time:
        return time.fromisoformat(self.daily_at)


def window_of(schedule: ScheduleSettings, given: WindowSettings | None) -> ActionWindow:
    if given is None:
        return ActionWindow(zone=schedule.zone)
    opens, closes = given.span()
    days = frozenset(WEEKDAYS.index(day) for day in given.days)
    return ActionWindow(schedule.zone, days, opens, closes, frozenset(given.holidays))
