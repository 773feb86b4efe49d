"""PostgreSQL gets PostgreSQL: a server of the session's own, a fresh clone per test.

Owns: finding and running a server, the templates, the clones made ahead of need, and the
functions by which SQL follows the test's clock.
"""
