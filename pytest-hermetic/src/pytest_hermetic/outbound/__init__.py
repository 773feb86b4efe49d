"""HTTP that leaves the application: by origin, to ASGI applications in this process.

Owns the redirection of httpx, httpx2, http.client, urllib3 (requests, botocore) and aiohttp,
and the applications mounted for a test. Does not own what the mail services answer (`mail`),
nor what becomes of a request to any other origin (`network`). Sources: ASGI 3.0, RFC 9112.
"""

from pytest_hermetic.outbound.exchange import Headers, Request
from pytest_hermetic.outbound.part import HttpPart, Mount
from pytest_hermetic.outbound.resource import HttpResource

__all__ = ["Headers", "HttpPart", "HttpResource", "Mount", "Request"]
