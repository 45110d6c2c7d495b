"""The one wiring file: settings in, services out; the only place that reads the system clock."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from bi_governance.backups import FsspecBackups, Keys
from bi_governance.connectors.registry import RemoverAndRestorer, groupless_rules, platform_named
from bi_governance.errors import ConfigurationError, RefusedForSafety
from bi_governance.exemption_file import ExemptionFile
from bi_governance.exemptions import Exemptions
from bi_governance.invite import Wanted
from bi_governance.ledger import SqlLedger
from bi_governance.managers import read_managers
from bi_governance.model import Mode
from bi_governance.notify.announcement import ANNOUNCEMENT, compose_channel_announcement, version
from bi_governance.notify.channel import SlackRoom
from bi_governance.notify.compose import Composer
from bi_governance.notify.mail import MailChannel, WithMail
from bi_governance.notify.memory import Memory
from bi_governance.notify.outbox import OutboxNotifier
from bi_governance.notify.slack import SlackNotifier
from bi_governance.notify.slack_api import PATIENCE_SECONDS, SlackApi
from bi_governance.notify.smtp import SmtpServer
from bi_governance.notify.wording import Wording
from bi_governance.ports import Clock, Ledger, Progress, Reader, Rehearser, Services
from bi_governance.settings import Settings, SourceSettings
from bi_governance.transform import DbtTransformer
from bi_governance.warehouse import SqlWarehouse


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class FixedClock:
    """A clock that stands still: what `--as-of` looks at."""

    moment: datetime

    def now(self) -> datetime:
        return self.moment


class SilentProgress:
    """Shows nothing: for machines and tests."""

    def update(self, source: str, feed: str, rows: int) -> None:
        """Nothing to show."""

    def done(self, source: str, feed: str, status: str) -> None:
        """Nothing to show."""


class LiveArmory:
    """Builds what changes a platform at the moment it is asked for, and removers only for live sources."""

    def __init__(self, sources: Mapping[str, SourceSettings], ledger: Ledger) -> None:
        self._sources = sources
        self._ledger = ledger
        self._built: dict[str, RemoverAndRestorer] = {}
        self._rehearsers: dict[str, Rehearser | None] = {}

    def remover(self, source: str) -> RemoverAndRestorer:
        if self._ledger.state().mode_of(source) is not Mode.LIVE:
            raise RefusedForSafety(f"{source} is in dry-run: nothing is removed there.")
        return self._writer(source)

    def restorer(self, source: str) -> RemoverAndRestorer:
        return self._writer(source)

    def rehearser(self, source: str) -> Rehearser | None:
        if source not in self._rehearsers:
            given = self._sources[source]
            factory = platform_named(given.platform).rehearser_factory()
            self._rehearsers[source] = factory(source, given.options) if factory else None
        return self._rehearsers[source]

    def close(self) -> None:
        for writer in self._built.values():
            writer.close()
        for rehearser in self._rehearsers.values():
            if rehearser is not None:
                rehearser.close()
        self._built.clear()
        self._rehearsers.clear()

    def _writer(self, source: str) -> RemoverAndRestorer:
        if source not in self._built:
            given = self._sources[source]
            self._built[source] = platform_named(given.platform).remover_factory()(source, given.options)
        return self._built[source]


class App:
    """Everything a command needs, built when first asked for and closed together.

    `sleep` waits where Slack limits how often it is called.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        progress: Progress | None = None,
        only_source: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
        is_listening: bool = False,
        ledger: SqlLedger | None = None,
    ) -> None:
        """With `is_listening` messages have buttons; a `ledger` given is shared, and not closed here."""
        self.settings = settings
        self.is_listening = is_listening
        self._shared_ledger = ledger
        self.clock = clock or SystemClock()
        self.progress = progress or SilentProgress()
        self.sleep = sleep
        self.sources = _chosen(settings, only_source)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def ledger(self) -> SqlLedger:
        if self._shared_ledger is not None:
            return self._shared_ledger
        ledger = SqlLedger(self.settings.ledger.url)
        ledger.prepare()
        return ledger

    @cached_property
    def warehouse(self) -> SqlWarehouse:
        given = self.settings.warehouse
        return SqlWarehouse(given.url, raw_schema=given.raw_schema, schema=given.schema_)

    @cached_property
    def transformer(self) -> DbtTransformer:
        given = self.settings.warehouse
        return DbtTransformer(
            warehouse_url=given.url,
            raw_schema=given.raw_schema,
            schema=given.schema_,
            target_path=Path(given.dbt_target),
            as_of=self.clock.now,
            release=self.warehouse.close,
        )

    @cached_property
    def readers(self) -> dict[str, Reader]:
        platforms = {name: platform_named(given.platform) for name, given in self.sources.items()}
        mistakes = [m for n, given in self.sources.items() for m in platforms[n].mistakes(n, given.options)]
        everywhere = {name: given.platform for name, given in self.settings.sources.items()}
        mistakes += groupless_rules(self.settings.to_policy().rules, everywhere)
        if mistakes:
            listed = "\n".join(f"  - {mistake}" for mistake in mistakes)
            raise ConfigurationError(f"the configuration has {len(mistakes)} mistake(s):\n{listed}")
        return {n: platforms[n].reader_factory()(n, self._options_of(n)) for n in self.sources}

    def _options_of(self, source: str) -> dict[str, object]:
        """The settings of a source for its reader, which is told to read groups only where a rule asks."""
        given = self.sources[source]
        asked = self.settings.to_policy().asks_for_groups(source, given.platform)
        return {**given.options, "groups": True} if asked else dict(given.options)

    @cached_property
    def armory(self) -> LiveArmory:
        return LiveArmory(self.sources, self.ledger)

    @cached_property
    def _wording(self) -> Wording:
        return Wording(self.settings.notices.wording)

    @cached_property
    def notifier(self) -> Composer:
        slack, mail = self._slack, self._mail
        if slack is not None:
            return WithMail(slack, mail, slack.is_unknown) if mail else slack
        outbox = OutboxNotifier(
            Path(self.settings.outbox),
            clock=self.clock,
            zone=self.settings.schedule.zone,
            wording=self._wording,
        )
        return WithMail(outbox, mail, lambda _owner, _source: True) if mail else outbox

    @cached_property
    def _slack(self) -> SlackNotifier | None:
        slack = self.settings.slack
        if slack is None:
            return None
        return SlackNotifier(
            token=slack.bot_token,
            base_url=slack.base_url,
            channel=slack.channel,
            admin_channel=slack.admin_channel,
            zone=self.settings.schedule.zone,
            clock=self.clock,
            memory=self._memory,
            slack_ids=self.settings.people.slack_ids,
            sleep=self.sleep,
            wording=self._wording,
            has_buttons=self.is_listening and slack.can_listen,
        )

    @property
    def _memory(self) -> Memory:
        people = self.settings.people
        file = Path(people.cache) if people.cache else None
        return Memory(self.clock, timedelta(days=people.cache_days), file)

    def room(self) -> tuple[SlackRoom, Wanted]:
        """The deprecation channel of `slack sync`, and what the settings want it to be."""
        slack = self.settings.slack
        if slack is None or not slack.channel:
            raise ConfigurationError("there is no slack.channel in the configuration to invite people to.")
        policy = self.settings.policy
        announcement = compose_channel_announcement(
            _text_of(slack.announcement) if slack.announcement else ANNOUNCEMENT,
            {
                "channel": slack.channel,
                "idle_days": policy.idle_days,
                "warning_days": policy.warning_days,
                "retention_days": self.settings.backups.retention_days,
            },
        )
        room = SlackRoom(
            SlackApi(slack.bot_token, slack.base_url, PATIENCE_SECONDS, self.sleep),
            slack.channel,
            announcement,
        )
        return room, Wanted(slack.topic, slack.purpose, version(announcement))

    @cached_property
    def _mail(self) -> MailChannel | None:
        mail = self.settings.email
        if mail is None:
            return None
        server = SmtpServer(mail.host, mail.port, mail.username, mail.password or "", mail.starttls)
        zone = self.settings.schedule.zone
        return MailChannel(server, mail.sender, zone=zone, clock=self.clock, wording=self._wording)

    @cached_property
    def services(self) -> Services:
        settings, listed = self.settings, self.settings.policy.exemptions
        exemptions = ExemptionFile(Path(listed)) if listed else None
        return Services(
            readers=self.readers,
            armory=self.armory,
            warehouse=self.warehouse,
            transformer=self.transformer,
            ledger=self.ledger,
            notifier=self.notifier,
            backups=FsspecBackups(
                settings.backups.url, Keys(settings.backups.key, settings.backups.old_keys)
            ),
            clock=self.clock,
            progress=self.progress,
            policy=replace(
                settings.to_policy(), exemptions=exemptions.read() if exemptions else Exemptions()
            ),
            exemptions=exemptions,
            limits=settings.to_limits(),
            config_digest=settings.digest(),
            trial_notices=settings.dry_run.notices,
            notice_window=settings.notice_window(),
            retention_days=settings.backups.retention_days,
            people=settings.people.to_people(
                read_managers(Path(settings.people.managers)) if settings.people.managers else {}
            ),
            viewers_at_most=settings.viewers.at_most,
            robots={name: given.robots for name, given in self.sources.items()},
            canaries={name: given.canary_keys() for name, given in self.sources.items()},
            allow_unrecoverable=frozenset(
                n for n, given in self.sources.items() if given.allow_unrecoverable
            ),
            history_days=settings.history_days(),
            holder=f"{socket.gethostname()}:{os.getpid()}",
        )

    def close(self) -> None:
        """Close what was built, and only that."""
        built = self.__dict__
        for reader in built.get("readers", {}).values():
            reader.close()
        for name in ("armory", "warehouse"):
            if name in built:
                built[name].close()
        if "ledger" in built and self._shared_ledger is None:
            built["ledger"].close()


def _text_of(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"slack.announcement: {file} cannot be read: {error}") from error


def _chosen(settings: Settings, only: str | None) -> dict[str, SourceSettings]:
    if only is None:
        return dict(settings.sources)
    if only not in settings.sources:
        known = ", ".join(sorted(settings.sources)) or "none yet"
        raise ConfigurationError(f"there is no source '{only}'; configured are: {known}.")
    return {only: settings.sources[only]}
