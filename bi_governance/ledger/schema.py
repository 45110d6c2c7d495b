"""The ledger's tables; the migrations create them, this module only names them for queries."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

# The newest migration and the table that remembers it; a name of our own, as others may share the database.
HEAD = "0001"
VERSION_TABLE = "ledger_version"


class UtcMoment(TypeDecorator[datetime]):
    """An aware moment, stored and handed out in UTC; a naive one is refused (SQLite itself keeps no zone)."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else in_utc(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def in_utc(moment: datetime) -> datetime:
    """The same moment in UTC; ValueError for one without a time zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone, so nobody can tell when that was")
    return moment.astimezone(UTC)


def canonical(value: Any) -> str:
    """The one way a JSON value is written: sorted keys, no spaces, ASCII only."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


metadata = sa.MetaData()

# BIGINT keys do not count up by themselves in SQLite, INTEGER ones do.
_SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

event = sa.Table(
    "event",
    metadata,
    sa.Column("seq", _SEQ, primary_key=True, autoincrement=True),
    sa.Column("at", UtcMoment, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("source", sa.Text),
    sa.Column("visual_key", sa.Text, index=True),
    sa.Column("episode", sa.Integer),
    sa.Column("run_id", sa.Text, nullable=False, index=True),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("data", sa.JSON, nullable=False),
    sa.Column("once", sa.Text, unique=True),
    sa.Column("prev_hash", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)

plan = sa.Table(
    "plan",
    metadata,
    sa.Column("seq", _SEQ, primary_key=True, autoincrement=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("as_of", UtcMoment, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.UniqueConstraint("digest", "run_id"),
    sqlite_autoincrement=True,
)

lease = sa.Table(
    "lease",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("expires_at", UtcMoment, nullable=False),
)
