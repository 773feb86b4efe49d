"""What every slice stands on: clock, database, limits, hashing, keys, problems, logs.

Owns: the doors to the dangerous libraries (one module each) and the values they share.
Does not own: any feature. Nothing here knows a user, a session or HTTP.
"""
