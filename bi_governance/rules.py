"""What the configuration says about which visuals: rules, thresholds, and the terms that follow from them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from bi_governance.exemptions import Exemption, Exemptions
from bi_governance.globs import glob_fits, path_glob
from bi_governance.model import Facts, Person, VisualKey
from bi_governance.window import ActionWindow, YearPart, local_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Which visuals a rule speaks about; every given part must fit, globs and `title_regex` ignore case.

    `folder` globs treat `/` as a separator: `*` stays inside one level, `**` crosses levels, and
    `Executive/**` also means the folder `Executive` itself. Of several `owner` or `group` globs one is
    enough; `title_regex` may be found anywhere in the title. `group` is one the owner is a member of.
    """

    source: str | None = None
    platform: str | None = None
    type: str | None = None
    folder: str | None = None
    owner: str | tuple[str, ...] | None = None
    group: str | tuple[str, ...] | None = None
    tag: str | None = None
    title: str | None = None
    title_regex: str | None = None
    certified: bool | None = None
    created_within_days: int | None = None

    def fits(self, facts: Facts, now: datetime) -> bool | None:
        """Whether every given part fits at `now`; None when something needed for that is not known."""
        is_certain = True
        for _, fits in self.answers(facts, now):
            if fits is False:
                return False
            is_certain = is_certain and fits is not None
        return True if is_certain else None

    def may_fit_at(self, source: str, platform: str) -> bool:
        """Whether it can speak about visuals of this source at all."""
        return glob_fits(self.source or "*", source) and glob_fits(self.platform or "*", platform)

    def answers(self, facts: Facts, now: datetime) -> Iterator[tuple[str, bool | None]]:
        """Per given part its name, and whether it fits; None where that cannot be told."""
        for name, glob, values in (
            ("source", self.source, (facts.key.source,)),
            ("platform", self.platform, (facts.platform,)),
            ("type", self.type, (facts.key.type,)),
            ("title", self.title, (facts.title,)),
            ("tag", self.tag, facts.tags),
        ):
            if glob is not None:
                yield name, any(glob_fits(glob, value) for value in values)
        if self.title_regex is not None:
            yield "title_regex", bool(re.search(self.title_regex, facts.title, re.IGNORECASE))
        if self.certified is not None:
            yield "certified", self.certified == facts.is_certified
        if self.folder is not None:
            yield "folder", path_glob(self.folder).fullmatch(facts.folder.strip("/")) is not None
        if self.owner is not None:
            yield "owner", _fits_owner(self.owner, facts.owner)
        if self.group is not None:
            yield "group", _fits_group(self.group, facts)
        if self.created_within_days is not None:
            yield "created_within_days", _is_new(facts, now - timedelta(days=self.created_within_days))


def _fits_owner(wanted: str | tuple[str, ...], owner: Person | None) -> bool | None:
    if owner is None:
        return None
    names = [value for value in (owner.email, owner.name, owner.id) if value]
    if _any_fits(wanted, names):
        return True
    return False if owner.email else None


def _fits_group(wanted: str | tuple[str, ...], facts: Facts) -> bool | None:
    """Whether the owner is in such a group; never where the platform shows no groups.

    Groups that were not read are not the same as none.
    """
    if not facts.has_groups:
        return False
    if facts.owner is None or facts.owner_groups is None:
        return None
    return _any_fits(wanted, facts.owner_groups)


def _any_fits(wanted: str | tuple[str, ...], names: Iterable[str]) -> bool:
    return any(glob_fits(glob, name) for name in names for glob in _each(wanted))


def _each(wanted: str | tuple[str, ...]) -> tuple[str, ...]:
    return (wanted,) if isinstance(wanted, str) else wanted


def _is_new(facts: Facts, since: datetime) -> bool | None:
    """Whether it was made after `since`; what was first seen before that was made no later."""
    if facts.created_at is not None:
        return facts.created_at >= since
    return False if facts.first_seen_at is not None and facts.first_seen_at < since else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A named exception to the general thresholds; the first rule that fits wins.

    With `between` it only holds in that part of the year.
    """

    name: str
    match: Match = field(default_factory=Match)
    protect: bool = False
    idle_days: int | None = None
    warning_days: int | None = None
    season_days: int | None = None
    between: YearPart | None = None

    def fits(self, facts: Facts, now: datetime, zone: tzinfo) -> bool | None:
        """Whether it holds for this visual today, where the team lives; None when that cannot be told."""
        return self.match.fits(facts, now) if self.is_in_time(now, zone) else False

    def is_in_time(self, now: datetime, zone: tzinfo) -> bool:
        """Whether this is its part of the year."""
        return self.between is None or self.between.holds(local_day(now, zone))

    def why(self, facts: Facts, now: datetime, zone: tzinfo) -> str:
        """Whether it fits, and if not, which parts do not."""
        if not self.is_in_time(now, zone):
            return f"does not fit: it holds from {self.between} only"
        answers = list(self.match.answers(facts, now))
        misses = [self._miss(name, facts) for name, fits in answers if fits is False]
        if misses:
            return f"does not fit: {', '.join(misses)}"
        unknown = [name for name, fits in answers if fits is None]
        return f"cannot be told: {', '.join(unknown)} not known" if unknown else "fits"

    def _miss(self, part: str, facts: Facts) -> str:
        """A part that does not fit, and why where its name alone does not say."""
        if part != "group" or self.match.group is None:
            return part
        if not facts.has_groups:
            return "group (groups are not known at this platform)"
        return f"group (the owner is in none of {', '.join(_each(self.match.group))})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Thresholds (whole days) and protections that hold unless a rule says otherwise."""

    idle_days: int = 60
    warning_days: int = 7
    reminder_days: tuple[int, ...] = (3, 1)
    rules: tuple[Rule, ...] = ()
    count_deliveries: bool = True
    restore_immunity_days: int = 30
    succession_grace_days: int = 14
    escalation_days: int | None = 2
    season_days: int = 28
    protect_certified: bool = True
    protect_personal: bool = False
    protect_code_managed: bool = True
    window: ActionWindow = field(default_factory=ActionWindow)
    exemptions: Exemptions = field(default_factory=Exemptions)
    purge_after: timedelta | None = None  # How long backups are kept; None: nothing is ever purged.

    @property
    def immunity(self) -> timedelta:
        """How long a restored visual is left alone."""
        return timedelta(days=self.restore_immunity_days)

    def exempts(self, key: VisualKey, now: datetime) -> Exemption | None:
        """The row of the exemptions file that protects a visual today, where the team lives."""
        return self.exemptions.in_force(key, local_day(now, self.window.zone))

    def asks_for_groups(self, source: str, platform: str) -> bool:
        """Whether any rule about this source matches by group, so that groups have to be read there."""
        return any(r.match.group is not None and r.match.may_fit_at(source, platform) for r in self.rules)

    @property
    def widest_season(self) -> int:
        """How many days around the same day of last year any visual may be asked about."""
        return max([self.season_days, *(rule.season_days or 0 for rule in self.rules)])


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for one visual after the rules were read; `season` 0 looks at no other year."""

    idle: timedelta
    warning: timedelta
    season: timedelta
    rule: str = ""
    protected_by: str = ""


def terms_for(facts: Facts, policy: Policy, now: datetime) -> Terms:
    """Thresholds for one visual at `now`: those of the first rule that fits, else the general ones.

    A rule before it that might fit (the owner is unknown) can only make the terms milder.
    """
    answers = [(rule, rule.fits(facts, now, policy.window.zone)) for rule in policy.rules]
    first = next((i for i, (_, fits) in enumerate(answers) if fits), None)
    settled = Rule(name="") if first is None else answers[first][0]
    candidates = [*(rule for rule, fits in answers[:first] if fits is None), settled]
    idle = max(policy.idle_days if r.idle_days is None else r.idle_days for r in candidates)
    warning = max(policy.warning_days if r.warning_days is None else r.warning_days for r in candidates)
    season = max(policy.season_days if r.season_days is None else r.season_days for r in candidates)
    protecting = next((r.name for r in candidates if r.protect), "")
    return Terms(
        timedelta(days=idle), timedelta(days=warning), timedelta(days=season), settled.name, protecting
    )
