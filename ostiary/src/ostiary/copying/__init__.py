"""Moving an installation to another database: a merge by primary key, then a comparison.

Owns: reading the SQLite source in one snapshot, the checks that the target may be written to,
merging every table in batches, comparing every row. A run that was killed is started again: the
merge finds what is there. Does not own: the tables (each slice's `tables.py`), the schema
(migrations), what an operator reads (cli).

    refused ── nothing is written
    merge: remove (children first) → insert, update (parents first) → compare in one snapshot
        ├── rows differ            → run it again
        ├── equal, source in use   → stop the server, run it again
        └── equal, source held     → complete
"""
