"""500 simulated days and nothing to object to - and a judge that does object when a guard is gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bi_governance import events as ev
from bi_governance import guards, policy, protection
from bi_governance.delete import _Removal
from bi_governance.lifecycle import State
from bi_governance.model import Mode
from bi_governance.ports import Ledger, Services
from tests.prove.company import LOOKER
from tests.prove.machine import ledgers, live, prove, shrink
from tests.prove.script import PATHS, Act, Day, Run, Script, Trouble, draw

CALM = {
    "limits": {
        "delete_per_run": 25,
        "delete_percent": 100,
        "delete_percent_min_population": 2,
        "ramp": None,
    },
    "trial": {"days": 0},
    "dry_run": {"notices": "channel"},
}
RUN = Run()


def calm(
    days: int, acts: dict[int, tuple[Act, ...]] | None = None, runs: dict[int, Run] | None = None
) -> Script:
    """So many days with a run each, live from the second day on; what is given happens on its day."""
    given = {1: (Act("live"),), **(acts or {})}
    runs = runs or {}
    return Script(CALM, tuple(Day(given.get(day, ()), runs.get(day, RUN)) for day in range(days)))


@pytest.mark.timeout(3600)  # hundreds of days on a busy machine
@pytest.mark.parametrize(
    ("seed", "days", "ledger"), [(1000, 240, "sqlite"), (2000, 200, "sqlite"), (3000, 60, "postgresql")]
)
def test_500_days_violate_nothing(seed: int, days: int, ledger: str) -> None:
    with ledgers(ledger) as made:
        outcome = prove(days, seed, ledger=made)
    assert outcome.violations == []
    assert outcome.tally["days"] >= days
    # Worlds in which nothing happens prove nothing.
    for what in ("removed at the servers", "told: warning", "kills", "faults", "event visual.rescued"):
        assert outcome.tally[what], what


def test_a_script_is_the_same_for_ever() -> None:
    assert draw(7, 60) == draw(7, 60) != draw(8, 60)
    assert draw(7, 60).days[:30] == draw(7, 30).days


def test_a_calm_fortnight_deletes_what_is_idle_and_is_in_order() -> None:
    tally, violations = live(calm(7))
    assert violations == []
    assert tally["removed at the servers"] >= 6


class TestTheJudgeObjects:
    """The product with a defence taken out: whoever looks at the servers alone must see it."""

    def test_when_keeps_are_ignored(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = protection._own_protections
        monkeypatch.setattr(
            protection,
            "_own_protections",
            lambda *given: [r for r in asked(*given) if r.code not in ("kept", "exempt")],
        )
        _, violations = live(calm(9, {2: tuple(Act("exempt", number) for number in range(9))}))
        assert any("invariant 2" in each and "is kept" in each for each in violations)

    def test_when_nobody_waits_after_a_warning(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(policy, "projected_deadline", lambda noticed_at, *_, **__: noticed_at)
        monkeypatch.setattr("bi_governance.warn.projected_deadline", lambda noticed_at, *_, **__: noticed_at)
        _, violations = live(calm(5))
        assert any("invariant 1" in each for each in violations)

    def test_when_dry_run_is_not_asked_about(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = State.mode_of

        def always_live(state: State, source: str) -> Mode:
            return Mode.LIVE

        monkeypatch.setattr(State, "mode_of", always_live)
        assert asked is not always_live
        _, violations = live(calm(6, {1: ()}))
        assert any("invariant 3" in each for each in violations)

    def test_when_a_failed_feed_passes_for_whole(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(guards, "collection_complete", lambda _evidence: ())
        broken = Run(troubles=(Trouble(LOOKER, "feed", PATHS[LOOKER]["inventory"], "status", 403),))
        _, violations = live(calm(7, runs=dict.fromkeys((4, 5), broken)))
        assert any("invariant 5" in each and "could not be read" in each for each in violations)

    def test_when_nobody_looks_before_a_removal(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Everything is opened in the very run that removes it, after it was planned."""
        monkeypatch.setattr(_Removal, "_must_be_untouched", lambda *_: None)
        found = []
        for at in (30, 40, 50):
            found += live(calm(6, runs={4: Run(meanwhile=(at, Act("use everything")))}))[1]
        assert any("invariant 1" in each for each in found)

    def test_when_a_removal_is_not_recorded(self) -> None:
        def forgetful(services: Services) -> Services:
            return replace(services, ledger=Forgetful(services.ledger))

        _, violations = live(calm(7), sabotage=forgetful)
        assert any("invariant 9" in each and "recorded 0 time(s)" in each for each in violations)


class Forgetful:
    """A ledger that loses every removal."""

    def __init__(self, real: Ledger) -> None:
        self._real = real

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def append(self, events: list[ev.Event], lease: object = None) -> int:
        return self._real.append([e for e in events if not isinstance(e, ev.Removed)], lease)


def test_what_fails_is_cut_down_to_what_matters() -> None:
    script = draw(11, 20)
    culprit = next(day for day in script.days if day.acts).acts[0]
    small = shrink(script, lambda s: any(culprit in day.acts for day in s.days), 400)
    assert [act for day in small.days for act in day.acts] == [culprit]
    assert {day.run for day in small.days} <= {None, RUN}
