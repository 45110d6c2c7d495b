"""Settings of where things are kept, and of the instances they are read from."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from bi_governance.model import VisualKey
from bi_governance.settings.section import Section


class WarehouseSettings(Section):
    """Where raw tables and marts live."""

    url: str = "duckdb:///data/warehouse.duckdb"
    raw_schema: str = Field("bi_raw", pattern=r"^[a-z_][a-z0-9_]*$")
    schema_: str = Field("bi_governance", alias="schema", pattern=r"^[a-z_][a-z0-9_]*$")
    dbt_target: str = "data/dbt"


class LedgerSettings(Section):
    """Where the record of everything we did lives."""

    url: str = "sqlite:///data/ledger.db"


class BackupSettings(Section):
    """Where backups go and how long they are kept."""

    url: str = "file://data/backups"
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30
    purge: bool = False
    key: Annotated[str | None, Field(repr=False)] = None
    old_keys: Annotated[tuple[str, ...], Field(repr=False)] = ()


class SourceSettings(BaseModel):
    """One BI instance; every other key is handed to the platform's connector, which checks it."""

    model_config = ConfigDict(extra="allow", frozen=True)

    platform: str
    robots: tuple[str, ...] = ()
    canaries: tuple[str, ...] = ()
    allow_unrecoverable: bool = False

    def canary_keys(self) -> tuple[VisualKey, ...]:
        """The visuals known to be used; the settings as a whole have checked that they are keys."""
        return tuple(VisualKey.parse(key) for key in self.canaries)

    @property
    def options(self) -> dict[str, Any]:
        """What the connector gets: the connection keys and the robots."""
        return {**(self.model_extra or {}), "robots": self.robots}
