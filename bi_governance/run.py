"""Run: the daily sequence collect -> transform -> plan -> warn -> delete -> report, safe to repeat."""

from __future__ import annotations

import json
import threading
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime

from bi_governance import events as ev
from bi_governance.alarms import alarms
from bi_governance.alert import alert, concerns_of, settle_silence
from bi_governance.collect import SourceCollection, collect
from bi_governance.delete import delete, settle_removals
from bi_governance.drift import Dropped, Written, keep_what_is_the_same
from bi_governance.drill import left_over, settle_drills
from bi_governance.errors import DeliveryError, LeaseLost, StorageError
from bi_governance.escalate import escalate
from bi_governance.fallback import fall_back, tell_admins
from bi_governance.follow import follow
from bi_governance.guards import Canary, Evidence, SourceEvidence, trusted_coverage
from bi_governance.lifecycle import State
from bi_governance.missed import note_missed
from bi_governance.model import Action, Coverage, Facts, FeedStatus, SourceDay, VisualKey
from bi_governance.monthly import report_month
from bi_governance.plan import Plan, make_plan
from bi_governance.policy import NOT_REMOVABLE
from bi_governance.ports import Announcement, Lease, Reader, Services, TransformReport
from bi_governance.protection import YEAR
from bi_governance.purge import purge, settle_purges
from bi_governance.restore import settle_restores
from bi_governance.run_report import Estate, RunReport, summary
from bi_governance.shrinkage import OwnRemoval
from bi_governance.viewers import tell_viewers
from bi_governance.warn import settle_notices, warn


def new_run_id(now: datetime) -> str:
    """A run id that sorts by time and never repeats."""
    return f"{now:%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}"


@contextmanager
def one_runner(services: Services) -> Iterator[Lease]:
    """Hold the lease for a block of work, however long it takes; LeaseHeld when somebody else does."""
    lease = services.ledger.acquire(services.holder, services.clock.now(), services.lease_seconds)
    over = threading.Event()
    keeper = threading.Thread(target=_keep_lease, args=(services, lease, over), name="lease", daemon=True)
    keeper.start()
    try:
        yield lease
    finally:
        over.set()
        keeper.join()
        services.ledger.release(lease)


def _keep_lease(services: Services, lease: Lease, over: threading.Event) -> None:
    """Renew three times per lease until the work is over; a lost lease is noticed by the next write."""
    while not over.wait(services.lease_seconds / 3):
        try:
            services.ledger.renew(lease, services.clock.now(), services.lease_seconds)
        except LeaseLost:
            return
        except StorageError:
            continue  # busy now; there are two more tries before the lease runs out


def daily_run(services: Services) -> RunReport:
    """One whole run under the lease; every stage's outcome is in the report and in the ledger."""
    with one_runner(services) as lease:
        now = services.clock.now()
        report = RunReport(new_run_id(now), now)
        services.ledger.append([ev.RunStarted(at=now, run_id=report.run_id)], lease)
        settle(services, report, lease)
        report.collections = collect_stage(services, report.run_id, lease)
        report.transform = transform(services, report.run_id, lease)
        prepare_plan(services, report, lease)
        alert_stage(services, report, lease)
        warn_stage(services, report, lease)
        delete_stage(services, report, lease)
        purge_stage(services, report, lease)
        follow_stage(services, report, lease)
        month_stage(services, report, lease)
        finish(services, report, lease)
        return report


def settle(services: Services, report: RunReport, lease: Lease) -> None:
    """Bring the record up to what really happened before anything new is decided."""
    state = services.ledger.state()
    notices = settle_notices(services, state, lease, report.run_id)
    if notices.found:
        report.settled.append(f"{notices.found} message(s) of an interrupted run had arrived")
    if notices.doubtful:
        report.settled.append(
            f"{notices.doubtful} message(s) of an interrupted run may have arrived; they do not count"
        )
    for settled in (settle_removals, settle_restores, settle_purges, settle_drills):
        report.settled.extend(f"{key} settled" for key in settled(services, state, lease, report.run_id))
    report.problems.extend(left_over(services, services.ledger.state()))


def collect_stage(services: Services, run_id: str, lease: Lease) -> list[SourceCollection]:
    """Collect all sources and remember which instances answered."""
    collections = collect(services, run_id)
    now = services.clock.now()
    seen: list[ev.Event] = [
        ev.SourceSeen(at=now, run_id=run_id, source=c.source, fingerprint=c.fingerprint)
        for c in collections
        if c.fingerprint
    ]
    services.ledger.append(seen, lease)
    return collections


def transform(services: Services, run_id: str, lease: Lease) -> TransformReport:
    """Build the marts and remember which tests failed."""
    services.warehouse.close()
    report = services.transformer.build()
    failed = json.dumps([[test.name, test.platform, test.message] for test in report.failed])
    services.ledger.append([ev.MartsBuilt(at=services.clock.now(), run_id=run_id, failed=failed)], lease)
    return report


def gather(services: Services, state: State) -> Estate:
    """Facts with their coverage, and per source the evidence the guards judge."""
    days = tuple(services.warehouse.source_days())
    by_source: dict[str, list[SourceDay]] = {name: [] for name in services.readers}
    for day in days:
        by_source.setdefault(day.source, []).append(day)
    coverage = {source: trusted_coverage(d, services.limits) for source, d in by_source.items()}
    witnessed = services.warehouse.witnessed()
    last_year = _last_year_uses(services)
    can_do = {name: reader.capabilities for name, reader in services.readers.items()}
    facts = tuple(
        replace(
            f,
            coverage=coverage.get(f.key.source, Coverage()).with_interval(witnessed.get(f.key)),
            obstacle=can_do[f.key.source].obstacle(f.key.type),
            has_groups=bool(can_do[f.key.source].groups),
            last_year_use=last_year.get(f.key),
        )
        for f in services.warehouse.facts()
        if f.key.source in services.readers
    )
    feeds = services.warehouse.feed_statuses()
    canaries = _canaries(services, facts)
    evidence = {
        name: replace(
            _evidence(services, state, name, by_source[name], [f for f in feeds if f.source == name]),
            canaries=canaries.get(name, ()),
        )
        for name in sorted(services.readers)
    }
    return Estate(facts, Evidence(evidence), days)


def _last_year_uses(services: Services) -> Mapping[VisualKey, date]:
    """Per visual its use nearest to a year ago, as far around it as any rule asks."""
    days, a_year_ago = services.policy.widest_season, (services.clock.now() - YEAR).date()
    if not days:
        return {}
    return services.warehouse.uses_around(a_year_ago, days, deliveries=services.policy.count_deliveries)


def _evidence(
    services: Services, state: State, name: str, days: Sequence[SourceDay], feeds: Sequence[FeedStatus]
) -> SourceEvidence:
    reader = services.readers[name]
    # History is read in windows of varying number: comparing its row counts from run to run says nothing.
    comparable = tuple(replace(f, earlier=()) if f.feed == reader.history_feed else f for f in feeds)
    return SourceEvidence(
        name,
        feeds=comparable,
        days=tuple(days),
        fingerprint=state.seen.get(name),
        pinned=state.fingerprints.get(name),
        failed_tests=_failed_tests(state, reader.platform),
        transformed_at=state.marts.at if state.marts else None,
        expected_feeds=(*reader.inventory_feeds, reader.history_feed),
        removals=_own_removals(state, reader, comparable),
    )


def _canaries(services: Services, facts: Sequence[Facts]) -> dict[str, tuple[Canary, ...]]:
    """Per source its visuals known to be used, as inventory and access history show them."""
    living = {f.key for f in facts if not f.is_trashed}
    seen = services.warehouse.last_views([key for keys in services.canaries.values() for key in keys])
    return {
        source: tuple(Canary(key, key in living, seen.get(key)) for key in keys)
        for source, keys in services.canaries.items()
    }


def _own_removals(state: State, reader: Reader, feeds: Sequence[FeedStatus]) -> tuple[OwnRemoval, ...]:
    """What we removed since the oldest run that inventories are compared with, and what is still gone."""
    since = min((run.finished_at for feed in feeds for run in feed.earlier), default=None)
    if since is None:
        return ()
    recent = {r.key: r.at for r in state.removals if r.key.source == reader.name and r.at > since}
    return tuple(
        OwnRemoval(at, f"{reader.platform}_{key.type}")
        for key, at in recent.items()
        if state.case(key).gone is not None
    )


def _failed_tests(state: State, platform: str) -> tuple[str, ...]:
    if state.marts is None:
        return ()
    return tuple(
        f"{name}: {message}"
        for name, concerns, message in json.loads(state.marts.failed)
        if concerns in ("", platform)
    )


def prepare_plan(services: Services, report: RunReport, lease: Lease) -> Plan:
    """Gather, pin new instances, notice what was missed, fall back if need be, plan, and record the plan."""
    estate = gather(services, services.ledger.state())
    _pin_new_sources(services, estate, report.run_id, lease)
    note_missed(services, estate.facts, estate.evidence, report.run_id, lease)
    report.fell_back.extend(fall_back(services, lease, report.run_id))
    report.problems.extend(tell_admins(services, lease, report.run_id))
    estate = _with_pins(services, estate)
    plan = make_plan(
        estate.facts,
        services.ledger.state(),
        estate.evidence,
        services.policy,
        services.limits,
        now=services.clock.now(),
        run_id=report.run_id,
        config_digest=services.config_digest,
    )
    services.ledger.save_plan(plan, lease)
    services.ledger.append(_plan_events(plan, services.clock.now()), lease)
    report.plan, report.estate = plan, estate
    report.rescued = _rescue(services, plan, lease)
    return plan


def _pin_new_sources(services: Services, estate: Estate, run_id: str, lease: Lease) -> None:
    pins: list[ev.Event] = [
        ev.SourcePinned(at=services.clock.now(), run_id=run_id, source=e.source, fingerprint=e.fingerprint)
        for e in estate.evidence.sources.values()
        if e.pinned is None and e.fingerprint is not None
    ]
    services.ledger.append(pins, lease)


def _with_pins(services: Services, estate: Estate) -> Estate:
    pinned = services.ledger.state().fingerprints
    sources = {name: replace(e, pinned=pinned.get(name)) for name, e in estate.evidence.sources.items()}
    return replace(estate, evidence=Evidence(sources))


def _plan_events(plan: Plan, now: datetime) -> list[ev.Event]:
    whole = sorted(set(plan.modes) - plan.vetoed_sources())
    counts = json.dumps(plan.counts())
    recorded = ev.PlanRecorded(
        at=now, run_id=plan.run_id, digest=plan.digest, sources=",".join(whole), counts=counts
    )
    vetoes = [
        ev.SourceVetoed(at=now, run_id=plan.run_id, source=v.source, guard=v.guard, reason=v.reason)
        for v in plan.vetoes
    ]
    return [recorded, *vetoes]


def _rescue(services: Services, plan: Plan, lease: Lease) -> list[VisualKey]:
    state, now = services.ledger.state(), services.clock.now()
    said: list[ev.Event] = []
    for decision in plan.of(Action.RESCUE):
        mode = plan.modes[decision.key.source]
        reason = "; ".join(str(r) for r in decision.reasons)
        # Regret first: it ends the episode of a trial just as the rescue would. That its source can no
        # longer remove it says nothing about whether anybody misses it.
        is_missed = decision.rescue_code != NOT_REMOVABLE
        if is_missed and state.case(decision.key).simulated_at is not None:
            said.append(
                ev.Regretted(
                    at=now, run_id=plan.run_id, key=decision.key, how=decision.rescue_code, mode=mode
                )
            )
        said.append(
            ev.Rescued(
                at=now,
                run_id=plan.run_id,
                key=decision.key,
                episode=decision.episode,
                mode=mode,
                code=decision.rescue_code,
                reason=reason,
            )
        )
    services.ledger.append(said, lease)
    return [d.key for d in plan.of(Action.RESCUE)]


def alert_stage(services: Services, report: RunReport, lease: Lease) -> None:
    """Tell the admins what began to need them, and what no longer does."""
    if report.plan is None or report.estate is None:
        return
    evidence = report.estate.evidence
    population = Counter(f.key.source for f in report.estate.facts if not f.is_trashed)
    state, now = services.ledger.state(), services.clock.now()
    report.alarms = alarms(evidence, population, state, services.limits, now)
    concerns = concerns_of(report.plan.vetoes, report.alarms)
    try:
        report.alerts = alert(services, concerns, evidence.sources.keys(), lease, report.run_id)
    except DeliveryError as error:
        report.problems.append(f"the admins could not be told of what needs them: {error}")


def warn_stage(services: Services, report: RunReport, lease: Lease) -> None:
    """Send what the report's plan says is due: to owners, and after them to viewers."""
    if report.plan is not None and report.estate is not None:
        report.warned = warn(services, report.plan, report.estate.facts, lease)
        report.viewers = tell_viewers(services, report.plan, report.estate.facts, lease)
        report.escalated = escalate(services, report.plan, report.estate.facts, lease)


def delete_stage(
    services: Services,
    report: RunReport,
    lease: Lease,
    only: frozenset[VisualKey] | None = None,
    *,
    written: Written | None = None,
) -> None:
    """Carry out (or, in dry-run, simulate) the report's deletions.

    With `only`, or a plan written earlier, the intersection with it; what is dropped from that is recorded.
    """
    if report.plan is None or report.estate is None:
        return
    plan, facts = report.plan, report.estate.facts
    dropped: tuple[Dropped, ...] = ()
    if written is not None:
        only, dropped = keep_what_is_the_same(services, written, plan, facts, lease)
    report.deleted = delete(services, plan, facts, lease, only=only)
    report.fell_back.extend(report.deleted.fell_back)
    report.problems.extend(tell_admins(services, lease, report.run_id))
    report.deleted.dropped = [f"{d.key}: {d.reason}" for d in dropped]


def purge_stage(services: Services, report: RunReport, lease: Lease) -> None:
    """Delete the backups that the report's plan says have passed their retention."""
    if report.plan is not None:
        report.purged = purge(services, report.plan, lease)


def follow_stage(services: Services, report: RunReport, lease: Lease) -> None:
    """Tell people what became of what they were warned of, and bring their messages up to date."""
    if report.plan is not None and report.estate is not None:
        report.followed = follow(services, report.plan, report.estate.facts, lease, report.run_id)


def month_stage(services: Services, report: RunReport, lease: Lease) -> None:
    """Tell the analytics team about the month that is over, once."""
    if report.plan is None:
        return
    try:
        report.month = report_month(services, report.plan, lease, report.run_id)
    except DeliveryError as error:
        report.followed.problems.append(f"the summary of the month: {error}")


def finish(services: Services, report: RunReport, lease: Lease) -> None:
    """Tell the analytics team and close the run in the ledger."""
    if report.outcome != "failed":
        report.recovered = settle_silence(services, lease, report.run_id)
    title, lines = summary(report)
    try:
        brief = tuple(summary(report, is_brief=True)[1])
        services.notifier.announce(Announcement(f"run-{report.run_id}", title, brief))
    except DeliveryError as error:
        report.problems.append(f"the summary could not be delivered: {error}")
    services.ledger.append(
        [
            ev.RunFinished(
                at=services.clock.now(),
                run_id=report.run_id,
                outcome=report.outcome,
                summary=json.dumps(lines),
            )
        ],
        lease,
    )
