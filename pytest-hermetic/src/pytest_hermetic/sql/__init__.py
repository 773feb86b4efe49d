"""Every SQLAlchemy engine goes to a database of the running test's own.

Owns: the redirection of connections, the databases behind it (SQLite files, PostgreSQL clones),
the schema they are born with, and the clock inside them.
Does not own: connections made without SQLAlchemy.
"""

# First of all, so that the hook on its import finds no half-imported module of ours.
import sqlalchemy  # noqa: F401  # isort: split

from pytest_hermetic.sql.resource import SqlResource

__all__ = ["SqlResource"]
