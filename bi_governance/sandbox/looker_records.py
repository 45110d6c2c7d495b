"""The records a Looker instance keeps: people, folders, visuals, tiles, queries, schedules, alerts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Kind = Literal["dashboard", "look"]

SHARED_FOLDER, USERS_FOLDER, LOOKML_FOLDER = "1", "2", "lookml"
ALL_USERS = "1"  # the group everybody is in
DEFAULT_EXPLORE = "ecommerce.orders"
PERMISSIONS = frozenset(
    {
        "access_data",
        "see_looks",
        "see_user_dashboards",
        "see_lookml_dashboards",
        "see_lookml",
        "see_queries",
        "see_schedules",
        "see_users",
        "see_system_activity",
        "see_alerts",
        "administer",
    }
)


@dataclass(slots=True)
class LookerUser:
    """A person or service account; `permissions` only matter for those who call the API."""

    id: str
    first_name: str
    last_name: str
    email: str | None
    disabled: bool = False
    service_account: bool = False
    personal_folder_id: str | None = None
    permissions: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(slots=True)
class LookerGroup:
    """A group; whoever is in one that lies in another is in that too."""

    id: str
    name: str
    parent_ids: list[str] = field(default_factory=list)
    user_ids: set[str] = field(default_factory=set)


@dataclass(slots=True)
class LookerFolder:
    """A folder; `private` ones are shown to administrators only."""

    id: str
    name: str
    parent_id: str | None
    creator_id: str | None = None
    personal: bool = False
    private: bool = False
    created_at: datetime | None = None


@dataclass(slots=True)
class LookerVisual:
    """A dashboard or a look; `lookml` ones come from the model repository and cannot be changed here."""

    kind: Kind
    id: str
    title: str
    owner_id: str | None
    folder_id: str
    created_at: datetime
    updated_at: datetime
    slug: str
    description: str | None = None
    deleted: bool = False
    deleted_at: datetime | None = None
    deleter_id: str | None = None
    last_updater_id: str | None = None
    last_viewed_at: datetime | None = None
    last_accessed_at: datetime | None = None
    view_count: int = 0
    favorite_count: int = 0
    certified_by: str | None = None
    hidden: bool = False
    public: bool = False
    lookml: bool = False
    query_id: str | None = None
    inherits_access: bool = True
    access: list[tuple[str, str | None, str | None]] = field(default_factory=list)  # (right, group, user)

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.id}"

    @property
    def content_metadata_id(self) -> str:
        return f"{'1' if self.kind == 'dashboard' else '2'}{self.id}"


@dataclass(slots=True)
class LookerQuery:
    """A saved query against one explore."""

    id: str
    model: str
    view: str
    fields: tuple[str, ...] = ()
    extra: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class LookerTile:
    """A tile of a dashboard: a linked look or a query of its own."""

    id: str
    dashboard_id: str
    title: str
    look_id: str | None = None
    query_id: str | None = None
    merge_id: str | None = None


@dataclass(slots=True)
class LookerPlan:
    """A scheduled delivery of one dashboard or look."""

    id: str
    name: str
    user_id: str
    kind: Kind
    visual_id: str
    crontab: str
    emails: tuple[str, ...]
    created_at: datetime
    enabled: bool = True
    run_once: bool = False
    last_run_at: datetime | None = None
    next_run_at: datetime | None = None
    kinds: tuple[str, ...] = ()  # of the destinations, e-mail where nothing is said


@dataclass(slots=True)
class LookerAlert:
    """An alert on one tile."""

    id: str
    tile_id: str
    owner_id: str
    emails: tuple[str, ...] = ()
    disabled: bool = False


@dataclass(slots=True)
class LookerBoard:
    """A board and the visuals pinned to it, as (kind, id)."""

    id: str
    title: str
    user_id: str
    created_at: datetime
    items: list[tuple[Kind, str]] = field(default_factory=list)
    deleted_at: datetime | None = None
