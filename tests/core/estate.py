"""Builders for the core's tests: one idle dashboard, its history, and the decision about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bi_governance import events as ev
from bi_governance.cases import Case
from bi_governance.guards import Evidence, Limits, SourceEvidence
from bi_governance.lifecycle import State, fold
from bi_governance.model import (
    Coverage,
    EarlierRun,
    Facts,
    FeedStatus,
    Interval,
    Mode,
    NoticeKind,
    Person,
    RemovalRoute,
    SourceDay,
    VisualKey,
)
from bi_governance.plan import Plan, make_plan
from bi_governance.policy import Decision, decide
from bi_governance.rules import Policy
from bi_governance.usage import Neighbourhood

NOW = datetime(2026, 6, 1, 6, tzinfo=UTC)  # a Monday
ALICE = Person("7", "Alice Ames", "alice@acme.test", active=True)
KEY = VisualKey("looker_prod", "dashboard", "42")
LIVE = ev.ModeChanged(at=datetime(2026, 1, 1, tzinfo=UTC), mode=Mode.LIVE, reason="go")


def days(count: float) -> timedelta:
    return timedelta(days=count)


def ago(count: float) -> datetime:
    return NOW - days(count)


def key(native: str, source: str = "looker_prod", kind: str = "dashboard") -> VisualKey:
    return VisualKey(source, kind, native)


def covered(first: float = 400, last: float = 0) -> Coverage:
    """Coverage from `first` to `last` days ago."""
    return Coverage((Interval(ago(first), ago(last)),))


def visual(native: str = "42", *, idle: float = 60, source: str = "looker_prod", **known: Any) -> Facts:
    """A dashboard made long ago, last viewed `idle` days ago, with complete history."""
    plain: dict[str, Any] = {
        "title": f"Dashboard {native}",
        "folder": "Sales",
        "owner": ALICE,
        "created_at": ago(1000),
        "last_viewed_at": ago(idle),
        "coverage": covered(),
    }
    return Facts(key(native, source), "looker", **{**plain, **known})


def notice(facts: Facts, days_ago: float, **known: Any) -> ev.NoticeDelivered:
    """The delivered warning about `facts` as it looks now."""
    plain: dict[str, Any] = {
        "episode": 0,
        "notice": NoticeKind.WARNING,
        "mode": Mode.DRY_RUN,
        "message_id": f"m-{facts.key}-{days_ago}",
        "recipient": "alice@acme.test",
        "channel": "D1",
        "ts": "1.0",
        "title": facts.title,
        "owner_id": facts.owner.id if facts.owner else "",
        "folder": facts.folder,
    }
    return ev.NoticeDelivered(at=ago(days_ago), key=facts.key, **{**plain, **known})


def reminder(facts: Facts, days_ago: float, days_before: int) -> ev.NoticeDelivered:
    return notice(facts, days_ago, notice=NoticeKind.REMINDER, days_before=days_before)


def removed(
    which: VisualKey, at: datetime, episode: int = 0, route: RemovalRoute = RemovalRoute.HARD
) -> ev.Removed:
    return ev.Removed(at=at, key=which, episode=episode, route=route, backup="b.zip")


def mode(days_ago: float, to: Mode, source: str | None = None) -> ev.ModeChanged:
    return ev.ModeChanged(at=ago(days_ago), mode=to, reason="test", source=source)


def planned(days_ago: float, sources: str = "looker_prod") -> ev.PlanRecorded:
    return ev.PlanRecorded(at=ago(days_ago), digest="d", sources=sources)


def warned(facts: Facts, days_ago: float = 7, **known: Any) -> Case:
    """The case of a visual whose warning was delivered `days_ago`."""
    return fold([notice(facts, days_ago, **known)]).case(facts.key)


def judge(
    facts: Facts,
    *others: Facts,
    case: Case | None = None,
    cases: Iterable[Case] = (),
    policy: Policy | None = None,
    now: datetime = NOW,
) -> Decision:
    """The decision about `facts` in an estate of itself and `others`."""
    known = {c.key: c for c in (*cases, *([case] if case else []))}
    around = Neighbourhood({f.key: f for f in (facts, *others)}, known)
    return decide(facts, around, policy or Policy(), now)


def codes(decision: Decision) -> list[str]:
    return [reason.code for reason in decision.reasons]


def busy_days(count: int = 30, events: int = 100, source: str = "looker_prod") -> tuple[SourceDay, ...]:
    """The last `count` whole UTC days before today, all complete."""
    midnight = NOW.replace(hour=0)
    return tuple(source_day(midnight - days(n), events, source) for n in range(count, 0, -1))


def source_day(day: datetime, events: int, source: str = "looker_prod") -> SourceDay:
    return SourceDay(source, day, day, day + days(1), events)


def sizes(*rows: int) -> tuple[EarlierRun, ...]:
    """Earlier complete runs of a feed, one a day, yesterday's first."""
    return tuple(EarlierRun(NOW - days(n), count) for n, count in enumerate(rows, start=1))


def healthy(source: str = "looker_prod", **known: Any) -> SourceEvidence:
    """Evidence no guard objects to."""
    feeds = (FeedStatus(source, "looker_dashboard", "complete", 100, NOW, "", sizes(100, 101, 99)),)
    plain: dict[str, Any] = {
        "feeds": feeds,
        "days": busy_days(source=source),
        "fingerprint": "f",
        "pinned": "f",
        "transformed_at": NOW,
        "expected_feeds": ("looker_dashboard",),
    }
    return SourceEvidence(source, **{**plain, **known})


def plan_for(
    *estate: Facts,
    history: Iterable[ev.Event] = (),
    state: State | None = None,
    evidence: Iterable[SourceEvidence] | None = None,
    policy: Policy | None = None,
    limits: Limits | None = None,
    now: datetime = NOW,
) -> Plan:
    """A plan over the estate, with healthy evidence for its sources and no trial needed."""
    sources = sorted({facts.key.source for facts in estate})
    given = [healthy(source) for source in sources] if evidence is None else list(evidence)
    return make_plan(
        list(estate),
        state or fold(history),
        Evidence({item.source: item for item in given}),
        policy or Policy(),
        limits or Limits(trial_days=0),
        now=now,
        run_id="r1",
    )


def actions(plan: Plan) -> dict[str, str]:
    """Native id -> action."""
    return {d.key.native_id: str(d.action) for d in plan.decisions}


def owned_by(facts: Facts, owner: Person | None) -> Facts:
    return replace(facts, owner=owner)
