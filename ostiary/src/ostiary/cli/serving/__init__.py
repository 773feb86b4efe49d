"""`serve`: the address it listens on, what it says when it starts, its processes, its end.

Owns: sockets, signals, worker processes. Does not own: HTTP (`app`) and the data (`installation`).
"""
