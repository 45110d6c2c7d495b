"""The whole configuration file, typed, and what each part of the product gets of it."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Annotated

from pydantic import Field, field_validator

from bi_governance.guards import Limits
from bi_governance.rules import Match, Policy, Rule
from bi_governance.settings.people import (
    EmailSettings,
    NoticeSettings,
    PeopleSettings,
    SlackSettings,
    ViewerSettings,
)
from bi_governance.settings.policy import (
    DryRunSettings,
    LimitSettings,
    PolicySettings,
    ProtectSettings,
    TrialSettings,
)
from bi_governance.settings.schedule import ScheduleSettings, window_of
from bi_governance.settings.section import Section
from bi_governance.settings.stores import BackupSettings, LedgerSettings, SourceSettings, WarehouseSettings
from bi_governance.standing import RegretBudget
from bi_governance.window import ActionWindow


class Settings(Section):
    """Everything in the configuration file."""

    warehouse: WarehouseSettings = WarehouseSettings()
    ledger: LedgerSettings = LedgerSettings()
    backups: BackupSettings = BackupSettings()
    sources: dict[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")], SourceSettings] = Field({})
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

    @field_validator("sources")
    @classmethod
    def _canaries_are_keys(cls, given: dict[str, SourceSettings]) -> dict[str, SourceSettings]:
        """A canary that cannot be a visual of its source would stop it for ever."""
        for name, source in given.items():
            for text in source.canaries:
                parts = text.split(":", 2)
                if len(parts) != 3 or not all(parts):
                    raise ValueError(
                        f"{name}.canaries: '{text}' is not a visual key; write source:type:native_id, e.g. "
                        f"{name}:dashboard:42"
                    )
                if parts[0] != name:
                    meant = ":".join((name, *parts[1:]))
                    raise ValueError(
                        f"{name}.canaries: '{text}' is a visual of '{parts[0]}'; write {meant} if it is here"
                    )
        return given

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
                season_days=r.season_days,
                between=r.year_part(),
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
            escalation_days=p.escalation_days,
            season_days=p.season_days,
            protect_certified=protect.certified,
            protect_personal=protect.personal_folders,
            protect_code_managed=protect.code_managed,
            window=window_of(schedule, schedule.delete_window),
            purge_after=timedelta(days=self.backups.retention_days) if self.backups.purge else None,
        )

    def notice_window(self) -> ActionWindow:
        """When people may be written to."""
        return window_of(self.schedule, self.schedule.notice_window)

    def to_limits(self) -> Limits:
        """The part the guards judge with."""
        given, ramp = self.limits, self.limits.ramp
        return Limits(
            delete_per_run=given.delete_per_run,
            delete_percent=given.delete_percent,
            delete_percent_min_population=given.delete_percent_min_population,
            delete_per_owner=given.delete_per_owner,
            approval=given.approval,
            warn_per_run=given.warn_per_run,
            purge_per_run=given.purge_per_run,
            ramp_first=ramp.first if ramp else None,
            ramp_factor=ramp.factor if ramp else 1,
            ramp_clean_days=ramp.clean_days if ramp else 1,
            trial_days=self.trial.days,
            trial_valid_days=self.trial.valid_days,
            live_renew_days=self.trial.renew_days,
            second_admin=self.trial.second_admin,
            regret=RegretBudget(**given.regret.model_dump()) if given.regret else None,
            plan_max_age=timedelta(days=given.plan_max_age_days),
            feed_max_age=timedelta(hours=given.feed_max_age_hours),
            volume_floor=given.volume_floor,
            inventory_floor=given.inventory_floor,
            canary_days=given.canary_days,
            busiest_percent=given.busiest_percent,
            acknowledged_percent=given.acknowledged_percent,
        )

    def history_days(self) -> int:
        """How much access history is read: the longest threshold and a month more, or what is asked for."""
        idle = [self.policy.idle_days, *(r.idle_days for r in self.policy.rules if r.idle_days is not None)]
        return max(max(idle) + 30, self.policy.history_days or 0)

    def digest(self) -> str:
        """SHA-256 of everything that shapes decisions: policy, limits, protections, trial, schedule."""
        parts = self.model_dump(
            mode="json", include={"policy", "limits", "protect", "trial", "schedule", "dry_run"}
        )
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
