"""Subscriber accounts: who a person is to us.

Owns: the `user` table, addresses and user names, the profile. Does not own: what proves that it
is them (authenticators), being signed in (sessions), or the signed-in person's own pages (account).
"""
