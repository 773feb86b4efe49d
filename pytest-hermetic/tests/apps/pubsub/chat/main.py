"""The application; the client is made at import, each socket has a subscription of its own."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import redis.asyncio as redis
from anyio import CancelScope
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

broker = redis.Redis(
    host=os.environ.get("REDIS_HOST", "redis"),
    protocol=int(os.environ.get("REDIS_PROTOCOL", "3")),
    decode_responses=True,
)
KEPT = 50
announcements: list[str] = []


async def listen_for_announcements() -> None:
    async with broker.pubsub(ignore_subscribe_messages=True) as listener:
        await listener.psubscribe("announce:*")
        async for message in listener.listen():
            announcements.append(message["data"])


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    listening = asyncio.create_task(listen_for_announcements())
    yield
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    announcements.clear()
    await broker.aclose()


app = FastAPI(lifespan=lifespan)


@app.get("/rooms/{room}/history")
async def history(room: str) -> list[dict[str, str]]:
    said = await broker.xrange(f"history:{room}")
    return [fields for _, fields in said]


@app.post("/rooms/{room}", status_code=202)
async def say(room: str, message: dict[str, str]) -> dict[str, int]:
    """Say something without a socket; how many heard it."""
    await broker.xadd(f"history:{room}", message, maxlen=KEPT)
    return {"heard": await broker.publish(f"room:{room}", json.dumps(message))}


@app.get("/announcements")
async def heard() -> list[str]:
    return announcements


@app.websocket("/rooms/{room}/{name}")
async def talk(socket: WebSocket, room: str, name: str) -> None:
    await socket.accept()
    async with broker.pubsub(ignore_subscribe_messages=True) as subscription:
        await subscription.subscribe(f"room:{room}")
        await broker.sadd(f"present:{room}", name)
        present = sorted(await broker.smembers(f"present:{room}"))
        await socket.send_json({"present": present})
        forward = asyncio.create_task(_forward(subscription, socket))
        try:
            while True:
                await say(room, {"from": name, "text": await socket.receive_text()})
        except WebSocketDisconnect:
            pass
        finally:
            forward.cancel()
            # Whoever ends this task, the name leaves the room.
            with CancelScope(shield=True):
                await broker.srem(f"present:{room}", name)
                await asyncio.gather(forward, return_exceptions=True)


async def _forward(subscription: redis.client.PubSub, socket: WebSocket) -> None:
    async for message in subscription.listen():
        await socket.send_json(json.loads(message["data"]))
