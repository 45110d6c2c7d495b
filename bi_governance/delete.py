"""Delete: the one place where a visual is removed, and everything that must hold right before it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypedDict

from bi_governance import events as ev
from bi_governance.cases import Notice
from bi_governance.errors import (
    ConfigurationError,
    RefusedForSafety,
    SourceError,
    SourceMissing,
    StorageError,
)
from bi_governance.fallback import fall_back
from bi_governance.fidelity import fidelity
from bi_governance.guards import deletion_allowance
from bi_governance.lifecycle import State
from bi_governance.model import Action, Facts, Mode, RemovalRoute, VisualKey
from bi_governance.per_owner import OwnerTurns, owner_of
from bi_governance.plan import Plan, awaits_approval
from bi_governance.policy import Decision, decide
from bi_governance.ports import BackupContent, Lease, Reader, Services, Sighting
from bi_governance.reliance import must_be_the_store
from bi_governance.usage import Neighbourhood


@dataclass(slots=True)
class DeleteReport:
    """What was removed, what dry-run would have removed, and what was refused or failed, with reasons.

    `dropped` is what an earlier plan listed and this one does not delete; `fell_back` says why a source
    went back to dry-run in the middle of it.
    """

    removed: list[VisualKey] = field(default_factory=list)
    simulated: list[VisualKey] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    fell_back: list[str] = field(default_factory=list)


class _Common(TypedDict):
    """The fields every event about one visual in one run shares."""

    at: datetime
    run_id: str
    key: VisualKey


class _Refused(Exception):
    """A guard in the removal step said no."""

    def __init__(self, guard: str, reason: str) -> None:
        super().__init__(reason)
        self.guard = guard


class _Permissions:
    """What each source lets us do, asked once a run and right before the first removal there."""

    def __init__(self) -> None:
        self._missing: dict[str, str] = {}

    def missing_at(self, reader: Reader) -> str:
        """What `doctor` would find missing, with its advice; empty when nothing is."""
        if reader.name not in self._missing:
            self._missing[reader.name] = "; ".join(_missing(reader))
        return self._missing[reader.name]


def _missing(reader: Reader) -> Iterator[str]:
    try:
        probes = list(reader.probe())
    except SourceError as error:
        yield f"the permissions could not be asked for: {error}"
        return
    for probe in probes:
        if not probe.ok and probe.is_needed:
            advice = f" - {probe.advice}" if probe.advice and not probe.detail.endswith(probe.advice) else ""
            yield f"{probe.name}: {probe.detail}{advice}"


def settle_removals(services: Services, state: State, lease: Lease, run_id: str) -> list[VisualKey]:
    """Find out what became of removals a crash left without an outcome."""
    settled: list[VisualKey] = []
    for case in list(state.cases.values()):
        reader = services.readers.get(case.key.source)
        if reader is None or case.removal_intended is None:
            continue
        now = services.clock.now()
        try:
            seen = reader.look(case.key, now)
        except SourceError:
            continue  # the platform cannot tell now; the case stays open and its visual untouched
        gone = not seen.exists or seen.is_trashed
        services.ledger.append([_removal_outcome(case.removal_intended, now, run_id, gone=gone)], lease)
        settled.append(case.key)
    return settled


def _removal_outcome(intent: ev.RemovalIntended, now: datetime, run_id: str, *, gone: bool) -> ev.VisualEvent:
    if gone:
        return ev.Removed(
            at=now,
            run_id=run_id,
            key=intent.key,
            episode=intent.episode,
            route=intent.route,
            backup=intent.backup,
            owner_id=intent.owner_id,
            restorable_until=intent.restorable_until,
        )
    reason = "interrupted before it took effect"
    return ev.RemovalFailed(at=now, run_id=run_id, key=intent.key, episode=intent.episode, reason=reason)


def delete(
    services: Services,
    plan: Plan,
    estate: Sequence[Facts],
    lease: Lease,
    *,
    only: frozenset[VisualKey] | None = None,
) -> DeleteReport:
    """Carry out the plan's deletions one by one; with `only`, the intersection with that list."""
    report = DeleteReport()
    around = {f.key: f for f in estate}
    digest = plan.digest
    permissions = _Permissions()
    for decision in plan.of(Action.DELETE):
        if only is not None and decision.key not in only:
            continue
        removal = _Removal(services, plan, digest, decision, around, lease, permissions)
        if plan.modes[decision.key.source] is Mode.LIVE:
            removal.carry_out(report)
        else:
            removal.simulate(report)
    return report


def _described(reader: Reader, key: VisualKey) -> BackupContent:
    """A backup that says itself what it holds, what it lacks, and who made it of which platform."""
    made = reader.backup(key)
    found = fidelity(reader.capabilities.backups_hold.get(key.type, {}), made.files.keys(), made.manifest)
    platform = {"platform": reader.platform, "platform_version": made.manifest.get("platform_version")}
    return BackupContent(made.files, {**made.manifest, "fidelity": {**platform, **found}})


class _Removal:
    """One planned deletion on its way through every check to its effect."""

    def __init__(
        self,
        services: Services,
        plan: Plan,
        digest: str,
        decision: Decision,
        estate: dict[VisualKey, Facts],
        lease: Lease,
        permissions: _Permissions,
    ) -> None:
        self.services = services
        self.plan = plan
        self.digest = digest  # a hash over every decision: computed once, not once per deletion
        self.decision = decision
        self.key = decision.key
        self.estate = estate
        self.lease = lease
        self.permissions = permissions

    def simulate(self, report: DeleteReport) -> None:
        """Dry-run: write down that live would have removed it here; nothing else exists to be called."""
        self._record(
            ev.RemovalSimulated(**self._common(), episode=self.decision.episode, plan_digest=self.digest)
        )
        report.simulated.append(self.key)

    def carry_out(self, report: DeleteReport) -> None:
        """Check, back up, check again, intend, remove, read back, record."""
        try:
            self._must_still_be_due()
            reader, route = self._reader(), self._route()
            self._must_be_same_instance(reader)
            self._must_be_permitted(reader)
            self._must_be_untouched(self._look(reader))
            backup = self._back_up(reader)
            # The backup may have taken minutes: ask everything that a click can change once more.
            self._must_still_be_due()
            self._must_be_untouched(self._look(reader))
        except _Refused as refusal:
            self._record(
                ev.RemovalRefused(
                    **self._common(),
                    episode=self.decision.episode,
                    guard=refusal.guard,
                    reason=str(refusal),
                )
            )
            report.refused.append(f"{self.key}: {refusal}")
            if refusal.guard == "fell_back":
                report.fell_back.append(str(refusal))
            return
        self._remove(reader, route, backup, report)

    def _must_still_be_due(self) -> None:
        """Mode, lease, window, cap, keeps, exemptions and deadline as they are at this very moment."""
        now = self.services.clock.now()
        self.lease = self.services.ledger.renew(self.lease, now, self.services.lease_seconds)
        source = self.key.source
        for why in fall_back(self.services, self.lease, self.plan.run_id, source):
            raise _Refused("fell_back", why)
        state = self.services.ledger.state()
        if state.mode_of(source) is not Mode.LIVE:
            raise _Refused("mode", f"{source} is in dry-run now")
        if awaits_approval(self.key, state, self.services.limits):
            raise _Refused("approval", "no admin has approved it in this episode")
        if not self.services.policy.window.is_open(now):
            raise _Refused("window", "the deletion window is closed")
        living = sum(1 for f in self.estate.values() if f.key.source == source and not f.is_trashed)
        if deletion_allowance(source, living, state, self.services.limits, now) <= 0:
            raise _Refused("cap", "this run has deleted as many visuals as it may")
        turns = OwnerTurns.of(self.estate.values(), state, self.services.limits.delete_per_owner, now)
        if turns.is_over(self.key):
            raise _Refused("owner_cap", "this run has deleted as many visuals of its owner as it may")
        try:
            policy = self.services.policy_now()
        except ConfigurationError as error:
            raise _Refused("exemptions", f"whether it is exempt cannot be told: {error}") from error
        fresh = decide(self.estate[self.key], Neighbourhood(self.estate, state.cases), policy, now)
        if fresh.action is not Action.DELETE or fresh.episode != self.decision.episode:
            raise _Refused("no_longer_due", "; ".join(str(r) for r in fresh.reasons))

    def _reader(self) -> Reader:
        reader = self.services.readers.get(self.key.source)
        if reader is None:
            raise _Refused("not_configured", f"source {self.key.source} is not configured")
        return reader

    def _must_be_same_instance(self, reader: Reader) -> None:
        pinned = self.services.ledger.state().fingerprints.get(self.key.source)
        try:
            found = reader.fingerprint()
        except SourceError as error:
            raise _Refused("live_check", f"the platform could not be asked: {error}") from error
        if found != pinned:
            raise _Refused("same_instance", f"this is {found}, not the pinned instance {pinned}")

    def _must_be_permitted(self, reader: Reader) -> None:
        missing = self.permissions.missing_at(reader)
        if missing:
            raise _Refused("permissions", missing)

    def _route(self) -> RemovalRoute:
        route = self._reader().capabilities.routes.get(self.key.type)
        if route is None:
            raise _Refused("not_removable", f"{self.key.type}s cannot be removed at this platform")
        return route

    def _notice(self) -> Notice:
        warning = self.services.ledger.state().case(self.key).warning
        if warning is None:
            raise _Refused("notice", "no warning was delivered in this episode")
        return warning

    def _look(self, reader: Reader) -> Sighting:
        try:
            return reader.look(self.key, self._notice().at)
        except SourceError as error:
            raise _Refused("live_check", f"the platform could not be asked: {error}") from error

    def _must_be_untouched(self, seen: Sighting) -> None:
        """The platform's own word, right now, against what the owner was told."""
        notice = self._notice()
        if not seen.exists or seen.is_trashed:
            raise _Refused("already_gone", "somebody else already removed it")
        for what, told, found in (
            ("title", notice.title, seen.title),
            ("owner", notice.owner_id, seen.owner_id),
            ("folder", notice.folder, seen.folder),
        ):
            if told != found:
                raise _Refused("identity", f"its {what} is '{found}' now, the warning said '{told}'")
        known = max(filter(None, (notice.at, self.decision.usage.last_used)))
        for what, moment in (("used", seen.last_used_at), ("changed", seen.updated_at)):
            if moment is not None and moment > known:
                raise _Refused(what, f"it was {what} on {moment:%Y-%m-%d %H:%M} UTC, after the warning")
        if seen.references:
            raise _Refused("referenced", "still used by " + ", ".join(seen.references))

    def _back_up(self, reader: Reader) -> str:
        """The path of a backup that was read back and checked; empty only where that is allowed."""
        store, now = self.services.backups, self.services.clock.now()
        try:
            must_be_the_store(self.services)
            ref = store.save(self.key, self.decision.episode, _described(reader, self.key), now)
            saved = store.load(ref.path)
        except (SourceError, StorageError) as error:
            if self.key.source in self.services.allow_unrecoverable:
                return ""
            raise _Refused("backup", f"no backup could be made: {error}") from error
        if saved.manifest.get("key") != str(self.key) or not saved.files:
            raise _Refused("backup", "the backup read back is not of this visual")
        return ref.path

    def _remove(self, reader: Reader, route: RemovalRoute, backup: str, report: DeleteReport) -> None:
        intent = ev.RemovalIntended(
            **self._common(),
            episode=self.decision.episode,
            route=route,
            backup=backup,
            plan_digest=self.digest,
            owner_id=owner_of(self.estate[self.key]),
            restorable_until=self._promise(),
        )
        self._record(intent)
        problem = self._call(lambda: self.services.armory.remover(self.key.source).remove(self.key))
        try:
            seen = reader.look(self.key, self.services.clock.now())
        except SourceError as error:
            # Whether it is gone cannot be told now: the intent stays open and the next run settles it.
            report.failed.append(f"{self.key}: removal not confirmed: {problem or error}")
            return
        outcome = _removal_outcome(
            intent, self.services.clock.now(), self.plan.run_id, gone=not seen.exists or seen.is_trashed
        )
        if isinstance(outcome, ev.RemovalFailed):
            reason = problem or "the platform accepted the removal but still shows it"
            outcome = ev.RemovalFailed(**self._common(), episode=self.decision.episode, reason=reason)
            report.failed.append(f"{self.key}: {reason}")
        else:
            report.removed.append(self.key)
        self._record(outcome)

    def _promise(self) -> datetime:
        """Until when it can be restored: what the owner was told in this episode, or longer."""
        notices = self.services.ledger.state().case(self.key).notices
        told = [notice.retention_days or 0 for notice in notices]
        return self.services.clock.now() + timedelta(days=max(self.services.retention_days, *told))

    def _call(self, removal: Callable[[], None]) -> str:
        """Do it; what the platform said against it, empty when nothing."""
        try:
            removal()
        except SourceMissing:
            return ""
        except (SourceError, RefusedForSafety) as error:
            return str(error)
        return ""

    def _record(self, event: ev.Event) -> None:
        self.services.ledger.append([event], self.lease)

    def _common(self) -> _Common:
        return {"at": self.services.clock.now(), "run_id": self.plan.run_id, "key": self.key}
