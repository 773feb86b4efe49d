"""Daily figures, in an SQLite file."""
