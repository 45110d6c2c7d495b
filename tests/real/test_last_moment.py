"""What happens at a real Superset after the deletion was decided is seen before it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import pytest

from bi_governance import events as ev
from bi_governance.delete import DeleteReport
from bi_governance.model import VisualKey
from bi_governance.ports import (
    Armory,
    BackupContent,
    BackupRef,
    BackupStore,
    Remover,
    Restorer,
    Services,
)
from bi_governance.run import collect_stage, delete_stage, new_run_id, one_runner, prepare_plan, transform
from bi_governance.run_report import RunReport
from tests.real.company import VIEWER, Thing
from tests.real.due import Due, open_due

pytestmark = [pytest.mark.superset, pytest.mark.xdist_group("superset")]

MAILED_BEFORE = "Mailed since the warning"
TITLES = ("Left alone", "Opened", "Opened late", "Mailed", "Mailed late", "Renamed", MAILED_BEFORE)


@dataclass(frozen=True, slots=True)
class Decided:
    """A live run that has collected and planned, and has deleted nothing yet."""

    due: Due
    services: Services
    report: RunReport

    def planned(self, title: str) -> str:
        decision = self.report.plan.decision(self.due.idle[title].key)
        return str(decision.action)

    def carry_out(self, title: str, services: Services | None = None) -> DeleteReport:
        """The run goes on with this one dashboard."""
        chosen, key = services or self.services, self.due.idle[title].key
        with one_runner(chosen) as lease:
            delete_stage(chosen, self.report, lease, only=frozenset({key}))
        return self.report.deleted

    def stands(self, title: str) -> bool:
        return self.due.idle[title].key.native_id in self.due.company.dashboards()

    def opens(self, title: str) -> None:
        with self.due.company.happens():
            self.due.company.server.view_dashboard_as(VIEWER, self.due.idle[title].number)

    def mails(self, title: str) -> None:
        with self.due.company.happens():
            self.due.company.server.create_report_schedule(self.due.idle[title].number)


@dataclass(frozen=True, slots=True)
class InterruptedBackups:
    """The real store of backups; something else happens while it saves."""

    real: BackupStore
    meanwhile: Callable[[], None]

    def save(self, key: VisualKey, episode: int, content: BackupContent, at: datetime) -> BackupRef:
        self.meanwhile()
        return self.real.save(key, episode, content, at)

    def has(self, path: str) -> bool:
        return self.real.has(path)

    def load(self, path: str) -> BackupContent:
        return self.real.load(path)


@dataclass(frozen=True, slots=True)
class InterruptedArmory:
    """The real armory; something else happens right before it hands out a remover."""

    real: Armory
    meanwhile: Callable[[], None]

    def remover(self, source: str) -> Remover:
        self.meanwhile()
        return self.real.remover(source)

    def restorer(self, source: str) -> Restorer:
        return self.real.restorer(source)


@pytest.fixture(scope="module")
def due(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Due]:
    with open_due(tmp_path_factory.mktemp("due"), TITLES) as prepared:
        yield prepared


@pytest.fixture(scope="module")
def decided(due: Due) -> Iterator[Decided]:
    """One dashboard got a report after the warning; then the run collects and plans."""
    with due.company.happens():
        due.company.server.create_report_schedule(due.idle[MAILED_BEFORE].number)
    with due.product.open(due.company) as services:
        now = services.clock.now()
        report = RunReport(new_run_id(now), now)
        with one_runner(services) as lease:
            collect_stage(services, report.run_id, lease)
            transform(services, report.run_id, lease)
            prepare_plan(services, report, lease)
        yield Decided(due, services, report)


def refusals(decided: Decided, thing: Thing) -> list[tuple[str, str]]:
    events = decided.services.ledger.events(key=thing.key)
    return [(event.guard, event.reason) for event in events if isinstance(event, ev.RemovalRefused)]


def test_what_is_left_alone_is_deleted(decided: Decided) -> None:
    assert decided.planned("Left alone") == "delete"
    assert decided.carry_out("Left alone").removed == [decided.due.idle["Left alone"].key]
    assert not decided.stands("Left alone")


def test_a_report_made_since_the_warning_spares_its_dashboard(decided: Decided) -> None:
    assert decided.planned(MAILED_BEFORE) == "rescue"
    decided.carry_out(MAILED_BEFORE)
    assert decided.stands(MAILED_BEFORE)


def test_a_view_after_the_plan_is_seen_live(decided: Decided) -> None:
    assert decided.planned("Opened") == "delete"
    decided.opens("Opened")
    since = decided.due.company.server.mark()
    assert decided.carry_out("Opened").removed == []
    assert decided.stands("Opened")
    assert decided.due.company.server.write_calls(since) == []
    assert [guard for guard, _ in refusals(decided, decided.due.idle["Opened"])] == ["used"]


def test_a_view_while_the_backup_is_made_is_seen_live(decided: Decided) -> None:
    assert decided.planned("Opened late") == "delete"
    backups = InterruptedBackups(decided.services.backups, lambda: decided.opens("Opened late"))
    assert decided.carry_out("Opened late", replace(decided.services, backups=backups)).removed == []
    assert decided.stands("Opened late")


def test_a_report_made_after_the_plan_is_seen_live(decided: Decided) -> None:
    thing = decided.due.idle["Mailed"]
    assert decided.planned("Mailed") == "delete"
    decided.mails("Mailed")
    assert decided.carry_out("Mailed").removed == []
    assert decided.stands("Mailed")
    ((guard, reason),) = refusals(decided, thing)
    assert guard == "referenced"
    assert f"Weekly {thing.number}" in reason


def test_a_report_made_at_the_last_moment_lets_superset_refuse(decided: Decided) -> None:
    thing = decided.due.idle["Mailed late"]
    assert decided.planned("Mailed late") == "delete"
    armory = InterruptedArmory(decided.services.armory, lambda: decided.mails("Mailed late"))
    since = decided.due.company.server.mark()
    report = decided.carry_out("Mailed late", replace(decided.services, armory=armory))
    tried = [(c.method, c.path, c.status) for c in decided.due.company.writes(since)]
    assert tried == [("DELETE", f"/api/v1/dashboard/{thing.number}", 422)]
    assert report.removed == []
    assert any(f"Weekly {thing.number}" in problem for problem in report.failed)
    assert decided.stands("Mailed late")
    assert decided.services.ledger.state().case(thing.key).removal is None


def test_a_new_name_given_after_the_plan_is_seen_live(decided: Decided) -> None:
    assert decided.planned("Renamed") == "delete"
    with decided.due.company.happens():
        decided.due.company.change(decided.due.idle["Renamed"], dashboard_title="Renamed indeed")
    assert decided.carry_out("Renamed").removed == []
    assert decided.stands("Renamed")
    assert [guard for guard, _ in refusals(decided, decided.due.idle["Renamed"])] == ["identity"]
