"""What a service has: clients made when its modules are imported, from URLs nobody serves."""

import os

import redis
import redis.asyncio

PROTOCOL = int(os.environ.get("BEHAVIOURS_PROTOCOL", "2"))
URL = "redis://cache.internal:6379/0"

# A patient client: redis-py 8 gives up after five seconds, which a busy machine may need.
sync_client = redis.Redis.from_url(URL, protocol=PROTOCOL, decode_responses=True, socket_timeout=60)
async_client = redis.asyncio.Redis.from_url(
    URL, protocol=PROTOCOL, decode_responses=True, socket_timeout=60
)
raw_client = redis.Redis.from_url(URL, protocol=PROTOCOL)
