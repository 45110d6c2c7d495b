"""The ledger over SQL: append, read back, fold, and prove that nothing was changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bi_governance.errors import StorageError
from bi_governance.events import Event
from bi_governance.ledger import chain, leases, schema
from bi_governance.ledger.database import Database
from bi_governance.ledger.migrate import upgrade
from bi_governance.lifecycle import State, fold
from bi_governance.model import VisualKey
from bi_governance.plan import Plan
from bi_governance.ports import Lease

PAGE = 1000
# SQLite allows 32,766 values in one statement; the driver for PostgreSQL 65,535.
NAMES_PER_QUERY = 5000


class SqlLedger:
    """The Ledger port on a SQLite file or a PostgreSQL database; `prepare` must have run once.

    `url` is a SQLAlchemy URL. Methods raise StorageBusy when another process holds the database for
    longer than `busy_seconds`, StorageError when it cannot be reached, read or written. One ledger may
    be used from several threads. Every moment handed out is aware UTC; a naive one is refused with
    ValueError before anything is recorded.
    """

    def __init__(self, url: str, *, busy_seconds: float = 30.0) -> None:
        self._database = Database(url, busy_seconds=busy_seconds)
        self._folded = State()
        self._folded_through = 0
        self._folding = threading.Lock()

    def prepare(self) -> None:
        """Create the tables or bring them up to date; safe to repeat, and quick when nothing is to be done.

        Raises StorageError for a ledger that a newer version of the program has changed.
        """
        upgrade(self._database)

    def close(self) -> None:
        """Release every connection."""
        self._database.close()

    def append(self, events: Sequence[Event], lease: Lease | None = None) -> int:
        """Record events in one transaction; returns how many were new.

        Left out are those whose `once` is recorded already or comes twice. With a lease, LeaseLost
        is raised - and nothing recorded - when it was released or taken over.
        """
        with self._database.writing() as connection:
            if lease is not None:
                leases.require(connection, lease)
            rows = chain.link(_new(connection, events), _last_hash(connection))
            if rows:
                connection.execute(sa.insert(schema.event), rows)
        return len(rows)

    def events(self, key: VisualKey | None = None, run_id: str | None = None) -> Iterator[Event]:
        """All events oldest first, or those of one visual, of one run, or of one visual in one run."""
        wanted = sa.select(schema.event)
        if key is not None:
            wanted = wanted.where(schema.event.c.visual_key == str(key))
        if run_id is not None:
            wanted = wanted.where(schema.event.c.run_id == run_id)
        return (chain.event_of(row) for row in self._rows(wanted))

    def state(self) -> State:
        """Everything folded; only what is new since the last call is read. The caller owns the result."""
        with self._folding:
            for row in self._rows(sa.select(schema.event), after=self._folded_through):
                fold([chain.event_of(row)], into=self._folded)
                self._folded_through = row["seq"]
            return _copy(self._folded)

    def verify(self, known: str | None = None) -> int:
        """Recompute the hash chain over every event; returns how many there are.

        Raises StorageError naming the first event that was changed, or whose predecessor was changed
        or taken away. Events cut off at the very end leave no trace in a chain; against that helps
        `known`, a head noted earlier, which must still be part of it.
        """
        last, count = chain.GENESIS, 0
        is_part = known is None or known == last
        for row in self._rows(sa.select(schema.event)):
            last = chain.check(row, last)
            is_part = is_part or last == known
            count += 1
        if not is_part:
            raise StorageError(
                f"The ledger does not hold the event with the hash {known}: events were cut off at its end, "
                "or it is another ledger."
            )
        return count

    def head(self) -> str:
        """The hash of the newest event, which stands for all of them."""
        with self._database.reading() as connection:
            return _last_hash(connection)

    def save_plan(self, plan: Plan, lease: Lease | None = None) -> None:
        """Keep the whole plan as JSON; the same plan of the same run is kept once."""
        body = plan.to_json()
        known = sa.select(schema.plan.c.seq).where(
            schema.plan.c.digest == body["digest"], schema.plan.c.run_id == plan.run_id
        )
        with self._database.writing() as connection:
            if lease is not None:
                leases.require(connection, lease)
            if connection.execute(known).first() is None:
                row = {"digest": body["digest"], "run_id": plan.run_id, "as_of": plan.as_of, "body": body}
                connection.execute(sa.insert(schema.plan).values(row))

    def plans(self, limit: int = 10) -> list[dict[str, Any]]:
        """The newest plans, newest first, as written by Plan.to_json."""
        newest = sa.select(schema.plan.c.body).order_by(schema.plan.c.seq.desc()).limit(limit)
        with self._database.reading() as connection:
            return list(connection.execute(newest).scalars())

    def acquire(self, holder: str, now: datetime, seconds: int) -> Lease:
        """Become the one runner until `now` + `seconds`; LeaseHeld names who is."""
        with self._database.writing() as connection:
            return leases.acquire(connection, holder, now, seconds)

    def renew(self, lease: Lease, now: datetime, seconds: int) -> Lease:
        """Stay the one runner until `now` + `seconds`; LeaseLost when it was released or taken over."""
        with self._database.writing() as connection:
            return leases.renew(connection, lease, now, seconds)

    def release(self, lease: Lease) -> None:
        """Let the next runner start at once; nothing happens when the lease is no longer ours."""
        with self._database.writing() as connection:
            leases.release(connection, lease)

    def _rows(self, wanted: sa.Select[Any], after: int = 0) -> Iterator[dict[str, Any]]:
        """Rows in order, read page by page so that neither memory nor a transaction grows with the ledger."""
        while True:
            page = wanted.where(schema.event.c.seq > after).order_by(schema.event.c.seq).limit(PAGE)
            with self._database.reading() as connection:
                rows = [row._asdict() for row in connection.execute(page)]
            yield from rows
            if len(rows) < PAGE:
                return
            after = rows[-1]["seq"]


def _new(connection: sa.Connection, events: Sequence[Event]) -> list[Event]:
    taken = _recorded(connection, [event.once for event in events if event.once is not None])
    new: list[Event] = []
    for event in events:
        if event.once is None:
            new.append(event)
        elif event.once not in taken:
            taken.add(event.once)
            new.append(event)
    return new


def _recorded(connection: sa.Connection, names: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(names), NAMES_PER_QUERY):
        some = names[start : start + NAMES_PER_QUERY]
        found.update(
            connection.execute(
                sa.select(sa.cast(schema.event.c.once, sa.Text)).where(schema.event.c.once.in_(some))
            ).scalars()
        )
    return found


def _last_hash(connection: sa.Connection) -> str:
    newest = sa.select(schema.event.c.hash).order_by(schema.event.c.seq.desc()).limit(1)
    return connection.execute(newest).scalar() or chain.GENESIS


def _copy(state: State) -> State:
    """A state of its own: what it holds is frozen, so copying the containers two levels deep is enough."""
    return State(**{f.name: _container(getattr(state, f.name)) for f in fields(State)})


def _container(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: list(inner) if isinstance(inner, list) else inner for key, inner in value.items()}
    return list(value) if isinstance(value, list) else value
