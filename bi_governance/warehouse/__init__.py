"""The warehouse: raw tables in, marts out, on DuckDB, PostgreSQL or any database SQLAlchemy speaks to."""

from bi_governance.warehouse.store import SqlWarehouse
from bi_governance.warehouse.tables import RAW_TABLES, Kind, RawTable

__all__ = ["RAW_TABLES", "Kind", "RawTable", "SqlWarehouse"]
