"""Why we may not act: pure checks over a source's feeds and its plan; each returns a veto or nothing."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from bi_governance.lifecycle import State
from bi_governance.model import Coverage, FeedStatus, Interval, Mode, SourceDay, VisualKey
from bi_governance.shrinkage import OwnRemoval, usual_rows
from bi_governance.standing import USUAL_REGRET, RegretBudget

WEEK = timedelta(days=7)
# What one run did: repeating it adds nothing, and tomorrow's is not held up.
LATELY = timedelta(hours=20)

# What somebody is to do about each guard's veto, beyond what its reason says.
ADVICE = {
    "collection_complete": "Run `bi-governance doctor`, mend what it names, and run again. A partial feed "
    "usually means that our account lacks a permission.",
    "feed_fresh": "Run `bi-governance run`; if the history still ends there, the platform is behind: ask who "
    "runs it.",
    "transform_current": "Run `bi-governance run`, which builds the marts anew.",
    "volume_plausible": "Find out whether the platform recorded everything on those days. A quiet day passes "
    "by itself; if an account that opened everything has stopped, put it into sources.{source}.robots.",
    "inventory_plausible": "Find out whether somebody cleaned up by hand or our account lost rights; a real "
    "change becomes usual after a few runs.",
    "tests_passed": "Run `bi-governance transform`; it names the test and what it found.",
    "same_instance": "Correct the address; if another instance is intended, run: bi-governance mode dry-run "
    "--source {source} --reason ...",
    "trial_completed": "Go on with the trial: bi-governance mode dry-run --source {source} --reason ...",
    "live_renewed": "Renew it: bi-governance mode live --source {source} --reason ... Otherwise the next run "
    "falls back to dry-run.",
    "regret_within_budget": "Nothing: the next run falls back to dry-run. Find out why so much was wanted "
    "back before the next trial.",
    "canaries": "Open the canary at the platform: if that does not show here after the next run, the access "
    "history is broken. If nobody uses it any more, name another in sources.{source}.canaries.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds on what one run may do, and on what a trustworthy feed looks like.

    Counts are per run and source; 0 means none at all. `ramp_first` None switches the ramp off.
    """

    delete_per_run: int = 25
    delete_percent: float = 2.0
    delete_percent_min_population: int = 50
    delete_per_owner: int | None = None
    warn_per_run: int = 200
    purge_per_run: int = 100
    ramp_first: int | None = 5
    ramp_factor: float = 2.0
    ramp_clean_days: int = 7
    trial_days: int = 21
    trial_valid_days: int | None = 60
    live_renew_days: int | None = None
    second_admin: bool = False
    approval: bool = False  # Live deletes only what an admin approved, visual by visual.
    regret: RegretBudget | None = USUAL_REGRET
    plan_max_age: timedelta = timedelta(days=7)
    feed_max_age: timedelta = timedelta(hours=48)
    volume_floor: float = 0.2
    volume_min_events: int = 10
    inventory_floor: float = 0.8
    inventory_min_rows: int = 10
    canary_days: int = 14
    busiest_percent: float = 50.0
    busiest_min_population: int = 20
    acknowledged_percent: float = 10.0
    acknowledged_min_warned: int = 20
    acknowledged_within: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Veto:
    """A guard's refusal: no warning and no deletion at this source in this run."""

    source: str
    guard: str
    reason: str

    @property
    def advice(self) -> str:
        """What somebody is to do about it."""
        return ADVICE[self.guard].format(source=self.source)


@dataclass(frozen=True, slots=True)
class Canary:
    """A visual known to be used: whether the inventory has it, and the last day a person's use was seen."""

    key: VisualKey
    is_there: bool
    last_seen: date | None = None


@dataclass(frozen=True, slots=True)
class SourceEvidence:
    """What one run knows about one source's feeds; everything a guard may look at."""

    source: str
    feeds: tuple[FeedStatus, ...] = ()
    days: tuple[SourceDay, ...] = ()
    fingerprint: str | None = None
    pinned: str | None = None
    failed_tests: tuple[str, ...] = ()
    transformed_at: datetime | None = None
    expected_feeds: tuple[str, ...] = ()
    removals: tuple[OwnRemoval, ...] = ()
    canaries: tuple[Canary, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence for all configured sources."""

    sources: dict[str, SourceEvidence] = field(default_factory=dict)


def source_vetoes(evidence: SourceEvidence, state: State, limits: Limits, now: datetime) -> tuple[Veto, ...]:
    """Every guard's opinion on one source, in the order a person would check them."""
    found = (
        *collection_complete(evidence),
        *feed_fresh(evidence, limits, now),
        *transform_current(evidence),
        *volume_plausible(evidence, limits, now),
        *inventory_plausible(evidence, limits),
        *tests_passed(evidence),
        *same_instance(evidence),
        *trial_completed(evidence, state, limits, now),
        *live_renewed(evidence, state, limits, now),
        *regret_within_budget(evidence, state, limits, now),
        *canaries(evidence, limits, now),
    )
    return tuple(found)


def collection_complete(evidence: SourceEvidence) -> Iterable[Veto]:
    """Every feed of the newest collection must have ended complete."""
    seen = {feed.feed for feed in evidence.feeds}
    for missing in sorted(set(evidence.expected_feeds) - seen):
        yield Veto(evidence.source, "collection_complete", f"feed {missing} was never collected")
    if not evidence.feeds:
        yield Veto(evidence.source, "collection_complete", "nothing was ever collected")
    for feed in evidence.feeds:
        if feed.status != "complete":
            detail = f": {feed.detail}" if feed.detail else ""
            yield Veto(evidence.source, "collection_complete", f"feed {feed.feed} is {feed.status}{detail}")


def feed_fresh(evidence: SourceEvidence, limits: Limits, now: datetime) -> Iterable[Veto]:
    """Access history and inventory must reach close to now."""
    through = max((day.covered_through for day in evidence.days), default=None)
    if through is None:
        yield Veto(evidence.source, "feed_fresh", "no access history is proven complete for any day")
    elif now - through > limits.feed_max_age:
        yield Veto(evidence.source, "feed_fresh", f"access history ends {through:%Y-%m-%d %H:%M} UTC")
    for feed in evidence.feeds:
        if now - feed.finished_at > limits.feed_max_age:
            yield Veto(
                evidence.source, "feed_fresh", f"feed {feed.feed} was last read {feed.finished_at:%Y-%m-%d}"
            )


def transform_current(evidence: SourceEvidence) -> Iterable[Veto]:
    """The marts must have been built after the newest collection."""
    newest = max((feed.finished_at for feed in evidence.feeds), default=None)
    if newest is not None and (evidence.transformed_at is None or evidence.transformed_at < newest):
        yield Veto(evidence.source, "transform_current", "the marts are older than the newest collection")


def volume_plausible(evidence: SourceEvidence, limits: Limits, now: datetime) -> Iterable[Veto]:
    """The last whole days must not have collapsed against the source's own history.

    A feed that never showed one event is no witness either: it cannot be told from one that is broken.
    """
    if evidence.days and not any(day.events for day in evidence.days):
        yield Veto(evidence.source, "volume_plausible", "its access history holds no event at all")
    recent = now - timedelta(days=4)
    for day in collapsed_days(evidence.days, limits):
        if day.day >= recent:
            yield Veto(
                evidence.source, "volume_plausible", f"only {day.events} access events on {day.day:%Y-%m-%d}"
            )
            return


def collapsed_days(days: Sequence[SourceDay], limits: Limits) -> tuple[SourceDay, ...]:
    """Whole days whose volume fell below a fraction of the median of the same weekday before.

    Compared against up to eight earlier same weekdays. A source too small for that (medians under
    the minimum) is compared by whole weeks: seven silent days after 28 that were not.
    """
    whole = sorted(
        (d for d in days if d.covered_through - d.covered_from >= timedelta(days=1)), key=lambda d: d.day
    )
    trusted: list[list[SourceDay]] = [[] for _ in range(7)]  # by weekday: asked for once a day
    for index, day in enumerate(whole):
        week = whole[max(index - 6, 0) : index + 1]
        same = trusted[day.day.weekday()]
        if _fell_below(day, same[-8:], limits):
            continue
        if _is_silent_week(week, trusted, limits):
            trusted = [[d for d in each if d.day < week[0].day] for each in trusted]
        else:
            same.append(day)
    kept = {day.day for each in trusted for day in each}
    return tuple(day for day in whole if day.day not in kept)


def _fell_below(day: SourceDay, same: Sequence[SourceDay], limits: Limits) -> bool:
    if len(same) < 2:
        return False
    median = statistics.median(d.events for d in same)
    return median >= limits.volume_min_events and day.events < limits.volume_floor * median


def _is_silent_week(week: Sequence[SourceDay], before: Sequence[Sequence[SourceDay]], limits: Limits) -> bool:
    """Seven days in a row without any event, although things happened in the 28 trusted days before.

    Those may lie however far back: silence never becomes normal by lasting.
    """
    if any(d.events for d in week) or week[-1].day - week[0].day != WEEK - timedelta(days=1):
        return False
    earlier = sorted((d for each in before for d in each if d.day < week[0].day), key=lambda d: d.day)
    return sum(d.events for d in earlier[-28:]) >= limits.volume_min_events


def trusted_coverage(days: Sequence[SourceDay], limits: Limits) -> Coverage:
    """What access history proves: complete days, less those whose volume collapsed."""
    suspicious = set(collapsed_days(days, limits))
    return Coverage.of(Interval(d.covered_from, d.covered_through) for d in days if d not in suspicious)


def inventory_plausible(evidence: SourceEvidence, limits: Limits) -> Iterable[Veto]:
    """An inventory feed must not be much smaller than it has been; one that was never empty must not be.

    What our own removals took away is expected to be missing.
    """
    for feed in evidence.feeds:
        usual = usual_rows(feed, evidence.feeds, evidence.removals)
        # How much of a feed came before it failed says nothing; that it failed is `collection_complete`.
        if usual is None or feed.status != "complete":
            continue
        if usual >= limits.inventory_min_rows and feed.rows < limits.inventory_floor * usual:
            yield Veto(
                evidence.source, "inventory_plausible", f"{feed.feed} has {feed.rows} rows, usually {usual:g}"
            )
        elif usual > 0 and feed.rows == 0:
            yield Veto(
                evidence.source, "inventory_plausible", f"{feed.feed} is empty, usually {usual:g} rows"
            )


def tests_passed(evidence: SourceEvidence) -> Iterable[Veto]:
    """No dbt test that concerns the source may have failed."""
    for test in evidence.failed_tests:
        yield Veto(evidence.source, "tests_passed", f"dbt: {test}")


def same_instance(evidence: SourceEvidence) -> Iterable[Veto]:
    """The instance behind the name must be the one we pinned."""
    if evidence.pinned is not None and evidence.fingerprint != evidence.pinned:
        found = evidence.fingerprint or "nothing readable"
        yield Veto(
            evidence.source,
            "same_instance",
            f"this is not the instance that was pinned (pinned {evidence.pinned}, found {found})",
        )


def trial_completed(evidence: SourceEvidence, state: State, limits: Limits, now: datetime) -> Iterable[Veto]:
    """A live source must have been through a whole trial, not long before it went live."""
    if state.mode_of(evidence.source) is not Mode.LIVE:
        return
    done = trial_lasted(evidence.source, state, limits, now)
    if done < timedelta(days=limits.trial_days):
        yield Veto(
            evidence.source,
            "trial_completed",
            f"its dry-run trial lasted {done.days} of {limits.trial_days} days",
        )


def canaries(evidence: SourceEvidence, limits: Limits, now: datetime) -> Iterable[Veto]:
    """Every visual known to be used must be there, and the access history must show its use."""
    since = (now - timedelta(days=limits.canary_days)).date()
    for canary in evidence.canaries:
        if not canary.is_there:
            yield Veto(evidence.source, "canaries", f"{canary.key} is not in the inventory")
        elif canary.last_seen is None:
            yield Veto(evidence.source, "canaries", f"{canary.key} was never seen to be used")
        elif canary.last_seen < since:
            text = f"{canary.key} was last seen to be used on {canary.last_seen}"
            yield Veto(evidence.source, "canaries", text)


def trial_lasted(source: str, state: State, limits: Limits, now: datetime) -> timedelta:
    """The longest trial that counts for going live now, or that counted when the source went live.

    One whose newest plan was too old at that moment does not.
    """
    went_live = state.mode_since(source) if state.mode_of(source) is Mode.LIVE else None
    valid = limits.trial_valid_days
    return state.longest_trial(source, None if valid is None else (went_live or now) - timedelta(days=valid))


def live_renewed(evidence: SourceEvidence, state: State, limits: Limits, now: datetime) -> Iterable[Veto]:
    """Where live has to be renewed, somebody must have confirmed it lately enough."""
    until = live_until(evidence.source, state, limits)
    if until is not None and now >= until:
        yield Veto(
            evidence.source,
            "live_renewed",
            f"live was to be renewed by {until:%Y-%m-%d}",
        )


def live_until(source: str, state: State, limits: Limits) -> datetime | None:
    """When a live source falls back to dry-run unless it is renewed; None when it does not."""
    confirmed = state.standing.confirmed_at(source)
    if limits.live_renew_days is None or confirmed is None or state.mode_of(source) is not Mode.LIVE:
        return None
    return confirmed + timedelta(days=limits.live_renew_days)


def regret_within_budget(
    evidence: SourceEvidence, state: State, limits: Limits, now: datetime
) -> Iterable[Veto]:
    """Of what a live source deleted lately, not too much may have been wanted back."""
    if state.mode_of(evidence.source) is not Mode.LIVE:
        return
    why = state.standing.overspent(evidence.source, state.removals, limits.regret, now)
    if why:
        yield Veto(evidence.source, "regret_within_budget", why)


def deletion_allowance(source: str, population: int, state: State, limits: Limits, now: datetime) -> int:
    """How many visuals of one source this run may delete; 0 means none.

    The smallest of the count cap, the percent of the population (once it is large enough for
    percentages to mean something; 0 percent means none at any size) and the ramp after going live.
    Deletions of the last 20 hours count (in dry-run: simulated ones), so that repeating a run adds nothing
    and tomorrow's is not held up.
    """
    bounds = [limits.delete_per_run]
    if population >= limits.delete_percent_min_population or limits.delete_percent <= 0:
        bounds.append(int(population * limits.delete_percent / 100))
    ramp = _ramp(source, state, limits, now)
    if ramp is not None:
        bounds.append(ramp)
    return max(min(bounds) - _done_today(source, state, now), 0)


def _done_today(source: str, state: State, now: datetime) -> int:
    removed = [r.at for r in state.removals if r.key.source == source]
    cases = [case for key, case in state.cases.items() if key.source == source]
    simulated = [case.last_simulated_at for case in cases if case.last_simulated_at]
    # Begun, and nobody knows yet what became of it: perhaps deleted counts as deleted.
    unsettled = [case.removal_intended.at for case in cases if case.removal_intended]
    return sum(1 for at in (*removed, *simulated, *unsettled) if now - at < LATELY)


def _ramp(source: str, state: State, limits: Limits, now: datetime) -> int | None:
    since = state.mode_since(source)
    if limits.ramp_first is None or since is None:
        return limits.ramp_first
    calm_from = max(
        [since, *(at for key, case in state.cases.items() if key.source == source for at in case.regrets)]
    )
    steps = max((now - calm_from) // timedelta(days=max(limits.ramp_clean_days, 1)), 0)
    # Beyond this many doublings the ramp no longer bounds anything; it keeps the power finite.
    return int(limits.ramp_first * limits.ramp_factor ** min(steps, 30))
