"""Settings: everything the configuration file can say, typed, with safe defaults."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date, time, timedelta
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from bi_governance.guards import Limits
from bi_governance.people import People
from bi_governance.ports import TrialNotices
from bi_governance.rules import Match, Policy, Rule
from bi_governance.window import WEEKDAYS, ActionWindow

LOOPBACK = ("localhost", "127.0.0.1", "::1")
# What a plain e-mail address is made of between its dots.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
Days = Annotated[int, Field(ge=0, le=3650)]


class Section(BaseModel):
    """One part of the file: unknown keys are mistakes, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WarehouseSettings(Section):
    """Where raw tables and marts live."""

    url: str = "duckdb:///data/warehouse.duckdb"
    raw_schema: str = Field("bi_raw", pattern=r"^[a-z_][a-z0-9_]*$")
    schema_: str = Field("bi_governance", alias="schema", pattern=r"^[a-z_][a-z0-9_]*$")
    dbt_target: str = "data/dbt"


class LedgerSettings(Section):
    """Where the record of everything we did lives."""

    url: str = "sqlite:///data/ledger.db"


class BackupSettings(Section):
    """Where backups go and how long they are kept."""

    url: str = "file://data/backups"
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30


class SourceSettings(BaseModel):
    """One BI instance; every other key is handed to the platform's connector, which checks it."""

    model_config = ConfigDict(extra="allow", frozen=True)

    platform: str
    robots: tuple[str, ...] = ()
    allow_unrecoverable: bool = False

    @property
    def options(self) -> dict[str, Any]:
        """What the connector gets: the connection keys and the robots."""
        return {**(self.model_extra or {}), "robots": self.robots}


class MatchSettings(Section):
    """Which visuals a rule speaks about; every given part must fit."""

    source: str | None = None
    platform: str | None = None
    type: str | None = None
    folder: str | None = None
    owner: str | None = None
    tag: str | None = None
    title: str | None = None


class RuleSettings(Section):
    """A named exception; the first rule that fits wins."""

    name: str
    match: MatchSettings = MatchSettings()
    protect: bool = False
    idle_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    warning_days: Annotated[int, Field(ge=1, le=365)] | None = None


class PolicySettings(Section):
    """When a visual counts as unused and how its owner is warned."""

    idle_days: Annotated[int, Field(ge=1, le=3650)] = 60
    warning_days: Annotated[int, Field(ge=1, le=365)] = 7
    reminder_days: tuple[Annotated[int, Field(ge=1, le=365)], ...] = (3, 1)
    count_deliveries: bool = True
    restore_immunity_days: Days = 30
    succession_grace_days: Days = 14
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
    """How long dry-run must have run before the first live switch; 0 = no trial."""

    days: Days = 21


class RampSettings(Section):
    """Batches after going live: `first`, then times `factor` after every `clean_days` without regret."""

    first: Annotated[int, Field(ge=0)] = 5
    factor: Annotated[float, Field(ge=1)] = 2
    clean_days: Annotated[int, Field(ge=1)] = 7


class LimitSettings(Section):
    """Bounds per run and source; 0 means none at all."""

    delete_per_run: Annotated[int, Field(ge=0)] = 25
    delete_percent: Annotated[float, Field(ge=0, le=100)] = 2
    delete_percent_min_population: Annotated[int, Field(ge=0)] = 50
    warn_per_run: Annotated[int, Field(ge=0)] = 200
    ramp: RampSettings | None = RampSettings()
    feed_max_age_hours: Annotated[int, Field(ge=1, le=24 * 30)] = 48
    volume_floor: Annotated[float, Field(ge=0, le=1)] = 0.2
    inventory_floor: Annotated[float, Field(ge=0, le=1)] = 0.8

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


class SlackSettings(Section):
    """How people are told; without this section messages are written to files under `outbox`."""

    bot_token: str
    app_token: str | None = None
    signing_secret: str | None = None
    listen: str | None = Field(None, pattern=r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$")
    admins: tuple[str, ...] = ()
    channel: str = "#bi-deprecation"
    topic: str = Field(
        "Retiring dashboards nobody uses, so that everybody finds theirs faster", max_length=250
    )
    purpose: str = Field(
        "News and questions about dashboards and reports nobody uses any more. Nothing is deleted without "
        "telling its owner first, and what was deleted can be asked for again.",
        max_length=250,
    )
    announcement: str | None = None
    admin_channel: str = "#analytics"
    base_url: str = "https://slack.com/api/"

    @model_validator(mode="after")
    def _listens_safely(self) -> Self:
        if bool(self.signing_secret) != bool(self.listen):
            raise ValueError("signing_secret and listen belong together; give both or neither")
        return self

    @property
    def can_listen(self) -> bool:
        """Whether answers can reach us: over Socket Mode or over HTTP."""
        return bool(self.app_token or self.listen)

    @property
    def admin_ids(self) -> frozenset[str]:
        """The admins as they are compared: e-mail addresses in lower case, member ids as they are."""
        return frozenset(a.lower() if "@" in a else a for a in map(str.strip, self.admins))


class EmailSettings(Section):
    """How owners are told whom Slack does not know; without this section a channel stands in for them."""

    host: str = Field(min_length=1)
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    sender: str = Field(pattern=rf"^{_ATOM}(\.{_ATOM})*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$")
    username: str = ""
    password: str | None = None
    starttls: bool = True

    @model_validator(mode="after")
    def _logs_in_safely(self) -> Self:
        if bool(self.username) != bool(self.password):
            raise ValueError("username and password belong together; give both or neither")
        if self.password and not self.starttls and self.host not in LOOPBACK:
            raise ValueError("a password is only sent over an encrypted connection; set starttls: true")
        return self


class PeopleSettings(Section):
    """Who is who: beyond what the BI platforms and Slack say about addresses."""

    aliases: dict[str, Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]] = {}
    slack_ids: dict[str, Annotated[str, Field(pattern=r"^[UW][A-Z0-9]{4,}$")]] = {}
    service_accounts: tuple[Annotated[str, Field(min_length=2)], ...] = ()
    managers: str | None = None
    cache: str | None = "data/people.jsonl"
    cache_days: Annotated[int, Field(ge=1, le=365)] = 7

    @field_validator("aliases", "slack_ids")
    @classmethod
    def _who(cls, given: dict[str, str]) -> dict[str, str]:
        """Addresses, and accounts as `source:id`, in lower case."""
        folded = {key.strip().lower(): value.strip() for key, value in given.items()}
        if len(folded) != len(given):
            raise ValueError("the same address is there twice, in another spelling")
        return folded

    def to_people(self, managers: Mapping[str, str]) -> People:
        """The part succession works with."""
        aliases = {key: address.lower() for key, address in self.aliases.items()}
        return People(aliases=aliases, service_accounts=self.service_accounts, managers=managers)


class ViewerSettings(Section):
    """How many of those who used something most are told that it is about to go; 0 = none."""

    at_most: Annotated[int, Field(ge=0, le=10)] = 3


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
    """When the daily run starts, deletions may happen and people may be written to; no window: always."""

    daily_at: str = Field("06:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    timezone: str = "UTC"
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
    def time_of_day(self) -> time:
        return time.fromisoformat(self.daily_at)


class NoticeSettings(Section):
    """What people are told in the company's own words, text by text; the rest stays as it is."""

    wording: dict[str, str] = {}


class Settings(Section):
    """Everything in the configuration file."""

    warehouse: WarehouseSettings = WarehouseSettings()
    ledger: LedgerSettings = LedgerSettings()
    backups: BackupSettings = BackupSettings()
    sources: dict[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")], SourceSettings] = {}
    policy: PolicySettings = PolicySettings()
    dry_run: DryRunSettings = DryRunSettings()
    trial: TrialSettings = TrialSettings()
    limits: LimitSettings = LimitSettings()
    protect: ProtectSettings = ProtectSettings()
    slack: SlackSettings | None = None
    email: EmailSettings | None = None
    outbox: str = "data/outbox"
    people: PeopleSettings = PeopleSettings()
    viewers: ViewerSettings = ViewerSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    notices: NoticeSettings = NoticeSettings()

    def to_policy(self) -> Policy:
        """The part the core decides with."""
        p, protect, schedule = self.policy, self.protect, self.schedule
        rules = tuple(
            Rule(
                name=r.name,
                match=Match(**r.match.model_dump()),
                protect=r.protect,
                idle_days=r.idle_days,
                warning_days=r.warning_days,
            )
            for r in p.rules
        )
        return Policy(
            idle_days=p.idle_days,
            warning_days=p.warning_days,
            reminder_days=p.reminder_days,
            rules=rules,
            count_deliveries=p.count_deliveries,
            restore_immunity_days=p.restore_immunity_days,
            succession_grace_days=p.succession_grace_days,
            protect_certified=protect.certified,
            protect_personal=protect.personal_folders,
            protect_code_managed=protect.code_managed,
            window=_window(schedule, schedule.delete_window),
        )

    def notice_window(self) -> ActionWindow:
        """When people may be written to."""
        return _window(self.schedule, self.schedule.notice_window)

    def to_limits(self) -> Limits:
        """The part the guards judge with."""
        given, ramp = self.limits, self.limits.ramp
        return Limits(
            delete_per_run=given.delete_per_run,
            delete_percent=given.delete_percent,
            delete_percent_min_population=given.delete_percent_min_population,
            warn_per_run=given.warn_per_run,
            ramp_first=ramp.first if ramp else None,
            ramp_factor=ramp.factor if ramp else 1,
            ramp_clean_days=ramp.clean_days if ramp else 1,
            trial_days=self.trial.days,
            feed_max_age=timedelta(hours=given.feed_max_age_hours),
            volume_floor=given.volume_floor,
            inventory_floor=given.inventory_floor,
        )

    def history_days(self) -> int:
        """How much access history is worth reading: the longest threshold and a month more."""
        idle = [self.policy.idle_days, *(r.idle_days for r in self.policy.rules if r.idle_days is not None)]
        return max(idle) + 30

    def digest(self) -> str:
        """SHA-256 of everything that shapes decisions: policy, limits, protections, trial, schedule."""
        parts = self.model_dump(
            mode="json", include={"policy", "limits", "protect", "trial", "schedule", "dry_run"}
        )
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _window(schedule: ScheduleSettings, given: WindowSettings | None) -> ActionWindow:
    if given is None:
        return ActionWindow(zone=schedule.zone)
    opens, closes = given.span()
    days = frozenset(WEEKDAYS.index(day) for day in given.days)
    return ActionWindow(schedule.zone, days, opens, closes, frozenset(given.holidays))
