"""Accounts: a small service that signs people in."""
