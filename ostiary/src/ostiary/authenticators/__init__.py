"""What proves that it is them: one table for every kind of authenticator (NIST SP 800-63B).

Owns: the `authenticator` table; binding, finding and renewing passwords and the rules for them.
Does not own: what a sign-in demands (signin), or being signed in (sessions).
"""
