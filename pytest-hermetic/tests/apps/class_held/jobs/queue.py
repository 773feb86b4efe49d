"""The queue; its client lives in a class, and the one instance is made at import."""

import json
import os
import time
from typing import Any
from uuid import uuid4

import valkey.asyncio as valkey


class Queue:
    _instance: "Queue | None" = None

    def __new__(cls) -> "Queue":
        if cls._instance is None:
            cls._instance = super().__new__(cls)
            cls._instance._connect()
        return cls._instance

    def _connect(self) -> None:
        pool = valkey.BlockingConnectionPool.from_url(
            os.environ["QUEUE_URL"], decode_responses=True, max_connections=8, timeout=20
        )
        self._client = valkey.Valkey(connection_pool=pool)

    async def put(self, name: str, **arguments: Any) -> str:
        number = uuid4().hex
        await self._client.hset(
            f"job:{number}", mapping={"name": name, "arguments": json.dumps(arguments)}
        )
        await self._client.lpush("jobs:waiting", number)
        return number

    async def take(self, timeout: float = 0.05) -> dict[str, Any] | None:
        """The oldest job that waits, or None when none comes in `timeout` seconds."""
        number = await self._client.blmove("jobs:waiting", "jobs:taken", timeout, "RIGHT", "LEFT")
        if number is None:
            return None
        await self._client.zadd("jobs:deadlines", {number: time.time() + 60})
        job = await self._client.hgetall(f"job:{number}")
        return {"id": number, "name": job["name"], **json.loads(job["arguments"])}

    async def done(self, number: str, result: Any) -> None:
        async with self._client.pipeline(transaction=True) as pipe:
            pipe.lrem("jobs:taken", 1, number)
            pipe.zrem("jobs:deadlines", number)
            pipe.hset(f"job:{number}", "result", json.dumps(result))
            pipe.expire(f"job:{number}", 3600)
            await pipe.execute()

    async def result(self, number: str) -> Any:
        result = await self._client.hget(f"job:{number}", "result")
        return None if result is None else json.loads(result)

    async def rescue(self) -> int:
        """Put back the jobs whose worker did not finish in a minute; how many."""
        async with self._client.lock("jobs:rescue", timeout=30, blocking_timeout=10):
            late = await self._client.zrangebyscore("jobs:deadlines", "-inf", time.time())
            for number in late:
                async with self._client.pipeline(transaction=True) as pipe:
                    pipe.lrem("jobs:taken", 1, number)
                    pipe.zrem("jobs:deadlines", number)
                    pipe.rpush("jobs:waiting", number)
                    await pipe.execute()
            return len(late)


queue = Queue()
