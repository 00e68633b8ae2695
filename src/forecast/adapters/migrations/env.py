"""Runs the migrations on the connection that `SqlStore.migrate` opened."""

from alembic import context

from forecast.adapters.store_tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
