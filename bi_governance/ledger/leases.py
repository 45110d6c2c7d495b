"""The lease: one row that says who is the one runner, with a token that only ever grows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from bi_governance.errors import LeaseHeld, LeaseLost
from bi_governance.ledger import schema
from bi_governance.ledger.schema import in_utc
from bi_governance.ports import Lease

RUNNER = "runner"
# A released lease has nobody's name in it and expired before any clock of ours began.
NOBODY = ""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def acquire(connection: sa.Connection, holder: str, now: datetime, seconds: int) -> Lease:
    """Take the lease when it is free or expired at `now`; LeaseHeld names who has it."""
    row = connection.execute(sa.select(schema.lease).where(schema.lease.c.name == RUNNER)).mappings().first()
    if row is not None and row["expires_at"] > in_utc(now):
        raise LeaseHeld(
            f"{row['holder']} is running on this ledger, until {row['expires_at']:%Y-%m-%d %H:%M:%S} UTC at "
            "the latest; wait for it to finish."
        )
    lease = Lease(RUNNER, holder, row["token"] + 1 if row else 1, in_utc(now) + timedelta(seconds=seconds))
    values = {"holder": holder, "token": lease.token, "expires_at": lease.expires_at}
    if row is None:
        connection.execute(sa.insert(schema.lease).values(name=RUNNER, **values))
    else:
        connection.execute(sa.update(schema.lease).where(_is_token(row["token"])).values(**values))
    return lease


def renew(connection: sa.Connection, lease: Lease, now: datetime, seconds: int) -> Lease:
    """The same lease with a later end; LeaseLost when it was released or taken over."""
    expires_at = in_utc(now) + timedelta(seconds=seconds)
    changed = connection.execute(sa.update(schema.lease).where(_is_ours(lease)).values(expires_at=expires_at))
    if changed.rowcount != 1:
        raise LeaseLost(_lost(lease))
    return Lease(lease.name, lease.holder, lease.token, expires_at)


def release(connection: sa.Connection, lease: Lease) -> None:
    """Free the lease when it is still ours; the token stays, so that the next one is greater."""
    freed = sa.update(schema.lease).where(_is_ours(lease)).values(holder=NOBODY, expires_at=LONG_AGO)
    connection.execute(freed)


def require(connection: sa.Connection, lease: Lease) -> None:
    """Raise LeaseLost when the lease was released or taken over."""
    if connection.execute(sa.select(schema.lease.c.token).where(_is_ours(lease))).first() is None:
        raise LeaseLost(_lost(lease))


def _is_token(token: int) -> sa.ColumnElement[bool]:
    return sa.and_(schema.lease.c.name == RUNNER, schema.lease.c.token == token)


def _is_ours(lease: Lease) -> sa.ColumnElement[bool]:
    return sa.and_(_is_token(lease.token), schema.lease.c.holder == lease.holder)


def _lost(lease: Lease) -> str:
    return f"{lease.holder} no longer holds the lease on this ledger (token {lease.token}), so it stops here."
