"""Two warehouses told the same: the real one decides, and the one in memory must come to its facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from bi_governance.model import Facts, Person
from bi_governance.ports import Collected, Page, Staging, Transformer, TransformReport, Warehouse
from tests.prove.warehouse import MemoryWarehouse


class Both:
    """Everything is kept twice and read from the real warehouse."""

    def __init__(self, real: Warehouse, double: MemoryWarehouse) -> None:
        self._real, self._double = real, double

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def stage(self, source: str, run_id: str, tables: Sequence[str]) -> BothStages:
        return BothStages(
            self._real.stage(source, run_id, tables), self._double.stage(source, run_id, tables)
        )

    def append_history(self, table: str, source: str, run_id: str, at: datetime, page: Page) -> int:
        self._double.append_history(table, source, run_id, at, page)
        return self._real.append_history(table, source, run_id, at, page)

    def record_collection(self, outcomes: Sequence[Collected]) -> None:
        self._double.record_collection(outcomes)
        self._real.record_collection(outcomes)

    def set_robots(self, source: str, accounts: Sequence[Person], at: datetime) -> None:
        self._double.set_robots(source, accounts, at)
        self._real.set_robots(source, accounts, at)


class BothStages:
    """Inventory on its way into both."""

    def __init__(self, real: Staging, double: Staging) -> None:
        self._stages = (real, double)

    def write(self, table: str, page: Page) -> None:
        for stage in self._stages:
            stage.write(table, page)

    def commit(self, at: datetime) -> None:
        for stage in self._stages:
            stage.commit(at)

    def discard(self) -> None:
        for stage in self._stages:
            stage.discard()


class Compared:
    """dbt, after whose every build both warehouses must say the same; `differences` are what they do not."""

    def __init__(
        self, real: Transformer, warehouse: Warehouse, double: MemoryWarehouse, differences: list[str]
    ) -> None:
        self._real, self._warehouse, self._double, self._differences = real, warehouse, double, differences

    def build(self) -> TransformReport:
        report = self._real.build()
        self._double.build()
        self._differences += _differences("facts", self._double.facts(), self._warehouse.facts(), _told)
        days = (self._double.source_days(), self._warehouse.source_days())
        self._differences += _differences(
            "a day", *days, lambda d: (d.source, d.day, d.covered_through, d.events)
        )
        return report


def _differences(what: str, double: Sequence[Any], real: Sequence[Any], told: Any) -> Iterator[str]:
    ours, theirs = {told(each) for each in double}, {told(each) for each in real}
    for each in sorted(ours ^ theirs, key=str)[:4]:
        yield f"{what}, {'in memory only' if each in ours else 'by dbt only'}: {each}"


def _told(facts: Facts) -> tuple[object, ...]:
    return (
        str(facts.key),
        facts.title,
        facts.folder,
        facts.owner.id if facts.owner else None,
        facts.owner.email if facts.owner else None,
        facts.created_at,
        facts.updated_at,
        facts.returned_at,
        facts.last_viewed_at,
        facts.last_delivered_at,
        facts.active_schedules,
        facts.published_links,
        facts.containers,
        facts.is_certified,
        facts.is_code_managed,
        facts.is_personal,
        facts.is_trashed,
    )
