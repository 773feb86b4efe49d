"""Every way in: what is presented is checked here, and only here a session is asked for.

Owns: sign-up, sign-in, their budgets and refusals. Does not own: what a session is (sessions), or
how a password is checked (authenticators, kernel.hashing). Specs: NIST SP 800-63B, RFC 8176.
"""
