"""Being signed in: sessions, the tokens that stand for them, and the check of every bearer.

Owns: `session`, `family`, `refresh_token`, `device`; opening (reached only from signin.actions),
rotation with reuse detection (RFC 9700 §4.14), revocation, the guard. Specs: RFC 6750, RFC 9068.
Does not own: deciding whether somebody may be signed in (signin).
"""
