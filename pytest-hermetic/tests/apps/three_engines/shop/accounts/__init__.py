"""Customers, in PostgreSQL over asyncpg."""
