"""The signed-in person's own account.

Owns: reading and changing one's own profile. Does not own: the account itself (users), or what
administrators do to others'.
"""
