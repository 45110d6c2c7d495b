"""The raw tables: what every platform's feeds are stored in, declared once and typed."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa


class UtcTime(sa.types.TypeDecorator[datetime]):
    """A moment, stored as UTC without a zone on every engine and handed out as aware UTC.

    A zone-less column means the same under any session time zone, which TIMESTAMPTZ casts to
    dates do not.
    """

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else naive_utc(value)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else value.replace(tzinfo=UTC)


def naive_utc(moment: datetime) -> datetime:
    """The moment as it is stored; ValueError when it carries no zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; raw rows carry aware datetimes")
    return moment.astimezone(UTC).replace(tzinfo=None)


class Kind(enum.StrEnum):
    """Whether a collection replaces the source's rows or adds to them."""

    INVENTORY = "inventory"
    HISTORY = "history"


class Type(enum.StrEnum):
    """The column types raw rows are made of."""

    TEXT = "text"
    TIME = "time"
    WHOLE = "whole"
    FLAG = "flag"


_SQL_TYPES: Mapping[Type, type[sa.types.TypeEngine[Any]]] = {
    Type.TEXT: sa.Text,
    Type.TIME: UtcTime,
    Type.WHOLE: sa.BigInteger,
    Type.FLAG: sa.Boolean,
}


@dataclass(frozen=True, slots=True)
class RawTable:
    """One raw table: its columns (source, run_id and collected_at aside) and what identifies a row."""

    name: str
    kind: Kind
    key: tuple[str, ...]
    columns: Mapping[str, Type]

    @property
    def platform(self) -> str:
        return self.name.partition("_")[0]


def _table(
    name: str, key: str, kind: Kind, text: str, time: str = "", whole: str = "", flag: str = ""
) -> RawTable:
    columns = {
        column: type_
        for type_, names in ((Type.TEXT, text), (Type.TIME, time), (Type.WHOLE, whole), (Type.FLAG, flag))
        for column in names.split()
    }
    return RawTable(name, kind, tuple(key.split()), columns)


def _inventory(
    name: str, key: str, *, text: str, time: str = "", whole: str = "", flag: str = ""
) -> RawTable:
    return _table(name, key, Kind.INVENTORY, f"{key} {text}", time, whole, flag)


def _history(name: str, *, text: str, whole: str = "") -> RawTable:
    return _table(name, "event_key", Kind.HISTORY, f"event_key {text}", "accessed_at", whole)


def _dependency(platform: str) -> RawTable:
    key = "visual_type visual_id kind name"
    return _inventory(f"{platform}_dependency", key, text="database_name schema_name")


_LOOKER = (
    _inventory(
        "looker_dashboard",
        "dashboard_id",
        text="title folder_id user_id lookml_link_id slug url",
        time="created_at updated_at last_accessed_at last_viewed_at deleted_at",
        whole="view_count favorite_count",
        flag="deleted hidden readonly is_lookml is_certified",
    ),
    _inventory(
        "looker_look",
        "look_id",
        text="title folder_id user_id query_id url",
        time="created_at updated_at last_accessed_at last_viewed_at deleted_at",
        whole="view_count favorite_count",
        flag="deleted is_public is_certified",
    ),
    _inventory(
        "looker_user",
        "user_id",
        text="display_name email group_names",
        flag="is_disabled is_service_account is_embed_user",
    ),
    _inventory(
        "looker_folder", "folder_id", text="name path parent_id creator_id", flag="is_personal is_embed"
    ),
    _inventory(
        "looker_schedule",
        "schedule_id",
        text="kind name user_id dashboard_id look_id lookml_dashboard_id crontab last_run_status",
        time="last_run_at next_run_at",
        flag="enabled",
    ),
    _inventory("looker_dashboard_element", "element_id", text="dashboard_id look_id query_id type title"),
    _inventory("looker_board_item", "item_id", text="board_id board_title dashboard_id look_id"),
    _history("looker_historical_access", text="user_id dashboard_id look_id source_kind", whole="run_count"),
    _dependency("looker"),
)

_SUPERSET = (
    _inventory(
        "superset_dashboard",
        "dashboard_id",
        text="uuid title slug url certified_by owner_id owner_ids created_by_id tags",
        time="changed_at deleted_at",
        flag="published is_managed_externally is_embedded",
    ),
    _inventory(
        "superset_chart",
        "chart_id",
        text="uuid title url viz_type certified_by owner_id owner_ids created_by_id"
        " datasource_id datasource_type tags",
        time="changed_at deleted_at",
        flag="is_managed_externally",
    ),
    _inventory("superset_dashboard_chart", "dashboard_id chart_id", text=""),
    _inventory(
        "superset_user",
        "user_id",
        text="username first_name last_name email group_names",
        time="last_login_at created_at",
        flag="active",
    ),
    _inventory(
        "superset_schedule",
        "schedule_id",
        text="kind name dashboard_id chart_id crontab owner_id last_state",
        time="last_run_at",
        flag="active",
    ),
    _history(
        "superset_historical_access",
        text="user_id dashboard_id chart_id dashboard_uuid chart_uuid action event_name access_kind",
    ),
    _inventory(
        "superset_dependency",
        "visual_type visual_id kind name",
        text="database_name schema_name catalog_name",
    ),
)

_TABLEAU = (
    _inventory(
        "tableau_workbook",
        "workbook_id",
        text="title content_url url project_id owner_id tags",
        time="created_at updated_at last_published_at last_accessed_at deleted_at",
        whole="size_bytes sheet_count",
        flag="has_extracts is_certified is_personal deleted",
    ),
    _inventory(
        "tableau_view",
        "view_id",
        text="workbook_id title content_url url sheet_type project_id owner_id tags",
        time="created_at updated_at last_accessed_at deleted_at",
        whole="view_count favorite_count",
        flag="is_hidden deleted",
    ),
    _inventory(
        "tableau_user",
        "user_id",
        text="name display_name email site_role group_names",
        time="last_login_at",
        flag="is_licensed",
    ),
    _inventory(
        "tableau_project", "project_id", text="name path parent_id owner_id", flag="is_personal is_system"
    ),
    _inventory(
        "tableau_subscription",
        "subscription_id",
        text="kind name user_id workbook_id view_id schedule_id",
        time="last_run_at",
        flag="enabled",
    ),
    _history(
        "tableau_historical_access",
        text="user_id workbook_id view_id event_name access_kind",
        whole="counter",
    ),
    _dependency("tableau"),
)

_POWERBI = (
    _inventory(
        "powerbi_report",
        "report_id",
        text="title workspace_id dataset_id report_type url owner_id created_by modified_by"
        " app_id original_report_id endorsement",
        time="created_at updated_at last_accessed_at",
        flag="is_published_to_web",
    ),
    _inventory(
        "powerbi_dashboard",
        "dashboard_id",
        text="title workspace_id url owner_id app_id",
        time="last_accessed_at",
        flag="is_readonly",
    ),
    _inventory("powerbi_dashboard_tile", "tile_id", text="dashboard_id report_id dataset_id title"),
    _inventory("powerbi_user", "user_id", text="principal_name name email principal_type", flag="active"),
    _inventory("powerbi_workspace", "workspace_id", text="name type state", flag="is_personal"),
    _inventory(
        "powerbi_subscription",
        "subscription_id",
        text="kind name user_id report_id dashboard_id",
        time="last_run_at",
        flag="enabled",
    ),
    _history(
        "powerbi_historical_access",
        text="user_id report_id dashboard_id workspace_id activity consumption_method access_kind",
    ),
    _dependency("powerbi"),
)

_DOMO = (
    _inventory(
        "domo_page",
        "page_id",
        text="title parent_id path url owner_id owner_ids",
        time="created_at updated_at last_accessed_at",
        flag="is_locked is_trashed",
    ),
    _inventory(
        "domo_card",
        "card_id",
        text="title type url owner_id owner_ids",
        time="created_at updated_at last_accessed_at",
        whole="view_count",
        flag="is_locked is_trashed",
    ),
    _inventory("domo_page_card", "page_id card_id", text=""),
    _inventory("domo_user", "user_id", text="name email role group_names", flag="active"),
    _inventory(
        "domo_schedule",
        "schedule_id",
        text="kind name user_id page_id card_id",
        time="last_run_at",
        flag="enabled",
    ),
    _history("domo_historical_access", text="user_id page_id card_id action object_type access_kind"),
    _dependency("domo"),
)

# What connectors of other packages fill: already in the shape that all platforms share, so it needs no model.
_EXTERNAL = (
    _inventory(
        "external_visual",
        "visual_type visual_id",
        text="platform title url folder owner_id folder_owner_id tags",
        time="created_at updated_at last_accessed_at",
        whole="published_links",
        flag="is_certified is_code_managed is_personal is_system is_trashed",
    ),
    _inventory("external_user", "user_id", text="platform name email login group_names", flag="is_active"),
    _inventory(
        "external_schedule",
        "schedule_id visual_type visual_id",
        text="kind",
        time="last_run_at",
        flag="is_active",
    ),
    _inventory("external_containment", "visual_type visual_id container_type container_id", text=""),
    _history("external_historical_access", text="user_id visual_type visual_id access_kind"),
    _dependency("external"),
)

# Every raw table a connector may fill, by name.
RAW_TABLES: Mapping[str, RawTable] = {
    table.name: table for table in (*_LOOKER, *_SUPERSET, *_TABLEAU, *_POWERBI, *_DOMO, *_EXTERNAL)
}


def raw_table(name: str, kind: Kind) -> RawTable:
    """The raw table of that name; KeyError when no platform declares it, or it is of the other kind."""
    table = RAW_TABLES.get(name)
    if table is None or table.kind is not kind:
        raise KeyError(f"there is no raw {kind} table '{name}'")
    return table


@dataclass(frozen=True, slots=True)
class RawSchema:
    """The raw tables as SQL, in one schema."""

    tables: Mapping[str, sa.Table]
    collection: sa.Table
    robot: sa.Table

    @classmethod
    def named(cls, schema: str) -> RawSchema:
        metadata = sa.MetaData(schema=schema)
        tables = {name: _sql_table(table, metadata) for name, table in RAW_TABLES.items()}
        return cls(tables, _collection(metadata), _robot(metadata))

    @property
    def all(self) -> tuple[sa.Table, ...]:
        return (*self.tables.values(), self.collection, self.robot)


def _sql_table(table: RawTable, metadata: sa.MetaData) -> sa.Table:
    # Only history is unique by declaration: a listing that shifts while it is paged repeats objects.
    key = table.key if table.kind is Kind.HISTORY else ()
    columns = (
        sa.Column(name, _SQL_TYPES[type_], primary_key=name in key, nullable=name not in key)
        for name, type_ in table.columns.items()
    )
    return sa.Table(
        table.name,
        metadata,
        sa.Column("source", sa.Text, primary_key=bool(key), nullable=False),
        *columns,
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("collected_at", UtcTime, nullable=False),
    )


def _collection(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "collection",
        metadata,
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("platform", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("feed", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("started_at", UtcTime, nullable=False),
        sa.Column("finished_at", UtcTime, nullable=False),
        sa.Column("window_start", UtcTime),
        sa.Column("window_end", UtcTime),
        sa.Column("detail", sa.Text, nullable=False),
    )


def _robot(metadata: sa.MetaData) -> sa.Table:
    return sa.Table(
        "robot",
        metadata,
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text),
        sa.Column("collected_at", UtcTime, nullable=False),
    )
