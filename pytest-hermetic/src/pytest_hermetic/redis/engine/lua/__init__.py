"""Redis' Lua: our own sandbox on lupa's Lua 5.1, one interpreter a server.

Every script gets a new environment over read-only libraries, so nothing one script does is
there for the next, and ``os``, ``io`` and their like are not there at all. The libraries Redis
bundles (cjson, cmsgpack, struct, bit) are written in Lua beside this file, numbers that need
more than a double in Python.
"""
