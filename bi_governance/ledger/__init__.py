"""The ledger: the append-only, hash-chained record of what we decided and did, in SQLite or PostgreSQL."""

from bi_governance.ledger.sql import SqlLedger

__all__ = ["SqlLedger"]
