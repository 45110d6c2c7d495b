"""How Alembic runs the ledger's migrations: over the connection it is given, inside its transaction."""

from alembic import context

from bi_governance.ledger.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
