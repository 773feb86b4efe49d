"""Ostiary: a self-hosted identity platform.

`create_app` (in `ostiary.app`) builds the ASGI application; `open_runtime` (in
`ostiary.runtime`) opens everything it needs. ARCHITECTURE.md is the map.
"""

from importlib.metadata import version

__version__ = version("ostiary")
