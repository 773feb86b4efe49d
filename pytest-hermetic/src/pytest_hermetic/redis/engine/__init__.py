"""The in-memory Redis: fakeredis' data types behind our own command loop, with what it lacks.

Owns the state of a server and what a connection to it may do. Does not own bytes on a wire
(``resp``, ``wire``) nor client libraries (``clients``).
"""
