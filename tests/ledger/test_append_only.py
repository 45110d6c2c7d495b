"""Nobody changes the past: the database refuses, and whoever overcomes that is found out."""

import pytest
import sqlalchemy as sa

from bi_governance.errors import StorageError
from bi_governance.ledger import SqlLedger
from tests.ledger.samples import kept, plan, started

CHANGES = [
    "update event set actor = 'somebody else'",
    "update event set actor = actor",
    "delete from event",
    "delete from event where seq = 2",
    "update plan set run_id = 'x'",
    "delete from plan",
]
SQLITE_CHANGES = [
    "insert or replace into event select * from event where seq = 2",
    (
        "insert or replace into event (at, kind, run_id, actor, data, once, prev_hash, hash) "
        "select at, kind, run_id, 'me', data, once, prev_hash, hash from event where once is not null"
    ),
    "insert or replace into plan select * from plan",
    "insert or replace into plan (digest, run_id, as_of, body) select digest, run_id, as_of, '{}' from plan",
]
POSTGRES_CHANGES = ["truncate event", "truncate plan"]
TAMPERING = [
    ("update event set at = '2020-01-01 00:00:00.000000' where seq = 2", 2),
    ("update event set kind = 'visual.exempted' where seq = 2", 2),
    ("update event set source = 'another' where seq = 2", 2),
    ("update event set visual_key = 'a:b:c' where seq = 2", 2),
    ("update event set episode = 5 where seq = 2", 2),
    ("update event set run_id = 'r9' where seq = 2", 2),
    ("update event set actor = 'somebody else' where seq = 2", 2),
    ('update event set data = \'{"reason": "forged"}\' where seq = 2', 2),
    ("update event set once = 'again' where seq = 2", 2),
    ("update event set prev_hash = hash where seq = 2", 2),
    ("update event set hash = prev_hash where seq = 2", 2),
    ("delete from event where seq = 1", 2),
    ("delete from event where seq = 2", 3),
]


@pytest.fixture
def filled(ledger: SqlLedger) -> SqlLedger:
    ledger.append([kept(1), kept(2), started("a"), kept(3)])
    ledger.save_plan(plan())
    return ledger


def test_changes_are_refused_by_the_database(filled: SqlLedger, raw: sa.Engine) -> None:
    before = list(filled.events()), filled.plans()
    own = SQLITE_CHANGES if raw.dialect.name == "sqlite" else POSTGRES_CHANGES
    for change in CHANGES + own:
        with raw.connect() as connection, pytest.raises(sa.exc.DBAPIError, match="the ledger is append-only"):
            connection.exec_driver_sql(change)
    assert (list(filled.events()), filled.plans()) == before
    assert filled.verify() == 4


@pytest.mark.parametrize(("change", "noticed_at"), TAMPERING)
def test_a_tampered_row_is_found(filled: SqlLedger, raw: sa.Engine, change: str, noticed_at: int) -> None:
    assert filled.verify() == 4
    with raw.connect() as connection:
        _drop_triggers(connection)
        connection.exec_driver_sql(change)
    with pytest.raises(StorageError, match=rf"tampered with: event {noticed_at} "):
        filled.verify()


def test_a_row_put_in_between_is_found(filled: SqlLedger, raw: sa.Engine) -> None:
    with raw.connect() as connection:
        connection.exec_driver_sql(
            "insert into event (seq, at, kind, run_id, actor, data, prev_hash, hash) "
            "select 99, at, kind, run_id, actor, data, prev_hash, hash from event where seq = 4"
        )
    with pytest.raises(StorageError, match="tampered with: event 99 does not follow"):
        filled.verify()


def _drop_triggers(connection: sa.Connection) -> None:
    if connection.dialect.name == "sqlite":
        for name in ("event_refuses_update", "event_refuses_delete"):
            connection.exec_driver_sql(f"drop trigger {name}")
    else:
        connection.exec_driver_sql("drop trigger event_refuses_change on event")
