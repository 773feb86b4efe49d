"""Invoices, in PostgreSQL over psycopg."""
