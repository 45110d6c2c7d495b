"""Bringing the ledger's tables up to date with Alembic, from migrations that ship inside the package."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from bi_governance.errors import StorageError
from bi_governance.ledger.database import Database
from bi_governance.ledger.schema import HEAD, VERSION_TABLE

MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Run what is missing, in one transaction no other writer overlaps with.

    Raises StorageError when the tables are newer than this program.
    """
    database.make_directory()
    with database.reading() as connection:
        if revision(connection) == HEAD:
            return
    with database.writing() as connection:
        _refuse_newer(database, revision(connection))
        command.upgrade(configuration(connection), "head")


def revision(connection: sa.Connection) -> str | None:
    """The migration the tables are at; None for an empty database."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def configuration(connection: sa.Connection | None = None) -> Config:
    """Alembic's settings: our migrations, over a connection whose transaction is the caller's."""
    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = connection
    return settings


def _refuse_newer(database: Database, present: str | None) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()}
    if present is not None and present not in known:
        raise StorageError(
            f"The ledger {database.name} was changed by a newer version (migration {present}, this one knows "
            f"{HEAD}); upgrade bi-governance."
        )
