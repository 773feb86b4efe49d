"""The application: sessions, limits and cached answers are kept in Redis."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from litestar import Litestar, Request, delete, get, post
from litestar.config.response_cache import ResponseCacheConfig
from litestar.datastructures import State
from litestar.exceptions import ClientException, NotAuthorizedException, NotFoundException
from litestar.middleware.rate_limit import RateLimitConfig
from litestar.middleware.session.server_side import ServerSideSessionConfig
from litestar.params import FromPath, JSONBody
from litestar.stores.redis import RedisStore
from litestar.stores.registry import StoreRegistry
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from library.models import Book, Loan

store = RedisStore.with_client("redis://cache.internal:6379/1")
sessions = ServerSideSessionConfig(max_age=3600, renew_on_access=True)
limit = RateLimitConfig(rate_limit=("minute", 30), exclude=["/health"])


@dataclass
class BookIn:
    isbn: str
    title: str


@asynccontextmanager
async def database(app: Litestar) -> AsyncIterator[None]:
    engine = create_async_engine("sqlite+aiosqlite:///library.db")
    app.state.sessionmaker = async_sessionmaker(engine, expire_on_commit=False)
    yield
    await engine.dispose()


def reader_of(request: Request[Any, Any, State]) -> str:
    reader = request.session.get("reader")
    if reader is None:
        raise NotAuthorizedException("Show your card first")
    return str(reader)


@post("/card/{name:str}")
async def show_card(request: Request[Any, Any, State], name: FromPath[str]) -> dict[str, str]:
    request.set_session({"reader": name})
    return {"reader": name}


@delete("/card")
async def put_card_away(request: Request[Any, Any, State]) -> None:
    request.clear_session()


@post("/books")
async def acquire(data: JSONBody[BookIn], state: State) -> dict[str, str]:
    async with state.sessionmaker.begin() as session:
        session.add(Book(isbn=data.isbn, title=data.title))
    return {"isbn": data.isbn}


@get("/catalogue", cache=120)
async def catalogue(state: State) -> list[str]:
    """The titles; up to two minutes old."""
    async with state.sessionmaker() as session:
        return list(await session.scalars(select(Book.title).order_by(Book.title)))


@post("/loans/{isbn:str}")
async def lend(
    request: Request[Any, Any, State], isbn: FromPath[str], state: State
) -> dict[str, str]:
    reader = reader_of(request)
    try:
        async with state.sessionmaker.begin() as session:
            if await session.get(Book, isbn) is None:
                raise NotFoundException("There is no such book")
            session.add(Loan(isbn=isbn, reader=reader))
    except IntegrityError:
        raise ClientException("The book is lent", status_code=409) from None
    return {"isbn": isbn, "reader": reader}


@get("/loans")
async def loans(request: Request[Any, Any, State], state: State) -> list[str]:
    reader = reader_of(request)
    async with state.sessionmaker() as session:
        return list(await session.scalars(select(Loan.isbn).where(Loan.reader == reader)))


@get("/health")
async def health() -> str:
    return "ok"


app = Litestar(
    [show_card, put_card_away, acquire, catalogue, lend, loans, health],
    lifespan=[database],
    middleware=[sessions.middleware, limit.middleware],
    stores=StoreRegistry(default_factory=store.with_namespace),
    response_cache_config=ResponseCacheConfig(store="answers"),
)
