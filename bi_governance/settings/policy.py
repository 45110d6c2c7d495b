"""Settings of what counts as unused, of the trial, and of the bounds on what one run may do."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from bi_governance.ports import TrialNotices
from bi_governance.settings.section import Days, Section
from bi_governance.window import YearPart

SeasonDays = Annotated[int, Field(ge=0, le=364)]
LEAP_YEAR = 2000  # so that 29 February is a day of it


class MatchSettings(Section):
    """Which visuals a rule speaks about; every given part must fit."""

    source: str | None = None
    platform: str | None = None
    type: str | None = None
    folder: str | None = None
    owner: str | Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    group: str | Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    tag: str | None = None
    title: str | None = None
    title_regex: str | None = None
    certified: bool | None = None
    created_within_days: Annotated[int, Field(ge=1, le=3650)] | None = None


class RuleSettings(Section):
    """A named exception; the first rule that fits wins.

    `between` holds the first and the last day of every year's part in which a protection holds.
    """

    name: str
    match: MatchSettings = MatchSettings()
    protect: bool = False
    idle_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    warning_days: Annotated[int, Field(ge=1, le=365)] | None = None
    season_days: SeasonDays | None = None
    between: tuple[str, str] | None = None

    @model_validator(mode="after")
    def _title_can_be_looked_for(self) -> Self:
        given = self.match.title_regex
        try:
            re.compile(given or "")
        except re.error as error:
            raise ValueError(
                f"rule '{self.name}': title_regex '{given}' is no regular expression: {error}"
            ) from error
        return self

    @model_validator(mode="after")
    def _part_of_the_year(self) -> Self:
        if self.between is not None and not self.protect:
            raise ValueError(
                f"rule '{self.name}': between belongs to a rule that protects; add protect: true, "
                "or leave it out"
            )
        self.year_part()
        return self

    def year_part(self) -> YearPart | None:
        """The part of the year it holds in; ValueError for what is no day of the year."""
        if self.between is None:
            return None
        first, last = (_day_of_the_year(text, self.name) for text in self.between)
        return YearPart(first, last)


def _day_of_the_year(text: str, rule: str) -> tuple[int, int]:
    try:
        month, day = (int(part) for part in text.split("-"))
        date(LEAP_YEAR, month, day)
    except ValueError as error:
        raise ValueError(
            f"rule '{rule}': '{text}' in between is no day of the year; write month and day like \"12-01\""
        ) from error
    return month, day


class PolicySettings(Section):
    """When a visual counts as unused and how its owner is warned."""

    idle_days: Annotated[int, Field(ge=1, le=3650)] = 60
    warning_days: Annotated[int, Field(ge=1, le=365)] = 7
    reminder_days: tuple[Annotated[int, Field(ge=1, le=365)], ...] = (3, 1)
    count_deliveries: bool = True
    restore_immunity_days: Days = 30
    succession_grace_days: Days = 14
    escalation_days: Annotated[int, Field(ge=1, le=365)] | None = 2
    season_days: SeasonDays = 28
    history_days: Days | None = None
    exemptions: str | None = None
    rules: tuple[RuleSettings, ...] = ()

    @model_validator(mode="after")
    def _warning_fits(self) -> Self:
        for name, idle, warning in (
            ("policy", self.idle_days, self.warning_days),
            *(
                (f"rule '{r.name}'", r.idle_days or self.idle_days, r.warning_days or self.warning_days)
                for r in self.rules
            ),
        ):
            if warning >= idle:
                raise ValueError(f"{name}: warning_days ({warning}) must be smaller than idle_days ({idle})")
        return self


class DryRunSettings(Section):
    """Who is told during the trial."""

    notices: TrialNotices = TrialNotices.CHANNEL


class TrialSettings(Section):
    """How long dry-run must have run before the first live switch, and what live rests on after it."""

    days: Days = 21
    valid_days: Days | None = 60
    renew_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    second_admin: bool = False


class RampSettings(Section):
    """Batches after going live: `first`, then times `factor` after every `clean_days` without regret."""

    first: Annotated[int, Field(ge=0)] = 5
    factor: Annotated[float, Field(ge=1)] = 2
    clean_days: Annotated[int, Field(ge=1)] = 7


class RegretSettings(Section):
    """How much of what was deleted within `days` may be wanted back; a budget needs all three."""

    count: Annotated[int, Field(ge=0)]
    percent: Annotated[float, Field(ge=0, le=100)]
    days: Annotated[int, Field(ge=1, le=3650)]


class LimitSettings(Section):
    """Bounds per run and source; 0 means none at all."""

    delete_per_run: Annotated[int, Field(ge=0)] = 25
    delete_percent: Annotated[float, Field(ge=0, le=100)] = 2
    delete_percent_min_population: Annotated[int, Field(ge=0)] = 50
    delete_per_owner: Annotated[int, Field(ge=0)] | None = None
    approval: bool = False
    warn_per_run: Annotated[int, Field(ge=0)] = 200
    purge_per_run: Annotated[int, Field(ge=0)] = 100
    ramp: RampSettings | None = RampSettings()
    regret: RegretSettings | None = RegretSettings(count=2, percent=5, days=30)
    plan_max_age_days: Days = 7
    feed_max_age_hours: Annotated[int, Field(ge=1, le=24 * 30)] = 48
    volume_floor: Annotated[float, Field(ge=0, le=1)] = 0.2
    inventory_floor: Annotated[float, Field(ge=0, le=1)] = 0.8
    canary_days: Annotated[int, Field(ge=1, le=365)] = 14
    busiest_percent: Annotated[float, Field(gt=0, le=100)] = 50
    acknowledged_percent: Annotated[float, Field(ge=0, le=100)] = 10

    @model_validator(mode="after")
    def _whole_breaker(self) -> Self:
        given = {"delete_per_run", "delete_percent"} & self.model_fields_set
        if len(given) == 1:
            (only,) = given
            missing = ({"delete_per_run", "delete_percent"} - given).pop()
            raise ValueError(
                f"{only} is given without {missing}; the breaker needs both a count and a percent"
            )
        return self


class ProtectSettings(Section):
    """What is never touched whatever its use."""

    certified: bool = True
    personal_folders: bool = False
    code_managed: bool = True
