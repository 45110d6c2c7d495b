"""Explain: where every source and any one visual stands, as plain values for people and machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bi_governance.alarms import lately_acknowledged
from bi_governance.attention import Share
from bi_governance.cases import Case
from bi_governance.events import Event, NoticeDelivered, to_record
from bi_governance.guards import ADVICE, Veto, live_until, source_vetoes, trial_lasted, trusted_coverage
from bi_governance.keep import known_key
from bi_governance.lifecycle import State
from bi_governance.model import Action, Facts, Mode, Person, VisualKey
from bi_governance.otherwise import otherwise
from bi_governance.outlook import Outlook, outlook
from bi_governance.plan import EFFECTS, Plan, decision_json, make_plan
from bi_governance.policy import Decision
from bi_governance.ports import Services
from bi_governance.rules import Policy, terms_for
from bi_governance.run import gather
from bi_governance.run_report import Estate
from bi_governance.usage import KnownUse, known_use
from bi_governance.window import local_day


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything known and decided about one visual."""

    key: VisualKey
    facts: Facts | None
    case: Case
    decision: Decision | None
    vetoes: tuple[Veto, ...]
    rules: tuple[tuple[str, str], ...]
    history: tuple[Event, ...]
    mode: Mode
    guards: tuple[tuple[str, str], ...] = ()
    otherwise: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[NoticeDelivered, ...]:
        """Every notice about it that was accepted, oldest first: who got it, as what, and why they did."""
        return tuple(event for event in self.history if isinstance(event, NoticeDelivered))

    def to_json(self) -> dict[str, Any]:
        """The explanation as plain JSON values."""
        facts = self.facts
        return {
            "key": str(self.key),
            "mode": str(self.mode),
            "title": facts.title if facts else None,
            "folder": facts.folder if facts else None,
            "owner": _name(facts.owner) if facts else None,
            "owner_groups": list(facts.owner_groups) if facts and facts.owner_groups is not None else None,
            "folder_owner": _name(facts.folder_owner) if facts else None,
            "told": [_told(notice) for notice in self.told],
            "last_viewed_at": _iso(facts.last_viewed_at) if facts else None,
            "coverage": [[_iso(i.start), _iso(i.end)] for i in facts.coverage.intervals] if facts else [],
            "decision": decision_json(self.decision) if self.decision else None,
            "vetoes": [{"guard": v.guard, "reason": v.reason} for v in self.vetoes],
            "guards": [{"guard": name, "opinion": opinion} for name, opinion in self.guards],
            "rules": [{"rule": name, "result": result} for name, result in self.rules],
            "what_would_change_it": list(self.otherwise),
            "episode": self.case.episode,
            "history": [event_json(event) for event in self.history],
        }


def _name(person: Person | None) -> str | None:
    return (person.email or person.name) if person else None


def _told(notice: NoticeDelivered) -> dict[str, Any]:
    return {
        "at": _iso(notice.at),
        "notice": str(notice.notice),
        "mode": str(notice.mode),
        "reader": notice.reader or notice.recipient,
        "recipient": notice.recipient,
        "role": notice.role,
        "why": notice.succession,
        "longer_grace": bool(notice.succession),
        "deadline": _iso(notice.deadline),
    }


def event_json(event: Event) -> dict[str, Any]:
    """One ledger event as plain JSON values."""
    head = {"at": event.at.isoformat(), "kind": event.kind, "actor": event.actor, "run_id": event.run_id}
    return {**head, **to_record(event)}


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def explain(services: Services, text: str) -> Explanation:
    """Decide again on stored facts and lay every reason open; ConfigurationError for an unknown key."""
    VisualKey.parse(text)
    state = services.ledger.state()
    estate = gather(services, state)
    facts = {f.key: f for f in estate.facts}
    key = known_key(text, [*facts, *state.cases])
    plan = current_plan(services, state, estate)
    found, decision, case = facts.get(key), plan.decision(key), state.case(key)
    vetoes = tuple(v for v in plan.vetoes if v.source == key.source)
    advice = dict.fromkeys(veto.advice for veto in vetoes)
    now = services.clock.now()
    return Explanation(
        key,
        found,
        case,
        decision,
        vetoes,
        _rules(found, services.policy, now) if found else (),
        tuple(services.ledger.events(key=key)),
        state.mode_of(key.source),
        tuple(_opinions(vetoes)),
        otherwise(decision, found, case, services.policy, now, advice) if decision else (),
    )


def _opinions(vetoes: Iterable[Veto]) -> Iterator[tuple[str, str]]:
    """Every guard's opinion on a source."""
    listed = list(vetoes)
    for guard in ADVICE:
        reasons = [veto.reason for veto in listed if veto.guard == guard]
        yield guard, f"veto: {'; '.join(reasons)}" if reasons else "passes"


def current_plan(services: Services, state: State, estate: Estate) -> Plan:
    """What a run would plan at this moment, without recording anything."""
    return make_plan(
        estate.facts,
        state,
        estate.evidence,
        services.policy,
        services.limits,
        now=services.clock.now(),
        run_id="preview",
        config_digest=services.config_digest,
    )


def lost_on_restore(services: Services, plan: Plan) -> dict[str, dict[str, list[str]]]:
    """What no restore brings back of what the plan warns of or deletes: by source and type, in words."""
    found: dict[str, dict[str, list[str]]] = {}
    for key in sorted({(d.key.source, d.key.type) for d in plan.of(*EFFECTS - {Action.PURGE})}):
        source, kind = key
        reader = services.readers.get(source)
        lost = reader.capabilities.lost_on_restore.get(kind) if reader else None
        if lost:
            found.setdefault(source, {})[kind] = list(lost)
    return found


def _rules(facts: Facts, policy: Policy, now: datetime) -> tuple[tuple[str, str], ...]:
    considered, zone, settled = [], policy.window.zone, False
    for rule in policy.rules:
        why = rule.why(facts, now, zone)
        is_late = settled and why == "fits"
        considered.append((rule.name, "fits, but an earlier rule does too" if is_late else why))
        settled = settled or why == "fits"
    terms = terms_for(facts, policy, now)
    general = f"idle {terms.idle.days} days, warning {terms.warning.days} days"
    return (*considered, (f"in force: {terms.rule or 'the general thresholds'}", general))


NOBODY_ASKED = Share(0, 0)


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """Where one source stands."""

    source: str
    platform: str
    mode: Mode
    mode_since: datetime | None
    trial: timedelta
    trial_needed: timedelta
    visuals: int
    use: Mapping[str, int]
    actions: Mapping[str, int]
    covered_from: datetime | None
    covered_through: datetime | None
    gap: timedelta
    outlook: Outlook
    vetoes: tuple[Veto, ...]
    live_until: datetime | None = None
    attention: Share = NOBODY_ASKED

    def to_json(self) -> dict[str, Any]:
        """The status as plain JSON values."""
        return {
            "source": self.source,
            "platform": self.platform,
            "mode": str(self.mode),
            "mode_since": _iso(self.mode_since),
            "trial_days": self.trial.days,
            "trial_days_needed": self.trial_needed.days,
            "visuals": self.visuals,
            **{str(each): self.use.get(each, 0) for each in KnownUse},
            "actions": dict(self.actions),
            "covered_from": _iso(self.covered_from),
            "covered_through": _iso(self.covered_through),
            "uncovered_days": self.gap.days,
            "live_until": _iso(self.live_until),
            "warned": self.attention.asked,
            "acknowledged": self.attention.answered,
            "deletions_possible_from": _iso(self.outlook.possible_from),
            "outlook": self.outlook.to_json(),
            "vetoes": [{"guard": v.guard, "reason": v.reason, "advice": v.advice} for v in self.vetoes],
        }


@dataclass(frozen=True, slots=True)
class Status:
    """Where everything stands."""

    at: datetime
    last_success: datetime | None
    sources: tuple[SourceStatus, ...]
    due: tuple[Decision, ...]
    idle_rules: tuple[str, ...]
    restorable: tuple[tuple[VisualKey, datetime], ...]
    void_exemptions: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The status as plain JSON values."""
        return {
            "at": self.at.isoformat(),
            "last_success": _iso(self.last_success),
            "sources": [s.to_json() for s in self.sources],
            "due": [decision_json(d) for d in self.due],
            "rules_that_fit_nothing": list(self.idle_rules),
            "exemptions_without_effect": list(self.void_exemptions),
            "restorable": [{"key": str(key), "removed_at": at.isoformat()} for key, at in self.restorable],
        }


def status(services: Services) -> Status:
    """Modes, trials, coverage, what is due and what can be restored, from stored facts."""
    state = services.ledger.state()
    estate = gather(services, state)
    plan = current_plan(services, state, estate)
    now = services.clock.now()
    due = [d for d in plan.decisions if d.deadline is not None or d.action is Action.WARN]
    restorable = [(case.key, case.removal.at) for case in state.cases.values() if case.removal is not None]
    return Status(
        services.clock.now(),
        state.last_success,
        tuple(_source_status(services, state, estate, plan, name) for name in sorted(services.readers)),
        tuple(sorted(due, key=lambda d: (d.deadline is None, d.deadline or services.clock.now(), d.key))),
        tuple(r.name for r in services.policy.rules if not any(r.match.fits(f, now) for f in estate.facts)),
        tuple(sorted(restorable, key=lambda pair: pair[1], reverse=True)),
        tuple(_void_exemptions(services.policy, [*(f.key for f in estate.facts), *state.cases], now)),
    )


def _void_exemptions(policy: Policy, keys: Iterable[VisualKey], now: datetime) -> Iterator[str]:
    """Rows of the exemptions file that have expired, and those that fit no visual we know of."""
    today = local_day(now, policy.window.zone)
    fitting = {row.key for key in keys for row in policy.exemptions.about(key)}
    for row in policy.exemptions.rows:
        if not row.holds(today):
            yield f"the exemption of {row.key} has expired: {row}"
        elif row.key not in fitting:
            yield f"the exemption of {row.key} fits no visual: check how it is written"


def _source_status(services: Services, state: State, estate: Estate, plan: Plan, name: str) -> SourceStatus:
    days = [day for day in estate.days if day.source == name]
    coverage = trusted_coverage(days, services.limits)
    decisions = [d for d in plan.decisions if d.key.source == name]
    vetoes = source_vetoes(estate.evidence.sources[name], state, services.limits, services.clock.now())
    return SourceStatus(
        name,
        services.readers[name].platform,
        state.mode_of(name),
        state.mode_since(name),
        trial_lasted(name, state, services.limits, services.clock.now()),
        timedelta(days=services.limits.trial_days),
        sum(1 for facts in estate.facts if facts.key.source == name),
        _use(services, estate, plan, name),
        Counter(str(d.action) for d in decisions),
        coverage.start,
        coverage.through,
        coverage.gap_after(coverage.start) if coverage.start else timedelta(0),
        outlook_of(services, state, estate, name),
        vetoes,
        live_until(name, state, services.limits),
        lately_acknowledged(name, state, services.limits, services.clock.now()),
    )


def _use(services: Services, estate: Estate, plan: Plan, name: str) -> Mapping[str, int]:
    """How many of a source's living visuals are used, unused and unknown."""
    decisions, now = {d.key: d for d in plan.decisions}, services.clock.now()
    return Counter(
        known_use(decisions[facts.key].usage, terms_for(facts, services.policy, now))
        for facts in estate.facts
        if facts.key.source == name and not facts.is_trashed
    )


def outlooks(services: Services, state: State, estate: Estate) -> tuple[Outlook, ...]:
    """The outlook of every configured source, by name."""
    return tuple(outlook_of(services, state, estate, name) for name in sorted(services.readers))


def outlook_of(services: Services, state: State, estate: Estate, name: str) -> Outlook:
    """From when deletions are possible at one source, and why not sooner."""
    evidence, now = estate.evidence.sources[name], services.clock.now()
    return outlook(
        evidence,
        [f for f in estate.facts if f.key.source == name],
        source_vetoes(evidence, state, services.limits, now),
        state,
        services.policy,
        services.limits,
        now,
        kept_days=services.readers[name].capabilities.history_days,
    )
