"""Is the process alive, and can it serve? For supervisors and load balancers."""

import asyncio
from collections.abc import Awaitable
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from ostiary.kernel.database import DatabaseDown
from ostiary.kernel.redis import RedisError
from ostiary.runtime import Runtime
from ostiary.web.deps import Rt
from ostiary.web.render import answer, shape

router = APIRouter(tags=["Health"])

_PATIENCE = 1.5  # seconds


class Live(BaseModel):
    """The process answers."""

    model_config = shape({"status": "ok"})

    status: Literal["ok"]


class Ready(BaseModel):
    """What the process uses, and whether it has it. `degraded`: it serves without Redis."""

    model_config = shape({"status": "ok", "database": "ok", "redis": "ok"})

    status: Literal["ok", "degraded", "unavailable"]
    database: Literal["ok", "unavailable"]
    redis: Literal["ok", "unavailable"]


@router.get("/health/live", operation_id="getLiveness", response_model=Live)
async def live(_request: Request) -> Response:
    """The process is up. Asks nothing of the database."""
    return answer(Live(status="ok"))


@router.get(
    "/health/ready",
    operation_id="getReadiness",
    response_model=Ready,
    responses={503: {"model": Ready}},
)
async def ready(rt: Rt) -> Response:
    """The process can serve: its database answers. What does not answer is named.

    Without Redis it is `degraded` and serves all the same, its limits counted by each process:
    a load balancer must not turn an outage of Redis into one of everything.
    """
    database, redis = await asyncio.gather(_check(_database(rt)), _check(_redis(rt)))
    if database != "ok":
        response = answer(Ready(status="unavailable", database=database, redis=redis), 503)
        response.headers["Retry-After"] = "1"
        return response
    status: Literal["ok", "degraded"] = "ok" if redis == "ok" else "degraded"
    return answer(Ready(status=status, database=database, redis=redis))


async def _check(probe: Awaitable[object]) -> Literal["ok", "unavailable"]:
    try:
        async with asyncio.timeout(_PATIENCE):
            await probe
    except (SQLAlchemyError, DatabaseDown, RedisError, OSError, TimeoutError):
        return "unavailable"
    return "ok"


async def _database(rt: Runtime) -> None:
    async with rt.db.read() as connection:
        await connection.execute(text("SELECT 1"))


async def _redis(rt: Runtime) -> None:
    await rt.redis.ping()
