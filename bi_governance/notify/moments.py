"""Moments and days as people read them."""

from __future__ import annotations

from datetime import datetime, tzinfo

# Spelt out because strftime would follow the locale of the machine.
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def say_moment(moment: datetime, zone: tzinfo) -> str:
    """A moment as clocks in the zone show it, named, e.g. `Tue 10 Mar 2026, 09:00 CET`."""
    local = moment.astimezone(zone)
    return f"{say_day(moment, zone)}, {local:%H:%M %Z}".rstrip()


def say_day(moment: datetime, zone: tzinfo) -> str:
    """A day as the zone's calendar has it, e.g. `Tue 10 Mar 2026`."""
    local = moment.astimezone(zone)
    return f"{DAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]} {local.year}"
