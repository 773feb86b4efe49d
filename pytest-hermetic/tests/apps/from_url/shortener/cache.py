"""The client, made from the URL in the environment at import."""

import os

from redis.asyncio import from_url

cache = from_url(os.environ["REDIS_URL"], decode_responses=True, max_connections=20)
