"""The records a Superset instance keeps: users, databases, datasets, charts, dashboards, reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

SupersetKind = Literal["dashboard", "chart"]
Role = Literal["Admin", "Alpha", "Gamma"]


@dataclass(slots=True)
class SupersetUser:
    """An account; administrators see and change everything, others what is published or theirs."""

    id: int
    username: str
    first_name: str
    last_name: str
    email: str
    role: Role
    created_on: datetime
    active: bool = True
    password: str | None = None
    last_login: datetime | None = None
    login_count: int = 0
    more_role_ids: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(slots=True)
class SupersetGroup:
    """A group of people, who have its roles besides their own."""

    id: int
    name: str
    user_ids: list[int]
    role_ids: list[int]

    @property
    def brief(self) -> dict[str, object]:
        """As the list of users shows it."""
        return {"description": "", "id": self.id, "label": self.name, "name": self.name}


@dataclass(slots=True)
class SupersetDatabase:
    """A connection to a warehouse."""

    id: int
    uuid: str
    name: str
    backend: str = "postgresql"
    sqlalchemy_uri: str = "postgresql://superset:XXXXXXXXXX@warehouse/analytics"


@dataclass(slots=True)
class SupersetDataset:
    """A table, or a query when `sql` is set, that charts draw on."""

    id: int
    uuid: str
    table_name: str
    schema: str
    database_id: int
    owner_ids: list[int]
    created_by: int
    changed_by: int
    created_on: datetime
    changed_on: datetime
    sql: str | None = None
    catalog: str | None = None


@dataclass(slots=True)
class SupersetVisual:
    """What dashboards and charts have in common; `title` is a chart's slice name."""

    kind: SupersetKind
    id: int
    uuid: str
    title: str
    owner_ids: list[int]
    created_by: int
    changed_by: int
    created_on: datetime
    changed_on: datetime
    certified_by: str | None = None
    description: str | None = None
    managed_externally: bool = False
    tags: list[str] = field(default_factory=list)
    # dashboards
    slug: str | None = None
    published: bool = True
    chart_ids: list[int] = field(default_factory=list)
    embedded_uuid: str | None = None
    role_ids: list[int] = field(default_factory=list)
    # newer versions: roles among the editors, and when it went into the trash, by the server's own clock
    editing_role_ids: list[int] = field(default_factory=list)
    deleted_at: datetime | None = None
    was_on: list[int] = field(default_factory=list)
    json_metadata: str | None = None
    position_json: str | None = None
    # charts
    dataset_id: int = 0
    viz_type: str = "table"
    params: str = "{}"
    last_saved_at: datetime | None = None


@dataclass(slots=True)
class SupersetReport:
    """An alert or a report on one dashboard or chart."""

    id: int
    name: str
    type: Literal["Alert", "Report"]
    owner_ids: list[int]
    crontab: str
    dashboard_id: int | None
    chart_id: int | None
    changed_on: datetime
    active: bool = True
    recipients: tuple[str, ...] = ()
    last_eval_dttm: datetime | None = None
    last_state: str = "Not triggered"
