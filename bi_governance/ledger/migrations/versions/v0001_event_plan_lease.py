"""The first tables: events and plans that can only be added to, and the lease."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

SEQ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
# The tables nothing is ever changed in, and how SQLite finds the row that a new one would replace.
APPEND_ONLY = {
    "event": "select 1 from event where seq = new.seq or once = new.once",
    "plan": "select 1 from plan where seq = new.seq or (digest = new.digest and run_id = new.run_id)",
}


def upgrade() -> None:
    """Create the tables and the triggers that keep them append-only."""
    _create_event()
    _create_plan()
    op.create_table(
        "lease",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _create_event() -> None:
    op.create_table(
        "event",
        sa.Column("seq", SEQ, primary_key=True, autoincrement=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("source", sa.Text),
        sa.Column("visual_key", sa.Text),
        sa.Column("episode", sa.Integer),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("data", sa.JSON, nullable=False),
        sa.Column("once", sa.Text),
        sa.Column("prev_hash", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.UniqueConstraint("once"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_event_visual_key", "event", ["visual_key"])
    op.create_index("ix_event_run_id", "event", ["run_id"])


def _create_plan() -> None:
    op.create_table(
        "plan",
        sa.Column("seq", SEQ, primary_key=True, autoincrement=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("as_of", MOMENT, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
        sa.UniqueConstraint("digest", "run_id"),
        sqlite_autoincrement=True,
    )


def _guard_sqlite() -> None:
    for table, same in APPEND_ONLY.items():
        refuse = "begin select raise(abort, 'the ledger is append-only'); end"
        op.execute(f"create trigger {table}_refuses_update before update on {table} {refuse}")
        op.execute(f"create trigger {table}_refuses_delete before delete on {table} {refuse}")
        # INSERT OR REPLACE would otherwise remove a row without firing the trigger for deletions.
        op.execute(
            f"create trigger {table}_refuses_replace before insert on {table} when exists ({same}) {refuse}"
        )


def _guard_postgresql() -> None:
    op.execute(
        "create function ledger_is_append_only() returns trigger language plpgsql as "
        "$$ begin raise exception 'the ledger is append-only'; end $$"
    )
    for table in APPEND_ONLY:
        op.execute(
            f"create trigger {table}_refuses_change before update or delete or truncate on {table} "
            "for each statement execute function ledger_is_append_only()"
        )
