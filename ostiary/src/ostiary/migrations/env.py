"""Runs inside Alembic, on the connection that `migrations.upgrade` hands in."""

from alembic import context

from ostiary.kernel.database import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
