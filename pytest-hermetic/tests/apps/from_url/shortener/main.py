"""The application."""

import secrets

import httpx
from fastapi import FastAPI, HTTPException
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, HttpUrl
from redis.exceptions import WatchError

from shortener.cache import cache

app = FastAPI()
LASTS_FOR = 24 * 3600
safety = httpx.AsyncClient(base_url="https://safety.example/v1", timeout=2)


class Link(BaseModel):
    url: HttpUrl
    slug: str | None = None


@app.post("/links", status_code=201)
async def shorten(link: Link) -> dict[str, str]:
    try:
        verdict = (await safety.post("/check", json={"url": str(link.url)})).raise_for_status()
    except httpx.HTTPError:
        raise HTTPException(503, "The page cannot be checked now") from None
    if not verdict.json()["safe"]:
        raise HTTPException(422, "This page is not safe")
    slug = link.slug or secrets.token_urlsafe(6)
    if not await cache.set(f"link:{slug}", str(link.url), nx=True, ex=LASTS_FOR):
        raise HTTPException(409, "This slug is taken")
    await cache.zadd("visits", {slug: 0})
    return {"slug": slug}


@app.get("/popular")
async def popular() -> list[dict[str, str | int]]:
    ranked = await cache.zrevrange("visits", 0, 9, withscores=True)
    return [{"slug": slug, "visits": int(visits)} for slug, visits in ranked]


@app.get("/{slug}")
async def follow(slug: str) -> RedirectResponse:
    url = await cache.get(f"link:{slug}")
    if url is None:
        raise HTTPException(404, "No such link")
    await cache.zincrby("visits", 1, slug)
    return RedirectResponse(url, 307)


@app.post("/{slug}/rename/{other}")
async def rename(slug: str, other: str) -> dict[str, str]:
    """Move a link, unless someone else changes it meanwhile."""
    async with cache.pipeline() as pipe:
        await pipe.watch(f"link:{slug}", f"link:{other}")
        if not await pipe.exists(f"link:{slug}"):
            raise HTTPException(404, "No such link")
        if await pipe.exists(f"link:{other}"):
            raise HTTPException(409, "This slug is taken")
        visits = await pipe.zscore("visits", slug) or 0
        pipe.multi()
        pipe.rename(f"link:{slug}", f"link:{other}")
        pipe.zrem("visits", slug)
        pipe.zadd("visits", {other: visits})
        try:
            await pipe.execute()
        except WatchError:
            raise HTTPException(409, "Someone else changed this link") from None
    return {"slug": other}
