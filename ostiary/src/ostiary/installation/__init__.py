"""What an installation keeps: a database, and the secret keys that open what it holds.

Owns: where both are, whether they are there, and making them. Only `ostiary serve`, `ostiary
migrate` and an application with a lifespan of its own make anything; every other command finds
what is there, or refuses. Does not own: the schema (migrations) and what is stored.
"""
